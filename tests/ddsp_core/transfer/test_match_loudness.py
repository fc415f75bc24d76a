"""Loudness after matching against the distribution it is to have."""

import numpy as np
import scipy.stats

from ddsp_core.histogram import Histogram
from ddsp_core.transfer.loudness import MAX_SLOPE, match_loudness


def test_the_notes_get_the_distribution_of_the_dataset():
    rng = np.random.default_rng(0)
    model_db = rng.gamma(4.0, 4.0, 20_000) - 45
    source_db = rng.normal(-50, 9, 5000)
    everywhere = np.ones(5000, bool)
    matched = match_loudness(source_db, everywhere, Histogram.of(model_db))
    assert scipy.stats.ks_2samp(matched, model_db).statistic < 0.03
    assert scipy.stats.spearmanr(matched, source_db).statistic > 0.9999


def test_a_steady_note_stays_steady():
    """Its half dB of waver is not stretched over the dataset's forty."""
    source_db = -50 + 0.25 * np.sin(np.arange(1000) / 20)
    model = Histogram.of(np.linspace(-45, -5, 4001))
    matched = match_loudness(source_db, np.ones(1000, bool), model)
    assert np.ptp(matched) <= MAX_SLOPE * np.ptp(source_db) + 0.05
    np.testing.assert_allclose(np.median(matched), -25, atol=0.1)


def test_rests_stay_as_far_below_the_notes_as_they_were():
    source_db = np.concatenate([np.linspace(-40, -20, 500), [-79.0, -60.0, -10.0]])
    notes = np.arange(503) < 500
    model = Histogram.of(np.linspace(-30, -10, 2001))
    matched = match_loudness(source_db, notes, model)
    np.testing.assert_allclose(matched[500:], [-69, -50, 0], atol=0.1)


def test_nothing_known_changes_nothing():
    source_db = np.linspace(-60, -20, 10)
    none, all_ = np.zeros(10, bool), np.ones(10, bool)
    for notes, model in ((none, Histogram.of(source_db)), (all_, Histogram())):
        np.testing.assert_allclose(match_loudness(source_db, notes, model), source_db)
