import shutil

import numpy as np
import pytest

from ddsp_core import config, io
from ddsp_core.checkpoints import ModelDirectory, open_model, save
from ddsp_core.errors import CheckpointError, ConfigError, DdspError
from ddsp_core.nn.keras import ExponentialDecay, LegacyAdam
from ddsp_core.spec import ExampleSpec, LoudnessVersion
from ddsp_core.statistics import Statistics

SPEC = ExampleSpec(n_frames=10, loudness=LoudnessVersion.POWER_2022)
SMALL = ["RnnFcDecoder.rnn_channels=4", "Reverb.reverb_length=32"]


@pytest.fixture(scope="module")
def built():
    made = config.build(config.load("tiny_instrument", SMALL), SPEC)
    made.build_model()
    return made


@pytest.fixture(scope="module")
def original(built, tmp_path_factory):
    """A directory of two checkpoints, as training leaves it."""
    path = tmp_path_factory.mktemp("model")
    optimizer = LegacyAdam(ExponentialDecay(1e-3, 100, 0.98))
    variables = built.model.trainable_variables
    for step in (1, 2):
        optimizer.apply_gradients([(v + 1.0, v) for v in variables])
        io.write_text(path / f"operative_config-{step}.gin", built.operative)
        save(built.model, optimizer, path, step, keep=5)
    io.write_json(path / "spec.json", SPEC.to_json())
    Statistics.of(np.full(3, 440.0), np.zeros(3), np.ones(3)).save(path)
    return path


@pytest.fixture
def path(original, tmp_path):
    return shutil.copytree(original, tmp_path / "model")


def test_opening_gives_the_model_back_and_changes_nothing(built, path):
    before = {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in path.iterdir()}
    model = open_model(path)
    assert (model.spec, model.steps(), model.step) == (SPEC, [1, 2], 2)
    assert model.statistics.mean_pitch == pytest.approx(69.0, abs=0.01)
    restored = model.build().model
    assert all(map(np.array_equal, restored.get_weights(), built.model.get_weights()))
    after = {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in path.iterdir()}
    assert after == before


def test_a_prefix_opens_that_checkpoint(path):
    for name in ("ckpt-1", "ckpt-1.index"):
        model = open_model(path / name)
        assert model.step == 1 and model.latest() == path / "ckpt-1"
    first, last = (open_model(p).build().model for p in (path / "ckpt-1", path))
    difference = first.get_weights()[0] - last.get_weights()[0]
    assert np.abs(difference).max() > 1e-4


def test_another_length_has_the_same_weights(path):
    short, long = open_model(path).build(), open_model(path).build(n_frames=25)
    assert long.spec.n_samples == 1600
    assert all(map(np.array_equal, short.model.get_weights(), long.model.get_weights()))


def test_the_file_checkpoint_is_believed_if_it_can_be(path):
    state = path / "checkpoint"
    state.write_text('model_checkpoint_path: "/elsewhere/ckpt-1"\n')
    assert ModelDirectory(path).step == 1
    for text in (b'model_checkpoint_path: "ckpt-7"\n', b"", b"\xff\x00", None):
        state.unlink(missing_ok=True)
        if text is not None:
            state.write_bytes(text)
        assert ModelDirectory(path).step == 2


def test_a_directory_without_a_spec_gets_it_from_the_gin(path):
    (path / "spec.json").unlink()
    (path / "statistics.json").unlink()
    model = open_model(path)
    assert model.spec.n_samples == SPEC.n_samples
    assert model.spec.loudness is LoudnessVersion.POWER_2022
    assert model.statistics is None
    assert model.build().spec.hop_size == 64


def test_the_gin_of_the_folder_above_will_do(path):
    for gin in path.glob("*.gin"):
        shutil.move(gin, path.parent)
    assert open_model(path).build().model.built


def damage_nothing(path):
    return path / "nowhere"


def damage_empty(path):
    empty = path / "empty"
    empty.mkdir()
    return empty


def damage_gin(path):
    for gin in path.glob("*.gin"):
        gin.unlink()


def damage_checkpoints(path):
    for index in path.glob("*.index"):
        index.unlink()


def damage_data(path):
    data = path / "ckpt-2.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:1000])


def damage_spec(path):
    (path / "spec.json").write_text("{")


def damage_gin_text(path):
    text = (path / "operative_config-2.gin").read_text()
    (path / "operative_config-2.gin").write_text(text + "Harmonic.n_sample = 3\n")


def damage_gin_model(path):
    text = (path / "operative_config-2.gin").read_text()
    text = text.replace("rnn_channels = 4", "rnn_channels = 5")
    (path / "operative_config-2.gin").write_text(text)


def damage_gin_numbers(path):
    (path / "spec.json").unlink()
    text = (path / "operative_config-2.gin").read_text()
    lines = [line for line in text.splitlines() if "time_steps" not in line]
    (path / "operative_config-2.gin").write_text("\n".join(lines))


@pytest.mark.parametrize(
    "damage, kind, message",
    [
        (damage_nothing, CheckpointError, "neither a model directory nor"),
        (damage_empty, CheckpointError, "holds no checkpoint"),
        (damage_gin, CheckpointError, "holds no operative_config"),
        (damage_checkpoints, CheckpointError, "holds no checkpoint"),
        (damage_data, CheckpointError, "ckpt-2 is damaged"),
        (damage_spec, CheckpointError, "spec.json cannot be read"),
        (damage_gin_text, ConfigError, "did you mean 'n_samples'"),
        (damage_gin_model, CheckpointError, "does not fit the model"),
        (damage_gin_numbers, ConfigError, "time_steps is None.*unknown"),
    ],
)
def test_a_directory_that_is_not_whole_is_refused(path, damage, kind, message):
    target = damage(path) or path
    with pytest.raises(kind, match=message) as caught:
        open_model(target).build()
    assert isinstance(caught.value, DdspError) and caught.value.exit_code == 2


def test_a_missing_step_is_named(path):
    with pytest.raises(CheckpointError, match=r"no step 9.*steps \[1, 2\]"):
        ModelDirectory(path, step=9).latest()


def test_a_report_says_how_checkpoint_and_config_fit(path):
    assert open_model(path).report().is_whole
    damage_gin_model(path)
    report = open_model(path).report()
    assert report.missing and not report.is_whole
