import os

import numpy as np
import pytest
import tensorflow as tf

from ddsp_core import config
from ddsp_core.checkpoints import keys, save
from ddsp_core.errors import CheckpointError, StorageError
from ddsp_core.nn.keras import ExponentialDecay, LegacyAdam
from ddsp_core.spec import ExampleSpec

SPEC = ExampleSpec(n_frames=10)
MINI = """
get_model.model = @models.Autoencoder()
Autoencoder.preprocessor = @preprocessing.F0LoudnessPreprocessor()
Autoencoder.decoder = @decoders.RnnFcDecoder()
Autoencoder.processor_group = @processors.ProcessorGroup()
F0LoudnessPreprocessor.compute_loudness = False
RnnFcDecoder.rnn_channels = 4
RnnFcDecoder.ch = 4
RnnFcDecoder.layers_per_stack = 1
RnnFcDecoder.input_keys = ('ld_scaled', 'f0_scaled')
RnnFcDecoder.output_splits = (('amps', 1), ('harmonic_distribution', 3))
ProcessorGroup.dag = [
    (@synths.Harmonic(), ['amps', 'harmonic_distribution', 'f0_hz']),
    (@effects.Reverb(), ['harmonic/signal'])]
Reverb.trainable = True
Reverb.reverb_length = 32
"""


def adam():
    return LegacyAdam(ExponentialDecay(1e-3, 100, 0.98))


def step(model, optimizer, n_steps=1):
    for _ in range(n_steps):
        gradients = [tf.ones_like(v) for v in model.trainable_variables]
        optimizer.apply_gradients(
            zip(gradients, model.trainable_variables, strict=True)
        )


@pytest.fixture(scope="module")
def model():
    return config.build(MINI, SPEC).build_model()


def test_keys_are_those_that_magenta_writes(model, tmp_path, test_data):
    optimizer = adam()
    step(model, optimizer, 2)
    prefix = save(model, optimizer, tmp_path, 2, keep=3)
    stored = tf.train.list_variables(os.fspath(prefix))
    checkpoints = test_data / "conformance" / "checkpoints"
    lines = (checkpoints / "mini_legacy_optimizer.variables.txt").read_text()
    rows = [line.split("\t") for line in lines.splitlines() if line]
    assert {name: str(list(shape)) for name, shape in stored} == {
        name: shape for name, shape, _ in rows
    }


def test_solo_instrument_has_the_keys_that_magenta_writes(test_data):
    solo = config.build(config.load("solo_instrument"), SPEC).build_model()
    folder = test_data / "conformance" / "checkpoints"
    text = (folder / "solo_instrument.variables.txt").read_text()
    rows = [line.split("\t") for line in text.splitlines() if line[:6] == "model/"]
    ours = {k: str(v.shape.as_list()) for k, v in keys.model_variables(solo).items()}
    assert ours == {key: shape for key, shape, _ in rows} and len(rows) == 42
    slots = keys.optimizer_variables(adam(), solo).keys()
    assert sum(keys.SLOT in key for key in slots) == 84


def test_the_walk_finds_what_tensorflow_writes(model, tmp_path):
    optimizer = adam()
    step(model, optimizer)
    prefix = save(model, optimizer, tmp_path, 1, keep=1)
    stored = {name for name, _ in tf.train.list_variables(os.fspath(prefix))}
    walked = keys.model_variables(model) | keys.optimizer_variables(optimizer, model)
    assert stored - set(keys.BOOKKEEPING) == walked.keys()


def test_moments_are_saved_before_the_first_step_too(model, tmp_path):
    prefix = save(model, adam(), tmp_path, 0, keep=1)
    stored = dict(tf.train.list_variables(os.fspath(prefix)))
    n_slots = sum(keys.SLOT in name for name in stored)
    assert n_slots == 2 * len(model.trainable_variables)


def test_the_last_are_kept_and_the_latest_is_named(model, tmp_path):
    optimizer = adam()
    for n in range(1, 5):
        step(model, optimizer)
        save(model, optimizer, tmp_path, n, keep=2)
    files = {name for name in os.listdir(tmp_path) if name.endswith(".index")}
    assert files == {"ckpt-3.index", "ckpt-4.index"}
    assert len(os.listdir(tmp_path)) == 5  # with their data and `checkpoint`
    assert tf.train.latest_checkpoint(tmp_path) == os.fspath(tmp_path / "ckpt-4")
    state = tf.train.get_checkpoint_state(tmp_path)
    assert [p.rpartition("/")[2] for p in state.all_model_checkpoint_paths] == [
        "ckpt-3",
        "ckpt-4",
    ]
    counter = tf.train.load_variable(os.fspath(tmp_path), keys.BOOKKEEPING[1])
    assert counter == 4


def test_the_same_step_can_be_saved_again(model, tmp_path):
    optimizer = adam()
    save(model, optimizer, tmp_path, 0, keep=2)
    kernel = model.decoder.dense_out.kernel
    kernel.assign(tf.ones_like(kernel) * 7)
    prefix = save(model, optimizer, tmp_path, 0, keep=2)
    key = f"model/decoder/dense_out/kernel{keys.VALUE}"
    assert np.all(tf.train.load_variable(os.fspath(prefix), key) == 7)


def test_a_step_that_the_optimizer_did_not_make_is_refused(model, tmp_path):
    with pytest.raises(CheckpointError, match=r"made 0 steps.* of step 5"):
        save(model, adam(), tmp_path, 5, keep=1)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("error", [tf.errors.ResourceExhaustedError, OSError])
def test_a_full_disk_leaves_what_was_there(model, tmp_path, monkeypatch, error):
    optimizer = adam()
    save(model, optimizer, tmp_path, 0, keep=1)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    step(model, optimizer)

    def write(self, file_prefix):
        with open(f"{file_prefix}.data-00000-of-00001", "wb") as file:
            file.write(b"half")
        if error is OSError:
            raise OSError(28, "No space left on device")
        raise error(None, None, "No space left on device")

    monkeypatch.setattr(tf.train.Checkpoint, "write", write)
    with pytest.raises(StorageError, match="No space left on device; make room"):
        save(model, optimizer, tmp_path, 1, keep=1)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_what_a_killed_process_left_is_cleared_away(model, tmp_path):
    (tmp_path / ".ckpt-3.abc").mkdir()
    (tmp_path / ".ckpt-3.abc" / "ckpt-3.data-00000-of-00001").write_bytes(b"half")
    save(model, adam(), tmp_path, 0, keep=1)
    assert not list(tmp_path.glob(".*"))
