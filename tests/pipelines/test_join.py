"""Short recordings joined to examples: nothing lost, rests short and listed."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ddsp_core.spec import ExampleSpec
from pipelines.account import intervals
from pipelines.elements import JoinedExample
from pipelines.join import joined_rows
from pipelines.judge import judge
from pipelines.options import PrepareOptions
from pipelines.plan import make_plan
from tests.pipelines.recordings import measures, recording

RATE = 50


def plan_of(lengths_secs, spec, **choices):
    """A plan for recordings that sound from end to end."""
    judged = []
    for k, secs in enumerate(lengths_secs):
        one = recording(f"take {k}", round(secs * 16_000))
        n = int(secs * RATE) + (spec.n_frames - spec.n_intervals)
        loud = np.ones(n, bool)
        judged.append(judge(one, measures(one, loud, loud, RATE), spec))
    return make_plan(judged, PrepareOptions(("in",), "out", spec, **choices))


def joined_of(plan):
    return [
        (shard, window)
        for shard in plan.shards
        for window in shard.windows
        if isinstance(window, JoinedExample)
    ]


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.floats(0.1, 3.9), min_size=1, max_size=40),
    st.sampled_from(["same", "center"]),
    st.sampled_from([0.5, 1.0, 4.0]),
)
def test_short_files_are_in_examples_whole_and_rests_stay_short(
    lengths_secs, padding, hop_secs
):
    spec = ExampleSpec.from_seconds(4.0, 16_000, RATE, hop_secs, padding=padding)
    plan = plan_of(lengths_secs, spec, min_eval_secs=1.0)
    for _, example in joined_of(plan):
        at = 0
        n_rest = 0
        for piece in example.pieces:
            assert piece.n_frames > 0 and piece.at >= at
            n_rest += piece.at - at
            at = piece.at + piece.n_frames
        assert at <= spec.n_intervals
        assert n_rest + spec.n_intervals - at <= 0.15 * spec.n_intervals
    for side in ("train", "eval"):
        mine = [one for one in plan.recordings if one.joined_to == side]
        n_filled = sum(one.judged.n_frames for one in mine)
        if n_filled < spec.n_frames:
            continue
        for one in mine:  # all of each, but for a part of a frame at its end
            used = [p for p in intervals(one, spec) if p.use == side]
            secs = sum(p.stop - p.start for p in used) / 16_000
            assert one.recording.secs - secs < 1 / RATE + 1e-6


def test_what_was_joined_is_listed_with_its_rests():
    spec = ExampleSpec.from_seconds(4.0, 16_000, RATE, 4.0)
    plan = plan_of([1.0, 1.5, 3.0], spec, min_eval_secs=1.0)
    rows = joined_rows(plan.shards, spec)
    assert rows and all(row["split"] == "train" for row in rows)
    for row in rows:
        secs = sum((p["stop"] - p["start"]) / 16_000 for p in row["pieces"])
        rests = sum(rest["secs"] for rest in row["rests"])
        assert abs(secs + rests - 4.0) < 1e-6
        assert {rest["kind"] for rest in row["rests"]} <= {"synthesised silence"}
    sources = {piece["source"] for row in rows for piece in row["pieces"]}
    held = {p.recording.source for p in plan.recordings if p.joined_to == "eval"}
    assert sources | held == {"take 0", "take 1", "take 2"}


def test_a_joined_example_is_named_by_what_it_is_made_of():
    spec = ExampleSpec.from_seconds(4.0, 16_000, RATE, 1.0)
    names = [e.key for _, e in joined_of(plan_of([3.0, 2.0, 3.5, 1.0], spec))]
    again = [e.key for _, e in joined_of(plan_of([3.0, 2.0, 3.5, 1.0], spec))]
    assert names == again and len(set(names)) == len(names) > 1


def test_the_example_of_a_short_file_alone_is_not_made():
    spec = ExampleSpec.from_seconds(4.0, 16_000, RATE, 1.0)
    assert plan_of([3.0], spec).shards == ()
