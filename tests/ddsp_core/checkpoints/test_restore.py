import shutil

import numpy as np
import pytest
import tensorflow as tf

from ddsp_core import config
from ddsp_core.checkpoints import compare, restore, save
from ddsp_core.checkpoints.restore import Family
from ddsp_core.errors import CheckpointError
from ddsp_core.nn.keras import ExponentialDecay, LegacyAdam
from ddsp_core.spec import ExampleSpec

SPEC = ExampleSpec(n_frames=10)
SMALL = ["RnnFcDecoder.rnn_channels=4", "Reverb.reverb_length=32"]


def build(*lines):
    text = config.load("tiny_instrument", [*SMALL, *lines])
    return config.build(text, SPEC).build_model()


def adam():
    return LegacyAdam(ExponentialDecay(1e-3, 100, 0.98))


def values(*trackables):
    return [w.copy() for t in trackables for w in t.get_weights()]


def same(first, second):
    return len(first) == len(second) and all(map(np.array_equal, first, second))


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A model and optimizer after two steps, and their checkpoint."""
    model, optimizer = build(), adam()
    rng = np.random.default_rng(0)
    for _ in range(2):
        gradients = [rng.standard_normal(v.shape) for v in model.trainable_variables]
        pairs = zip(gradients, model.trainable_variables, strict=True)
        optimizer.apply_gradients([(tf.constant(g, tf.float32), v) for g, v in pairs])
    folder = tmp_path_factory.mktemp("model")
    return model, optimizer, save(model, optimizer, folder, 2, keep=1)


@pytest.fixture(scope="module")
def spare():
    """Another model and optimizer of the same shapes."""
    return build(), adam()


@pytest.fixture(scope="module")
def mini():
    """A model with the shapes of the mini checkpoints: four units everywhere."""
    dag = """ProcessorGroup.dag = [
        (@synths.Harmonic(), ['amps', 'harmonic_distribution', 'f0_hz']),
        (@effects.Reverb(), ['harmonic/signal'])]"""
    splits = "RnnFcDecoder.output_splits=(('amps', 1), ('harmonic_distribution', 3))"
    return build("RnnFcDecoder.ch=4", "RnnFcDecoder.layers_per_stack=1", splits, dag)


@pytest.fixture(scope="module")
def mirrored(saved):
    """Model and optimizer on two replicas, restored from `saved`."""
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        model, optimizer = build(), adam()
        restore(saved[2], model, optimizer)
    return model, optimizer


def test_training_goes_on_where_it_was(saved, spare):
    model, optimizer, prefix = saved
    other, other_optimizer = spare
    report = restore(prefix, other, other_optimizer)
    assert report.is_whole and (report.family, report.step) == (Family.LEGACY, 2)
    assert same(values(model, optimizer), values(other, other_optimizer))
    assert int(other_optimizer.iterations) == 2


def test_the_model_alone_is_restored_from_either_family(saved, spare, mini, test_data):
    model, _, prefix = saved
    other = spare[0]
    report = restore(prefix, other)
    assert same(values(model), values(other))
    assert not any("optimizer" in key for key in report.matched)
    for name, family in (("legacy", Family.LEGACY), ("new", Family.NEW)):
        folder = test_data / "conformance/checkpoints" / f"mini_{name}_optimizer"
        report = restore(folder / "ckpt-2", mini)
        assert report.is_whole and (report.family, report.step) == (family, 2)
        stored = tf.train.load_variable(str(folder / "ckpt-2"), report.matched[0])
        assert np.array_equal(mini.decoder.dense_out.bias, stored)


def test_magentas_legacy_optimizer_is_restored_and_its_new_one_refused(mini, test_data):
    optimizer = adam()
    folder = test_data / "conformance" / "checkpoints"
    restore(folder / "mini_legacy_optimizer" / "ckpt-2", mini, optimizer)
    assert int(optimizer.iterations) == 2
    assert all(np.any(w) for w in optimizer.get_weights())
    before = values(mini, optimizer)
    with pytest.raises(CheckpointError, match=r"Adam of TensorFlow 2.11 and later"):
        restore(folder / "mini_new_optimizer" / "ckpt-2", mini, optimizer)
    assert same(values(mini, optimizer), before)


DRY = r"which does not take model/processor_group/reverb/ir \[32\]; is the config"


@pytest.mark.parametrize(
    "lines, message",
    [
        (["ProcessorGroup.dag=[(@synths.FilteredNoise(), ['noise_magnitudes'])]"], DRY),
        (
            ["RnnFcDecoder.rnn_channels=5"],
            r"needs .*recurrent_kernel \[5, 15\] \(there",
        ),
        (["RnnFcDecoder.layers_per_stack=1"], r"needs .* and \d+ more"),
        (
            ["Reverb.name='room'"],
            r"needs .*room/ir \[32\] and does not take .*reverb/ir",
        ),
    ],
)
def test_another_model_is_refused_with_the_keys(saved, lines, message):
    other = build(*lines)
    before = values(other)
    with pytest.raises(CheckpointError, match=message):
        restore(saved[2], other)
    assert same(values(other), before)
    assert not compare(saved[2], other).is_whole


def test_an_optimizer_needs_its_state(saved, tmp_path):
    model = saved[0]
    prefix = str(tmp_path / "ckpt-2")
    tf.train.Checkpoint(model=model).write(prefix)
    assert restore(prefix, model).family == Family.NONE
    with pytest.raises(CheckpointError, match="state of no optimizer"):
        restore(prefix, model, adam())


@pytest.mark.parametrize("part", ["data-00000-of-00001", "index"])
@pytest.mark.parametrize("damage", ["cut", "changed", "gone"])
def test_a_damaged_file_is_noticed_and_changes_nothing(
    saved, spare, tmp_path, part, damage
):
    for path in saved[2].parent.glob("ckpt-2.*"):
        shutil.copy(path, tmp_path)
    path = tmp_path / f"ckpt-2.{part}"
    data = bytearray(path.read_bytes())
    if damage == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif damage == "changed":
        data[len(data) // 2] ^= 255
        path.write_bytes(data)
    else:
        path.unlink()
    other = spare[0]
    before = values(other)
    message = (
        "there is no checkpoint" if (part, damage) == ("index", "gone") else "damaged"
    )
    with pytest.raises(CheckpointError, match=message) as caught:
        restore(tmp_path / "ckpt-2", other, adam())
    assert "\n" not in str(caught.value)
    assert same(values(other), before)


def test_mirrored_variables_are_restored_on_every_replica(saved, mirrored):
    model, optimizer = mirrored
    for variable, value in zip(model.variables, saved[0].variables, strict=True):
        assert all(np.array_equal(v, value) for v in variable.values)
    moment = optimizer.get_slot(model.trainable_variables[0], "m")
    assert np.any(moment.values[1])


def test_a_mirrored_model_is_saved_as_a_plain_one(saved, spare, mirrored, tmp_path):
    prefix = save(*mirrored, tmp_path, 2, keep=1)
    restore(prefix, *spare)
    assert same(values(*spare), values(*saved[:2]))
