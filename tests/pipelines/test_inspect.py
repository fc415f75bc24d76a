"""`luthier inspect` on whole and damaged directories."""

import argparse

import pytest

from ddsp_core import io
from ddsp_core.errors import CheckpointError, UsageError
from ddsp_core.manifest import DatasetManifest, Shard, SplitPolicy
from ddsp_core.statistics import Statistics
from pipelines.commands import inspect
from tests.pipelines.model_directory import SPEC, write_model


def look(path):
    return inspect.run(argparse.Namespace(path=path))


@pytest.fixture
def dataset(tmp_path):
    """Two shards of records of 4 bytes, which is all that is looked at."""
    shards = {}
    for split, n in (("train", 3), ("eval", 1)):
        name = f"{split}.tfrecord-00000-of-00001"
        (tmp_path / name).write_bytes(bytes(20 * n))
        digest = io.sha256_file(tmp_path / name)
        shards[split] = (Shard(name, n, digest),)
    Statistics().save(tmp_path)
    DatasetManifest(SPEC, 4, SplitPolicy.TAIL, shards, "f" * 16).save(tmp_path)
    return tmp_path


def test_a_whole_dataset_is_described(dataset):
    found = look(dataset)
    assert (found["kind"], found["whole"], found["problems"]) == ("dataset", True, [])
    assert found["splits"] == {"train": 3, "eval": 1}
    assert found["spec"] == SPEC.to_json()
    assert found["fingerprint"] == "f" * 16
    assert "whole" in found["text"]


def test_every_damage_of_a_dataset_is_named(dataset):
    (dataset / "eval.tfrecord-00000-of-00001").unlink()
    (dataset / "train.tfrecord-00000-of-00001").write_bytes(bytes(59) + b"x")
    (dataset / "statistics.json").unlink()
    found = look(dataset)
    assert not found["whole"]
    assert sorted(problem.split(" ")[0] for problem in found["problems"])[1:] == [
        "eval.tfrecord-00000-of-00001",
        "train.tfrecord-00000-of-00001",
    ]
    assert "statistics.json does not exist" in " ".join(found["problems"])


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("model"))


def test_a_model_is_described(model):
    found = look(model)
    assert (found["kind"], found["whole"], found["problems"]) == ("model", True, [])
    assert (found["generation"], found["step"]) == ("G3", 1)
    assert found["missing"] == found["unused"] == []
    assert "processor_group/reverb/" in " ".join(found["matched"])
    assert found["spec"] == SPEC.to_json()
    assert "C4 to C6" in found["text"]


def test_weights_of_another_config_are_named(model, tmp_path):
    for path in model.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    gin = tmp_path / "operative_config-1.gin"
    text = gin.read_text()
    assert "RnnFcDecoder.layers_per_stack = 0" in text
    gin.write_text(text.replace("layers_per_stack = 0", "layers_per_stack = 1"))
    found = look(tmp_path)
    assert not found["whole"]
    assert any("input_stacks" in key for key in found["missing"])
    assert found["problems"]


def test_what_is_neither_is_refused(tmp_path, model):
    with pytest.raises(UsageError, match="holds neither a dataset"):
        look(tmp_path)
    with pytest.raises(UsageError, match="does not exist"):
        look(tmp_path / "nothing")
    (tmp_path / "ckpt-1.index").write_bytes((model / "ckpt-1.index").read_bytes())
    with pytest.raises(CheckpointError, match=r"operative_config-STEP\.gin"):
        look(tmp_path)
