"""A dataset prepared once for the tests that look at it."""

import os

import numpy as np
import pytest

from pipelines.prepare import prepare
from tests.pipelines.preparations import options
from tests.pipelines.recordings import melody, write


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Two melodies with a long rest, a copy, a short one, and three that fail."""
    path = tmp_path_factory.mktemp("corpus")
    a = melody(24, 16_000, seed=1)
    a[8 * 16_000 : 14 * 16_000] = 0
    write(path / "a.wav", a, 16_000, subtype="PCM_16")
    write(path / "b.flac", melody(25, 44_100, seed=2), 44_100)
    copy = path / os.fsdecode(b"copy \xff of a.wav")
    write(path / "copy.wav", a, 16_000, subtype="PCM_16").rename(copy)
    write(path / "short.wav", melody(1, 16_000), 16_000)
    write(path / "none.wav", np.zeros(0, np.float32), 16_000)
    (path / "text.wav").write_text("not a recording")
    (path / "notes.csv").write_text("0, 60")
    (path / os.fsdecode(b"zero \xff.wav")).touch()
    return path


@pytest.fixture(scope="module")
def dataset(corpus, tmp_path_factory):
    out = tmp_path_factory.mktemp("data") / "out"
    prepare(options(corpus, out))
    return out


@pytest.fixture
def store(dataset):
    """Features of the corpus, so that they are computed once for all tests."""
    return str(dataset / ".features")
