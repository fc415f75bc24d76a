"""Features are found again by what defines them, and never half of them."""

from pathlib import Path

import numpy as np
import pytest

from ddsp_core import io
from ddsp_core.errors import StorageError
from ddsp_core.features.extract import Features
from pipelines.store import FeatureStore, entry_key
from tests.gcs_server import STATUS

VERSIONS = {"f0": "crepe-tiny-viterbi/1", "loudness": "power-2022"}
KEY = "0123456789abcdef" * 2


def features(n=10):
    rows = np.random.default_rng(0).random((3, n)).astype(np.float32)
    return Features(*rows)


def test_features_come_back_to_the_bit(tmp_path):
    store, one = FeatureStore(tmp_path, VERSIONS, 250), features()
    store.put(KEY, 3, one)
    again = store.get(KEY, 3)
    for name in ("f0_hz", "f0_confidence", "loudness_db"):
        np.testing.assert_array_equal(getattr(again, name), getattr(one, name))
    assert store.get(KEY, 4) is None


def test_an_entry_is_of_its_versions_and_rate_alone(tmp_path):
    FeatureStore(tmp_path, VERSIONS, 250).put(KEY, 0, features())
    assert FeatureStore(tmp_path, VERSIONS, 50).get(KEY, 0) is None
    newer = VERSIONS | {"f0": "crepe-tiny-viterbi/2"}
    assert FeatureStore(tmp_path, newer, 250).get(KEY, 0) is None
    turned = dict(reversed(VERSIONS.items()))
    assert FeatureStore(tmp_path, turned, 250).get(KEY, 0) is not None


def test_names_stay_the_same_in_every_version():
    """Else everybody's store would be computed again."""
    assert entry_key(KEY, 3, VERSIONS, 250) == (
        "97430ca4bc92b0cd50ab520f4dacd2cfdd0f0cfc8d3df49c83db4b8d14887551"
    )


@pytest.mark.parametrize("damage", [b"", b"short", b"\0" * 152])
def test_a_damaged_entry_counts_as_absent(tmp_path, damage):
    store = FeatureStore(tmp_path, VERSIONS, 250)
    store.put(KEY, 0, features())
    Path(store.path(KEY, 0)).write_bytes(damage)
    assert store.get(KEY, 0) is None


def test_one_wrong_bit_is_noticed(tmp_path):
    store = FeatureStore(tmp_path, VERSIONS, 250)
    store.put(KEY, 0, features())
    path = Path(store.path(KEY, 0))
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert store.get(KEY, 0) is None


def test_a_store_in_a_bucket_is_as_one_on_a_disk(bucket, gcs_proxy):
    store, one = FeatureStore(f"{bucket}/store", VERSIONS, 250), features()
    assert store.get(KEY, 0) is None
    store.put(KEY, 0, one)
    np.testing.assert_array_equal(store.get(KEY, 0).f0_hz, one.f0_hz)
    io.write_bytes(store.path(KEY, 0), b"damaged")
    assert store.get(KEY, 0) is None


def test_a_store_that_cannot_be_reached_is_not_an_empty_one(
    bucket, gcs_proxy, monkeypatch
):
    """Else a moment without network would compute all features again."""
    monkeypatch.setenv("LUTHIER_GCS_DEADLINE_SECS", "0.1")
    gcs_proxy.fault = lambda method, path: (STATUS, 503)
    with pytest.raises(StorageError, match="gave up"):
        FeatureStore(f"{bucket}/store", VERSIONS, 250).get(KEY, 0)
