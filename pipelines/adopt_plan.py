"""What becomes of each adopted record: refused, train, eval, or left between them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence
from pathlib import PurePath
from typing import Final

from ddsp_core.manifest import SplitPolicy
from ddsp_core.spec import FEATURE_RATE, SOURCE_KEY_LENGTH
from pipelines.overlap import Group, Marks, groups

_HELD_OUT: Final = re.compile(r"(?<![a-z])(eval|test|valid|validation|dev)(?![a-z])")
MAX_EVAL_FRACTION: Final = 0.5


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a record lies, in the order in which records are considered.

    Args:
        shard: Number of the shard in the sorted list of them.
        number: Of the record in its shard.
        offset: Of its data, in bytes.
        length: Of its data, in bytes.
    """

    shard: int
    number: int
    offset: int
    length: int


@dataclasses.dataclass(frozen=True)
class Usable:
    """A record that holds an example of the spec.

    Args:
        place: Where.
        digest: Hex sha256 of its audio.
        peak: Largest absolute sample.
        marks: What of its audio others may share.
        is_held_out: Does its shard's name say so?
    """

    place: Place
    digest: str
    peak: float
    marks: Marks
    is_held_out: bool

    @property
    def key(self) -> str:
        """Source key of its example id."""
        return self.digest[:SOURCE_KEY_LENGTH]


@dataclasses.dataclass(frozen=True)
class Stretch:
    """Records that share samples: windows of one recording, as far as is known.

    Args:
        records: Theirs, in the order of their starts.
        starts: In samples at 16 kHz; None if they are not known.
        uses: Of each: 'train', 'eval' or 'guard'.
    """

    records: tuple[Usable, ...]
    starts: tuple[int, ...] | None
    uses: tuple[str, ...]

    def of(self, use: str) -> list[tuple[int | None, Usable]]:
        """Return the records of one use with their starts."""
        starts = self.starts or (None,) * len(self.records)
        rows = zip(starts, self.records, self.uses, strict=True)
        return [(start, record) for start, record, one in rows if one == use]


@dataclasses.dataclass(frozen=True)
class AdoptPlan:
    """What is written.

    Args:
        policy: How records came to be held out.
        stretches: All usable records but duplicates.
        duplicates: Records with the audio of another, and that other.
        n_leaked: Records of train that shared samples with held-out ones, as they were
            given; they are left out.
    """

    policy: SplitPolicy
    stretches: tuple[Stretch, ...]
    duplicates: tuple[tuple[Usable, Usable], ...]
    n_leaked: int = 0


def is_held_out(path: str) -> bool:
    """Does a shard's name say that it is held out?

    >>> (
    ...     is_held_out("sax-eval.tfrecord-00000-of-00001"),
    ...     is_held_out("medieval.tfrecord"),
    ... )
    (True, False)
    """
    return _HELD_OUT.search(PurePath(path).name.lower()) is not None


def plan_adoption(
    records: Iterable[Usable],
    n_samples_16k: int,
    eval_fraction: float,
    min_eval_secs: float,
) -> AdoptPlan:
    """Divide records between the splits so that no sample is in both.

    If the names of shards say which are held out, that holds, and what shares samples
    with them is left out of train. Else stretches are held out by their content, as
    `prepare` does with recordings, and of a single one its end.

    Args:
        records: All that are usable, in any order.
        n_samples_16k: Of one example.
        eval_fraction: Share to be held out.
        min_eval_secs: To be held out at least, if it is not more than half.
    """
    # Of equal records the held-out one is kept: nobody trains on what is evaluated.
    ordered = sorted(records, key=lambda one: (not one.is_held_out, _order(one)))
    first: dict[str, Usable] = {}
    duplicates = []
    for record in ordered:
        kept = first.setdefault(record.digest, record)
        if kept is not record:
            duplicates.append((record, kept))
    unique = sorted(first.values(), key=_order)
    found = [_members(group, unique) for group in groups([one.marks for one in unique])]
    duplicates.sort(key=lambda pair: _order(pair[0]))
    if any(one.is_held_out for one in unique):
        stretches = [_as_named(*row, n_samples_16k) for row in found]
        n_leaked = sum(len(one.of("guard")) for one in stretches)
        n_leaked += sum(
            kept.is_held_out and not record.is_held_out for record, kept in duplicates
        )
        return AdoptPlan(
            SplitPolicy.GIVEN, tuple(stretches), tuple(duplicates), n_leaked
        )
    policy, stretches = _by_content(found, n_samples_16k, eval_fraction, min_eval_secs)
    return AdoptPlan(policy, tuple(stretches), tuple(duplicates))


def covered_secs(
    starts: Sequence[int] | None, n_records: int, n_samples_16k: int
) -> float:
    """Return the seconds that records hold, those that they share once."""
    if starts is None:
        return n_records * n_samples_16k / FEATURE_RATE
    total, stop = 0, -1
    for start in sorted(starts):
        total += start + n_samples_16k - max(start, stop)
        stop = start + n_samples_16k
    return total / FEATURE_RATE


_Members = tuple[tuple[Usable, ...], tuple[int, ...] | None]


def _members(group: Group, unique: Sequence[Usable]) -> _Members:
    return tuple(unique[number] for number in group.members), group.starts


def _as_named(
    records: tuple[Usable, ...], starts: tuple[int, ...] | None, length: int
) -> Stretch:
    """Keep the split as it was given; what shares samples with eval is a guard."""
    held = [k for k, one in enumerate(records) if one.is_held_out]

    def use(k: int) -> str:
        if records[k].is_held_out:
            return "eval"
        meets = any(
            starts is None or abs(starts[k] - starts[other]) < length for other in held
        )
        return "guard" if meets else "train"

    return Stretch(records, starts, tuple(use(k) for k in range(len(records))))


def _by_content(
    found: Sequence[_Members], length: int, eval_fraction: float, min_eval_secs: float
) -> tuple[SplitPolicy, list[Stretch]]:
    """Hold out whole stretches, those of lowest digest; of a single one its end."""
    if len(found) == 1:
        return SplitPolicy.TAIL, [_tail(*found[0], length, eval_fraction)]
    secs = [covered_secs(starts, len(records), length) for records, starts in found]
    keys = [min(one.digest for one in records) for records, _ in found]
    order = sorted(range(len(found)), key=lambda k: keys[k])
    needed = min(min_eval_secs, MAX_EVAL_FRACTION * sum(secs))
    held: set[int] = set()
    total = 0.0
    for k in order[:-1]:
        is_low = int(keys[k][:8], 16) / 2**32 < eval_fraction
        if total >= needed and not is_low:
            break
        if total + secs[k] > MAX_EVAL_FRACTION * sum(secs) and total:
            break
        held.add(k)
        total += secs[k]
    stretches = [
        Stretch(records, starts, ("eval" if k in held else "train",) * len(records))
        for k, (records, starts) in enumerate(found)
    ]
    return SplitPolicy.RECORDING, stretches


def _tail(
    records: tuple[Usable, ...],
    starts: tuple[int, ...] | None,
    length: int,
    eval_fraction: float,
) -> Stretch:
    """Hold out the last windows; those that share samples with them are a guard."""
    n_eval = max(1, round(eval_fraction * len(records)))
    if starts is None or starts[-n_eval] < length:
        return Stretch(records, starts, ("train",) * len(records))
    border = starts[-n_eval]
    uses = [
        "eval" if start >= border else "train" if start + length <= border else "guard"
        for start in starts
    ]
    return Stretch(records, starts, tuple(uses))


def _order(record: Usable) -> tuple[int, int]:
    return record.place.shard, record.place.number
