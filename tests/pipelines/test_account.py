"""Every sample of every recording is accounted for, once."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ddsp_core.quality import Quality
from ddsp_core.spec import ExampleSpec
from pipelines.account import (
    GUARD,
    TAIL,
    intervals,
    quality_entry,
    refusals,
    source_row,
)
from pipelines.elements import Judged
from pipelines.judge import judge
from pipelines.options import PrepareOptions
from pipelines.plan import make_plan
from pipelines.windows import Starts
from tests.pipelines.recordings import measures, recording


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from([8_000, 16_000, 22_050, 44_100, 96_000]),
    st.integers(1, 45 * 8_000),
    st.sampled_from(["same", "center"]),
    st.integers(0, 2**32 - 1),
)
def test_the_intervals_tile_the_recording_and_agree_with_the_examples(
    rate, n_at_8k, padding, seed
):
    spec = ExampleSpec.from_seconds(2.0, 16_000, 50, 0.5, padding=padding)
    n_samples = n_at_8k * rate // 8_000
    one = recording("take", n_samples, rate)
    n_frames = n_samples * 50 // rate + (padding == "center")
    rng = np.random.default_rng(seed)
    loud = np.repeat(rng.random(n_frames // 30 + 1) < 0.5, 30)[:n_frames]
    judged = judge(one, measures(one, loud, loud, 50), spec)
    options = PrepareOptions(("in",), "out", spec, min_eval_secs=2.0)
    (planned,) = make_plan([judged], options).recordings
    parts = intervals(planned, spec)
    assert [p.start for p in parts] == [0, *(p.stop for p in parts[:-1])]
    assert parts[-1].stop == n_samples
    assert all(bool(p.reason) == (p.use in ("guard", "refused")) for p in parts)
    use = np.concatenate([np.repeat(p.use, p.stop - p.start) for p in parts])
    for split in ("train", "eval"):
        held = np.zeros(n_samples, bool)
        for start in getattr(planned, split):
            stop = start + spec.n_intervals
            held[start * rate // 50 : stop * rate // 50] = True
        np.testing.assert_array_equal(use == split, held)


def plan_of(one, loud, **choices):
    spec = ExampleSpec.from_seconds(4.0, 16_000, 50, 1.0)
    judged = judge(one, measures(one, loud, loud, 50), spec)
    options = PrepareOptions(("in",), "out", spec, **choices)
    return make_plan([judged], options).recordings[0], spec


def test_reasons_and_the_guard_stand_where_they_hold():
    loud = np.ones(60 * 50, bool)
    loud[:600] = False
    planned, spec = plan_of(recording("take", 60 * 16_000 + 5), loud)
    parts = [(p.start / 16_000, p.use, p.reason) for p in intervals(planned, spec)]
    uses = [use for _, use, _ in parts]
    assert uses == ["refused", "train", "guard", "eval", "refused"]
    assert parts[0] == (0.0, "refused", "silent")
    assert parts[2][2] == GUARD
    assert parts[4] == (60.0, "refused", TAIL)
    guard_secs = parts[3][0] - parts[2][0]
    assert guard_secs >= 5  # one example and its context


def test_short_recordings_that_fill_no_example_say_so():
    planned, spec = plan_of(recording("take", 40_000), np.ones(125, bool))
    row = source_row(planned, spec, "CC0 1.0")
    (part,) = row["intervals"]
    assert part["reason"] == (
        "too short: 2.5 s, and all short files of its split together do not fill an"
        " example of 4 s"
    )
    assert row["licence"] == "CC0 1.0" and row["split"] is None
    (refused,) = refusals([row])
    assert (refused.stage, refused.start_secs, refused.end_secs) == ("plan", 0.0, 2.5)


def test_a_decoder_that_stopped_is_told_beside_what_was_used():
    one = recording("a.flac", 16_000 * 8, error="'a.flac' ends in the middle")
    planned, spec = plan_of(one, np.ones(400, bool))
    row = source_row(planned, spec, None)
    assert row["note"] == "the decoder stopped: it ends in the middle"
    assert row["split"] == "train"
    (refused,) = refusals([row])
    assert refused.stage == "decode" and refused.start_secs == 8.0
    assert "what came before is used" in refused.reason


def test_an_account_that_does_not_add_up_is_a_defect():
    planned, spec = plan_of(recording("take", 16_000 * 8), np.ones(400, bool))
    shorter = recording("take", 16_000 * 7)
    judged = dataclasses.replace(planned.judged, recording=shorter)
    with pytest.raises(RuntimeError, match="accounted for"):
        source_row(dataclasses.replace(planned, judged=judged), spec, None)


def test_the_quality_of_a_recording_is_in_seconds_and_decibels():
    one = recording("a", 10 * 16_000)
    frames = Quality(
        n_frames=2500,
        n_loud=2000,
        n_sounding=1500,
        n_polyphonic=250,
        n_jumps=1,
        rest_level={-70: 500, -20: 500},
        loud_level={-20: 2000},
        decay={6: 2, 8: 2},
    )
    found = quality_entry(Judged(one, 2500, Starts(), quality=frames), 250)
    assert found["voiced_secs"] == 6.0
    assert found["silent_secs"] == found["unpitched_secs"] == 2.0
    assert found["polyphonic_secs"] == 1.0
    assert found["octave_jumps_per_minute"] == 10.0
    assert (found["level_db"], found["noise_floor_db"]) == (-20.0, -70.0)
    assert found["room_secs"] == 0.3
    assert found["clipped_share"] == 0 and found["stereo"] == "mono"
    unmeasured = quality_entry(Judged(one, 0, Starts()), 250)
    assert unmeasured["level_db"] is None and "voiced_secs" not in unmeasured
