"""Data configs: strict, plain values, and the command line wins."""

import pytest

from ddsp_core.config import packaged_names
from ddsp_core.errors import ConfigError, UsageError
from ddsp_core.spec import ExampleSpec
from pipelines.configured import configured
from pipelines.options import PrepareOptions

PLACES = {"inputs": ("in",), "out": "out"}


def test_the_default_config_says_what_happens_without_one():
    without = configured(None, [], {}, **PLACES)
    assert without == PrepareOptions(**PLACES)
    assert configured("16k_250hz_4s", [], {}, **PLACES) == without


@pytest.mark.parametrize("name", packaged_names("data"))
def test_every_packaged_config_makes_options(name):
    configured(name, [], {}, **PLACES)


def test_bindings_win_over_the_config_and_flags_over_both():
    made = configured(
        "44100_100hz_4s",
        ["Policy.min_loud_share = 0.3", "ExampleSpec.from_seconds.example_secs = 2.0"],
        {"example_secs": 3.0},
        **PLACES,
        pitch=None,
    )
    assert made.spec == ExampleSpec.from_seconds(3.0, 44_100, 100)
    assert made.policy.min_loud_share == 0.3


@pytest.mark.parametrize(
    ("binding", "message"),
    [
        ("Policy.min_lout_share = 0.3", "did you mean 'min_loud_share'"),
        ("Polcy.min_loud_share = 0.3", "did you mean 'Policy'"),
        ("Policy.min_loud_share = @exp_sigmoid", "no plain value"),
        ("Policy.min_loud_share = %share", "%share has no value"),
        ("Policy.min_loud_share = = 3", "line"),
        ("import os", "only values"),
    ],
)
def test_what_nothing_reads_is_refused_with_the_nearest_name(binding, message):
    with pytest.raises(ConfigError, match=message):
        configured(None, [binding], {}, **PLACES)


def test_a_limit_of_the_wrong_kind_is_refused():
    with pytest.raises(UsageError, match=r"Policy\.min_loud_share is 'high'"):
        configured(None, ["Policy.min_loud_share = 'high'"], {}, **PLACES)
    with pytest.raises(ConfigError, match="wrong kind"):
        configured(None, ["ExampleSpec.from_seconds.example_secs = '4'"], {}, **PLACES)


def test_a_macro_may_name_a_value():
    made = configured(
        None, ["share = 0.2", "Policy.min_loud_share = %share"], {}, **PLACES
    )
    assert made.policy.min_loud_share == 0.2
