"""The plan as a function of measures: invariants over made-up recordings."""

import dataclasses
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ddsp_core.codec import FRAMING_LENGTH, record_length
from ddsp_core.errors import UsageError
from ddsp_core.manifest import SplitPolicy
from ddsp_core.spec import ExampleSpec, Padding
from pipelines import plan as planning
from pipelines.elements import JoinedExample
from pipelines.judge import judge
from pipelines.options import PrepareOptions
from pipelines.plan import make_plan
from pipelines.policy import Policy
from pipelines.split import SplitRule
from pipelines.windows import window_starts
from tests.pipelines.recordings import measures, recording

SPEC = ExampleSpec.from_seconds(4.0, 16_000, 50, 1.0)
RATE = SPEC.frame_rate
GUARD_FRAMES = SPEC.n_frames + RATE  # one example and a second of context


def options(**changes):
    return PrepareOptions(inputs=("in",), out="out", spec=SPEC, **changes)


def judged(name, secs, loud=None, sounding=None, spec=SPEC, **extra):
    """A recording of which everything sounds, unless said otherwise."""
    one = recording(name, int(secs * 16_000), **extra)
    n = int(secs * spec.frame_rate) + (spec.padding is Padding.CENTER)
    loud = np.ones(n, bool) if loud is None else loud
    sounding = loud if sounding is None else sounding
    return judge(one, measures(one, loud, sounding, spec.frame_rate), spec)


def covered(starts, n):
    frames = np.zeros(n, bool)
    for start in starts:
        frames[start : start + SPEC.n_frames] = True
    return frames


@given(st.integers(1, 3000), st.integers(1, 400), st.integers(1, 400))
def test_windows_lie_on_the_grid_and_lose_no_tail(n_total, n_frames, hop):
    spec = ExampleSpec(n_frames=n_frames, example_hop=hop)
    starts = window_starts(n_total, spec)
    if n_total < n_frames:
        assert starts == []
        return
    assert starts[0] == 0 and starts[-1] + n_frames == n_total
    assert all(start % hop == 0 for start in starts[:-1])
    assert max(np.diff([*starts, starts[-1]])) <= hop


def test_a_recording_of_exactly_one_example_gives_one():
    assert judged("a", 4.0).kept == (0,)
    assert judged("a", 3.98).kept == ()
    center = ExampleSpec.from_seconds(4.0, 16_000, 50, 1.0, padding="center")
    assert judged("a", 4.0, spec=center).kept == (0,)


def test_silence_is_refused_and_what_lies_around_it_is_kept():
    loud = np.ones(30 * RATE, bool)
    loud[8 * RATE : 20 * RATE] = False
    one = judged("a", 30, loud)
    silent = [start for start, reason in one.refused if reason == "silent"]
    # A window in which less than a tenth (0.4 s) is loud lies at 8 to 16 s.
    assert silent == [k * RATE for k in range(8, 17)]
    assert set(one.kept) == set(window_starts(30 * RATE, SPEC)) - set(silent)


def test_loud_without_pitch_is_refused():
    loud = np.ones(10 * RATE, bool)
    sounding = np.zeros(10 * RATE, bool)
    sounding[::5] = True  # a fifth
    assert {reason for _, reason in judged("a", 10, loud, sounding).refused} == {
        "no clear pitch"
    }
    sounding[::3] = True
    assert not judged("a", 10, loud, sounding).refused


def test_windows_near_a_broken_sample_are_refused_and_no_others():
    rate, bad = 16_000, 10 * 16_000
    one = judged("a", 20, nonfinite=[(bad, bad + 1)])
    refused = [start for start, reason in one.refused if "NaN" in reason]
    expected = [
        start
        for start in window_starts(20 * RATE, SPEC)
        if start / RATE < bad / rate + 0.1 and start / RATE + 4 > bad / rate - 0.1
    ]
    assert refused == expected


def test_the_split_is_by_recording_when_that_holds_out_enough():
    recordings = [judged(f"take {k}", 30) for k in range(60)]
    plan = make_plan(recordings, options())
    assert plan.rule == SplitRule(SplitPolicy.RECORDING, 0.1)
    for one in plan.recordings:
        is_eval = int(one.recording.key[:8], 16) / 2**32 < 0.1
        assert bool(one.eval) == is_eval and bool(one.train) != is_eval
        assert not one.guard


def test_adding_recordings_moves_none_of_the_others():
    recordings = [judged(f"take {k}", 30) for k in range(60)]
    before = {
        p.recording.key: p for p in make_plan(recordings[:40], options()).recordings
    }
    after = {p.recording.key: p for p in make_plan(recordings, options()).recordings}
    assert all(after[key] == one for key, one in before.items())


def test_few_recordings_hold_out_their_tails_behind_a_guard():
    plan = make_plan([judged("a", 60), judged("b", 120)], options())
    assert plan.rule.policy is SplitPolicy.TAIL
    n_eval = sum(covered(p.eval, p.judged.n_frames).sum() for p in plan.recordings)
    assert n_eval / RATE >= 20
    for one in plan.recordings:
        assert min(one.eval) - (max(one.train) + SPEC.n_frames) >= GUARD_FRAMES
        assert max(one.eval) + SPEC.n_frames == one.judged.n_frames
        together = sorted([*one.train, *one.guard, *one.eval])
        assert tuple(together) == one.judged.kept


def test_the_rule_of_the_dataset_before_is_kept():
    recordings = [judged(f"take {k}", 60) for k in range(60)]
    rule = SplitRule(SplitPolicy.TAIL, 0.25)
    plan = make_plan(recordings, options(), rule)
    assert plan.rule == rule
    assert all(p.train and p.eval for p in plan.recordings)


def test_recordings_too_short_to_be_divided_are_held_out_whole_but_never_all():
    plan = make_plan([judged(f"take {k}", 8) for k in range(5)], options())
    assert sum(bool(p.eval) for p in plan.recordings) >= 1
    assert sum(bool(p.train) for p in plan.recordings) >= 1
    single = make_plan([judged("only", 8)], options())
    assert [(bool(p.train), bool(p.eval)) for p in single.recordings] == [(True, False)]


def test_named_recordings_are_held_out():
    recordings = [judged(f"take {k}", 30) for k in range(4)]
    plan = make_plan(recordings, options(holdout="take [13]$"))
    assert plan.rule.policy is SplitPolicy.GIVEN
    held = {p.recording.source for p in plan.recordings if p.eval}
    assert held == {"take 1", "take 3"}


@st.composite
def corpora(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    found = []
    for k in range(draw(st.integers(1, 6))):
        n = int(rng.integers(1, 60 * RATE))
        loud = np.repeat(rng.random(-(-n // 40)) < 0.6, 40)[:n]
        sounding = loud & (np.repeat(rng.random(-(-n // 25)) < 0.8, 25)[:n])
        found.append(
            judged(
                f"take {k}", n / RATE, loud, sounding, seekable=bool(rng.random() < 0.5)
            )
        )
    return found


@settings(max_examples=60, deadline=None)
@given(corpora(), st.integers(0, 2**32 - 1))
def test_any_corpus_is_planned_whole_and_the_same_in_any_order(recordings, seed):
    plan = make_plan(recordings, options())
    shuffled = random.Random(seed).sample(recordings, len(recordings))
    assert make_plan(shuffled, options()) == plan
    written = {"train": [], "eval": []}
    for shard in plan.shards:
        for window in shard.windows:
            if not isinstance(window, JoinedExample):
                key = shard.recordings[window[0]].key
                written[shard.split].append((key, window[1]))
    for split, windows in written.items():
        planned = [
            (p.recording.key, s) for p in plan.recordings for s in getattr(p, split)
        ]
        assert sorted(windows) == sorted(planned)
    for one in plan.recordings:
        together = sorted([*one.train, *one.eval, *one.guard])
        assert together == list(one.judged.kept)
        if one.train and one.eval:
            gap = min(one.eval) - (max(one.train) + SPEC.n_frames)
            assert gap >= GUARD_FRAMES
    if any(one.judged.kept for one in plan.recordings):
        assert written["train"]


def test_shards_are_of_equal_size_and_mix_recordings(monkeypatch):
    size = record_length(SPEC) + FRAMING_LENGTH
    monkeypatch.setattr(planning, "SHARD_BYTES", 100 * size)
    plan = make_plan([judged(f"take {k}", 200) for k in range(6)], options())
    train = [shard for shard in plan.shards if shard.split == "train"]
    sizes = [len(shard.windows) for shard in train]
    assert len(train) > 5 and max(sizes) <= 100 and max(sizes) - min(sizes) <= 1
    names = [shard.name for shard in train]
    assert names[1] == f"train.tfrecord-00001-of-{len(train):05d}"
    n_mixed = sum(len(shard.recordings) > 1 for shard in train)
    assert n_mixed >= len(train) - 2
    order = [start for _, start in train[0].windows]
    assert order != sorted(order)


def test_groups_are_held_out_together():
    recordings = [judged(f"take {k} {mic}", 30) for k in range(30) for mic in "ab"]
    plan = make_plan(recordings, options(group=r"take (\d+)"))
    assert plan.rule.policy is SplitPolicy.RECORDING
    sides = {}
    for one in plan.recordings:
        group = one.recording.source.split()[1]
        sides.setdefault(group, set()).add(bool(one.eval))
    assert len(sides) == 30 and all(len(side) == 1 for side in sides.values())
    assert {True, False} == set().union(*sides.values())


def test_few_groups_are_held_out_whole_not_by_their_tails():
    recordings = [judged(f"take {k} {mic}", 30) for k in range(3) for mic in "ab"]
    plan = make_plan(recordings, options(group=r"take \d"))
    held = {p.recording.source[:6] for p in plan.recordings if p.eval}
    trained = {p.recording.source[:6] for p in plan.recordings if p.train}
    assert held and trained and not held & trained


def test_a_policy_refuses_by_its_own_limits():
    loud = np.ones(10 * RATE, bool)
    sounding = np.zeros(10 * RATE, bool)
    one = recording("a", 10 * 16_000)
    blocks = measures(one, loud, sounding, RATE)
    assert not judge(one, blocks, SPEC, Policy(min_pitched_share=0.0)).refused
    two_notes = [
        dataclasses.replace(block, sounding=block.loud, polyphonic=block.loud)
        for block in blocks
    ]
    assert {r for _, r in judge(one, two_notes, SPEC).refused} == {
        "more than one note at a time"
    }
    assert not judge(one, two_notes, SPEC, Policy(max_polyphonic_share=None)).refused


def test_channels_that_cancel_refuse_a_recording_with_the_remedy():
    one = recording("a", 10 * 16_000)
    scan = dataclasses.replace(
        one.scan, channel_power=(0.01, 0.01), mix_power=1e-6, difference_power=0.04
    )
    one = dataclasses.replace(one, scan=scan)
    ((reason, starts),) = judge(
        one, measures(one, *[np.ones(500, bool)] * 2, RATE), SPEC
    ).refused_for
    assert len(starts) == 7 and "40.0 dB" in reason and "turn one channel" in reason
    kept = judge(one, [], SPEC, Policy(max_mix_loss_db=None))
    assert kept.reason != reason


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        (Policy(max_clipped_share=0.01), "clipped: 2.00%"),
        (Policy(max_dc=0.1), "constant offset of 0.35"),
    ],
)
def test_what_is_only_reported_can_be_refused(policy, reason):
    one = recording("a", 10 * 16_000)
    scan = dataclasses.replace(one.scan, n_clipped=3200, dc=0.35)
    one = dataclasses.replace(one, scan=scan)
    blocks = measures(one, *[np.ones(500, bool)] * 2, RATE)
    assert len(judge(one, blocks, SPEC).kept) == 7
    ((found, _),) = judge(one, blocks, SPEC, policy).refused_for
    assert found.startswith(reason) or reason in found


@pytest.mark.parametrize(
    ("change", "needed"),
    [
        ({"min_loud_share": 1.5}, "from 0 to 1"),
        ({"max_dc": -1}, "0 or more"),
        ({"min_loud_share": None}, "from 0 to 1"),
        ({"max_rejected_fraction": "half"}, "from 0 to 1"),
    ],
)
def test_a_limit_that_cannot_be_is_refused_by_name(change, needed):
    with pytest.raises(UsageError, match=f"Policy.{next(iter(change))}.*{needed}"):
        Policy(**change)


def test_a_plan_without_anything_usable_is_empty():
    plan = make_plan([judged("a", 3), judged("b", 10, np.zeros(500, bool))], options())
    assert plan.shards == ()
    assert make_plan([], options()).recordings == ()


@pytest.mark.parametrize("value", [0, 1, -0.5])
def test_a_share_to_hold_out_must_be_one(value):
    with pytest.raises(ValueError, match="between 0 and 1"):
        options(eval_fraction=value)
