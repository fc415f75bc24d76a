import pytest

from ddsp_core import config
from ddsp_core.spec import ExampleSpec
from tests.ddsp_core.config.presets import NAMES, spec_for

SPEC = ExampleSpec()


@pytest.mark.parametrize("name", NAMES)
def test_the_operative_config_builds_itself(name):
    built = config.build(config.load(name), spec_for(name))
    again = config.build(built.operative, spec_for(name))
    assert again.operative == built.operative
    assert again.params == built.params
    assert again.unused == ()


@pytest.mark.parametrize("name", ["tiny_instrument", "solo_instrument"])
def test_it_says_what_magentas_says(test_data, name):
    folder = test_data / "conformance" / "checkpoints"
    magentas = (folder / f"{name}.operative_config-0.gin").read_text()
    ours = config.build(magentas, SPEC).operative
    other = "import Macros train Trainer TFRecord oscillator_bank run_dag".split()
    model_only = [
        section
        for section in magentas.split("\n\n")
        if not any(word in section for word in other)
    ]
    missing = [section for section in model_only if section.strip() not in ours]
    assert missing == []


def test_params_are_flat_scalars_without_the_pace():
    params = config.build(config.load("tiny_instrument"), SPEC).params
    assert params["RnnFcDecoder.rnn_channels"] == 256
    assert params["train.batch_size"] == 8
    assert params["SpectralLoss.fft_sizes"] == "(2048, 1024, 512, 256, 128, 64)"
    assert all(isinstance(v, str | int | float | bool) for v in params.values())
    assert not {"train.num_steps", "train.steps_per_save"} & params.keys()


def test_a_parameter_of_ours_stands_where_magenta_does_not_read_it():
    text = config.load("solo_instrument") + "\nSpectralLoss.logmag_floor = 1e-4\n"
    built = config.build(text, SPEC)
    assert "\nluthier.losses.SpectralLoss.logmag_floor = 0.0001\n" in built.operative
    assert "\nSpectralLoss.logmag_floor" not in built.operative
    again = config.build(built.operative, SPEC)
    assert again.operative == built.operative
    assert again.params["SpectralLoss.logmag_floor"] == 1e-4
