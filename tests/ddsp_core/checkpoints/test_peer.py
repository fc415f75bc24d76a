"""Both ways with Magenta's own code, run beside ours.

LUTHIER_PEER_PYTHON names the Python of an environment that has `ddsp` 3.7.0.
"""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from ddsp_core import config, io, randomness
from ddsp_core.checkpoints import open_model, restore, save
from ddsp_core.nn.keras import ExponentialDecay, LegacyAdam
from ddsp_core.spec import ExampleSpec

pytestmark = pytest.mark.slow

# Half a second: longer, and the reference's float32 phase drifts.
SPEC = ExampleSpec(n_frames=125)
N_STEPS = 3
# In parts of the peak: what phase does not touch, and what it does.
EXACT, DRIFTING = 1e-3, 2e-2
TOLERANCE = {"harmonic": DRIFTING, "audio": DRIFTING}


@pytest.fixture(scope="module")
def peer():
    python = os.environ.get("LUTHIER_PEER_PYTHON")
    if not python:
        pytest.skip("LUTHIER_PEER_PYTHON does not name a Python that has ddsp 3.7.0")
    return python


@pytest.fixture(scope="module")
def features():
    rng = np.random.default_rng(5)
    time = np.arange(SPEC.n_frames) / SPEC.frame_rate
    f0_hz = 110 * 2 ** (0.5 * time + 0.02 * np.sin(40 * time))
    loudness_db = -30 + 15 * np.sin(9 * time)
    audio = 0.1 * rng.standard_normal([1, SPEC.n_samples])
    noise = rng.uniform(-1, 1, [1, SPEC.n_samples])
    named = {"f0_hz": [f0_hz], "loudness_db": [loudness_db], "audio": audio}
    return {k: np.float32(v) for k, v in {**named, "noise": noise}.items()}


@pytest.fixture(scope="module", params=["tiny_instrument", "solo_instrument"])
def case(request, peer, features, tmp_path_factory):
    """Our trained model, what Magenta made of it, and where."""
    ours = tmp_path_factory.mktemp("ours")
    theirs = tmp_path_factory.mktemp("theirs")
    built, optimizer = trained(request.param, features)
    save(built.model, optimizer, ours, N_STEPS, keep=1)
    io.write_text(ours / f"operative_config-{N_STEPS}.gin", built.operative)
    np.savez(ours / "features.npz", **features)
    script = Path(__file__).with_name("magenta_plays.py")
    done = subprocess.run(
        [peer, script, ours, ours / "features.npz", theirs],
        env=os.environ | {"TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return built.model, theirs


def test_magenta_restores_our_checkpoint_and_plays_the_same(case, features):
    model, theirs = case
    compare(played(model, features), np.load(theirs / "plays.npz"))


def test_we_restore_magentas_checkpoint_and_play_the_same(case, features):
    _, theirs = case
    directory = open_model(theirs)
    assert directory.step == N_STEPS + 1 and directory.spec.n_frames == SPEC.n_frames
    model = directory.build().model
    compare(played(model, features), np.load(theirs / "trained.npz"))
    optimizer = adam()
    assert restore(directory.latest(), model, optimizer).is_whole
    assert int(optimizer.iterations) == N_STEPS + 1


def compare(ours, theirs):
    for name, got in ours.items():
        peak = np.abs(theirs[name]).max()
        error = np.abs(got - theirs[name]).max() / peak
        assert error <= TOLERANCE.get(name, EXACT), f"{name}: {error}"


def adam():
    return LegacyAdam(ExponentialDecay(1e-3, 10_000, 0.98))


def trained(name, features):
    """A model after a few steps on random audio, and its optimizer."""
    tf.random.set_seed(3)
    built = config.build(config.load(name), SPEC)
    model, optimizer = built.build_model(), adam()
    batch = {k: tf.constant(v) for k, v in features.items() if k != "noise"}

    @tf.function(autograph=False)
    def gradients():
        with tf.GradientTape() as tape:
            _, losses = model(batch, return_losses=True, training=True)
        return tape.gradient(losses["total_loss"], model.trainable_variables)

    for _ in range(N_STEPS):
        optimizer.apply_gradients(
            zip(gradients(), model.trainable_variables, strict=True)
        )
    return built, optimizer


def played(model, features):
    noise = tf.constant(features["noise"])
    batch = {k: tf.constant(v) for k, v in features.items() if k != "noise"}
    with randomness.replace_uniform(lambda shape, *_: tf.ensure_shape(noise, shape)):
        outputs = model(batch, training=False)
    names = ("amps", "harmonic_distribution", "noise_magnitudes")
    return {name: outputs[name].numpy() for name in names} | {
        "noise": outputs["filtered_noise"]["signal"].numpy(),
        "harmonic": outputs["harmonic"]["signal"].numpy(),
        "audio": outputs["audio_synth"].numpy(),
    }
