"""A dataset's statistics against numpy on the frames themselves."""

import json

import numpy as np
import pytest

from ddsp_core.errors import DatasetError, ShapeError
from ddsp_core.statistics import STATISTICS_NAME, Statistics


def frames(seed=0, n=5000):
    rng = np.random.default_rng(seed)
    f0_hz = 440 * 2 ** (rng.normal(0, 6, n) / 12)
    loudness_db = rng.uniform(-80, 10, n)
    return f0_hz.astype(np.float32), loudness_db.astype(np.float32), rng.random(n) < 0.7


def test_pitch_counts_where_notes_sound_and_loudness_everywhere():
    f0_hz, loudness_db, sounding = frames()
    statistics = Statistics.of(f0_hz, loudness_db, sounding)
    midi = 69 + 12 * np.log2(f0_hz[sounding] / 440)
    assert statistics.mean_pitch == pytest.approx(midi.mean(), abs=0.01)
    assert statistics.f0_midi.n == statistics.loudness_db_sounding.n == sounding.sum()
    assert statistics.loudness_db.n == len(f0_hz)
    q = np.linspace(0, 1, 11)
    for histogram, values in (
        (statistics.f0_midi, midi),
        (statistics.loudness_db, loudness_db),
        (statistics.loudness_db_sounding, loudness_db[sounding]),
    ):
        np.testing.assert_allclose(
            histogram.quantile(q), np.quantile(values, q), atol=0.0101
        )


def test_parts_merge_to_the_whole_in_any_order():
    whole = frames()
    parts = [Statistics.of(*(row[k::3] for row in whole)) for k in (2, 0, 1)]
    assert Statistics.merge(parts).to_json() == Statistics.of(*whole).to_json()


def test_concert_pitch_is_midi_69():
    one = np.ones(1)
    assert Statistics.of(440 * one, -20 * one, one > 0).mean_pitch == 69.0


def test_a_sounding_frame_without_pitch_is_not_counted():
    statistics = Statistics.of(
        np.array([0.0, 440]), np.zeros(2), np.array([True, True])
    )
    assert statistics.f0_midi.counts == {6900: 1}


def test_nothing_counted_has_no_mean():
    assert np.isnan(Statistics().mean_pitch)


def test_statistics_survive_their_file(tmp_path):
    statistics = Statistics.of(*frames())
    statistics.save(tmp_path)
    assert Statistics.load(tmp_path).to_json() == statistics.to_json()


def test_a_missing_or_damaged_file_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r"statistics\.json does not exist"):
        Statistics.load(tmp_path)
    (tmp_path / STATISTICS_NAME).write_text("{")
    with pytest.raises(DatasetError, match="is damaged"):
        Statistics.load(tmp_path)
    (tmp_path / STATISTICS_NAME).write_text(json.dumps({"f0_midi": {}}))
    with pytest.raises(DatasetError, match="needed exactly the keys"):
        Statistics.load(tmp_path)


def test_arrays_of_different_length_are_refused():
    with pytest.raises(ShapeError, match="not equal"):
        Statistics.of(np.ones(3), np.ones(2), np.ones(3, bool))
