"""Segments measured together: as each alone, a bad one at its own cost."""

import dataclasses

import numpy as np
import pytest

from ddsp_core.errors import AudioError, StorageError
from ddsp_core.features.extract import FeatureExtractor
from ddsp_core.spec import FEATURE_RATE
from pipelines.elements import Segment
from pipelines.measure import (
    SECS_AT_ONCE,
    measure_segments,
    scan_recording,
    segments,
)
from pipelines.pool import Refused, SegmentPool
from pipelines.store import FeatureStore
from tests.pipelines.recordings import FakeExtractor, melody, recording, write


def whole(secs, name="a"):
    """A recording without a file, as one segment."""
    (segment,) = segments(recording(name, int(secs * 16_000)))
    return segment


class Measure:
    """Remembers what it was given; fails on recordings with certain names."""

    def __init__(self, **failing):
        self.calls, self.failing = [], failing

    def __call__(self, found):
        names = [segment.recording.source for segment in found]
        self.calls.append(names)
        for name in names:
            if name in self.failing:
                raise self.failing[name]
        return names


def test_segments_wait_until_they_last_as_long_as_is_measured_at_once():
    measure = Measure()
    pool = SegmentPool(measure)
    rows = [pool.add(whole(2, str(k))) for k in range(2000)]
    assert all(len(row) in (0, SECS_AT_ONCE // 2) for row in rows)
    assert sum(map(len, rows)) == 2000 and not pool.flush()
    assert pool.add(whole(59)) == [] and len(pool.add(whole(59))) == 2


@pytest.mark.parametrize("error", [AudioError("no"), ValueError("no")])
def test_one_that_fails_costs_itself(error):
    pool = SegmentPool(Measure(b=error))
    for name in "abc":
        pool.add(whole(3, name))
    first, refused, last = pool.flush()
    assert (first, last) == ("a", "c")
    assert refused.key == recording("b", 48_000).key
    assert isinstance(refused, Refused) and refused.reason.endswith("no")
    assert pool.add(whole(3, "d")) == [] and pool.flush() == ["d"]


def test_a_full_disk_is_no_recording_s_fault():
    pool = SegmentPool(Measure(a=StorageError("full")))
    pool.add(whole(3, "a"))
    pool.add(whole(3, "b"))
    with pytest.raises(StorageError):
        pool.flush()


def test_many_short_files_are_never_all_in_memory(tmp_path):
    """What is decoded at once is bounded by its length, not by the count of files."""

    class Watching(FakeExtractor):
        groups = ()

        def extract_blocks(self, blocks):
            self.groups += (sum(len(one.audio_16k) for one in blocks),)
            return super().extract_blocks(blocks)

    path = write(tmp_path / "a.wav", melody(0.3, 16_000), 16_000)
    one, n = scan_recording(str(path)), 800
    scans = [dataclasses.replace(one.scan, sha256=f"{k:064d}"[::-1]) for k in range(n)]
    found = [Segment(dataclasses.replace(one, scan=scan), 0, 1) for scan in scans]
    extractor = Watching()
    store = FeatureStore(tmp_path / "store", extractor.versions, 250)
    assert len(list(measure_segments(found, extractor, store))) == n
    most = SECS_AT_ONCE * FEATURE_RATE
    assert max(extractor.groups) < most + 4800
    assert len(extractor.groups) == -(-n * 4800 // most)


def test_features_are_the_same_to_the_bit_measured_alone_or_together(tmp_path):
    extractor = FeatureExtractor(250)
    found = []
    for k, secs in enumerate([0.3, 2.0, 47.3, 5.1, 20.0]):
        path = write(tmp_path / f"{k}.wav", melody(secs, 44_100, seed=k), 44_100)
        found += segments(scan_recording(str(path)))
    stores = [
        FeatureStore(tmp_path / name, extractor.versions, 250) for name in ("a", "b")
    ]
    together = list(measure_segments(found, extractor, stores[0]))
    alone = [
        row for one in found for row in measure_segments([one], extractor, stores[1])
    ]
    assert together == alone
    for row in alone:
        one, other = (store.get(row.key, row.index) for store in stores)
        for name in ("f0_hz", "f0_confidence", "loudness_db"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
