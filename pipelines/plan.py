"""The plan: which windows become examples, in which split, order and shard.

Pure functions of measures. Positions are frames counted from a recording's start.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Iterable, Sequence
from typing import Final

from ddsp_core.codec import FRAMING_LENGTH, record_length
from ddsp_core.manifest import SPLITS
from ddsp_core.spec import ExampleSpec
from pipelines.elements import JoinedExample, Judged, Planned, ShardPlan
from pipelines.join import coverage, join
from pipelines.options import PrepareOptions
from pipelines.split import SplitRule, split

SHARD_BYTES: Final = (
    100_000_000  # large enough for storage, small enough to be one task
)
RUN_SECS: Final = 60  # windows of a minute stay together, so audio is decoded once

# A window of a recording, (place of the recording, start in frames), or a joined one.
Window = tuple[int, int] | JoinedExample


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
    rule, planned = split(recordings, options, kept_rule)
    shards: list[ShardPlan] = []
    for name in SPLITS:
        joined = join(planned, name, options.spec)
        for place, stretches in coverage(joined).items():
            planned[place] = dataclasses.replace(planned[place], joined=stretches)
        shards += _shards(planned, name, joined, options.spec)
    return Plan(rule, tuple(planned), tuple(shards))


def _shards(
    planned: Sequence[Planned],
    name: str,
    joined: Sequence[JoinedExample],
    spec: ExampleSpec,
) -> Iterable[ShardPlan]:
    """Cut the ordered windows of one split into shards of about equal size."""
    order = _order(planned, name, joined, spec)
    size = record_length(spec) + FRAMING_LENGTH
    n_shards = max(1, math.ceil(len(order) * size / SHARD_BYTES)) if order else 0
    for k in range(n_shards):
        part = order[k * len(order) // n_shards : (k + 1) * len(order) // n_shards]
        part = sorted(part, key=lambda window: _digest(planned, window))
        used = sorted({place for window in part for place in _places(window)})
        moved = {place: i for i, place in enumerate(used)}
        yield ShardPlan(
            name=f"{name}.tfrecord-{k:05d}-of-{n_shards:05d}",
            split=name,
            windows=tuple(_moved(window, moved) for window in part),
            recordings=tuple(planned[place].recording for place in used),
        )


def _order(
    planned: Sequence[Planned],
    name: str,
    joined: Sequence[JoinedExample],
    spec: ExampleSpec,
) -> list[Window]:
    """All windows of a split, minute by minute, the minutes mixed by digest.

    A recording that cannot be sought in stays in one piece, so that few shards must
    decode it.
    """
    run_frames = RUN_SECS * spec.frame_rate
    runs: dict[Window, list[Window]] = {example: [example] for example in joined}
    for place, one in enumerate(planned):
        seekable = one.recording.seekable
        for start in getattr(one, name):
            run = start // run_frames if seekable else 0
            runs.setdefault((place, run), []).append((place, start))
    keys = sorted(runs, key=lambda key: _digest(planned, key))
    return [window for key in keys for window in runs[key]]


def _digest(planned: Sequence[Planned], window: Window) -> bytes:
    """A number that mixes recordings and positions, the same everywhere."""
    if isinstance(window, JoinedExample):
        return hashlib.sha256(f"{window.key}:0".encode()).digest()
    key = planned[window[0]].recording.key
    return hashlib.sha256(f"{key}:{window[1]}".encode()).digest()


def _places(window: Window) -> list[int]:
    """Return the places of the recordings that a window is cut from."""
    if isinstance(window, JoinedExample):
        return [piece.place for piece in window.pieces]
    return [window[0]]


def _moved(window: Window, moved: dict[int, int]) -> Window:
    """Return a window with its recordings at other places."""
    if not isinstance(window, JoinedExample):
        return moved[window[0]], window[1]
    pieces = [
        dataclasses.replace(piece, place=moved[piece.place]) for piece in window.pieces
    ]
    return JoinedExample(window.key, tuple(pieces))
