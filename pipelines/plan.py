"""The plan: which windows become examples, in which split, order and shard.

Pure functions of measures. Positions are frames counted from a recording's start.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np

from ddsp_core.audio.blocks import CONTEXT_SECS
from ddsp_core.codec import FRAMING_LENGTH, record_length
from ddsp_core.manifest import SPLITS, SplitPolicy
from ddsp_core.spec import ExampleSpec
from pipelines.elements import BlockMeasures, Judged, Planned, Recording, ShardPlan
from pipelines.options import PrepareOptions

# A window must sound for a tenth: what is quieter teaches a model to be silent.
MIN_LOUD_SHARE: Final = 0.1
# Of what is loud, a quarter must have a pitch. Noise and drums have almost none, speech
# and breathy playing about half, and music with its note changes over nine tenths.
MIN_PITCHED_SHARE: Final = 0.25
# How far features look around a moment: half of CREPE's 64 ms, and filters ring.
REACH_SECS: Final = 0.1
SHARD_BYTES: Final = (
    100_000_000  # large enough for storage, small enough to be one task
)
RUN_SECS: Final = 60  # windows of a minute stay together, so audio is decoded once
MAX_EVAL_FRACTION: Final = 0.5


@dataclasses.dataclass(frozen=True)
class SplitRule:
    """How examples are held out.

    Args:
        policy: By recording, by the tail of each recording, or as the user named.
        fraction: Share of the recordings, or of each recording's windows.
    """

    policy: SplitPolicy
    fraction: float

    def to_json(self) -> dict[str, Any]:
        """Return the rule as plain JSON values."""
        return {"policy": str(self.policy), "fraction": self.fraction}


@dataclasses.dataclass(frozen=True)
class Plan:
    """All that is to be written.

    Args:
        rule: The split rule that was used.
        recordings: Sorted by source key.
        shards: Of both splits.
    """

    rule: SplitRule
    recordings: tuple[Planned, ...]
    shards: tuple[ShardPlan, ...]


def window_starts(n_frames: int, spec: ExampleSpec) -> list[int]:
    """Return where the windows of a recording start.

    They lie on a grid from its start; one more ends with it if the grid leaves a tail.

    >>> window_starts(1100, ExampleSpec())
    [0, 100]
    """
    last = n_frames - spec.n_frames
    if last < 0:
        return []
    starts = list(range(0, last + 1, spec.example_hop))
    return starts if starts[-1] == last else [*starts, last]


def judge(
    recording: Recording, blocks: Iterable[BlockMeasures], spec: ExampleSpec
) -> Judged:
    """Keep or refuse each window of a recording.

    Args:
        recording: Which.
        blocks: Measures of all its blocks, in any order; none if it is too short.
        spec: Of the examples.
    """
    ordered = sorted(blocks, key=lambda block: block.index)
    n_frames = sum(block.loud.n_frames for block in ordered)
    if n_frames < spec.n_frames:
        return Judged(recording, n_frames, (), ())
    loud, sounding = (
        _counts([getattr(block, name).values() for block in ordered])
        for name in ("loud", "sounding")
    )
    broken = _counts([_nonfinite_frames(recording, n_frames, spec.frame_rate)])
    kept, refused = [], []
    for start in window_starts(n_frames, spec):
        stop = start + spec.n_frames
        n_loud = loud[stop] - loud[start]
        if broken[stop] - broken[start]:
            refused.append((start, "samples that are not numbers (NaN or infinity)"))
        elif n_loud < MIN_LOUD_SHARE * spec.n_frames:
            refused.append((start, "silent"))
        elif sounding[stop] - sounding[start] < MIN_PITCHED_SHARE * n_loud:
            refused.append((start, "no clear pitch"))
        else:
            kept.append(start)
    return Judged(recording, n_frames, tuple(kept), tuple(refused))


def make_plan(
    judged: Iterable[Judged],
    options: PrepareOptions,
    kept_rule: SplitRule | None = None,
) -> Plan:
    """Divide the kept windows between the splits and the shards.

    Args:
        judged: All recordings, in any order.
        options: Spec and split choices.
        kept_rule: The rule of the dataset that this one replaces: adding files must
            not move what was held out.
    """
    recordings = sorted(judged, key=lambda one: one.recording.key)
    rule, planned = _split(recordings, options, kept_rule)
    shards = [
        shard for split in SPLITS for shard in _shards(planned, split, options.spec)
    ]
    return Plan(rule, tuple(planned), tuple(shards))


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


def _counts(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Running counts with a leading zero: entries of [a, b) are c[b] - c[a]."""
    return np.concatenate([[0], np.cumsum(np.concatenate(parts))])


def _split(
    recordings: Sequence[Judged], options: PrepareOptions, kept_rule: SplitRule | None
) -> tuple[SplitRule, list[Planned]]:
    """The split of DESIGN.md: by recording if that holds out enough, else by tails."""
    spec = options.spec
    if options.holdout is not None:
        rule = SplitRule(SplitPolicy.GIVEN, options.eval_fraction)
        return rule, [
            _whole(one, options.is_held_out(one.recording.source)) for one in recordings
        ]
    if kept_rule is not None and kept_rule.policy is SplitPolicy.GIVEN:
        kept_rule = None  # the names are no longer given
    if kept_rule is None or kept_rule.policy is SplitPolicy.RECORDING:
        rule = kept_rule or SplitRule(SplitPolicy.RECORDING, options.eval_fraction)
        planned = [_whole(one, _position(one) < rule.fraction) for one in recordings]
        eval_secs = sum(_covered_secs(one.eval, spec) for one in planned)
        is_enough = eval_secs >= options.min_eval_secs or kept_rule is not None
        if is_enough and any(one.train for one in planned):
            return rule, planned
        kept_rule = None
    fraction = _tail_fraction(recordings, options)
    rule = kept_rule or SplitRule(SplitPolicy.TAIL, fraction)
    planned = [_tail(one, rule.fraction, spec) for one in recordings]
    if not any(one.eval for one in planned):
        planned = _hold_out_first(planned, options)
    return rule, planned


def _whole(judged: Judged, is_eval: bool) -> Planned:
    if is_eval:
        return Planned(judged, train=(), eval=judged.kept, guard=())
    return Planned(judged, train=judged.kept, eval=(), guard=())


def _position(judged: Judged) -> float:
    """Where the digest of a recording's content lies, in [0, 1)."""
    return int(judged.recording.key[:8], 16) / 2**32


def _tail_fraction(recordings: Sequence[Judged], options: PrepareOptions) -> float:
    """The share of each recording that holds out `min_eval_secs`, half at most."""
    total = sum(_covered_secs(one.kept, options.spec) for one in recordings)
    needed = options.min_eval_secs / total if total else 0.0
    return round(min(MAX_EVAL_FRACTION, max(options.eval_fraction, needed)), 4)


def _tail(judged: Judged, fraction: float, spec: ExampleSpec) -> Planned:
    """Hold out the last windows, behind a guard of one example and its context.

    What is too short to be divided is trained on whole.
    """
    kept, hop, length = judged.kept, spec.example_hop, spec.n_frames
    # The held-out stretch is the given share of all, and one window at the least.
    n_frames = fraction * _covered_secs(kept, spec) * spec.frame_rate
    n_eval = 1 + max(0, math.ceil((n_frames - length) / hop))
    if n_eval >= len(kept):
        return _whole(judged, is_eval=False)
    first = kept[-n_eval]
    border = first - spec.n_frames - CONTEXT_SECS * spec.frame_rate
    train = tuple(start for start in kept if start + length <= border)
    if not train:
        return _whole(judged, is_eval=False)
    guard = tuple(start for start in kept[:-n_eval] if start + length > border)
    return Planned(judged, train=train, eval=kept[-n_eval:], guard=guard)


def _hold_out_first(
    planned: Sequence[Planned], options: PrepareOptions
) -> list[Planned]:
    """Where none can be divided: hold out those of lowest digest, never all."""
    usable = sorted((p for p in planned if p.train), key=lambda p: _position(p.judged))
    spec = options.spec
    total = sum(_covered_secs(one.train, spec) for one in usable)
    needed = min(options.min_eval_secs, MAX_EVAL_FRACTION * total)
    held: set[str] = set()
    secs = 0.0
    for one in usable[:-1]:
        if secs >= needed:
            break
        held.add(one.recording.key)
        secs += _covered_secs(one.train, spec)
    return [_whole(one.judged, one.recording.key in held) for one in planned]


def covered_frames(starts: Sequence[int], n_frames: int) -> list[tuple[int, int]]:
    """Return the stretches that windows of `n_frames` cover, as (start, stop).

    >>> covered_frames([0, 5, 30], 10)
    [(0, 15), (30, 40)]
    """
    stretches: list[tuple[int, int]] = []
    for start in starts:
        if stretches and start <= stretches[-1][1]:
            stretches[-1] = (stretches[-1][0], start + n_frames)
        else:
            stretches.append((start, start + n_frames))
    return stretches


def _covered_secs(starts: Sequence[int], spec: ExampleSpec) -> float:
    stretches = covered_frames(starts, spec.n_intervals)
    return sum(stop - start for start, stop in stretches) / spec.frame_rate


def _shards(
    planned: Sequence[Planned], split: str, spec: ExampleSpec
) -> Iterable[ShardPlan]:
    """Cut the ordered windows of one split into shards of about equal size."""
    order = _order(planned, split, spec)
    size = record_length(spec) + FRAMING_LENGTH
    n_shards = max(1, math.ceil(len(order) * size / SHARD_BYTES)) if order else 0
    for k in range(n_shards):
        part = order[k * len(order) // n_shards : (k + 1) * len(order) // n_shards]
        part = sorted(part, key=lambda window: _digest(planned, window))
        used = sorted({index for index, _ in part})
        place = {index: i for i, index in enumerate(used)}
        yield ShardPlan(
            name=f"{split}.tfrecord-{k:05d}-of-{n_shards:05d}",
            split=split,
            windows=tuple((place[index], start) for index, start in part),
            recordings=tuple(planned[index].recording for index in used),
        )


def _order(
    planned: Sequence[Planned], split: str, spec: ExampleSpec
) -> list[tuple[int, int]]:
    """All windows of a split, minute by minute, the minutes mixed by digest.

    A recording that cannot be sought in stays in one piece, so that few shards must
    decode it.
    """
    run_frames = RUN_SECS * spec.frame_rate
    runs: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for index, one in enumerate(planned):
        seekable = one.recording.seekable
        for start in getattr(one, split):
            run = start // run_frames if seekable else 0
            runs.setdefault((index, run), []).append((index, start))
    keys = sorted(runs, key=lambda key: _digest(planned, key))
    return [window for key in keys for window in runs[key]]


def _digest(planned: Sequence[Planned], window: tuple[int, int]) -> bytes:
    """A number that mixes recordings and positions, the same everywhere."""
    key = planned[window[0]].recording.key
    return hashlib.sha256(f"{key}:{window[1]}".encode()).digest()
