"""Files shorter than an example, joined to examples with short rests between.

The kept short files of one split lie end to end on a timeline, each followed by a rest
of a tenth of its length. Windows of that timeline are examples like those of a long
recording: a staccato take is not lost, and a model hears rests. A rest is silence: zero
samples, the floor of the loudness scale, no confidence.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, Final

from ddsp_core.spec import SOURCE_KEY_LENGTH, ExampleSpec, Padding, example_id
from pipelines.elements import JoinedExample, Piece, Planned, ShardPlan
from pipelines.windows import window_starts

# A rest is a tenth of what it follows, and 6 % of an example at most: whatever the
# files, the rests of an example then stay below 15 % of it.
REST_SHARE: Final = 0.1
MAX_REST_OF_EXAMPLE: Final = 0.06
MAX_REST_SECS: Final = 0.25  # a breath; longer silence teaches nothing more


def join(
    planned: Sequence[Planned], split: str, spec: ExampleSpec
) -> tuple[JoinedExample, ...]:
    """Join the short recordings of a split to examples.

    Args:
        planned: All recordings, in the order in which they are joined.
        split: 'train' or 'eval'.
        spec: Of the examples.

    Returns:
        Examples whose pieces name recordings by their place in `planned`; none if all
        short recordings together do not fill one.
    """
    timeline = _timeline(planned, split, spec)
    if not timeline:
        return ()
    last = timeline[-1]
    n_frames = last.at + last.n_frames + _n_end_frames(spec)
    examples, first = [], 0
    for start in window_starts(n_frames, spec):
        stop = start + spec.n_intervals
        while timeline[first].at + timeline[first].n_frames <= start:
            first += 1
        pieces = []
        for piece in timeline[first:]:
            if piece.at >= stop:
                break
            pieces.append(_cut(piece, start, stop))
        examples.append(JoinedExample(_key(pieces, planned), tuple(pieces)))
    return tuple(examples)


def rest_frames(n_frames: int, spec: ExampleSpec) -> int:
    """Return how long the rest after a piece is, in frames.

    >>> rest_frames(400, ExampleSpec())
    40
    """
    longest = min(
        MAX_REST_SECS * spec.frame_rate, MAX_REST_OF_EXAMPLE * spec.n_intervals
    )
    return int(min(REST_SHARE * n_frames, longest))


def coverage(
    examples: Iterable[JoinedExample],
) -> dict[int, tuple[tuple[int, int], ...]]:
    """Return which stretches of each recording examples hold.

    Returns:
        By the recording's place: (start, stop) in frames, ascending and disjoint.
    """
    found: dict[int, set[tuple[int, int]]] = {}
    for example in examples:
        for piece in example.pieces:
            stretch = (piece.start, piece.start + piece.n_frames)
            found.setdefault(piece.place, set()).add(stretch)
    return {place: _merged(sorted(stretches)) for place, stretches in found.items()}


def joined_rows(shards: Iterable[ShardPlan], spec: ExampleSpec) -> list[dict[str, Any]]:
    """Return the lines of `joined.jsonl`: what each joined example is made of.

    A line has `example_id`, `split`, `pieces` (source, `start` and `stop` in its own
    samples, `at_secs` in the example) and `rests` (`at_secs`, `secs`: synthesised
    silence).
    """
    rows = [
        _row(example, shard, spec)
        for shard in shards
        for example in shard.windows
        if isinstance(example, JoinedExample)
    ]
    return sorted(rows, key=lambda row: row["example_id"])


def _row(example: JoinedExample, shard: ShardPlan, spec: ExampleSpec) -> dict[str, Any]:
    rate, at = spec.frame_rate, 0
    pieces, rests = [], []
    ends = [(piece.at, piece.at + piece.n_frames) for piece in example.pieces]
    for start, stop in [*ends, (spec.n_intervals, spec.n_intervals)]:
        if start > at:
            rests.append(
                {
                    "at_secs": round(at / rate, 6),
                    "secs": round((start - at) / rate, 6),
                    "kind": "synthesised silence",
                }
            )
        at = stop
    for piece in example.pieces:
        recording = shard.recordings[piece.place]
        start, stop = (
            frame * recording.sample_rate // rate
            for frame in (piece.start, piece.start + piece.n_frames)
        )
        pieces.append(
            {
                "source": recording.source,
                "start": start,
                "stop": stop,
                "at_secs": round(piece.at / rate, 6),
            }
        )
    return {
        "example_id": example_id(example.key, 0),
        "split": shard.split,
        "pieces": pieces,
        "rests": rests,
    }


def _timeline(planned: Sequence[Planned], split: str, spec: ExampleSpec) -> list[Piece]:
    """Lay the whole short recordings of a split end to end."""
    pieces, at = [], 0
    for place, one in enumerate(planned):
        n_frames = one.judged.n_frames - _n_end_frames(spec)
        if one.joined_to == split and n_frames > 0:
            pieces.append(Piece(place, 0, n_frames, at))
            at += n_frames + rest_frames(n_frames, spec)
    return pieces


def _merged(stretches: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Join stretches that touch or overlap."""
    merged: list[tuple[int, int]] = []
    for start, stop in stretches:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((start, stop))
    return tuple(merged)


def _cut(piece: Piece, start: int, stop: int) -> Piece:
    """Return the part of a piece inside [start, stop), placed from `start`."""
    first, last = max(piece.at, start), min(piece.at + piece.n_frames, stop)
    return dataclasses.replace(
        piece,
        start=piece.start + first - piece.at,
        n_frames=last - first,
        at=first - start,
    )


def _n_end_frames(spec: ExampleSpec) -> int:
    """A frame on the very end is no time of its own."""
    return int(spec.padding is Padding.CENTER)


def _key(pieces: Sequence[Piece], planned: Sequence[Planned]) -> str:
    """A digest of what the example is made of, in the form of a source key."""
    lines = [
        f"{planned[one.place].recording.key} {one.start} {one.n_frames} {one.at}"
        for one in pieces
    ]
    digest = hashlib.sha256("\n".join(["joined", *lines]).encode()).hexdigest()
    return digest[:SOURCE_KEY_LENGTH]
