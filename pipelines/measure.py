"""The first pass: read each recording once, then its features block by block."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from ddsp_core import io
from ddsp_core.audio.blocks import BLOCK_SECS, Scan, blocks, scan
from ddsp_core.audio.info import reading
from ddsp_core.audio.measures import AudioMeasures, measure_audio
from ddsp_core.errors import AudioError
from ddsp_core.features.block import BLOCKS_AT_ONCE, BlockAudio
from ddsp_core.features.extract import MIN_LOUDNESS_DB, Features, sounding
from ddsp_core.quality import Quality
from ddsp_core.spec import FEATURE_RATE, Padding
from pipelines.elements import BlockMeasures, Mask, Recording, Segment, Stamp
from pipelines.reading import opened, plain_name
from pipelines.scans import ScanStore
from pipelines.stopwatch import Stopwatch
from pipelines.store import FeatureStore

if TYPE_CHECKING:
    from ddsp_core.features.extract import FeatureExtractor

BLOCKS_PER_SEGMENT: Final = 3  # a minute: some seconds of work, so workers stay busy
SECS_AT_ONCE: Final = BLOCKS_AT_ONCE * BLOCK_SECS


def scan_recording(
    source: str, path: str | None = None, scans: ScanStore | None = None
) -> Recording:
    """Decode a file once, in order, or take what an earlier decoding found.

    Args:
        source: The name that people see.
        path: The file, if that is not `source`.
        scans: Has scans by the content of the file, and keeps this one.

    Raises:
        AudioError: It cannot be decoded or holds no samples.
        StorageError: The disk or the network failed.
    """
    file = path or source
    stamp = stamp_of(file)
    with opened(file) as local:
        with reading(file):
            file_sha256 = io.sha256_file(local)
        result = scans.get(file_sha256, file) if scans else None
        if result is None:
            result = _named(scan(local), local, file)
            if scans and result.n_samples:
                scans.put(file_sha256, result)
    if not result.n_samples:
        why = f": {result.error}" if result.error else ""
        raise AudioError(f"it holds no samples{why}")
    recording = Recording(source, file_sha256, stamp, result, path)
    check_unchanged(recording)
    return recording


def stamp_of(file: str) -> Stamp:
    """Return size and version of a file."""
    with reading(file):
        one = io.entry(file)
    return Stamp(one.size, one.version)


def check_unchanged(recording: Recording) -> None:
    """Raise `AudioError` if the file is no longer the one that was scanned."""
    if stamp_of(recording.file) != recording.stamp:
        raise AudioError(f"{recording.source!r} changed while it was read")


def segments(recording: Recording) -> Iterator[Segment]:
    """Cut a recording into pieces of work; one piece if it must be decoded in order."""
    n_blocks = recording.n_blocks
    step = BLOCKS_PER_SEGMENT if recording.seekable else n_blocks
    for first in range(0, n_blocks, step):
        yield Segment(recording, first, min(step, n_blocks - first))


def measure_segments(
    segments: Iterable[Segment],
    extractor: FeatureExtractor,
    store: FeatureStore,
    padding: Padding = Padding.SAME,
    watch: Stopwatch | None = None,
) -> Iterator[BlockMeasures]:
    """Put the features of each block into the store; yield what the plan must know.

    What the store has is neither computed nor decoded again. It keeps a frame on the
    very end of a recording too, which counts if `padding` is CENTER. Blocks of some
    segments go through the network together; the features do not depend on which.

    Args:
        segments: Which blocks, of any recordings.
        extractor: Computes what is missing.
        store: Keeps it.
        padding: Of the dataset.
        watch: Told the time of 'decode' and 'quality'.

    Raises:
        AudioError: A file vanished or changed since it was scanned.
        StorageError: The store cannot be written.
    """
    watch = watch or Stopwatch()
    rate = extractor.frame_rate
    missing: list[tuple[Recording, list[int]]] = []
    known: dict[tuple[str, int], Features] = {}  # of blocks not yet measured
    for segment in segments:
        recording = segment.recording
        lacking: list[int] = []
        for index in range(segment.first, segment.first + segment.n_blocks):
            features = store.get(recording.key, index)
            sound = store.get_measures(recording.key, index)
            if features is None or sound is None:
                lacking.append(index)
                known |= {} if features is None else {(recording.key, index): features}
            else:
                yield _measures(recording, index, features, sound, rate, padding)
        if lacking:
            missing.append((recording, lacking))
    for group in watch.through("decode", _grouped(missing)):
        _extract(group, known, extractor, store)
        for recording, one in group:
            features = known.pop((recording.key, one.index))
            n_frames = len(features.f0_hz)
            with watch.on("quality"):
                sound = measure_audio(
                    one.audio_16k, one.n_before, one.n_core, n_frames, rate
                )
            store.put_measures(recording.key, one.index, sound)
            yield _measures(recording, one.index, features, sound, rate, padding)


def _extract(
    group: Sequence[tuple[Recording, BlockAudio]],
    known: dict[tuple[str, int], Features],
    extractor: FeatureExtractor,
    store: FeatureStore,
) -> None:
    """Compute and keep the features of those blocks that have none."""
    new = [(r, one) for r, one in group if (r.key, one.index) not in known]
    found = extractor.extract_blocks([one for _, one in new])
    for (recording, one), features in zip(new, found, strict=True):
        store.put(recording.key, one.index, features)
        known[recording.key, one.index] = features


def _grouped(
    missing: Iterable[tuple[Recording, list[int]]],
) -> Iterator[list[tuple[Recording, BlockAudio]]]:
    """Read blocks, some at once, so that batches of the network are full."""
    group: list[tuple[Recording, BlockAudio]] = []
    n_samples = 0
    for recording, wanted in missing:
        for one in _decoded(recording, wanted):
            group.append((recording, one))
            n_samples += len(one.audio_16k)
            if n_samples >= SECS_AT_ONCE * FEATURE_RATE:
                yield group
                group, n_samples = [], 0
    if group:
        yield group


def _decoded(recording: Recording, wanted: Sequence[int]) -> Iterator[BlockAudio]:
    """Read blocks of one recording."""
    check_unchanged(recording)
    last = recording.n_blocks - 1
    with opened(recording.file) as local:
        rows = blocks(
            local,
            recording.scan.info,
            recording.n_samples,
            first=wanted[0],
            count=wanted[-1] - wanted[0] + 1,
        )
        for row in rows:
            if row.index in wanted:
                padding = Padding.CENTER if row.index == last else Padding.SAME
                yield BlockAudio.of(row, padding, recording.file)


def _named(result: Scan, local: Path, file: str) -> Scan:
    """Return what a scan of a local copy found as that of the file itself."""
    if not io.is_remote(file):
        return result
    error = result.error and plain_name(result.error, local, file)
    info = dataclasses.replace(result.info, path=Path(file))
    return dataclasses.replace(result, info=info, error=error)


def _measures(
    recording: Recording,
    index: int,
    features: Features,
    sound: AudioMeasures,
    frame_rate: int,
    padding: Padding,
) -> BlockMeasures:
    """Judge frames by rounded values, so that a policy decides alike on every CPU."""
    at_end = index == recording.n_blocks - 1
    n_frames = len(features.f0_hz) - (at_end and padding is Padding.SAME)
    rounded = Features(
        f0_hz=features.f0_hz[:n_frames],
        f0_confidence=np.round(features.f0_confidence[:n_frames], 2),
        loudness_db=np.round(features.loudness_db[:n_frames], 2),
    )
    sound = sound.head(n_frames)
    loud = rounded.loudness_db >= MIN_LOUDNESS_DB
    notes = sounding(rounded)
    return BlockMeasures(
        key=recording.key,
        index=index,
        loud=Mask.of(loud),
        sounding=Mask.of(notes),
        polyphonic=Mask.of(loud & sound.polyphonic),
        quality=Quality.of(rounded, sound, loud, notes, frame_rate),
    )
