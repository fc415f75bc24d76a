"""The audio in the shards: no aliases, a flat passband, in its place in time."""

import numpy as np
import pytest
import soundfile

from ddsp_core.audio.resample import resample
from ddsp_core.spec import ExampleSpec
from pipelines.prepare import prepare
from tests.encoded import encode, lag_secs
from tests.pipelines.preparations import SPEC, options, timelines
from tests.pipelines.recordings import melody, write

SPEC_44K = ExampleSpec.from_seconds(2.0, 44_100, 50, 0.5)
HARMONICS_HZ = {250: 0.3, 1000: 0.1, 3000: 0.05, 5000: 0.05, 7000: 0.05}
HIGH_LEVEL = 0.05  # of each tone above the new Nyquist
# Above 8 kHz for what becomes 16 kHz, above 22.05 kHz for what becomes 44.1 kHz.
ABOVE_8K = (8010, 9000, 10_000, 12_000, 14_000, 17_000, 21_000)
ABOVE_22K = (22_100, 23_000, 25_000, 30_000, 40_000)


def tones(levels, rate, secs):
    t = np.arange(round(secs * rate)) / rate
    return sum(level * np.sin(2 * np.pi * hz * t) for hz, level in levels.items())


def fitted(audio, rate, frequencies):
    """Levels of sines in audio by least squares, and what they leave over."""
    phase = 2 * np.pi * np.outer(np.arange(len(audio)) / rate, list(frequencies))
    waves = np.concatenate([np.sin(phase), np.cos(phase)], axis=1)
    weights = np.linalg.lstsq(waves, audio.astype(np.float64), rcond=None)[0]
    levels = np.hypot(*weights.reshape(2, -1))
    return levels, audio - waves @ weights


def middle(timeline):
    """The longest stretch that examples hold, without a second at either end."""
    values, rate = timeline
    held = np.flatnonzero(np.isfinite(values))
    runs = np.split(held, np.flatnonzero(np.diff(held) > 1) + 1)
    return values[max(runs, key=len)][rate:-rate], rate


@pytest.mark.parametrize("spec", [SPEC, SPEC_44K], ids=["to_16k", "to_44k"])
def test_tones_above_the_new_nyquist_are_80_db_down_and_others_stay(
    tmp_path, spec, figure
):
    """One harmonic sound with high tones on top; what the fit leaves is aliases."""
    (tmp_path / "in").mkdir()
    rates = [44_100, 48_000, 96_000] if spec is SPEC else [96_000]
    for rate in rates:
        high = dict.fromkeys(ABOVE_8K + ABOVE_22K, HIGH_LEVEL)
        high = {hz: level for hz, level in high.items() if hz < 0.48 * rate}
        audio = tones(HARMONICS_HZ | high, rate, 8) / 2
        write(tmp_path / "in" / f"{rate}.wav", audio, rate, subtype="FLOAT")
    prepare(options(tmp_path / "in", tmp_path / "out", spec=spec))
    for name in ("audio", "audio_16k"):
        found = timelines(tmp_path / "out", name)
        assert set(found) == {str(rate) for rate in rates}
        for stem, timeline in found.items():
            audio, rate = middle(timeline)
            kept = {hz: level for hz, level in HARMONICS_HZ.items() if hz < 0.45 * rate}
            if rate == 44_100:  # there, these stay; the last is in the filter's slope
                kept |= dict.fromkeys(ABOVE_8K, HIGH_LEVEL)
            levels, rest = fitted(audio, rate, kept)
            aliases_db = 20 * np.log10(np.std(rest) / (HIGH_LEVEL / 2 / np.sqrt(2)))
            flatness_db = 20 * np.log10(levels / (np.array([*kept.values()]) / 2))
            flatness_db = flatness_db[np.array([*kept]) < 0.9 * rate / 2]
            figure(f"aliases of {stem} Hz in {name} at {rate} Hz, dB", aliases_db)
            figure("passband, dB off", np.abs(flatness_db).max())
            assert aliases_db < -80
            assert np.abs(flatness_db).max() < 0.01


CODECS = [("m4a", "aac", None), ("mp3", "libmp3lame", None)]
CODECS_48K = [*CODECS, ("opus", "libopus", "ogg"), ("webm", "libopus", "webm")]


def check_copies_line_up(folder, audio, rate, figure):
    """Prepare a recording and its encoded copies, and compare what is stored."""
    codecs = CODECS_48K if rate == 48_000 else CODECS
    (folder / "in").mkdir()
    write(folder / "in" / "wav.wav", audio, rate, subtype="PCM_24")
    for extension, codec, container in codecs:
        path = folder / "in" / f"{extension}.{extension}"
        encode(path, audio, rate, codec, container)
    prepare(options(folder / "in", folder / "out"))
    found = timelines(folder / "out", "audio")
    original, stored_rate = found.pop("wav")
    assert set(found) == {extension for extension, _, _ in codecs}
    for extension, (values, _) in found.items():
        n = min(len(values), len(original))
        both = np.isfinite(values[:n]) & np.isfinite(original[:n])
        assert both.sum() > 2 * stored_rate
        copy, model = np.where(both, values[:n], 0), np.where(both, original[:n], 0)
        lag_ms = 1000 * lag_secs(copy, model, stored_rate)
        error_db = 20 * np.log10(np.std(copy - model) / np.std(model))
        figure(f"{extension} from {rate} Hz, ms late", lag_ms)
        figure(f"{extension} from {rate} Hz, error in dB", error_db)
        assert abs(lag_ms) < 1
        assert error_db < -10  # a shift of 1 ms would leave more than that


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_a_recording_and_its_encoded_copies_are_stored_in_step(tmp_path, rate, figure):
    audio = melody(8, rate, seed=3)
    check_copies_line_up(tmp_path, audio, rate, figure)


@pytest.mark.slow
@pytest.mark.parametrize("rate", [44_100, 48_000])
@pytest.mark.parametrize("folder", ["solo_sax_phrases", "solo_flute_render"])
def test_a_real_recording_and_its_encoded_copies_are_stored_in_step(
    test_data, tmp_path, folder, rate, figure
):
    path = min((test_data / "audio" / folder).glob("*.flac"))
    audio, own_rate = soundfile.read(path, frames=16_000 * 40, dtype="float32")
    audio = resample(audio, own_rate, rate)
    check_copies_line_up(tmp_path, audio, rate, figure)
