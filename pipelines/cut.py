"""Examples cut out of recordings: audio decoded again, features from the store."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from ddsp_core.audio.blocks import BLOCK_SECS, blocks
from ddsp_core.audio.resample import resample_block
from ddsp_core.dsp.units import DB_RANGE
from ddsp_core.errors import AudioError, StorageError
from ddsp_core.features.extract import Features
from ddsp_core.spec import FEATURE_RATE, ExampleSpec
from pipelines.elements import JoinedExample, Recording
from pipelines.measure import check_unchanged
from pipelines.reading import opened
from pipelines.store import FeatureStore
from pipelines.stored import StoredFeatures

RECORDINGS_HELD: Final = 32  # by `JoinedCutter`: some 20 MB
SILENCE_DB: Final = -DB_RANGE  # the floor of the loudness scale


@dataclasses.dataclass(frozen=True)
class _Core:
    """One block without context: features, audio at 16 kHz and at the spec's rate."""

    features: Features
    audio: np.ndarray
    audio_16k: np.ndarray

    @classmethod
    def joined(cls, cores: Sequence[_Core]) -> _Core:
        """Return consecutive blocks as one."""
        return cls(
            Features.joined(core.features for core in cores),
            np.concatenate([core.audio for core in cores]),
            np.concatenate([core.audio_16k for core in cores]),
        )

    def fields(
        self, start: int, n_frames: int, n_intervals: int, spec: ExampleSpec
    ) -> dict[str, np.ndarray]:
        """Cut the fields of an example that begin at frame `start`."""
        hop, hop_16k = spec.hop_size, spec.hop_size_16k
        stop, end = start + n_frames, start + n_intervals
        return {
            "audio": self.audio[start * hop : end * hop],
            "audio_16k": self.audio_16k[start * hop_16k : end * hop_16k],
            "f0_hz": self.features.f0_hz[start:stop],
            "f0_confidence": self.features.f0_confidence[start:stop],
            "loudness_db": self.features.loudness_db[start:stop],
        }


@contextlib.contextmanager
def still_there(recording: Recording) -> Iterator[None]:
    """See that a recording is the one that was measured, before and after reading.

    Raises:
        StorageError: It vanished or changed.
    """
    try:
        check_unchanged(recording)
        yield
        check_unchanged(recording)
    except AudioError as error:
        raise StorageError(
            f"{recording.source!r} vanished or changed while it was read ({error});"
            " no dataset was written; run the same command again"
        ) from error


def runs(
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


def cut_windows(
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
    for index, core in _cores(recording, spec, store, first, last - first + 1):
        held[index] = core
        while pending and pending[0][1] <= index:
            start, _ = pending.pop(0)
            whole = _Core.joined(list(held.values()))
            origin = start - min(held) * size
            yield start, whole.fields(origin, spec.n_frames, spec.n_intervals, spec)
        needed = pending[0][0] // size if pending else index + 1
        held = {index: core for index, core in held.items() if index >= needed}
    if pending:
        raise AudioError(f"it ended before frame {pending[0][0] + spec.n_frames}")


class JoinedCutter:
    """Cuts joined examples; what one example has decoded is at hand for the next.

    Args:
        recordings: Of the shard; pieces name them by their place.
        spec: Of the examples.
        store: Has the features.
    """

    def __init__(
        self, recordings: Sequence[Recording], spec: ExampleSpec, store: FeatureStore
    ) -> None:
        self._recordings, self._spec, self._store = recordings, spec, store
        # By place, the one used last at the end. All are shorter than an example.
        self._held: dict[int, _Core] = {}

    def cut(self, example: JoinedExample) -> dict[str, np.ndarray]:
        """Return the fields of a joined example; what no piece covers is a rest.

        A rest is silence. Its f0 leads from the pitch before to the one after, as over
        any short gap.

        Raises:
            StorageError: A recording or its features vanished or changed.
        """
        spec = self._spec
        values = {f.name: np.zeros(f.length, np.float32) for f in spec.fields()}
        values["loudness_db"][:] = SILENCE_DB
        for piece in example.pieces:
            n, core = piece.n_frames, self._whole(piece.place)
            for name, part in core.fields(piece.start, n, n, spec).items():
                per_frame = len(values[name]) // spec.n_intervals
                values[name][piece.at * per_frame :][: len(part)] = part
        is_rest = values["f0_hz"] == 0
        known = np.flatnonzero(~is_rest)
        log_f0 = np.log(values["f0_hz"][known])
        values["f0_hz"][is_rest] = np.exp(
            np.interp(np.flatnonzero(is_rest), known, log_f0)
        ).astype(np.float32)
        return values

    def _whole(self, place: int) -> _Core:
        """Return a recording, decoded unless it was among the last."""
        core = self._held.pop(place, None)
        if core is None:
            recording = self._recordings[place]
            with still_there(recording):
                blocks = _cores(recording, self._spec, self._store)
                core = _Core.joined([core for _, core in blocks])
        self._held[place] = core
        if len(self._held) > RECORDINGS_HELD:
            del self._held[next(iter(self._held))]
        return core


def _cores(
    recording: Recording,
    spec: ExampleSpec,
    store: FeatureStore,
    first: int = 0,
    count: int | None = None,
) -> Iterator[tuple[int, _Core]]:
    """Yield blocks of a recording, decoded again, with their features."""
    info, n_samples = recording.scan.info, recording.n_samples
    stored = StoredFeatures(recording, store)
    with opened(recording.file) as local:
        for block in blocks(local, info, n_samples, first, count):
            features = stored.filled(block.index)
            audio_16k = _without_context(resample_block(block, FEATURE_RATE))
            audio = audio_16k
            if spec.sample_rate != FEATURE_RATE:
                audio = _without_context(resample_block(block, spec.sample_rate))
            yield block.index, _Core(features, audio, audio_16k)


def _without_context(resampled: tuple[np.ndarray, int, int]) -> np.ndarray:
    audio, n_before, n_core = resampled
    return audio[n_before : n_before + n_core]
