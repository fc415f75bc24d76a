"""The second pass: one shard from stored features and audio decoded again."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ddsp_core import codec, io
from ddsp_core.audio.blocks import BLOCK_SECS, blocks
from ddsp_core.audio.resample import resample_block
from ddsp_core.errors import AudioError, StorageError
from ddsp_core.features.extract import Features, sounding
from ddsp_core.manifest import Shard
from ddsp_core.spec import FEATURE_RATE, ExampleSpec, example_id
from ddsp_core.statistics import Statistics
from pipelines.elements import Planned, Recording, ShardPlan
from pipelines.measure import check_unchanged
from pipelines.plan import covered_frames
from pipelines.store import FeatureStore


@dataclasses.dataclass(frozen=True)
class _Core:
    """One block without context: features, audio at 16 kHz and at the spec's rate."""

    features: Features
    audio: np.ndarray
    audio_16k: np.ndarray


def write_shard(
    plan: ShardPlan,
    spec: ExampleSpec,
    store: FeatureStore,
    directory: str | os.PathLike[str],
) -> Shard:
    """Write one shard, whole or not at all; the same plan gives the same bytes.

    Records have one length, so each is put in its place as soon as its audio passes by:
    memory holds a window and the blocks around it, however long recordings are.

    Args:
        plan: Which windows, in which order.
        spec: Of the examples.
        store: Has the features.
        directory: Where the shard is written.

    Raises:
        StorageError: The disk failed, or a recording or its features vanished or
            changed since they were measured.
    """
    length = codec.record_length(spec) + codec.FRAMING_LENGTH
    path = Path(directory) / plan.name
    with io.replacing(path) as temporary, open(temporary, "r+b") as file:
        for index, recording in enumerate(plan.recordings):
            places = {
                start: place
                for place, (one, start) in enumerate(plan.windows)
                if one == index
            }
            for start, record in _records(recording, sorted(places), spec, store):
                file.seek(places[start] * length)
                file.write(codec.frame_record(record))
    return Shard(plan.name, len(plan.windows), io.sha256_file(path))


def train_statistics(
    planned: Planned,
    spec: ExampleSpec,
    store: FeatureStore,
) -> Statistics:
    """Return the statistics of a recording's training frames, each counted once."""
    size = BLOCK_SECS * spec.frame_rate
    parts = []
    for first, stop in covered_frames(planned.train, spec.n_frames):
        last = min((stop - 1) // size, planned.recording.n_blocks - 1)
        for index in range(first // size, last + 1):
            features = _stored(planned.recording, index, store)
            part = _cut(features, max(first - index * size, 0), stop - index * size)
            parts.append(Statistics.of(part.f0_hz, part.loudness_db, sounding(part)))
    return Statistics.merge(parts)


def _records(
    recording: Recording,
    starts: Sequence[int],
    spec: ExampleSpec,
    store: FeatureStore,
) -> Iterator[tuple[int, bytes]]:
    """Yield the serialized examples of one recording by their start."""
    try:
        check_unchanged(recording)
        for run in _runs(starts, spec, recording.seekable):
            for start, values in _examples(recording, run, spec, store):
                name = example_id(recording.key, start * spec.hop_size)
                yield start, codec.encode(spec, name, values)
        check_unchanged(recording)
    except AudioError as error:
        raise StorageError(
            f"{recording.source!r} vanished or changed while it was read ({error});"
            " no dataset was written; run the same command again"
        ) from error


def _runs(
    starts: Sequence[int], spec: ExampleSpec, seekable: bool
) -> Iterator[list[int]]:
    """Group windows that are decoded in one go: all, or those less than a block off."""
    run: list[int] = []
    reach = BLOCK_SECS * spec.frame_rate + spec.n_frames
    for start in starts:
        if run and seekable and start - run[-1] > reach:
            yield run
            run = []
        run.append(start)
    if run:
        yield run


def _examples(
    recording: Recording,
    starts: Sequence[int],
    spec: ExampleSpec,
    store: FeatureStore,
) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
    """Yield the fields of the windows at `starts`, ascending, decoding in order."""
    size = BLOCK_SECS * spec.frame_rate
    # A frame on the very end of a recording is kept with its last block.
    ends = [
        min((start + spec.n_frames - 1) // size, recording.n_blocks - 1)
        for start in starts
    ]
    pending = list(zip(starts, ends, strict=True))
    first, last = starts[0] // size, ends[-1]
    held: dict[int, _Core] = {}
    for block in blocks(
        recording.source,
        recording.scan.info,
        recording.n_samples,
        first=first,
        count=last - first + 1,
    ):
        features = _stored(recording, block.index, store)
        audio_16k = _core(resample_block(block, FEATURE_RATE))
        audio = audio_16k
        if spec.sample_rate != FEATURE_RATE:
            audio = _core(resample_block(block, spec.sample_rate))
        held[block.index] = _Core(features, audio, audio_16k)
        while pending and pending[0][1] <= block.index:
            start, _ = pending.pop(0)
            yield start, _window(held, start, spec)
        needed = pending[0][0] // size if pending else block.index + 1
        held = {index: core for index, core in held.items() if index >= needed}
    if pending:
        raise AudioError(f"it ended before frame {pending[0][0] + spec.n_frames}")


def _core(resampled: tuple[np.ndarray, int, int]) -> np.ndarray:
    audio, n_before, n_core = resampled
    return audio[n_before : n_before + n_core]


def _window(
    held: dict[int, _Core], start: int, spec: ExampleSpec
) -> dict[str, np.ndarray]:
    """Cut one example out of the blocks that it touches."""
    indices = sorted(held)
    origin = start - indices[0] * BLOCK_SECS * spec.frame_rate

    def cut(parts: list[np.ndarray], first: int, n: int) -> np.ndarray:
        return np.concatenate(parts)[first : first + n]

    cores = [held[index] for index in indices]
    hop, hop_16k = spec.hop_size, spec.hop_size_16k
    features, n_frames = [core.features for core in cores], spec.n_frames
    audio = cut([core.audio for core in cores], origin * hop, spec.n_samples)
    audio_16k = cut(
        [core.audio_16k for core in cores], origin * hop_16k, spec.n_samples_16k
    )
    return {
        "audio": audio,
        "audio_16k": audio_16k,
        "f0_hz": cut([one.f0_hz for one in features], origin, n_frames),
        "f0_confidence": cut([one.f0_confidence for one in features], origin, n_frames),
        "loudness_db": cut([one.loudness_db for one in features], origin, n_frames),
    }


def _stored(recording: Recording, index: int, store: FeatureStore) -> Features:
    features = store.get(recording.key, index)
    if features is None:
        raise StorageError(
            f"{recording.source!r}: features of block {index} are gone from the feature"
            " store; no dataset was written; run the same command again"
        )
    return features


def _cut(features: Features, start: int, stop: int) -> Features:
    return Features(
        f0_hz=features.f0_hz[start:stop],
        f0_confidence=features.f0_confidence[start:stop],
        loudness_db=features.loudness_db[start:stop],
    )
