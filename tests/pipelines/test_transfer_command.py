"""`luthier transfer` on folders of good and bad files."""

import json

import numpy as np
import pytest
import soundfile

from pipelines import cli
from tests.pipelines.model_directory import write_model

RATE = 16_000


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def inputs(tmp_path):
    """A low tone and a high one, and three files that hold no sound."""
    folder = tmp_path / "in"
    (folder / "more").mkdir(parents=True)
    t = np.arange(RATE) / RATE
    for path, f0_hz in (("low.wav", 110), ("more/low.flac", 440)):
        tone = sum(np.sin(2 * np.pi * k * f0_hz * t) / k for k in (1, 2, 3))
        soundfile.write(folder / path, 0.2 * tone, RATE)
    (folder / "text.wav").write_text("this is no audio")
    (folder / "empty.wav").write_bytes(b"")
    soundfile.write(folder / "no_samples.wav", np.zeros(0), RATE)
    return folder


def luthier(capsys, *arguments):
    """Run a command in this process; return its exit code and its JSON."""
    code = cli.main([*map(str, arguments), "--json"])
    out = capsys.readouterr().out.splitlines()
    return code, json.loads(out[-1]) if out else None


def test_bad_files_are_listed_and_the_rest_is_played(model, inputs, tmp_path, capsys):
    out = tmp_path / "out"
    code, found = luthier(capsys, "transfer", model, inputs, "--out", out)
    assert code == 0
    played = {row["source"]: row for row in found["outputs"]}
    assert sorted(path.name for path in out.iterdir()) == ["low.wav", "low_2.wav"]
    # A2 comes into C4 to C6 by two octaves, A4 is there.
    assert played[str(inputs / "low.wav")]["octaves"] == 2
    assert played[str(inputs / "more/low.flac")]["octaves"] == 0
    assert all(row["pitch_inside"] > 0.9 for row in played.values())
    failed = {row["source"]: row["reason"] for row in found["failed"]}
    assert set(failed) == {
        str(inputs / name) for name in ("text.wav", "empty.wav", "no_samples.wav")
    }
    assert "0 bytes" in failed[str(inputs / "empty.wav")]
    for row in found["outputs"]:
        info = soundfile.info(row["path"])
        assert (info.frames, info.samplerate) == (RATE, RATE)


def test_when_nothing_can_be_played_it_is_an_error_of_usage(
    model, inputs, tmp_path, capsys
):
    out = tmp_path / "out"
    code = cli.main(
        ["transfer", str(model), str(inputs / "text.wav"), "--out", str(out)]
    )
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert code == 2
    assert "could be played" in error and "text.wav" in error
    assert not out.exists()


@pytest.mark.parametrize("option", [("--octave", "up"), ("--threshold", "5")])
def test_options_that_cannot_be_meant_end_at_once(model, inputs, tmp_path, option):
    arguments = ["transfer", str(model), str(inputs), "--out", str(tmp_path / "out")]
    assert cli.main([*arguments, *option]) == 2


def test_a_fixed_octave_and_semitones_are_taken(model, inputs, tmp_path, capsys):
    options = ("--octave", "-1", "--semitones", "-2.5", "--out", tmp_path / "out")
    code, found = luthier(capsys, "transfer", model, inputs / "low.wav", *options)
    assert code == 0
    assert found["outputs"][0]["octaves"] == -1
    assert found["outputs"][0]["pitch_inside"] == 0.0


def test_a_model_that_is_none_is_refused(inputs, tmp_path):
    assert cli.main(["transfer", str(inputs), str(inputs), "--out", str(tmp_path)]) == 2
