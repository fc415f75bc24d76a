"""f0 of a recording is filled alike from whichever block it is asked for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ddsp_core.errors import StorageError
from ddsp_core.features.continuous import continuous_f0
from ddsp_core.features.extract import Features, sounding
from pipelines.store import FeatureStore
from pipelines.stored import StoredFeatures
from tests.pipelines.recordings import recording

RATE = 50
BLOCK = 20 * RATE


def features_of(is_voiced, rng):
    n = len(is_voiced)
    return Features(
        f0_hz=rng.uniform(100, 900, n).astype(np.float32),
        f0_confidence=np.where(is_voiced, 0.9, 0.1).astype(np.float32),
        loudness_db=np.full(n, -20, np.float32),
    )


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.0, 1.0))
def test_blocks_are_filled_as_the_whole_recording_would_be(
    tmp_path_factory, seed, share
):
    rng = np.random.default_rng(seed)
    n_frames = 3 * BLOCK + 123
    is_voiced = np.repeat(rng.random(n_frames // 40 + 1) < share, 40)[:n_frames]
    is_voiced[: int(rng.integers(0, 2 * BLOCK))] = False  # a long rest
    whole = features_of(is_voiced, rng)
    one = recording(f"take {seed}", n_frames * 16_000 // RATE)
    store = FeatureStore(tmp_path_factory.mktemp("store"), {"f0": "1"}, RATE)
    for index in range(one.n_blocks):
        inside = slice(index * BLOCK, (index + 1) * BLOCK)
        parts = (whole.f0_hz, whole.f0_confidence, whole.loudness_db)
        store.put(one.key, index, Features(*(part[inside] for part in parts)))
    expected = continuous_f0(whole.f0_hz, sounding(whole), RATE)
    order = rng.permutation(one.n_blocks)
    found = {k: StoredFeatures(one, store).filled(int(k)).f0_hz for k in order}
    got = np.concatenate([found[k] for k in range(one.n_blocks)])
    np.testing.assert_array_equal(got, expected)


def test_features_that_are_gone_are_named(tmp_path):
    one = recording("take", 50 * 16_000)
    store = FeatureStore(tmp_path, {"f0": "1"}, RATE)
    with pytest.raises(StorageError, match=r"'take'.*block 2 are gone.*again"):
        StoredFeatures(one, store).raw(2)
