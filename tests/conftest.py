"""Shared fixtures; sets up TensorFlow's devices before anything touches them."""

import itertools
import logging
import os
from pathlib import Path

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import hypothesis
import pytest

# It runs in the environment of Magenta, which is not ours.
collect_ignore = ["ddsp_core/checkpoints/magenta_plays.py"]

# No time limits: a busy machine is not a failure.
hypothesis.settings.register_profile("untimed", deadline=None, max_examples=50)
hypothesis.settings.load_profile("untimed")


@pytest.fixture(scope="session", autouse=True)
def logical_devices():
    """Four logical CPUs, so that a MirroredStrategy of four replicas can be tested."""
    import tensorflow as tf

    cpus = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(
        cpus[0], [tf.config.LogicalDeviceConfiguration()] * 4
    )


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of recordings and reference data, named by LUTHIER_TEST_DATA."""
    folder = os.environ.get("LUTHIER_TEST_DATA")
    if not folder:
        pytest.skip("LUTHIER_TEST_DATA does not name the folder of reference data")
    return Path(folder)


@pytest.fixture
def figure(record_property):
    """Keep a measured figure with the test; `--log-cli-level=INFO` shows them."""

    def keep(name, value):
        record_property(name, float(value))
        logging.getLogger("figures").info("%s: %.4g", name, value)

    return keep


@pytest.fixture(scope="session")
def _bucket_server():
    from tests.gcs_server import FaultyProxy, emulator

    with emulator() as port:
        proxy = FaultyProxy(port)
        yield proxy
        proxy.close()


@pytest.fixture
def bucket(_bucket_server, monkeypatch):
    """A new bucket: its address, `gs://...`; `gcs` is the proxy before it."""
    from ddsp_core.io import gcs

    _bucket_server.reset()
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", _bucket_server.address)
    monkeypatch.setenv("LUTHIER_GCS_DEADLINE_SECS", "60")
    monkeypatch.setenv("LUTHIER_GCS_TIMEOUT_SECS", "20")
    name = f"bucket-{next(_numbers)}"
    gcs.client().create_bucket(name)
    return f"gs://{name}"


@pytest.fixture
def gcs_proxy(_bucket_server, bucket):
    """The proxy before the emulator: its `fault` breaks requests."""
    return _bucket_server


@pytest.fixture
def impatient(bucket, monkeypatch):
    """A short patience, so that failures end soon."""
    from ddsp_core.io import gcs

    monkeypatch.setenv("LUTHIER_GCS_DEADLINE_SECS", "0.5")
    monkeypatch.setenv("LUTHIER_GCS_TIMEOUT_SECS", "0.3")
    monkeypatch.setattr(gcs, "FIRST_PAUSE_SECS", 0.01)


@pytest.fixture
def soon(bucket, monkeypatch):
    """The usual deadline with short pauses."""
    from ddsp_core.io import gcs

    monkeypatch.setenv("LUTHIER_GCS_TIMEOUT_SECS", "0.5")
    monkeypatch.setattr(gcs, "FIRST_PAUSE_SECS", 0.01)


_numbers = itertools.count()
