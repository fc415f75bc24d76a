"""f0 over what has no pitch: lines, holds, and the same in pieces."""

from __future__ import annotations

import itertools

import hypothesis
import numpy as np
from hypothesis import strategies as st

from ddsp_core.features.continuous import continuous_f0, first_voiced, last_voiced

RATE = 10  # 0.3 s are three frames


def by_hand(f0_hz, is_voiced):
    """Frame by frame, as the docstring reads."""
    voiced = [k for k in range(len(f0_hz)) if is_voiced[k]]
    result = []
    for k in range(len(f0_hz)):
        past = [v for v in voiced if v <= k]
        coming = [v for v in voiced if v >= k]
        if not voiced:
            result.append(440.0)
        elif not past:
            result.append(f0_hz[coming[0]])
        elif not coming or coming[0] - past[-1] - 1 > 3:
            result.append(f0_hz[coming[0]] if k in voiced else f0_hz[past[-1]])
        else:
            a, b = past[-1], coming[0]
            share = (k - a) / max(1, b - a)
            result.append(f0_hz[a] ** (1 - share) * f0_hz[b] ** share)
    return np.array(result)


tracks = st.lists(
    st.tuples(st.floats(30, 2000, width=32), st.booleans()), min_size=1, max_size=40
)


@hypothesis.given(tracks)
def test_it_is_what_its_words_say(track):
    f0_hz, is_voiced = (np.array(column) for column in zip(*track, strict=True))
    f0_hz = f0_hz.astype(np.float32)
    got = continuous_f0(f0_hz, is_voiced, RATE)
    np.testing.assert_allclose(got, by_hand(f0_hz.astype(float), is_voiced), rtol=1e-6)
    np.testing.assert_array_equal(got[is_voiced], f0_hz[is_voiced])


@hypothesis.given(tracks, st.lists(st.integers(0, 40), max_size=4))
def test_in_pieces_it_is_the_same_to_the_last_bit(track, cuts):
    f0_hz, is_voiced = (np.array(column) for column in zip(*track, strict=True))
    f0_hz = f0_hz.astype(np.float32)
    edges = [0, *sorted(min(cut, len(f0_hz)) for cut in cuts), len(f0_hz)]
    pieces = [slice(a, b) for a, b in itertools.pairwise(edges)]
    afters = [None]
    for piece in reversed(pieces[1:]):
        afters.append(first_voiced(f0_hz[piece], is_voiced[piece], afters[-1]))
    before, parts = None, []
    for piece, after in zip(pieces, reversed(afters), strict=True):
        one = f0_hz[piece], is_voiced[piece]
        parts.append(continuous_f0(*one, RATE, before, after))
        before = last_voiced(*one, before)
    whole = continuous_f0(f0_hz, is_voiced, RATE)
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_what_stands_where_nothing_is_voiced_is_never_read():
    f0_hz = np.array([220, np.nan, 0, -1, 220], np.float32)
    got = continuous_f0(f0_hz, np.array([1, 0, 0, 0, 1], bool), RATE)
    np.testing.assert_allclose(got, 220)
