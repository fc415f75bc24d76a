"""Features of a moment do not depend on how its recording was cut into files or work.

Of two files that hold the same moment, one may begin or end near it: only within
`REACH_SECS` of a cut may features differ by more than is stated here.
"""

import numpy as np
import pytest
import soundfile

from ddsp_core.audio.resample import resample
from ddsp_core.spec import ExampleSpec
from pipelines import measure
from pipelines.prepare import prepare
from tests.pipelines.preparations import options, sha256s, timelines
from tests.pipelines.recordings import melody, write

REACH_SECS = 1.0  # CONTEXT_SECS: what a block sees of its neighbours
# Whole hops from the start, on and off the 20 s grid; ends likewise.
CUTS_SECS = [(0.0, 33.3), (0.1, 48.0), (3.0, 48.0), (11.84, 48.0), (20.0, 48.0)]


def cut(folder, audio, rate):
    """Write a recording whole and cut, and return the begin of each file by stem."""
    folder.mkdir()
    write(folder / "whole.wav", audio, rate, subtype="FLOAT")
    begins = {}
    for k, (begin, end) in enumerate(CUTS_SECS):
        part = audio[round(begin * rate) : round(end * rate)]
        write(folder / f"cut {k}.wav", part, rate, subtype="FLOAT")
        begins[f"cut {k}"] = begin
    return begins


def moments(out, begins, name):
    """A feature in the cut files and in the whole one, away from the cuts, paired."""
    found = timelines(out, name)
    whole, rate = found.pop("whole")
    assert set(found) == set(begins)
    reach, pairs = round(REACH_SECS * rate), []
    for stem, (values, _) in found.items():
        begin = round(begins[stem] * rate)
        n = min(len(values), len(whole) - begin)
        one, other = values[:n], whole[begin : begin + n]
        last = np.flatnonzero(np.isfinite(one))[-1]
        inner = slice(reach if begin else 0, last + 1 - reach)
        both = np.isfinite(one[inner]) & np.isfinite(other[inner])
        pairs.append(np.stack([one[inner], other[inner]])[:, both])
    return np.concatenate(pairs, axis=1)


def check_moments(out, begins, figure):
    loudness_db = moments(out, begins, "loudness_db")
    f0_hz = moments(out, begins, "f0_hz")
    confidence = moments(out, begins, "f0_confidence")
    sounds = (confidence.min(axis=0) > 0.5) & (loudness_db.min(axis=0) > -60)
    off_db = np.abs(np.subtract(*loudness_db)).max()
    off_cents = np.abs(1200 * np.log2(f0_hz[0] / f0_hz[1]))[sounds]
    off_confidence = np.abs(np.subtract(*confidence))
    assert len(off_cents) > 1000
    figure("moments compared", len(off_cents))
    figure("loudness, largest difference in dB", off_db)
    figure(
        "f0, 99.9th percentile of the differences in cents",
        np.percentile(off_cents, 99.9),
    )
    figure("f0, share beyond 1 cent", np.mean(off_cents > 1))
    figure("confidence, largest difference", off_confidence.max())
    assert off_db < 0.01
    assert np.percentile(off_cents, 99.9) < 1
    assert np.percentile(off_confidence, 99.9) < 0.01


def test_features_do_not_depend_on_where_the_file_was_cut(tmp_path, figure):
    begins = cut(tmp_path / "in", melody(50, 44_100, seed=4), 44_100)
    prepare(options(tmp_path / "in", tmp_path / "out"))
    check_moments(tmp_path / "out", begins, figure)


@pytest.mark.slow
@pytest.mark.parametrize("rate", [16_000, 44_100])
@pytest.mark.parametrize("folder", ["solo_sax_phrases", "solo_flute_render"])
def test_features_of_real_recordings_do_not_depend_on_it_either(
    test_data, tmp_path, folder, rate, figure
):
    path = min((test_data / "audio" / folder).glob("*.flac"))
    audio, own_rate = soundfile.read(path, frames=50 * 16_000, dtype="float32")
    begins = cut(tmp_path / "in", resample(audio, own_rate, rate), rate)
    prepare(options(tmp_path / "in", tmp_path / "out", spec=ExampleSpec()))
    check_moments(tmp_path / "out", begins, figure)


def test_segments_of_any_length_give_the_same_bytes(tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    write(tmp_path / "in" / "a.wav", melody(65, 44_100), 44_100, subtype="PCM_16")
    made = []
    for n_blocks in (1, 3):
        monkeypatch.setattr(measure, "BLOCKS_PER_SEGMENT", n_blocks)
        out = tmp_path / f"out {n_blocks}"
        prepare(options(tmp_path / "in", out))
        made.append(sha256s(out))
    assert made[0] == made[1]
