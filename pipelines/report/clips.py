"""Six examples to hear: best, worst and by chance, chosen from the shards."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from ddsp_core import codec, io
from ddsp_core.features.extract import MIN_LOUDNESS_DB, Features, sounding
from ddsp_core.features.octave_jumps import n_octave_jumps
from ddsp_core.manifest import Shard
from ddsp_core.spec import SOURCE_KEY_LENGTH, ExampleSpec, parse_example_id

KINDS: Final = ("best", "worst", "by chance")
OF_EACH: Final = 2
JUMP_COST: Final = 0.05  # of the score: a jump is heard more than low confidence


@dataclasses.dataclass(frozen=True)
class ClipCandidate:
    """An example that may be shown.

    Args:
        score: Mean confidence of the loud frames, less what octave jumps cost.
        example_id: Source key and start.
        shard: Name of its file.
        split: 'train' or 'eval'.
        index: Of the record in the shard.
        loud_share: Of its frames.
    """

    score: float
    example_id: str
    shard: str
    split: str
    index: int
    loud_share: float

    @property
    def recording(self) -> str:
        """Source key: what two clips should not share."""
        return self.example_id[:SOURCE_KEY_LENGTH]


def candidates_of(
    row: tuple[str, Shard], directory: str | os.PathLike[str], spec: ExampleSpec
) -> list[ClipCandidate]:
    """Return the examples of a shard that may be shown: a few of each kind.

    Args:
        row: (split, shard).
        directory: Where the shard lies.
        spec: Of the examples.

    Raises:
        DatasetError: The shard is damaged.
    """
    split, shard = row
    length, found = codec.record_length(spec), []
    with io.local_copy(io.join(directory, shard.name)) as path:
        for index in range(shard.n_records):
            name, values = codec.decode(spec, codec.read_record(path, index, length))
            score, loud = _score(values, spec.frame_rate)
            found.append(ClipCandidate(score, name, shard.name, split, index, loud))
    picked = pick(found)
    return sorted({one for _, one in picked}, key=_by_place)


def pick(candidates: Iterable[ClipCandidate]) -> list[tuple[str, ClipCandidate]]:
    """Return two of each kind with its name, of different recordings if possible.

    The same candidates give the same clips in any order.
    """
    left = sorted(candidates, key=_by_place)
    picked: list[tuple[str, ClipCandidate]] = []
    orders: dict[str, Callable[[ClipCandidate], Any]] = {
        "best": lambda one: (one.loud_share < 0.5, -one.score, _chance(one)),
        "worst": lambda one: (one.score, _chance(one)),
        "by chance": _chance,
    }
    for _ in range(OF_EACH):
        for kind in KINDS:
            if not left:
                break
            used = {one.recording for _, one in picked}
            order = orders[kind]
            one = min(left, key=lambda c: (c.recording in used, order(c)))
            picked.append((kind, one))
            left.remove(one)
    return sorted(picked, key=lambda item: KINDS.index(item[0]))


def read_clip(
    candidate: ClipCandidate, directory: str | os.PathLike[str], spec: ExampleSpec
) -> dict[str, np.ndarray]:
    """Return the fields of an example, read by its place in the shard.

    Raises:
        DatasetError: The shard is damaged.
    """
    with io.local_copy(io.join(directory, candidate.shard)) as path:
        data = codec.read_record(path, candidate.index, codec.record_length(spec))
    _, values = codec.decode(spec, data)
    return values


def features_of(values: dict[str, np.ndarray]) -> Features:
    """Return the features among an example's fields."""
    return Features(*(values[f.name] for f in dataclasses.fields(Features)))


def _score(values: dict[str, np.ndarray], frame_rate: int) -> tuple[float, float]:
    """Return score and share of loud frames, rounded: the same on every CPU."""
    features = features_of(values)
    loud = np.round(features.loudness_db, 2) >= MIN_LOUDNESS_DB
    confidence = np.round(features.f0_confidence, 2)
    mean = float(confidence[loud].mean()) if loud.any() else 0.0
    n_jumps = n_octave_jumps(features.f0_hz, sounding(features), frame_rate)
    return round(mean - JUMP_COST * n_jumps, 3), round(float(loud.mean()), 2)


def _chance(one: ClipCandidate) -> str:
    return hashlib.sha256(one.example_id.encode()).hexdigest()


def _by_place(one: ClipCandidate) -> tuple[str, int]:
    return one.shard, one.index


def captions(
    picked: Sequence[tuple[str, ClipCandidate]],
    sources: Iterable[Mapping[str, Any]],
    joined: Iterable[Mapping[str, Any]],
    spec: ExampleSpec,
) -> list[str]:
    """Say where each clip is from: file and time, or the files it is joined of."""
    names = {row["source_key"]: row["source"] for row in sources}
    pieces = {
        row["example_id"]: [piece["source"] for piece in row["pieces"]]
        for row in joined
    }
    found = []
    for _, one in picked:
        if one.example_id in pieces:
            files = dict.fromkeys(map(os.path.basename, pieces[one.example_id]))
            found.append(f"joined: {', '.join(files)}")
            continue
        start = parse_example_id(one.example_id)[1] / spec.sample_rate
        name = os.path.basename(names.get(one.recording, one.recording))
        found.append(f"{name}, {start:.1f} to {start + spec.example_secs:.1f}\u00a0s")
    return found
