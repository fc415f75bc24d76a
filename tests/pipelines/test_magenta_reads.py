"""Magenta's own package reads what preparation writes (LUTHIER_PEER_PYTHON has it)."""

import hashlib
import json
import os
import subprocess

import numpy as np
import pytest

from ddsp_core import codec
from ddsp_core.manifest import DatasetManifest
from ddsp_core.postprocessing import pickled
from ddsp_core.spec import ExampleSpec
from pipelines.prepare import prepare
from tests.pipelines.preparations import options

pytestmark = pytest.mark.slow

NAMES = ("audio", "audio_16k", "f0_hz", "f0_confidence", "loudness_db")
PROGRAM = """
import hashlib, json, pickle, sys
import numpy as np
from ddsp.training import data, postprocessing
names = ("audio", "audio_16k", "f0_hz", "f0_confidence", "loudness_db")
folder, secs, sample_rate, frame_rate, centered = json.loads(sys.argv[1])
found = {}
for split in ("train", "eval"):
    provider = data.TFRecordProvider(
        f"{folder}/{split}.tfrecord*", secs, sample_rate, frame_rate, centered)
    found[split] = sorted(
        hashlib.sha256(
            b"".join(np.asarray(row[name][0]).tobytes() for name in names)).hexdigest()
        for row in provider.get_batch(1, shuffle=False, repeats=1))
if centered:
    train = data.TFRecordProvider(
        f"{folder}/train.tfrecord*", secs, sample_rate, frame_rate, centered)
    statistics = postprocessing.compute_dataset_statistics(train)
    transformer = statistics.pop("quantile_transform")
    found["statistics"] = {name: float(value) for name, value in statistics.items()}
    found["quantiles"] = transformer.quantiles_.ravel().tolist()
    ours = pickle.load(open(f"{folder}/dataset_statistics.pkl", "rb"))
    x = np.linspace(0, 1, 5)[:, None]
    found["played"] = ours["quantile_transform"].inverse_transform(x).ravel().tolist()
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def centred(corpus, tmp_path_factory):
    """Magenta's statistics need features of power's frames: 50 a second, centred."""
    out = tmp_path_factory.mktemp("centred") / "out"
    spec = ExampleSpec.from_seconds(2.0, 16_000, 50, 0.5, padding="center")
    prepare(options(corpus, out, spec=spec))
    return out


@pytest.fixture(scope="module")
def magenta(centred):
    return read_by_magenta(centred)


def read_by_magenta(dataset):
    """What Magenta's provider and its statistics find in a prepared dataset."""
    python = os.environ.get("LUTHIER_PEER_PYTHON")
    if not python:
        pytest.skip("LUTHIER_PEER_PYTHON does not name a Python that has ddsp 3.7.0")
    spec = DatasetManifest.load(dataset).spec
    centered = spec.n_frames > spec.n_intervals
    geometry = [spec.sample_rate, spec.frame_rate, centered]
    arguments = [str(dataset), round(spec.example_secs), *geometry]
    environment = os.environ | {"TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [python, "-c", PROGRAM, json.dumps(arguments)],
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", ["dataset", "centred"])
def test_its_provider_reads_every_example_to_the_last_bit(name, request):
    folder = request.getfixturevalue(name)
    magenta, manifest = read_by_magenta(folder), DatasetManifest.load(folder)
    for split in ("train", "eval"):
        digests = []
        for shard in manifest.split(split):
            for k in range(shard.n_records):
                path = folder / shard.name
                raw = codec.read_record(path, k, manifest.record_length)
                _, values = codec.decode(manifest.spec, raw)
                joined = b"".join(values[name].tobytes() for name in NAMES)
                digests.append(hashlib.sha256(joined).hexdigest())
        assert sorted(digests) == magenta[split] and digests


def test_its_statistics_are_those_of_our_pickle_within_a_bin(centred, magenta):
    found = pickled.load(centred / pickled.PICKLE_NAME)
    truth = magenta["statistics"]
    assert set(found) == {*truth, "quantile_transform"}
    for name in set(truth) - {"mean_pitch"}:
        assert found[name] == pytest.approx(truth[name], abs=0.01), name
    assert found["mean_pitch"] == pytest.approx(truth["mean_pitch_note"], abs=0.01)
    quantiles = found["quantile_transform"].quantiles_.ravel()
    np.testing.assert_allclose(quantiles, magenta["quantiles"], atol=0.01)


def test_its_transformer_plays_from_our_pickle(centred, magenta):
    found = pickled.load(centred / pickled.PICKLE_NAME)["quantile_transform"]
    x = np.linspace(0, 1, 5)[:, None]
    np.testing.assert_allclose(magenta["played"], found.inverse_transform(x).ravel())
