import pytest

import ddsp_core as ddsp
from ddsp_core import config
from ddsp_core.config import names
from ddsp_core.config.resolve import MODULES, public_names
from ddsp_core.errors import ConfigError


@pytest.mark.parametrize(
    "name, ours",
    [
        ("ddsp.training.nn.FcStack", ddsp.training.nn.FcStack),
        ("ddsp.core.midi_to_hz", ddsp.core.midi_to_hz),
        ("ddsp.spectral_ops.CREPE_SAMPLE_RATE", 16000),
        ("ddsp.synths.Harmonic", ddsp.synths.Harmonic),
        ("ddsp.training.models.Autoencoder", ddsp.training.models.Autoencoder),
        (
            "ddsp.training.models.autoencoder.Autoencoder",
            ddsp.training.models.Autoencoder,
        ),
        ("ddsp.training.models.model.Model", ddsp.training.models.Model),
        (
            "ddsp.training.models.midi_autoencoder.ZMidiAutoencoder",
            ddsp.training.models.ZMidiAutoencoder,
        ),
        ("ddsp.losses", ddsp.losses),
    ],
)
def test_a_name_of_magentas_is_answered_with_ours(name, ours):
    assert config.resolve(name) is ours or config.resolve(name) == ours


@pytest.mark.parametrize("module", MODULES[1:])
def test_every_module_holds_something_and_all_of_it_resolves(module):
    found = public_names(module)
    assert found
    assert not {"tf", "np", "Any", "annotations"} & set(found)
    for name in found:
        config.resolve(f"{module}.{name}")


@pytest.mark.parametrize(
    "name, message",
    [
        ("ddsp.training.nn.FcStak", "did you mean 'ddsp.training.nn.FcStack'"),
        ("ddsp.nn.FcStack", "did you mean 'ddsp.training.nn.FcStack'"),
        ("ddsp.synths.Reverb", "did you mean 'ddsp.effects.Reverb'"),
        ("ddsp.synth", "did you mean 'ddsp.synths'"),
        ("ddsp.synths.tf", "has no 'tf'"),
        ("Harmonic", "did you mean 'ddsp.synths.Harmonic'"),
        ("", "there is no module"),
    ],
)
def test_another_name_gets_a_suggestion(name, message):
    with pytest.raises(ConfigError, match=message):
        config.resolve(name)
    with pytest.raises(KeyError):
        config.resolve(name)


def test_only_data_and_evaluation_are_names_without_an_object():
    missing = set()
    for name in names.parameters():
        try:
            names.implementation(name)
        except ConfigError:
            missing.add(name.rpartition(".")[0])
    assert missing == {
        "ddsp.dags",  # a method, there for binding `verbose`
        "ddsp.training.data",
        "ddsp.training.eval_util",
        "ddsp.training.evaluators",
        "ddsp.training.inference",
        "ddsp.training.train_util",
        "ddsp.training.trainers",
    }
