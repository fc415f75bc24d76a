"""The second pass: one shard from stored features and audio decoded again."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import numpy as np

from ddsp_core import codec, io
from ddsp_core.audio.blocks import BLOCK_SECS
from ddsp_core.features.extract import sounding
from ddsp_core.manifest import Shard
from ddsp_core.spec import ExampleSpec, example_id
from ddsp_core.statistics import Statistics
from pipelines.cut import (
    SILENCE_DB,
    JoinedCutter,
    cut_windows,
    runs,
    still_there,
)
from pipelines.elements import JoinedExample, Planned, Recording, ShardPlan
from pipelines.stopwatch import Stopwatch
from pipelines.store import FeatureStore
from pipelines.stored import StoredFeatures


def write_shard(
    plan: ShardPlan,
    spec: ExampleSpec,
    store: FeatureStore,
    directory: str | os.PathLike[str],
    gain_db: float = 0.0,
    watch: Stopwatch | None = None,
) -> Shard:
    """Write one shard, whole or not at all; the same plan gives the same bytes.

    Records have one length, so each is put in its place as soon as its audio passes by:
    memory holds a window and the blocks around it, however long recordings are.

    Args:
        plan: Which windows, in which order.
        spec: Of the examples.
        store: Has the features.
        directory: Where the shard is written.
        gain_db: Applied to audio and loudness of every example.
        watch: Told the time of 'decode', 'encode' and 'write'.

    Raises:
        StorageError: The disk failed, or a recording or its features vanished or
            changed since they were measured.
    """
    watch = watch or Stopwatch()
    length = codec.record_length(spec) + codec.FRAMING_LENGTH
    path = io.join(directory, plan.name)
    places: dict[int, dict[int, int]] = {}
    joined: dict[int, JoinedExample] = {}
    for place, window in enumerate(plan.windows):
        if isinstance(window, JoinedExample):
            joined[place] = window
        else:
            places.setdefault(window[0], {})[window[1]] = place
    with io.replacing(path) as temporary, open(temporary, "r+b") as file:

        def put(place: int, name: str, values: dict[str, np.ndarray]) -> None:
            with watch.on("encode"):
                record = codec.frame_record(_encoded(spec, name, values, gain_db))
            with watch.on("write"):
                file.seek(place * length)
                file.write(record)

        for index, of_start in places.items():
            recording = plan.recordings[index]
            windows = _windows(recording, sorted(of_start), spec, store)
            for start, values in watch.through("decode", windows):
                name = example_id(recording.key, start * spec.hop_size)
                put(of_start[start], name, values)
        cutter = JoinedCutter(plan.recordings, spec, store)
        for place, example in sorted(joined.items(), key=_first_piece):
            with watch.on("decode"):
                values = cutter.cut(example)
            put(place, example_id(example.key, 0), values)
        with watch.on("write"):
            file.flush()
            digest = io.sha256_file(temporary)
    return Shard(plan.name, len(plan.windows), digest)


def _first_piece(item: tuple[int, JoinedExample]) -> tuple[int, int]:
    """Order joined examples as their recordings are, so that each is decoded once."""
    piece = item[1].pieces[0]
    return piece.place, piece.start


def train_statistics(
    planned: Planned,
    spec: ExampleSpec,
    store: FeatureStore,
    gain_db: float = 0.0,
) -> Statistics:
    """Return the statistics of a recording's training frames, each counted once.

    The rests of joined examples are not counted: they are silence by definition.
    """
    size = BLOCK_SECS * spec.frame_rate
    n_end = spec.n_frames - spec.n_intervals
    parts, stored = [], StoredFeatures(planned.recording, store)
    for first, stop in planned.covered("train", spec):
        last = min((stop + n_end - 1) // size, planned.recording.n_blocks - 1)
        for index in range(first // size, last + 1):
            features = stored.raw(index)
            origin = index * size
            inside = slice(max(first - origin, 0), stop + n_end - origin)
            parts.append(
                Statistics.of(
                    features.f0_hz[inside],
                    amplified_db(features.loudness_db, gain_db)[inside],
                    sounding(features)[inside],
                )
            )
    return Statistics.merge(parts)


def _windows(
    recording: Recording,
    starts: Sequence[int],
    spec: ExampleSpec,
    store: FeatureStore,
) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
    """Yield the fields of the examples of one recording by their start."""
    with still_there(recording):
        for run in runs(starts, spec, recording.seekable):
            yield from cut_windows(recording, run, spec, store)


def _encoded(
    spec: ExampleSpec, name: str, values: dict[str, np.ndarray], gain_db: float
) -> bytes:
    """Serialize an example at the dataset's level."""
    if gain_db:
        gain = np.float32(10 ** (gain_db / 20))
        values = values | {
            "audio": values["audio"] * gain,
            "audio_16k": values["audio_16k"] * gain,
            "loudness_db": amplified_db(values["loudness_db"], gain_db),
        }
    return codec.encode(spec, name, values)


def amplified_db(loudness_db: np.ndarray, gain_db: float) -> np.ndarray:
    """Return the loudness of audio after a gain; silence stays at the scale's floor.

    >>> amplified_db(np.array([-80.0, -79.0, -20.0], np.float32), -6.0).tolist()
    [-80.0, -80.0, -26.0]
    """
    louder = np.maximum(loudness_db + np.float32(gain_db), np.float32(SILENCE_DB))
    return np.where(loudness_db > SILENCE_DB, louder, loudness_db)
