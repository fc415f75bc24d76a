"""The verdict: each rule alone, on data that are good but for one thing."""

import dataclasses

import pytest

from pipelines.report.leakage import Leakage
from pipelines.report.numbers import numbers_of
from pipelines.report.verdict import Grade, Limits, Weight, judge_dataset
from tests.pipelines.report.materials import frames, material, notes, row

N = frames().n_frames


def verdict(**changes):
    return judge_dataset(numbers_of(material(**changes)))


def test_good_data_have_no_findings():
    found = verdict()
    assert found.grade is Grade.GOOD and not found.findings
    assert found.line == "good: nothing stands in the way of training"


@pytest.mark.parametrize(
    ("changes", "grade", "what"),
    [
        ({"failure": "no usable audio"}, Grade.NOT_USABLE, "no dataset was made"),
        (
            {"sources": [row(minutes=0.9), row("b", 1.0, "eval")]},
            Grade.NOT_USABLE,
            "only 0.9 minutes",
        ),
        (
            {"sources": [row(minutes=9.0), row("b", 1.0, "eval")]},
            Grade.USABLE,
            "9.0 minutes to train on",
        ),
        ({"sources": [row()]}, Grade.USABLE, "nothing is held out"),
        (
            {"leakage": Leakage(2, 1, 4.0, 0.0)},
            Grade.NOT_USABLE,
            "4 s are in both train and eval",
        ),
        (
            {
                "sources": [
                    row(),
                    row("b", 1.0, "eval"),
                    row("c", 10.0, "refused"),
                ]
            },
            Grade.USABLE,
            "of what was found is refused",
        ),
        (
            {"sources": [row(quality={"clipped_share": 0.01}), row("b", 1.0, "eval")]},
            Grade.USABLE,
            "1 file is clipped (92% of the time)",
        ),
        (
            {"quality": frames(rest_level={-40: N // 10})},
            Grade.USABLE,
            "noise lies 24 dB below",
        ),
        (
            {"sources": [row(), row("b", 5.0, "eval", quality={"level_db": -30.0})]},
            Grade.USABLE,
            "1 file is more than 10 dB from the median level",
        ),
        ({"sources": [row(dc=0.1), row("b", 1.0, "eval")]}, Grade.USABLE, "offset"),
        (
            {"sources": [row(quality={"mix_loss_db": 9.0}), row("b", 1.0, "eval")]},
            Grade.USABLE,
            "1 file with channels that cancel each other",
        ),
        (
            {"sources": [row(sample_rate=8000), row("b", 1.0, "eval")]},
            Grade.USABLE,
            "1 file with a lower rate than the dataset's 16000 Hz",
        ),
        ({"quality": frames(n_sounding=N // 2)}, Grade.USABLE, "only 50% of what"),
        (
            {"quality": frames(n_polyphonic=N // 10)},
            Grade.USABLE,
            "more than one note sounds in 10%",
        ),
        (
            {"quality": frames(n_jumps=130)},
            Grade.USABLE,
            "jumps by an octave or fifth and back 10 times a minute",
        ),
        (
            {"quality": frames(decay={30: 9})},
            Grade.USABLE,
            "rings for about 1.5 s",
        ),
        ({"quality": frames(decay={10: 9})}, Grade.GOOD, "rings for about 0.5 s"),
        (
            {"statistics": notes(missing=(70, 71))},
            Grade.GOOD,
            "nothing between A4 and C5",
        ),
        (
            {"quality": frames(loudness={-20: N // 20, -16: N - N // 20})},
            Grade.GOOD,
            "soft and loud are only 0 dB apart",
        ),
        (
            {"statistics": notes(60, 65)},
            Grade.GOOD,
            "all notes lie between C4 and F4",
        ),
        (
            {
                "sources": [
                    row(str(k), 2.0, quality={"room_secs": 0.1 if k % 2 else 1.2})
                    for k in range(8)
                ]
                + [row("b", 1.0, "eval")]
            },
            Grade.USABLE,
            "different rooms",
        ),
    ],
)
def test_one_fault_is_found_and_weighed(changes, grade, what):
    found = verdict(**changes)
    assert found.grade is grade
    assert any(what in one.what for one in found.findings)
    assert all(one.do for one in found.findings)
    if grade is not Grade.GOOD:
        assert what in found.line


def test_the_heaviest_finding_comes_first_and_the_line_counts_the_others():
    found = verdict(
        sources=[row(minutes=0.5, dc=0.1)], statistics=notes(missing=(70, 71))
    )
    weights = [list(Weight).index(one.weight) for one in found.findings]
    assert weights == sorted(weights) and weights[0] == 0
    assert found.line == "not usable: only 0.5 minutes to train on (and 2 more)"
    assert found.to_json()["grade"] == "not usable"


def test_where_nothing_is_usable_it_is_said_once():
    found = verdict(
        failure="no usable audio", sources=[row("c", 10.0, "refused", quality={})]
    )
    assert [one.what for one in found.findings if one.weight.is_serious] == [
        "no dataset was made: no usable audio"
    ]


def test_limits_are_in_one_place():
    strict = Limits(good_train_minutes=20.0)
    assert judge_dataset(numbers_of(material()), strict).grade is Grade.USABLE
    for field in dataclasses.fields(Limits):
        assert f"        {field.name}: " in Limits.__doc__


def test_without_playing_noise_is_not_judged():
    found = verdict(quality=frames(n_sounding=N // 100, rest_level={-20: N}))
    assert not any("noise" in one.what for one in found.findings)
