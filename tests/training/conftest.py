"""Fixtures of the training tests."""

import pytest

from tests.training.tones import write_dataset


@pytest.fixture
def dataset(tmp_path):
    """Ten training examples in two shards, three held out."""
    return write_dataset(tmp_path / "data", {"train": [6, 4], "eval": [3]})
