"""Choices of f0 and the versions that datasets state."""

from __future__ import annotations

import pickle

import pytest

from ddsp_core.errors import FeatureError, UsageError
from ddsp_core.features.options import SIZES, Decoder, PitchOptions
from ddsp_core.spec import ExampleSpec


def all_options():
    for size in SIZES:
        for decoder in Decoder:
            for step in (None, 1, 2, 7):
                if decoder is not Decoder.MAGENTA or step in (None, 1):
                    yield PitchOptions(f"crepe-{size}", decoder, step)


def test_a_version_leads_back_to_what_computes_it():
    for options in all_options():
        version = options.version(250)
        again = PitchOptions.of_version(version)
        assert again.version(100) == again.version(250) == version
        assert again.step_for(100) == options.step_for(250)


def test_different_choices_have_different_versions():
    choices = {(o.tracker, o.decoder, o.step_for(250)) for o in all_options()}
    assert len({o.version(250) for o in all_options()}) == len(choices)


def test_the_version_of_datasets_made_so_far_is_magenta_s_decoding_at_every_frame():
    options = PitchOptions.of_version("crepe-full-viterbi/1")
    assert options.decoder is Decoder.MAGENTA
    assert options.step_for(250) == 1
    assert PitchOptions().version(250) == ExampleSpec().f0


@pytest.mark.parametrize(
    "version",
    [
        "spice/1",
        "crepe-huge-viterbi/1",
        "crepe-tiny-viterbi/3",
        "crepe-tiny-viterbi/1@01234567",
        "crepe-tiny-magenta/1",
        "crepe-tiny-viterbi-adaptive1/1",
    ],
)
def test_a_version_that_nothing_computes_is_refused(version):
    with pytest.raises(FeatureError, match="cannot be computed"):
        PitchOptions.of_version(version)


@pytest.mark.parametrize(
    ("choice", "match"),
    [
        ({"tracker": "spice"}, "use crepe-tiny, crepe-small"),
        ({"step": 0}, "1 or more frames"),
        ({"decoder": Decoder.MAGENTA, "step": 4}, "hears every frame"),
    ],
)
def test_a_choice_that_cannot_work_is_refused(choice, match):
    with pytest.raises(UsageError, match=match):
        PitchOptions(**choice)


def test_a_decoder_that_does_not_exist_is_refused():
    with pytest.raises(UsageError, match="use viterbi, argmax"):
        Decoder.of("best")


def test_options_travel_to_workers():
    options = PitchOptions("crepe-small", Decoder.of("argmax"), 3)
    assert pickle.loads(pickle.dumps(options)) == options
    assert options.decoder is Decoder.ARGMAX
