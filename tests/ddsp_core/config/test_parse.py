import pytest

from ddsp_core.config.parse import Reference, parse, plain
from ddsp_core.errors import ConfigError

HARMONIC = "ddsp.synths.Harmonic"


def test_later_statements_win_and_scopes_add():
    bindings = parse(
        "Harmonic.n_samples = 1\n"
        "Harmonic.n_samples = 2\n"
        "low/synths.Harmonic.n_samples = 3\n"
        "low/quiet/Harmonic.name = 'q'\n"
    )

    def values(scope):
        return {k: b.value for k, b in bindings.of(HARMONIC, scope).items()}

    assert values("") == {"n_samples": 2}
    assert values("low") == {"n_samples": 3}
    assert values("low/quiet") == {"n_samples": 3, "name": "q"}
    assert values("other") == {"n_samples": 2}


def test_blocks_bind_like_lines():
    block = parse("Harmonic:\n    n_samples = 1  # one\n\n    name = 'h'\n")
    lines = parse("Harmonic.n_samples = 1\nHarmonic.name = 'h'\n")
    for name, binding in lines.of(HARMONIC).items():
        assert block.of(HARMONIC)[name].value == binding.value


def test_macros_are_replaced_at_any_depth():
    bindings = parse("n = %m\nm = 3\nReverb.name = [(%n, 'x'), {'y': %m}]\n")
    value = bindings.of("ddsp.effects.Reverb")["name"].value
    assert plain(value, bindings) == [(3, "x"), {"y": 3}]


def test_references_have_full_names_and_scopes():
    bindings = parse("get_model.model = @a/b/models.Autoencoder()\n")
    value = bindings.of("ddsp.training.models.get_model")["model"].value
    assert value == Reference("ddsp.training.models.Autoencoder", "a/b", True)
    assert repr(value) == "@a/b/models.Autoencoder()"


def test_imports_of_ddsp_are_dropped():
    text = "import ddsp\nimport ddsp.training as ddsp2\nfrom ddsp import training\n"
    assert parse(text).parameters == {}


@pytest.mark.parametrize(
    "text, message",
    [
        ("\nHarmonic.n_sample = 3", "line 2: 'Harmonic.n_sample = 3': .*'n_samples'"),
        ("Harmonik.n_samples = 3", "nothing is called 'Harmonik'; .*'Harmonic'"),
        ("Reverb.name = @synth.Harmonic()", "line 1.*did you mean 'ddsp.synths"),
        ("Harmonic:\n    nam = 3\n", "line 2: 'nam = 3'.*did you mean 'name'"),
        ("Harmonik:\n    name = 3\n", "line 1: 'Harmonik:'.*'Harmonic'"),
        ("learning_rate = 1", "nothing reads the macro.*'Trainer.learning_rate'"),
        ("batch_sise = 1", "did you mean 'train.batch_size'"),
        ("train.batch_size = %bs\nb_size = 1", "line 1.*%bs has no value"),
        ("RnnFcDecoder.rnn_type = gru", "text stands in quotes"),
        ("Harmonic.name = 'x", 'line 1: "Harmonic.name = \'x"'),
        ("Harmonic.n_samples =", "Unable to parse value"),
        ("Harmonic.n_samples 3", "expected ':' or '='"),
        ("Reverb.name = (", "line 1"),
        ("Harmonic:\n    name = 'x'\n  n_samples = 3\n", "line 3.*unindent"),
        ("import os", "cannot import 'os'"),
        ("include 'x.gin'", "'include' works in files"),
    ],
)
def test_what_nothing_knows_is_refused_with_its_line(text, message):
    with pytest.raises(ConfigError, match=message) as caught:
        parse(text)
    assert "\n" not in str(caught.value)


def test_a_macro_defined_by_itself_is_refused():
    bindings = parse("a = [%b]\nb = %a\n")
    with pytest.raises(ConfigError, match="'a' is defined by itself"):
        plain(bindings.macros["b"].value, bindings)
