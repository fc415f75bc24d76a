"""Shared samples found by content, against where the windows were really cut."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.overlap import CHECKED, REACH, groups, marks

WINDOW = 32_000


def recording(seed, n_samples):
    """Noise at 16 bits: every stretch of it is one of a kind."""
    rng = np.random.default_rng(seed)
    return (rng.integers(-3000, 3000, n_samples) / 32768).astype(np.float32)


def found(windows):
    return groups([marks(window) for window in windows])


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), hop=st.integers(1, WINDOW - REACH - CHECKED))
def test_windows_of_a_recording_meet_whatever_their_hop(seed, hop):
    audio = recording(seed, WINDOW + 4 * hop)
    starts = [k * hop for k in range(5)]
    order = np.random.default_rng(seed).permutation(5)
    windows = [audio[starts[k] : starts[k] + WINDOW] for k in order]
    (group,) = found(windows)
    assert group.starts == tuple(starts)
    assert [order[member] for member in group.members] == list(range(5))


def test_other_recordings_and_windows_that_only_touch_stay_apart():
    a, b = recording(1, 2 * WINDOW), recording(2, WINDOW)
    apart = found([a[:WINDOW], b, a[WINDOW:]])
    assert [group.members for group in apart] == [(0,), (1,), (2,)]


def test_silence_brings_nothing_together():
    silence = np.zeros(WINDOW, np.float32)
    half = [
        np.concatenate([recording(k, WINDOW // 2), silence[: WINDOW // 2]])
        for k in (1, 2)
    ]
    assert len(found([silence, *half, silence])) == 4


def test_a_tone_that_repeats_exactly_has_no_place():
    tone = np.tile(np.sin(2 * np.pi * np.arange(160) / 160), 200).astype(np.float32)
    assert all(len(group.members) == 1 for group in found([tone, tone[160:]]))


def test_a_loop_has_members_and_no_places():
    audio = recording(3, WINDOW // 2)
    other = recording(4, WINDOW // 2)
    forth, back = np.concatenate([audio, other]), np.concatenate([other, audio])
    (group,) = found([forth, back])
    assert group.members == (0, 1) and group.starts is None


def test_a_window_shorter_than_a_mark_is_alone():
    assert len(marks(np.zeros(100, np.float32)).digests) == 0
    assert found([recording(5, 100)] * 2)[0].members == (0,)


@pytest.mark.parametrize("n", [0, 1])
def test_of_few_examples_there_are_as_many_groups(n):
    assert len(found([recording(6, WINDOW)] * n)) == n
