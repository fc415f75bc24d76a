"""Statistics from parts, against numpy float64 on all frames at once."""

import itertools
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ddsp_core.errors import DatasetError
from ddsp_core.postprocessing.dataset import compute_dataset_statistics
from ddsp_core.postprocessing.mergeable import (
    NAMES,
    TRIM_FRAMES,
    ExampleStatistics,
    LoudnessSum,
)
from ddsp_core.postprocessing.pickled import dumps, loads

BIN = 0.01
STATISTICS = ("mean", "max", "min", "mean_max", "mean_min", "std")


def random_examples(seed, n_examples, frame_rate, secs=2):
    """Notes and rests at random, with features that belong to no audio."""
    rng = np.random.default_rng(seed)
    n_frames, n_samples = secs * frame_rate, secs * 16_000
    steps = rng.random((n_examples, secs * 4)) < 0.6
    loud = np.repeat(steps, frame_rate // 4 + 1, axis=1)[:, :n_frames]
    noise = rng.normal(0, 0.1, (n_examples, n_samples))
    gain = np.repeat(steps, 4000, axis=1)[:, :n_samples] * 0.9 + 0.1
    f0_midi = rng.uniform(40, 80, (n_examples, 1)) + rng.normal(0, 1, loud.shape)
    confidence = np.where(loud, 0.9, 0.2) + rng.uniform(-0.1, 0.1, loud.shape)
    level_db = np.where(loud, -20.0, -60.0) + rng.normal(0, 5, loud.shape)
    values = {
        "audio_16k": noise * gain,
        "f0_hz": 440 * 2 ** ((f0_midi - 69) / 12),
        "f0_confidence": confidence,
        "loudness_db": level_db,
    }
    return {name: value.astype(np.float32) for name, value in values.items()}


class Provider:
    """All examples, one a batch."""

    def __init__(self, examples):
        self.examples = examples

    def get_batch(self, batch_size, repeats):
        assert (batch_size, repeats) == (1, 1)
        for k in range(len(self.examples["f0_hz"])):
            yield {name: value[k : k + 1] for name, value in self.examples.items()}


def in_parts(examples, cuts):
    """Both passes over a dataset divided at `cuts`."""
    parts = [
        {name: value[a:b] for name, value in examples.items()}
        for a, b in itertools.pairwise(cuts)
        if b > a
    ]
    mean_db = LoudnessSum.merge(LoudnessSum.of(p["loudness_db"]) for p in parts).mean_db
    return [ExampleStatistics.of(part, mean_db) for part in parts]


@settings(max_examples=20)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_examples=st.integers(1, 7),
    frame_rate=st.sampled_from([50, 100, 250]),
)
def test_from_any_parts_they_are_those_of_the_whole_within_a_bin(
    seed, n_examples, frame_rate
):
    examples = random_examples(seed, n_examples, frame_rate)
    rng = random.Random(seed)
    cuts = sorted([0, n_examples, *(rng.randrange(n_examples + 1) for _ in range(2))])
    parts = in_parts(examples, cuts)
    rng.shuffle(parts)
    merged = ExampleStatistics.merge(
        [ExampleStatistics.merge(parts[:1]), ExampleStatistics.merge(parts[1:])]
    )
    (whole,) = in_parts(examples, [0, n_examples])
    assert dumps(merged.to_magenta()) == dumps(whole.to_magenta())
    found = merged.to_magenta()
    truth = compute_dataset_statistics(Provider(examples))
    assert set(found) == set(truth)
    for name in set(truth) - {"quantile_transform", "mean_pitch"}:
        assert found[name] == pytest.approx(truth[name], abs=BIN), name
    np.testing.assert_allclose(
        found["quantile_transform"].quantiles_,
        truth["quantile_transform"].quantiles_,
        atol=BIN,
    )


def test_the_numbers_of_all_frames_are_numpys():
    examples = random_examples(5, 4, 50)
    (statistics,) = in_parts(examples, [0, 4])
    found = statistics.to_magenta()
    loudness = examples["loudness_db"][:, :-TRIM_FRAMES].astype(np.float64)
    truth = {
        "mean": loudness.mean(),
        "max": loudness.max(),
        "min": loudness.min(),
        "mean_max": loudness.max(axis=1).mean(),
        "mean_min": loudness.min(axis=1).mean(),
        "std": loudness.std(),
    }
    for name, value in truth.items():
        assert found[f"{name}_loudness"] == pytest.approx(value, abs=BIN)


def test_mean_pitch_leaves_out_the_rests():
    examples = random_examples(6, 3, 250)
    rests = examples["f0_confidence"] < 0.5
    examples["f0_hz"] = np.where(rests, np.float32(55), np.float32(440))
    (statistics,) = in_parts(examples, [0, 3])
    found = statistics.to_magenta()
    assert found["mean_pitch"] == found["mean_pitch_note"]
    assert found["mean_pitch"] > 66 and found["min_pitch"] == 33.0
    assert compute_dataset_statistics(Provider(examples))["mean_pitch"] < 60


def test_the_keys_are_magentas():
    (statistics,) = in_parts(random_examples(7, 1, 50), [0, 1])
    expected = {f"{kind}_{name}" for kind in STATISTICS for name in NAMES}
    assert set(statistics.to_magenta()) == expected | {"quantile_transform"}


def test_of_no_example_there_are_none():
    with pytest.raises(DatasetError, match="no example"):
        ExampleStatistics.merge([]).to_magenta()
    assert np.isnan(LoudnessSum.merge([]).mean_db)


def test_they_survive_their_pickle():
    (statistics,) = in_parts(random_examples(8, 2, 50), [0, 2])
    found = statistics.to_magenta()
    again = loads(dumps(found))
    for name in set(found) - {"quantile_transform"}:
        assert again[name] == found[name]
    for part in ("quantiles_", "references_"):
        np.testing.assert_array_equal(
            getattr(again["quantile_transform"], part),
            getattr(found["quantile_transform"], part),
        )
