import numpy as np
import tensorflow as tf

from ddsp_core.nn.decoders import RnnFcDecoder

SPLITS = (("amps", 1), ("harmonic_distribution", 6))
KEYS = ("ld_scaled", "f0_scaled")


def features(n_frames=8):
    return {
        "ld_scaled": tf.random.stateless_normal([2, n_frames, 1], [1, 2]),
        "f0_scaled": tf.random.stateless_normal([2, n_frames, 1], [3, 4]),
        "other": tf.zeros([2]),
    }


def decoder(**kwargs):
    return RnnFcDecoder(8, "gru", 6, 2, input_keys=KEYS, output_splits=SPLITS, **kwargs)


def test_the_decoder_is_its_parts_in_order():
    layer, inputs = decoder(), features()
    outputs = layer(inputs)
    stacked = [layer.input_stacks[i](inputs[key]) for i, key in enumerate(KEYS)]
    x = layer.rnn(tf.concat(stacked, -1))
    x = layer.dense_out(layer.out_stack(tf.concat([*stacked, x], -1)))
    np.testing.assert_allclose(outputs["amps"], x[..., :1], atol=1e-6)
    np.testing.assert_allclose(outputs["harmonic_distribution"], x[..., 1:], atol=1e-6)


def test_a_frame_does_not_depend_on_later_ones():
    layer, inputs = decoder(), features()
    whole = layer(inputs)
    start = layer({key: inputs[key][:, :5] for key in KEYS})
    for name, output in start.items():
        np.testing.assert_allclose(output, whole[name][:, :5], atol=1e-6)


def test_inputs_are_told_apart_by_position():
    layer, inputs = decoder(), features()
    swapped = {"ld_scaled": inputs["f0_scaled"], "f0_scaled": inputs["ld_scaled"]}
    difference = layer(inputs)["amps"] - layer(swapped)["amps"]
    assert np.abs(difference).max() > 1e-3


def test_the_stateless_decoder_streams_what_the_other_plays():
    layer, inputs = decoder(), features()
    whole = layer(inputs)
    stream = decoder(stateless=True)
    state = tf.zeros([2, 8])
    stream({**inputs, "state": state})
    stream.set_weights(layer.get_weights())
    pieces = []
    for frame in range(8):
        step = {key: inputs[key][:, frame : frame + 1] for key in KEYS}
        outputs = stream({**step, "state": state})
        state = outputs["state"]
        pieces.append(outputs["amps"])
    np.testing.assert_allclose(tf.concat(pieces, 1), whole["amps"], atol=1e-5)


def test_no_layers_per_stack_leaves_the_recurrent_layer_alone():
    layer = RnnFcDecoder(8, "gru", 6, 0, input_keys=KEYS, output_splits=SPLITS)
    layer(features())
    assert layer.dense_out.kernel.shape == (2 + 8, 7)  # inputs beside the GRU
