"""Every public name of Magenta's modules is ours, with the same parameters.

`magenta_signatures.txt` is data: module, then its names with their parameters in order
and their defaults; of a class its constructor, its methods and its properties.
"""

import inspect
import os
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from ddsp_core.config import resolve
from tests.compatibility.signatures import constructor, spell

HERE = Path(__file__).parent


class Other(NamedTuple):
    """Where ours is spelt otherwise.

    Args:
        theirs: Part of the line.
        ours: What it is instead; None if we have nothing of that name.
        why: The reason.
    """

    theirs: str
    ours: str | None
    why: str


DISTRIBUTION = "of TensorFlow Probability, which we do without"
EXCEPTIONS = {
    "losses.HmmTranscriber.cross_entropy": Other("", None, DISTRIBUTION),
    "losses.HmmTranscriber.kl_divergence": Other("", None, DISTRIBUTION),
    "losses.SpectralLoss": Other(
        "name='spectral_loss'",
        "name='spectral_loss', logmag_floor=None",
        "also a floor under magnitudes, off by default",
    ),
    "spectral_ops.PretrainedCREPE.create_hmm": Other("", None, DISTRIBUTION),
    "training.encoders.OneHotEncoder.build": Other(
        "cond_shape", "input_shape", "Keras' own: the embedding builds itself"
    ),
    "training.encoders.SinusoidalToHarmonicEncoder": Other(
        "<lambda>", "scale_f0", "the same function, with a name"
    ),
    "training.metrics.BaseMetrics.update_state": Other(
        "()", "(batch, prediction)", "abstract; declared with what subclasses take"
    ),
    "training.models.MidiAutoencoder": Other(
        "**kwargs",
        "n_samples=64000, sample_rate=16000, **kwargs",
        "lengths that the reference fixes",
    ),
    "training.models.Model.call": Other(
        "*args, training=False, **kwargs",
        "inputs, training=None, mask=None",
        "abstract; Keras' own",
    ),
    "training.models.get_model": Other(
        "model=REQUIRED", "model", "gin fills nothing in, so it is to be given"
    ),
    "training.nn.Normalize": Other(
        "'layer'", "'layer', **kwargs", "takes a name, as every other layer"
    ),
}
EXCEPTIONS["training.models.model.Model.call"] = EXCEPTIONS[
    "training.models.Model.call"
]


def magentas() -> dict[str, list[str]]:
    """The table: module → lines."""
    table: dict[str, list[str]] = {}
    module = ""
    for line in (HERE / "magenta_signatures.txt").read_text().splitlines():
        if line.startswith("  "):
            table[module].append(line.strip())
        elif line:
            module = line
            table[module] = []
    return table


MAGENTAS = magentas()


def path_of(line: str) -> str:
    """The name that a line begins with."""
    return line.partition(" = ")[0].partition("(")[0]


def ours(module: str, line: str) -> str | None:
    """Spell our object of the name that a line begins with."""
    path = path_of(line)
    name, _, member = path.partition(".")
    try:
        found = resolve(f"ddsp.{module}.{name}")
        what = inspect.getattr_static(found, member) if member else found
    except (KeyError, AttributeError):
        return None
    if isinstance(what, property):
        return path
    if member:
        return path + spell(getattr(found, member))
    if inspect.isclass(found):
        return path + constructor(found)
    return path + spell(found) if callable(found) else f"{path} = {found!r}"


def expected(module: str, line: str) -> str | None:
    """What ours is to be: Magenta's line, unless it is an exception."""
    other = EXCEPTIONS.get(f"{module}.{path_of(line)}")
    if other is None:
        return line
    return None if other.ours is None else line.replace(other.theirs, other.ours)


@pytest.mark.parametrize("module", MAGENTAS)
def test_every_public_name_has_the_same_parameters(module):
    wanted = [expected(module, line) for line in MAGENTAS[module]]
    assert [ours(module, line) for line in MAGENTAS[module]] == wanted


def test_every_exception_is_one():
    spelt = {
        f"{m}.{path_of(line)}": (m, line) for m in MAGENTAS for line in MAGENTAS[m]
    }
    for path in EXCEPTIONS:
        module, line = spelt[path]
        assert expected(module, line) != line, path


@pytest.mark.slow
def test_the_table_is_magentas():
    python = os.environ.get("LUTHIER_PEER_PYTHON")
    if not python:
        pytest.skip("LUTHIER_PEER_PYTHON does not name a Python that has ddsp 3.7.0")
    done = subprocess.run(
        [python, HERE / "signatures.py", "ddsp"],
        env=os.environ | {"TF_USE_LEGACY_KERAS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == (HERE / "magenta_signatures.txt").read_text()
