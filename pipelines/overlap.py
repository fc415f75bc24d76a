"""Which examples share samples: windows of one recording, found by their content.

Each example is marked where some function of the bits is least within any stretch of
`REACH` samples, so two examples that share as much and `CHECKED` samples more have a
mark in common, whatever their offset.

Source of the marks: Schleimer, Wilkerson and Aiken, "Winnowing", SIGMOD 2003.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy import ndimage

# Samples at 16 kHz: some 32 marks in 4 s, at least one in a shared third of a second.
REACH: Final = 4000
CHECKED: Final = 1024  # samples that must be equal from a mark on
_ODD: Final = (2654435761, 2246822519, 3266489917)  # mixes neighbouring samples
_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)  # spreads the bits of a product
_NEVER: Final = 2**40  # more than any key: silence and clipping mark nothing


@dataclasses.dataclass(frozen=True)
class Marks:
    """Marks of one example.

    Args:
        digests: Of the samples that follow each, uint64 [n_marks].
        positions: In samples at 16 kHz, int64 [n_marks].
    """

    digests: np.ndarray
    positions: np.ndarray


@dataclasses.dataclass(frozen=True)
class Group:
    """Examples that share samples, directly or through others.

    Args:
        members: Numbers of the examples, in the order of their starts.
        starts: In samples at 16 kHz, from the first member's; None if the shared
            stretches contradict each other, as loops do.
    """

    members: tuple[int, ...]
    starts: tuple[int, ...] | None


def marks(audio_16k: np.ndarray) -> Marks:
    """Return the marks of one example.

    Args:
        audio_16k: Float32, [n_samples].
    """
    bits = np.ascontiguousarray(audio_16k, np.float32).view(np.uint32).astype(np.uint64)
    n = len(bits) - CHECKED
    if n < 1:
        return Marks(np.zeros(0, np.uint64), np.zeros(0, np.int64))
    key = np.zeros(len(bits), np.uint64)
    is_flat = np.ones(len(bits), bool)
    for shift, odd in enumerate(_ODD):
        key ^= np.roll(bits, -shift) * np.uint64(odd)
        is_flat &= bits == np.roll(bits, -shift)
    key = ((key * _GOLDEN) >> np.uint64(33)).astype(np.int64)
    key[is_flat] = _NEVER
    key = key[:n]
    reach = min(REACH, n)
    # least[s]: of the stretch that starts at s. A place is marked if it is the least of
    # any stretch that it lies in: of the one whose least is greatest.
    least = ndimage.minimum_filter1d(key, reach, origin=-(reach // 2))[: n - reach + 1]
    least = np.concatenate([np.full(reach - 1, -1), least, np.full(reach - 1, -1)])
    greatest = ndimage.maximum_filter1d(least, reach, origin=-(reach // 2))[:n]
    places = np.flatnonzero((key == greatest) & ~is_flat[:n])
    raw = np.ascontiguousarray(audio_16k, "<f4")
    digests = [_digest(raw[place : place + CHECKED]) for place in places]
    # What comes twice in one example, as in an exactly periodic tone, tells no place.
    unique, first, counts = np.unique(
        np.array(digests, np.uint64), return_index=True, return_counts=True
    )
    return Marks(unique[counts == 1], places[first[counts == 1]].astype(np.int64))


def groups(examples: Sequence[Marks]) -> list[Group]:
    """Return the examples by what they share; each is in one group, alone or not.

    Args:
        examples: Marks of each.

    Returns:
        Groups in the order of their first example.
    """
    root, shift = list(range(len(examples))), [0] * len(examples)
    contradicted: set[int] = set()
    for one, other, offset in _links(examples):
        (a, at_a), (b, at_b) = _find(root, shift, one), _find(root, shift, other)
        # other starts `offset` after one
        delta = at_a + offset - at_b
        if a != b:
            root[b], shift[b] = a, delta
            if b in contradicted:
                contradicted.add(a)
        elif delta:
            contradicted.add(a)
    by_root: dict[int, list[tuple[int, int]]] = {}
    for number in range(len(examples)):
        found, start = _find(root, shift, number)
        by_root.setdefault(found, []).append((start, number))
    return [
        _group(sorted(members), found in contradicted)
        for found, members in by_root.items()
    ]


def _group(members: list[tuple[int, int]], is_contradicted: bool) -> Group:
    first = members[0][0]
    starts = tuple(start - first for start, _ in members)
    numbers = tuple(number for _, number in members)
    if is_contradicted or len(set(starts)) < len(starts):
        return Group(tuple(sorted(numbers)), None)
    return Group(numbers, starts)


def _links(examples: Sequence[Marks]) -> list[tuple[int, int, int]]:
    """Return (example, other, offset) for every two that follow on one digest.

    The best founded come first, so that a chance meeting decides nothing.
    """
    sizes = [len(one.digests) for one in examples]
    if not sum(sizes):
        return []
    digests = np.concatenate([one.digests for one in examples])
    positions = np.concatenate([one.positions for one in examples])
    numbers = np.repeat(np.arange(len(examples)), sizes)
    order = np.argsort(digests, kind="stable")
    digests, positions, numbers = digests[order], positions[order], numbers[order]
    same = np.flatnonzero(digests[1:] == digests[:-1])
    rows = np.stack(
        [numbers[same], numbers[same + 1], positions[same] - positions[same + 1]],
        axis=1,
    )
    links, votes = np.unique(rows, axis=0, return_counts=True)
    return [tuple(row) for row in links[np.argsort(-votes, kind="stable")].tolist()]


def _find(root: list[int], shift: list[int], number: int) -> tuple[int, int]:
    """Return the root of an example's group and its start, counted from the root's."""
    path = []
    while root[number] != number:
        path.append(number)
        number = root[number]
    total = 0
    for one in reversed(path):  # each now hangs on the root itself
        total += shift[one]
        root[one], shift[one] = number, total
    return number, total


def _digest(samples: np.ndarray) -> int:
    return int.from_bytes(hashlib.sha256(samples.tobytes()).digest()[:8], "little")
