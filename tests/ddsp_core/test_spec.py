"""`ExampleSpec`: integers define time, everything else derives."""

import dataclasses
import json
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddsp_core.errors import SpecError
from ddsp_core.spec import (
    FEATURE_RATE,
    ExampleSpec,
    LoudnessVersion,
    Padding,
    example_id,
    frame_rates,
    parse_example_id,
)

RATES = (8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000)


@st.composite
def specs(draw):
    rate = draw(st.sampled_from([r for r in RATES if frame_rates(r)]))
    frame_rate = draw(st.sampled_from(frame_rates(rate)))
    return ExampleSpec(
        sample_rate=rate,
        hop_size=rate // frame_rate,
        n_frames=draw(st.integers(2, 5000)),
        example_hop=draw(st.integers(1, 5000)),
        padding=draw(st.sampled_from(Padding)),
        f0=draw(st.text(max_size=20)),
        loudness=draw(st.sampled_from(LoudnessVersion)),
    )


@given(specs())
def test_a_spec_survives_json(spec):
    assert ExampleSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


@given(specs())
def test_both_audios_last_exactly_as_long_as_the_example(spec):
    secs = Fraction(spec.n_intervals, spec.frame_rate)
    assert Fraction(spec.n_samples, spec.sample_rate) == secs
    assert Fraction(spec.n_samples_16k, FEATURE_RATE) == secs


@given(specs())
def test_frame_rates_that_are_listed_are_those_that_work(spec):
    for rate in range(32, 501):
        works = spec.sample_rate % rate == 0 and FEATURE_RATE % rate == 0
        assert works == (rate in frame_rates(spec.sample_rate))


@pytest.mark.parametrize(
    ("sample_rate", "frame_rate", "works"),
    [
        (16_000, 250, True),
        (32_000, 250, True),
        (48_000, 50, True),
        (44_100, 100, True),
        (44_100, 50, True),
        (44_100, 250, False),
        (22_050, 250, False),
        (16_000, 300, False),
    ],
)
def test_the_error_of_an_odd_rate_names_those_that_work(sample_rate, frame_rate, works):
    if works:
        spec = ExampleSpec.from_seconds(4.0, sample_rate, frame_rate)
        assert (spec.frame_rate, spec.example_secs) == (frame_rate, 4.0)
        return
    with pytest.raises(SpecError, match=r"rates.* that work.*: .*50"):
        ExampleSpec.from_seconds(4.0, sample_rate, frame_rate)


def test_magentas_two_stock_layouts():
    default = ExampleSpec.from_seconds(4.0, 16_000, 250)
    assert [(f.name, f.length) for f in default.fields()] == [
        ("audio", 64_000),
        ("audio_16k", 64_000),
        ("f0_confidence", 1000),
        ("f0_hz", 1000),
        ("loudness_db", 1000),
    ]
    vst = ExampleSpec.from_seconds(4.0, 16_000, 50, padding="center")
    assert (vst.n_frames, vst.n_samples) == (201, 64_000)


def test_seconds_that_are_not_whole_frames_are_refused():
    with pytest.raises(SpecError, match="not whole frames"):
        ExampleSpec.from_seconds(4.001, 16_000, 250)


@pytest.mark.parametrize(
    "change",
    [{"n_frames": 0}, {"hop_size": 0}, {"n_frames": "1000"}, {"example_hop": True}],
)
def test_sizes_that_are_not_positive_integers_are_refused(change):
    with pytest.raises(SpecError, match="positive integer"):
        dataclasses.replace(ExampleSpec(), **change)


@pytest.mark.parametrize(
    "change", [{"padding": "valid"}, {"loudness": "2031"}, {"n_frames": 2.5}]
)
def test_the_error_of_a_bad_spec_file_names_the_file(change):
    with pytest.raises(SpecError, match=r"spec\.json"):
        ExampleSpec.from_json(ExampleSpec().to_json() | change, where="spec.json")


def test_a_spec_file_with_a_missing_or_an_unknown_key_is_refused():
    data = ExampleSpec().to_json()
    with pytest.raises(SpecError, match="needed exactly the keys"):
        ExampleSpec.from_json(data | {"windows": 3})
    del data["padding"]
    with pytest.raises(SpecError, match="needed exactly the keys"):
        ExampleSpec.from_json(data)


@given(
    st.text("0123456789abcdef", min_size=32, max_size=32), st.integers(0, 10**12 - 1)
)
def test_example_ids_sort_by_source_then_start_and_parse_back(key, start):
    text = example_id(key, start)
    assert parse_example_id(text) == (key, start)
    assert text < example_id(key, 10**12 - 1) or start == 10**12 - 1


@pytest.mark.parametrize(
    "text", ["", "x" * 45, "0" * 32 + "-" + "٣" * 12, "G" * 32 + "-" + "0" * 12]
)
def test_what_is_not_an_example_id_is_refused(text):
    with pytest.raises(SpecError, match="not an example id"):
        parse_example_id(text)


def test_an_example_id_needs_a_digest_and_a_position():
    with pytest.raises(SpecError, match="needed 32 hex digits"):
        example_id("take 1", 0)
    with pytest.raises(SpecError, match="needed 32 hex digits"):
        example_id("0" * 32, -1)


def test_a_hop_longer_than_a_loudness_frame_is_refused():
    with pytest.raises(SpecError, match="that work at 16000 Hz: 32, 40, 50"):
        ExampleSpec(hop_size=640)  # 25 frames/s
