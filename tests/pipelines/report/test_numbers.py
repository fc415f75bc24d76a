"""Notes and their gaps, leakage, clips, and the numbers of made-up material."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddsp_core import codec
from ddsp_core.manifest import Shard
from ddsp_core.quality import Quality
from ddsp_core.spec import example_id
from pipelines.elements import JoinedExample, Piece, ShardPlan
from pipelines.report.clips import ClipCandidate, candidates_of, captions, pick
from pipelines.report.leakage import leakage
from pipelines.report.notes import (
    note_name,
    pitch_gaps,
    pitch_range,
    scarce_notes,
)
from pipelines.report.numbers import numbers_of
from tests.pipelines.recordings import recording
from tests.pipelines.report.materials import RATE, SPEC, example, material, notes, row


def test_notes_have_their_usual_names():
    assert [note_name(n) for n in (21, 60, 69, 108)] == ["A0", "C4", "A4", "C8"]


def test_gaps_are_of_two_semitones_or_more_inside_the_range():
    secs = dict.fromkeys([60, 62, 64, 67, 69], 5.0)
    assert [gap.text for gap in pitch_gaps(secs)] == ["nothing between E4 and G4"]
    assert pitch_gaps(dict.fromkeys([60, 62, 64, 65, 67], 5.0)) == []
    assert pitch_gaps({}) == [] and pitch_range({}) is None


def test_strays_are_no_notes():
    secs = dict.fromkeys(range(60, 73), 30.0) | {30: 0.1, 100: 0.1, 66: 0.1, 67: 0.1}
    assert pitch_range(secs) == (60, 72)
    assert [gap.text for gap in pitch_gaps(secs)] == ["nothing between F4 and G♯4"]


def test_the_range_ends_at_notes_that_are_heard():
    secs = dict.fromkeys(range(40, 49), 0.2) | dict.fromkeys(range(60, 73), 8.0)
    assert pitch_range(secs) == (60, 72)
    assert pitch_range({60: 0.1}) is None and pitch_gaps({60: 0.1}) == []


def test_scarce_notes_are_those_below_half_the_median():
    secs = dict.fromkeys(range(60, 73), 10.0) | {61: 4.9, 64: 1.0, 66: 2.0, 70: 3.0}
    assert scarce_notes(secs) == [64, 66, 70]
    assert scarce_notes(dict.fromkeys(range(60, 73), 10.0)) == []
    assert scarce_notes({}) == []


def shard(split, windows, *recordings):
    return ShardPlan(f"{split}.x", split, tuple(windows), recordings)


A, B = recording("a", 60 * RATE), recording("b", 60 * RATE)


def test_no_leak_between_recordings_and_a_distance_within_one():
    found = leakage(
        [
            shard("train", [(0, 0), (0, 250), (1, 0)], A, B),
            shard("eval", [(0, 2000)], A),
        ],
        SPEC,
    )
    assert (found.overlap_secs, found.nearest_secs) == (0.0, 3.0)
    assert (found.n_ranges, found.n_recordings) == (3, 2)
    apart = leakage([shard("train", [(0, 0)], A), shard("eval", [(0, 0)], B)], SPEC)
    assert (apart.overlap_secs, apart.nearest_secs) == (0.0, None)


def test_a_leak_is_found_also_through_joined_examples():
    joined = JoinedExample("0" * 32, (Piece(0, 900, 500, 0),))
    found = leakage([shard("train", [(0, 0)], A), shard("eval", [joined], A)], SPEC)
    assert (found.overlap_secs, found.nearest_secs) == (0.4, 0.0)


@given(
    st.lists(st.integers(0, 6000), min_size=1, max_size=12),
    st.lists(st.integers(0, 6000), min_size=1, max_size=12),
)
def test_the_overlap_is_that_of_masks(train, held):
    def mask(starts):
        found = np.zeros(8000, bool)
        for start in starts:
            found[start : start + 1000] = True
        return found

    shards = [
        shard("train", [(0, s) for s in train], A),
        shard("eval", [(0, s) for s in held], A),
    ]
    found = leakage(shards, SPEC)
    assert found.overlap_secs == (mask(train) & mask(held)).sum() / 250
    assert leakage(reversed(shards), SPEC) == found


def candidate(score, name="a", index=0, loud=1.0):
    key = name.encode().hex().ljust(32, "0")
    return ClipCandidate(score, f"{key}-{index:012d}", "s", "train", index, loud)


def test_clips_are_best_worst_and_by_chance_of_different_recordings():
    found = [
        candidate(score, name, index)
        for name, score in zip("abcdefgh", np.linspace(0.1, 0.9, 8), strict=True)
        for index in range(3)
    ]
    picked = pick(found)
    assert [kind for kind, _ in picked] == [
        "best", "best", "worst", "worst", "by chance", "by chance",
    ]  # fmt: skip
    assert [one.score for _, one in picked[:4]] == pytest.approx(
        [0.9, 0.9 - 0.8 / 7, 0.1, 0.1 + 0.8 / 7]
    )
    assert len({one.recording for _, one in picked}) == 6
    assert pick(reversed(found)) == picked
    assert len(pick(found[:2])) == 2 and pick([]) == []


def test_a_mostly_silent_example_is_not_the_best():
    picked = pick([candidate(0.99, "a", loud=0.2), candidate(0.8, "b")])
    assert picked[0][1].score == 0.8


def test_candidates_are_read_from_the_shard(tmp_path):
    path, values = tmp_path / "train.x", example()
    records = []
    for index, confidence in enumerate((0.9, 0.5, 0.7)):
        fields = values | {"f0_confidence": np.full(SPEC.n_frames, confidence, "f4")}
        data = codec.encode(SPEC, example_id("ab" * 16, index), fields)
        records.append(codec.frame_record(data))
    path.write_bytes(b"".join(records))
    found = candidates_of(("train", Shard("train.x", 3, "0" * 64)), tmp_path, SPEC)
    assert [(one.index, one.score) for one in found] == [(0, 0.9), (1, 0.5), (2, 0.7)]


def test_captions_name_file_and_time_or_what_was_joined():
    rows = [row("folder/ü.wav"), row("b.wav")]
    picked = [
        (kind, ClipCandidate(1, example_id(key, start), "s", "e", 0, 1))
        for kind, key, start in (
            ("best", rows[0]["source_key"], RATE),
            ("worst", "f" * 32, 0),
        )
    ]
    pieces = [{"source": "x/a.wav"}, {"source": "x/b.wav"}, {"source": "x/a.wav"}]
    joined = [{"example_id": picked[1][1].example_id, "pieces": pieces}]
    assert captions(picked, rows, joined, SPEC) == [
        "ü.wav, 1.0 to 5.0\u00a0s",
        "joined: a.wav, b.wav",
    ]


def test_numbers_are_plain_json_and_add_up():
    lost = [
        {"start": 0, "stop": 60 * RATE, "use": "refused", "reason": "silent"},
        {"start": 60 * RATE, "stop": 90 * RATE, "use": "refused", "reason": "silent"},
    ]
    rows = [row(), row("b.wav", 1.0, "eval"), row("c.wav", 1.5, None, intervals=lost)]
    refused = [
        {"source": "d.wav", "stage": "duplicate", "reason": "of a", "is_audio": True},
        {"source": "e.wav", "stage": "decode", "reason": "is empty", "is_audio": True},
        {"source": "f.txt", "stage": "find", "reason": "text", "is_audio": False},
    ]
    numbers = numbers_of(material(sources=rows, refused=refused))
    assert json.loads(json.dumps(numbers))["minutes"] == numbers["minutes"]
    assert numbers["minutes"] == {
        "found": 14.5, "train": 12.0, "eval": 1.0, "guard": 0.0, "refused": 1.5,
    }  # fmt: skip
    (loss,) = numbers["losses"]
    assert (loss["reason"], loss["secs"], loss["n_files"]) == ("silent", 90.0, 1)
    assert numbers["files"]["n_refused"] == 1 and numbers["files"]["n_not_audio"] == 1
    assert numbers["duplicates"]["n_files"] == 1
    assert numbers["pitch"]["lowest"] == "G3" and numbers["pitch"]["highest"] == "G5"
    assert numbers["pitch"]["trained_secs"]["60"] == 10.0
    assert numbers["room"]["train_reverb"] is None


def test_training_can_read_whether_there_is_a_room():
    def room(decay):
        quality = dataclasses.replace(material().quality, decay=decay)
        return numbers_of(material(quality=quality))["room"]

    assert room({12: 9}) | {"n_decays": 9} == {
        "rt60_secs": 0.6,
        "kind": "room",
        "train_reverb": True,
        "n_decays": 9,
        "rooms_differ": False,
    }
    assert room({2: 9})["train_reverb"] is False
    assert room({12: 3})["kind"] == "unknown"


def test_empty_material_has_numbers_too():
    empty = material(sources=[], statistics=notes(60, 59), quality=Quality())
    assert numbers_of(empty)["pitch"]["lowest"] is None
