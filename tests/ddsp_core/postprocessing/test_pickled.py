"""Magenta's pickle: written for its class path, read without running code."""

import io
import json
import os
import pickle
import subprocess

import numpy as np
import pytest

from ddsp_core.errors import DatasetError
from ddsp_core.postprocessing import pickled
from ddsp_core.postprocessing.quantiles import QuantileTransformer


@pytest.fixture
def statistics():
    transformer = QuantileTransformer(n_quantiles=50)
    transformer.fit(np.random.default_rng(3).uniform(-60, 0, (400, 1)))
    return {"mean_pitch": 61.5, "max_power": -3.0, "quantile_transform": transformer}


class OnlyNamed(pickle.Unpickler):
    """A reader without our package: numpy's reconstruction and one stand-in."""

    def find_class(self, module, name):
        if (module, name) == ("ddsp.training.postprocessing", "QuantileTransformer"):
            return type("Transformer", (), {})
        allowed = {
            ("numpy.core.multiarray", "_reconstruct"): np._core.multiarray._reconstruct,
            ("numpy", "ndarray"): np.ndarray,
            ("numpy", "dtype"): np.dtype,
        }
        return allowed[module, name]


def test_it_is_read_without_our_package(statistics):
    found = OnlyNamed(io.BytesIO(pickled.dumps(statistics))).load()
    assert found["mean_pitch"] == 61.5
    transformer = found["quantile_transform"]
    expected = statistics["quantile_transform"]
    np.testing.assert_array_equal(transformer.quantiles_, expected.quantiles_)
    np.testing.assert_array_equal(transformer.references_, expected.references_)
    assert transformer.output_distribution == "uniform"
    assert transformer.quantiles_.shape == (50, 1)


def test_equal_statistics_are_equal_bytes(statistics):
    backwards = dict(reversed(statistics.items()))
    assert pickled.dumps(statistics) == pickled.dumps(backwards)


def test_what_was_written_maps_as_before(statistics):
    again = pickled.loads(pickled.dumps(statistics))["quantile_transform"]
    x = np.linspace(-70, 10, 33)[:, None]
    expected = statistics["quantile_transform"]
    np.testing.assert_array_equal(again.transform(x), expected.transform(x))


@pytest.mark.parametrize(
    ("name", "mean_pitch", "n_quantiles"),
    [
        ("conformance/checkpoints/vst.dataset_statistics.pkl", 72.64296, 178),
        ("interop/published/violin-2020/dataset_statistics.pkl", 72.06921, 1000),
        ("interop/published/flute-2020/dataset_statistics.pkl", 76.753, 1000),
    ],
)
def test_pickles_of_every_release_are_read(test_data, name, mean_pitch, n_quantiles):
    found = pickled.load(test_data / name)
    assert found["mean_pitch"] == pytest.approx(mean_pitch, abs=1e-4)
    transformer = found["quantile_transform"]
    assert type(transformer) is QuantileTransformer
    assert transformer.quantiles_.shape == (n_quantiles, 1)
    middle = transformer.inverse_transform(np.array([[0.5]]))
    assert transformer.transform(middle) == pytest.approx(0.5, abs=0.01)


def test_a_pickle_of_magenta_holds_what_its_json_says(test_data):
    folder = test_data / "conformance" / "checkpoints"
    found = pickled.load(folder / "vst.dataset_statistics.pkl")
    truth = json.loads((folder / "vst.dataset_statistics.json").read_text())
    for name in set(truth) - {"quantile_transform"}:
        assert found[name] == pytest.approx(truth[name])
    np.testing.assert_allclose(
        found["quantile_transform"].quantiles_,
        truth["quantile_transform"]["quantiles_"],
    )


class Harmful:
    def __reduce__(self):
        return os.mkdir, ("harm",)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (pickle.dumps({"mean_pitch": Harmful()}), "it names posix.mkdir"),
        (pickle.dumps([1, 2]), "no dict with 'mean_pitch'"),
        (b"not a pickle", "not a pickle"),
        (b"", "Ran out of input"),
    ],
)
def test_anything_else_is_refused_and_not_run(tmp_path, monkeypatch, data, reason):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DatasetError, match=reason):
        pickled.loads(data)
    assert not (tmp_path / "harm").exists()


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DatasetError, match="does not exist"):
        pickled.load(tmp_path / pickled.PICKLE_NAME)


def test_what_is_no_number_is_not_written():
    with pytest.raises(DatasetError, match="needed a number"):
        pickled.dumps({"mean_pitch": "high"})


@pytest.mark.slow
def test_magenta_unpickles_and_uses_it(statistics, tmp_path):
    python = os.environ.get("LUTHIER_PEER_PYTHON")
    if not python:
        pytest.skip("LUTHIER_PEER_PYTHON does not name a Python that has ddsp 3.7.0")
    path = tmp_path / pickled.PICKLE_NAME
    path.write_bytes(pickled.dumps(statistics))
    program = (
        "import json, pickle, sys, numpy as np, ddsp.training\n"
        "found = pickle.load(open(sys.argv[1], 'rb'))\n"
        "one = found['quantile_transform']\n"
        "assert type(one) is ddsp.training.postprocessing.QuantileTransformer\n"
        "x = np.linspace(-70, 10, 9)[:, None]\n"
        "back = one.inverse_transform(np.linspace(0, 1, 9)[:, None])\n"
        "print(json.dumps([found['mean_pitch'],"
        " one.transform(x).ravel().tolist(), back.ravel().tolist()]))\n"
    )
    environment = os.environ | {"TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [python, "-c", program, str(path)],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    mean_pitch, there, back = json.loads(done.stdout.splitlines()[-1])
    ours = statistics["quantile_transform"]
    assert mean_pitch == 61.5
    x, q = np.linspace(-70, 10, 9)[:, None], np.linspace(0, 1, 9)[:, None]
    np.testing.assert_allclose(there, ours.transform(x).ravel())
    np.testing.assert_allclose(back, ours.inverse_transform(q).ravel())
