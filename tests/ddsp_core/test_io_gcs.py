"""Objects in a bucket: as files, of any name, whole or not at all."""

import hashlib
import os

import pytest

from ddsp_core import io
from ddsp_core.errors import UsageError


def objects(bucket):
    return [one.path.removeprefix(f"{bucket}/") for one in io.entries(bucket)]


NAMES = [
    "a.wav",
    "take #1?.wav",
    "100 %25.wav",
    "Ñandú ナイ.wav",
    "a+b&c=d.wav",
    "line\u2028end.wav",
    "\x01\x7f.wav",
    "two//slashes.wav",
]


@pytest.mark.parametrize("name", NAMES)
def test_an_object_of_any_name_comes_back_to_the_byte(bucket, name):
    path = f"{bucket}/in/{name}"
    data = bytes(range(256)) * 3
    io.write_bytes(path, data)
    assert io.read_bytes(path) == data
    assert io.read_range(path, 250, 10) == data[250:260]
    assert io.read_range(path, 760, 100) == data[760:]
    assert io.read_range(path, 4, 0) == b""
    assert [one.path for one in io.entries(f"{bucket}/in")] == [path]
    assert io.entry(path).size == len(data)
    assert io.sha256_file(path) == hashlib.sha256(data).hexdigest()
    io.move(path, f"{bucket}/moved/{name}")
    assert objects(bucket) == [f"moved/{name}"]
    io.remove(f"{bucket}/moved/{name}")
    assert objects(bucket) == []


def test_a_folder_is_what_holds_something(bucket):
    for key in ("a/b/1", "a/b/2", "a/3", "ab/4", "a/"):
        io.write_bytes(f"{bucket}/{key}", b"x")
    assert io.is_dir(f"{bucket}/a") and io.is_dir(f"{bucket}/a/b/")
    assert not io.is_dir(f"{bucket}/a/3") and not io.is_dir(f"{bucket}/b")
    assert io.is_file(f"{bucket}/a/3") and not io.is_file(f"{bucket}/a/b")
    assert io.names(bucket) == ["a", "ab"]
    assert io.names(f"{bucket}/a") == ["3", "b"]
    io.remove_tree(f"{bucket}/a")
    assert objects(bucket) == ["ab/4"]


def test_what_is_not_there_is_said_as_on_a_disk(bucket, tmp_path):
    for folder in (bucket, tmp_path):
        with pytest.raises(FileNotFoundError):
            io.read_bytes(io.join(folder, "none"))
        with pytest.raises(FileNotFoundError):
            io.entry(io.join(folder, "none"))
        with pytest.raises(FileNotFoundError):
            io.sha256_file(io.join(folder, "none"))
        io.remove(io.join(folder, "none"))
        io.remove_tree(io.join(folder, "none"))
        assert io.names(io.join(folder, "none")) == []


def test_a_missing_bucket_is_named_with_the_remedy(bucket):
    with pytest.raises(UsageError, match=r"no bucket 'nobody-has-it'.*buckets create"):
        io.write_bytes("gs://nobody-has-it/a", b"x")
    with pytest.raises(UsageError, match="no bucket 'nobody-has-it'"):
        list(io.entries("gs://nobody-has-it/a"))
    with pytest.raises(UsageError, match="names no bucket"):
        io.read_bytes("gs:///a")


def test_bytes_that_no_object_can_be_named_by_are_refused():
    with pytest.raises(UsageError, match="not UTF-8"):
        io.read_bytes(os.fsdecode(b"gs://bucket/\xff.wav"))


def test_a_version_changes_with_the_bytes(bucket, tmp_path):
    for folder in (bucket, str(tmp_path)):
        path = io.join(folder, "a")
        io.write_bytes(path, b"one")
        before = io.entry(path)
        io.write_bytes(path, b"two")
        assert io.entry(path).version != before.version


def test_an_error_while_a_file_is_made_leaves_the_old_object(bucket):
    path = f"{bucket}/a"
    io.write_bytes(path, b"old")
    with pytest.raises(RuntimeError), io.replacing(path) as temporary:
        temporary.write_bytes(b"half of the new")
        raise RuntimeError
    assert not temporary.exists()
    assert io.read_bytes(path) == b"old"
    with io.replacing(path) as temporary:
        temporary.write_bytes(b"new")
    assert io.read_bytes(path) == b"new" and not temporary.exists()


def test_a_limit_in_the_environment_must_be_a_number(bucket, monkeypatch):
    monkeypatch.setenv("LUTHIER_GCS_DEADLINE_SECS", "soon")
    with pytest.raises(UsageError, match="LUTHIER_GCS_DEADLINE_SECS='soon'"):
        io.read_bytes(f"{bucket}/a")
