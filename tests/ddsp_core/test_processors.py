import numpy as np
import pytest
import tensorflow as tf

from ddsp_core.effects import Reverb
from ddsp_core.errors import ShapeError, UsageError
from ddsp_core.processors import Add, Crop, Mix, ProcessorGroup
from ddsp_core.synths import FilteredNoise, Harmonic


def group():
    """The processors of Magenta's solo_instrument, small."""
    return ProcessorGroup(
        [
            (Harmonic(n_samples=640, name="harmonic"), ["amps", "dist", "f0_hz"]),
            (FilteredNoise(n_samples=640, window_size=0), ["noise"]),
            (Add(), ["filtered_noise/signal", "harmonic/signal"]),
            (Reverb(trainable=True, reverb_length=100), ["add/signal"]),
        ]
    )


INPUTS = {
    "amps": np.zeros([2, 10, 1], np.float32),
    "dist": np.zeros([2, 10, 5], np.float32),
    "f0_hz": np.full([2, 10, 1], 440.0, np.float32),
    "noise": np.zeros([2, 10, 17], np.float32),
}


def test_the_only_variable_has_the_key_of_magentas_checkpoints(tmp_path):
    made = group()
    made(INPUTS)
    prefix = tf.train.Checkpoint(processor_group=made).write(str(tmp_path / "ckpt"))
    keys = [name for name, _ in tf.train.list_variables(prefix)]
    key = "processor_group/reverb/ir/.ATTRIBUTES/VARIABLE_VALUE"
    assert [k for k in keys if "VARIABLE_VALUE" in k] == [key]
    assert made.reverb._ir.shape == [100]


def test_the_signal_is_that_of_the_last_processor():
    made = group()
    outputs = made(INPUTS, return_outputs_dict=True)
    last = outputs["controls"]["reverb"]["signal"]
    np.testing.assert_array_equal(outputs["signal"], last)
    parts = outputs["controls"]
    total = parts["harmonic"]["signal"] + parts["filtered_noise"]["signal"]
    np.testing.assert_array_equal(parts["add"]["signal"], total)
    assert [p.name for p in made.processors] == [
        "harmonic",
        "filtered_noise",
        "add",
        "reverb",
    ]


def test_training_reaches_every_module_of_a_group():
    made = group()
    assert made(INPUTS, training=True).shape == [2, 640]


def test_mix_fades_from_one_signal_to_the_other():
    one, two = tf.ones([1, 100, 1]), -tf.ones([1, 100, 1])
    level = tf.constant([[-50.0, 50.0]])[..., tf.newaxis]
    mixed = Mix()(one, two, level).numpy()[0, :, 0]
    # At level 0 nothing of either is heard: the formula of the reference.
    assert mixed[0] == pytest.approx(0.0, abs=1e-6)
    assert mixed[99] == pytest.approx(0.0, abs=1e-6)


def test_mix_refuses_signals_of_different_length():
    with pytest.raises(ShapeError, match="100 and 99 samples"):
        Mix().get_controls(
            tf.ones([1, 100, 1]), tf.ones([1, 99, 1]), tf.ones([1, 9, 1])
        )


@pytest.mark.parametrize(
    "where,first,last", [("front", 32, 99), ("center", 16, 83), ("back", 0, 67)]
)
def test_crop_cuts_where_it_says(where, first, last):
    audio = tf.range(100.0)[tf.newaxis]
    cropped = Crop(frame_size=33, crop_location=where)(audio).numpy()[0]
    assert (cropped[0], cropped[-1], len(cropped)) == (first, last, 68)


def test_crop_refuses_an_unknown_location():
    with pytest.raises(UsageError, match="'middle'"):
        Crop(frame_size=32, crop_location="middle")(tf.zeros([1, 100]))
