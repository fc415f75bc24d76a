import inspect

import pytest

from ddsp_core.config import names
from ddsp_core.errors import ConfigError


def implemented():
    found = {}
    for name in names.parameters():
        try:
            found[name] = names.implementation(name)
        except ConfigError:
            continue
    return found


def test_what_a_config_needs_is_implemented():
    needed = {
        "ddsp.core.exp_sigmoid",
        "ddsp.effects.Reverb",
        "ddsp.losses.SpectralLoss",
        "ddsp.processors.Add",
        "ddsp.processors.ProcessorGroup",
        "ddsp.synths.FilteredNoise",
        "ddsp.synths.Harmonic",
        "ddsp.training.decoders.RnnFcDecoder",
        "ddsp.training.models.Autoencoder",
        "ddsp.training.preprocessing.F0LoudnessPreprocessor",
    }
    assert needed <= implemented().keys()


@pytest.mark.parametrize("name, ours", implemented().items(), ids=str)
def test_ours_take_the_parameters_that_magentas_take(name, ours):
    signature = inspect.signature(ours).parameters
    takes_any = any(p.kind is p.VAR_KEYWORD for p in signature.values())
    own = set(names.parameters()[name]) - set(names.LAYER_PARAMETERS) - {"*modules"}
    assert own <= signature.keys() or takes_any


@pytest.mark.parametrize(
    "selector, message",
    [
        ("Harmonik", "did you mean 'Harmonic'"),
        ("synth.Harmonic", "did you mean 'ddsp.synths.Harmonic'"),
        ("harmonic", "did you mean 'Harmonic'"),
        ("xyzzy", "nothing is called 'xyzzy'$"),
    ],
)
def test_an_unknown_name_gets_a_suggestion(selector, message):
    with pytest.raises(ConfigError, match=message):
        names.full_name(selector)


def test_an_unknown_parameter_gets_a_suggestion():
    with pytest.raises(ConfigError, match="did you mean 'n_samples'"):
        names.check_parameter("ddsp.synths.Harmonic", "n_sample")
    with pytest.raises(ConfigError, match=r"has no parameter 'zzz', it has name$"):
        names.check_parameter("ddsp.processors.Add", "zzz")


def test_a_group_takes_any_module():
    names.check_parameter("ddsp.processors.ProcessorGroup", "my_reverb")
