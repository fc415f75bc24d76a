"""The plan: which windows become examples, in which split, order and shard.

Pure functions of measures. Positions are frames counted from a recording's start.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from ddsp_core.codec import FRAMING_LENGTH, record_length
from ddsp_core.manifest import SPLITS
from ddsp_core.spec import ExampleSpec
from pipelines.elements import JoinedExample, Judged, Planned, ShardPlan
from pipelines.join import coverage, join
from pipelines.options import PrepareOptions
from pipelines.split import SplitRule, split
from pipelines.windows import Starts

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


@dataclasses.dataclass(frozen=True)
class MixedWindows(Sequence[Window]):
    """The windows of a shard in the order of their digests, which mixes recordings.

    Kept as few ranges and put in order when they are asked for: a plan of ten thousand
    hours has 36 million windows.

    Args:
        keys: Of the recordings.
        cuts: (place of the recording, starts) of stretches of windows.
        joined: Joined examples.
    """

    keys: tuple[str, ...]
    cuts: tuple[tuple[int, Starts], ...]
    joined: tuple[JoinedExample, ...]

    def __len__(self) -> int:
        return sum(len(starts) for _, starts in self.cuts) + len(self.joined)

    def __iter__(self) -> Iterator[Window]:
        windows: list[Window] = [
            (place, start) for place, starts in self.cuts for start in starts
        ]
        windows += self.joined
        return iter(sorted(windows, key=lambda window: _digest(self.keys, window)))

    def __getitem__(self, index: Any) -> Any:
        return tuple(self)[index]


# What is not divided in the order of a split: a run of windows, or a joined example.
_Run = tuple[int, Starts] | JoinedExample


def _shards(
    planned: Sequence[Planned],
    name: str,
    joined: Sequence[JoinedExample],
    spec: ExampleSpec,
) -> Iterator[ShardPlan]:
    """Cut the ordered windows of one split into shards of about equal size."""
    runs = _runs(planned, name, joined, spec)
    total = sum(_n_windows(run) for run in runs)
    n_shards = math.ceil(total * (record_length(spec) + FRAMING_LENGTH) / SHARD_BYTES)
    waiting = iter(runs)
    run: _Run | None = next(waiting, None)
    for k in range(n_shards):
        wanted = (k + 1) * total // n_shards - k * total // n_shards
        part: list[_Run] = []
        while wanted and run is not None:
            head, run = _divided(run, wanted)
            part.append(head)
            wanted -= _n_windows(head)
            run = run if run is not None else next(waiting, None)
        yield _shard(planned, name, f"{k:05d}-of-{n_shards:05d}", part)


def _shard(
    planned: Sequence[Planned], split: str, number: str, part: Sequence[_Run]
) -> ShardPlan:
    """Return a shard with its own short list of recordings."""
    used = sorted({place for run in part for place in _places(run)})
    moved = {place: i for i, place in enumerate(used)}
    recordings = tuple(planned[place].recording for place in used)
    return ShardPlan(
        name=f"{split}.tfrecord-{number}",
        split=split,
        windows=MixedWindows(
            keys=tuple(one.key for one in recordings),
            cuts=tuple(
                (moved[run[0]], run[1])
                for run in part
                if not isinstance(run, JoinedExample)
            ),
            joined=tuple(
                _moved(run, moved) for run in part if isinstance(run, JoinedExample)
            ),
        ),
        recordings=recordings,
    )


def _runs(
    planned: Sequence[Planned],
    name: str,
    joined: Sequence[JoinedExample],
    spec: ExampleSpec,
) -> list[_Run]:
    """All windows of a split, minute by minute, the minutes mixed by digest.

    A recording that cannot be sought in stays in one piece, so that few shards must
    decode it.
    """
    keys = [one.recording.key for one in planned]
    found: list[tuple[bytes, _Run]] = [(_digest(keys, one), one) for one in joined]
    for place, one in enumerate(planned):
        run_frames = RUN_SECS * spec.frame_rate if one.recording.seekable else None
        minute_of = functools.partial(_minute, run_frames)
        for minute, starts in itertools.groupby(getattr(one, name), key=minute_of):
            found.append((_digest(keys, (place, minute)), (place, Starts(starts))))
    return [run for _, run in sorted(found, key=lambda pair: pair[0])]


def _minute(run_frames: int | None, start: int) -> int:
    return 0 if run_frames is None else start // run_frames


def _n_windows(run: _Run) -> int:
    return 1 if isinstance(run, JoinedExample) else len(run[1])


def _divided(run: _Run, n_windows: int) -> tuple[_Run, _Run | None]:
    """Return the first windows of a run, at most as many as wanted, and the rest."""
    if isinstance(run, JoinedExample) or len(run[1]) <= n_windows:
        return run, None
    place, starts = run
    return (place, starts[:n_windows]), (place, starts[n_windows:])


def _digest(keys: Sequence[str], window: Window) -> bytes:
    """A number that mixes recordings and positions, the same everywhere."""
    if isinstance(window, JoinedExample):
        return hashlib.sha256(f"{window.key}:0".encode()).digest()
    return hashlib.sha256(f"{keys[window[0]]}:{window[1]}".encode()).digest()


def _places(run: _Run) -> list[int]:
    """Return the places of the recordings that a run is cut from."""
    if isinstance(run, JoinedExample):
        return [piece.place for piece in run.pieces]
    return [run[0]]


def _moved(example: JoinedExample, moved: dict[int, int]) -> JoinedExample:
    """Return a joined example with its recordings at other places."""
    pieces = [
        dataclasses.replace(piece, place=moved[piece.place]) for piece in example.pieces
    ]
    return JoinedExample(example.key, tuple(pieces))
