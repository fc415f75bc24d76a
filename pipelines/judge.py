"""Which windows of a recording can be examples: a pure function of its measures."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np

from ddsp_core.quality import Quality
from ddsp_core.spec import ExampleSpec
from pipelines.elements import BlockMeasures, Judged, Mask, Recording
from pipelines.policy import Policy
from pipelines.windows import Starts, window_starts

# How far features look around a moment: half of CREPE's 64 ms, and filters ring.
REACH_SECS: Final = 0.1
BROKEN: Final = "samples that are not numbers (NaN or infinity)"
SILENT: Final = "silent"
UNPITCHED: Final = "no clear pitch"
POLYPHONIC: Final = "more than one note at a time"


def judge(
    recording: Recording,
    blocks: Iterable[BlockMeasures],
    spec: ExampleSpec,
    policy: Policy | None = None,
) -> Judged:
    """Keep or refuse each window of a recording.

    A recording that is shorter than an example is judged as one window, to be joined
    with others.

    Args:
        recording: Which.
        blocks: Measures of all its blocks, in any order; none if it is too short.
        spec: Of the examples.
        policy: What is refused; the default one if None.
    """
    policy = policy or Policy()
    ordered = sorted(blocks, key=lambda block: block.index)
    frames = _Frames.of(recording, ordered, spec)
    whole = refused_whole(recording, policy)
    parts = [block.quality for block in ordered if block.quality is not None]
    quality = Quality.merge(parts) if parts else None
    n_frames = frames.n
    if n_frames < spec.n_frames:
        short = too_short(recording, spec, policy)
        reason = short or whole or frames.reason(0, n_frames, policy)
        return Judged(
            recording,
            n_frames,
            Starts(),
            is_joinable=not reason,
            reason=reason,
            quality=quality,
        )
    kept: list[int] = []
    refused: dict[str, list[int]] = {}
    for start in window_starts(n_frames, spec):
        reason = whole or frames.reason(start, start + spec.n_frames, policy)
        (refused.setdefault(reason, []) if reason else kept).append(start)
    return Judged(
        recording,
        n_frames,
        Starts(kept),
        tuple((reason, Starts(refused[reason])) for reason in sorted(refused)),
        quality=quality,
    )


def too_short(recording: Recording, spec: ExampleSpec, policy: Policy) -> str:
    """Return why a recording cannot even be joined; '' if it can."""
    shortest = max(policy.min_joined_secs, 1 / spec.frame_rate)
    if recording.secs >= shortest:
        return ""
    return f"too short: {recording.secs:.3g} s, {shortest:g} s are needed to be joined"


def refused_whole(recording: Recording, policy: Policy) -> str:
    """Return why a whole recording is refused; '' if it is not."""
    return next(_whole_reasons(recording, policy), "")


def _whole_reasons(recording: Recording, policy: Policy) -> Iterator[str]:
    scan = recording.scan
    loss_db, most_db = scan.mix_loss_db, policy.max_mix_loss_db
    if most_db is not None and loss_db > most_db:
        yield (
            f"its channels cancel each other ({scan.stereo}): mixed to one they lose"
            f" {loss_db:.1f} dB, the policy allows {most_db:g}; turn one channel over,"
            " or give one channel only"
        )
    share = scan.clipped_share
    if policy.max_clipped_share is not None and share > policy.max_clipped_share:
        yield (
            f"clipped: {share:.2%} of its samples, the policy allows"
            f" {policy.max_clipped_share:.2%}"
        )
    dc = round(abs(scan.dc), 4)
    if policy.max_dc is not None and dc > policy.max_dc:
        yield f"a constant offset of {dc:g}; the policy allows {policy.max_dc:g}"


@dataclasses.dataclass(frozen=True)
class _Frames:
    """Running counts over the frames of a recording, each [n_frames + 1]."""

    loud: np.ndarray
    sounding: np.ndarray
    polyphonic: np.ndarray
    broken: np.ndarray

    @classmethod
    def of(
        cls, recording: Recording, blocks: Sequence[BlockMeasures], spec: ExampleSpec
    ) -> _Frames:
        n_frames = sum(block.loud.n_frames for block in blocks)
        return cls(
            loud=_counts([block.loud.values() for block in blocks]),
            sounding=_counts([block.sounding.values() for block in blocks]),
            polyphonic=_counts(
                [_or_none(block.polyphonic, block.loud.n_frames) for block in blocks]
            ),
            broken=_counts([_nonfinite_frames(recording, n_frames, spec.frame_rate)]),
        )

    @property
    def n(self) -> int:
        return len(self.loud) - 1

    def reason(self, start: int, stop: int, policy: Policy) -> str:
        """Say why frames [start, stop) are refused; '' if they are not."""
        n_loud = self.loud[stop] - self.loud[start]
        n_polyphonic = self.polyphonic[stop] - self.polyphonic[start]
        most = policy.max_polyphonic_share
        if self.broken[stop] - self.broken[start]:
            return BROKEN
        if n_loud < policy.min_loud_share * (stop - start):
            return SILENT
        if most is not None and n_polyphonic > most * n_loud:
            return POLYPHONIC
        n_sounding = self.sounding[stop] - self.sounding[start]
        if n_sounding < policy.min_pitched_share * n_loud:
            return UNPITCHED
        return ""


def _nonfinite_frames(
    recording: Recording, n_frames: int, frame_rate: int
) -> np.ndarray:
    """True for frames that a NaN or infinite sample could reach, [n_frames]."""
    reached = np.zeros(n_frames, bool)
    for start, stop in recording.scan.nonfinite:
        first, last = (
            at / recording.sample_rate + sign * REACH_SECS
            for at, sign in ((start, -1), (stop, 1))
        )
        low, high = math.floor(first * frame_rate), math.ceil(last * frame_rate)
        reached[max(low, 0) : max(high, 0)] = True
    return reached


def _or_none(mask: Mask | None, n_frames: int) -> np.ndarray:
    return np.zeros(n_frames, bool) if mask is None else mask.values()


def _counts(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Running counts with a leading zero: entries of [a, b) are c[b] - c[a]."""
    return np.concatenate(
        [[0], *(np.asarray(part, np.int64) for part in parts)]
    ).cumsum()
