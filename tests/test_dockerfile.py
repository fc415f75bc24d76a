"""The image, as far as it can be told without building it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "Dockerfile").read_text()
LINES = [
    line.strip()
    for line in TEXT.replace("\\\n", " ").splitlines()
    if line.strip() and not line.startswith("#")
]
COPIES = [
    line.split()[1:-1]
    for line in LINES
    if line.startswith("COPY ") and "--from" not in line
]
SOURCES = [source for sources in COPIES for source in sources]


def test_what_is_copied_is_there_and_not_ignored():
    kept = {
        line[1:]
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    assert len(SOURCES) > 8
    for source in SOURCES:
        assert (ROOT / source).exists(), source
        assert source.split("/")[0] in kept, source
    assert kept == {source.split("/")[0] for source in SOURCES}


def test_every_package_that_is_installed_is_in_the_image(tmp_path):
    """Install from nothing but what is copied."""
    for source in SOURCES:
        target = tmp_path / "image" / source
        target.parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
        copy(ROOT / source, target)
    installed = tmp_path / "installed"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    command += ["--no-build-isolation", "--target", str(installed)]
    subprocess.run([*command, "."], check=True, cwd=tmp_path / "image")
    for package in ("configs", "ddsp_core", "pipelines", "training"):
        ours = {
            path.relative_to(ROOT)
            for suffix in ("py", "gin")
            for path in (ROOT / package).rglob(f"*.{suffix}")
        }
        there = {
            path.relative_to(installed)
            for suffix in ("py", "gin")
            for path in (installed / package).rglob(f"*.{suffix}")
        }
        assert ours <= there, sorted(ours - there)
    assert {path.name for path in (installed / "bin").iterdir()} >= {
        "luthier",
        "luthier-worker",
    }


def test_beam_and_python_are_those_of_the_tested_set():
    (beam_python, beam) = re.search(
        r"FROM apache/beam_python([\d.]+)_sdk:([\d.]+) AS beam", TEXT
    ).groups()
    (python,) = re.search(r"FROM python:([\d.]+)-slim", TEXT).groups()
    pins = (ROOT / "constraints.txt").read_text().splitlines()
    assert f"apache-beam=={beam}" in pins
    assert python == beam_python
    if sys.version_info[:2] != tuple(map(int, python.split("."))):
        pytest.skip("the tested set is another Python's here")


def test_the_extra_for_dataflow_is_pinned():
    pins = (ROOT / "constraints.txt").read_text()
    assert "'.[gcp]'" in TEXT and "--constraint constraints.txt" in TEXT
    for name in ("google-apitools", "google-cloud-dataflow-client"):
        assert re.search(rf"^{name}==", pins, re.MULTILINE), name


@pytest.mark.parametrize(
    ("arguments", "output", "code"),
    [
        (["echo", "luthier train"], "luthier train\n", 0),
        (["--id=1", "--provision_endpoint=x"], "", 127),
        ([], "", 127),
    ],
)
def test_commands_are_run_and_runners_get_beams_starter(arguments, output, code):
    script = ROOT / "docker" / "entrypoint.sh"
    done = subprocess.run(
        ["sh", script, *arguments], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.returncode) == (output, code)
    assert ("/opt/apache/beam/boot" in done.stderr) == (code != 0)
