"""The whole road in small: generated tones to a transferred clip, as users type it."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import soundfile

RATE = 16_000


def tones(midi_pitches, secs_each=1.0):
    """Notes of four partials with a fade at both ends, and a rest after each third."""
    parts = []
    t = np.arange(int(RATE * secs_each)) / RATE
    fade = np.clip(np.minimum(t, secs_each - t) / 0.03, 0, 1)
    for i, midi in enumerate(midi_pitches):
        f0_hz = 440 * 2 ** ((midi - 69) / 12)
        partials = sum(np.sin(2 * np.pi * k * f0_hz * t) / k for k in (1, 2, 3, 4))
        parts.append(0.2 * fade * partials)
        if i % 3 == 2:
            parts.append(np.zeros(RATE // 2))
    return np.concatenate(parts).astype(np.float32)


@pytest.fixture
def luthier(tmp_path):
    """Run a command in a fresh folder with its own MLflow store; return its JSON."""
    store = f"sqlite:///{tmp_path / 'mlflow.db'}"
    environment = os.environ | {
        "MLFLOW_TRACKING_URI": store,
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }

    def run(*arguments):
        done = subprocess.run(
            [sys.executable, "-m", "pipelines.cli", *arguments, "--json"],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=environment,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


@pytest.mark.smoke
def test_tones_become_a_model_that_plays(luthier, tmp_path):
    (tmp_path / "in").mkdir()
    for i, first in enumerate((60, 62, 64, 65)):
        melody = tones([first + step for step in (0, 4, 7, 12, 7, 4, 0, 2, 5, 9, 5, 2)])
        soundfile.write(tmp_path / f"in/melody_{i}.wav", melody, RATE)
    (tmp_path / "in/notes.txt").write_text("not audio")

    luthier("prepare", "in", "--out", "data")
    dataset = luthier("inspect", "data")
    assert dataset["kind"] == "dataset"
    assert dataset["whole"]
    assert min(dataset["splits"].values()) > 0

    options = ["--set", "train.batch_size=2", "--steps", "4"]
    luthier(
        "train",
        "--data",
        "data",
        "--out",
        "model",
        *options,
        "--config",
        "tiny_instrument",
    )
    model = luthier("inspect", "model")
    assert (model["kind"], model["step"]) == ("model", 4)
    assert model["missing"] == model["unused"] == []
    luthier("evaluate", "model", "--data", "data")

    soundfile.write(tmp_path / "clip.wav", tones([64, 67, 71], 0.7), RATE)
    luthier("transfer", "model", "clip.wav", "--out", "played")
    (played,) = (tmp_path / "played").glob("*.wav")
    audio, rate = soundfile.read(played)
    clip = soundfile.info(tmp_path / "clip.wav")
    assert rate == RATE
    assert abs(len(audio) - clip.frames) <= RATE // 1000
    assert np.isfinite(audio).all()
    assert np.abs(audio).max() > 0
