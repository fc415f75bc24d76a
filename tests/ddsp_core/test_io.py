"""Files are written whole or not at all."""

import errno
import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ddsp_core import io
from ddsp_core.errors import StorageError


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.json"
    io.write_text(path, "old")
    with pytest.raises(RuntimeError), io.replacing(path) as temporary:
        temporary.write_text("half of the new")
        raise RuntimeError
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.json"]


@pytest.mark.parametrize("name", ["ENOSPC", "EFBIG", "EIO", "ESTALE", "EMFILE"])
def test_a_full_disk_is_a_storage_error_and_leaves_nothing(tmp_path, monkeypatch, name):
    reason = os.strerror(getattr(errno, name))

    def full(self, data):
        raise OSError(getattr(errno, name), reason)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StorageError, match=rf"a\.json.*{reason}.*make room") as info:
        io.write_bytes(tmp_path / "a.json", b"x")
    assert info.value.exit_code == 3
    assert os.listdir(tmp_path) == []


def test_a_folder_that_cannot_be_written_is_a_storage_error(tmp_path):
    if os.geteuid() == 0:
        target = Path("/proc/luthier/a.json")  # refused to anybody
        with pytest.raises((StorageError, FileNotFoundError)):
            io.write_bytes(target, b"x")
        return
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(StorageError):
        io.write_bytes(tmp_path / "locked" / "a.json", b"x")


def test_files_are_as_readable_as_any_other(tmp_path):
    plain = tmp_path / "plain"
    plain.write_text("")
    io.write_text(tmp_path / "ours", "")
    assert (tmp_path / "ours").stat().st_mode == plain.stat().st_mode


def test_an_address_is_refused_by_name():
    with pytest.raises(StorageError, match=r"gs://bucket/a.*local paths only"):
        io.local_path("gs://bucket/a")


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.dictionaries(
            st.text(max_size=5),
            st.text(max_size=20) | st.integers() | st.none(),
            max_size=3,
        ),
        max_size=5,
    )
)
def test_rows_survive_whatever_characters_they_hold(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("jsonl") / "rows.jsonl"
    io.write_jsonl(path, rows)
    assert io.read_jsonl(path) == rows


def test_names_of_any_bytes_and_line_separators_survive(tmp_path):
    rows = [
        {"source": os.fsdecode(b"take \xff\xfe.wav")},
        {"source": "a\u2028b\x85c"},
        {"source": "ナイ"},
    ]
    io.write_jsonl(tmp_path / "rows.jsonl", rows)
    assert io.read_jsonl(tmp_path / "rows.jsonl") == rows
    assert "ナイ" in (tmp_path / "rows.jsonl").read_text()


def test_json_has_no_nan(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        io.write_json(tmp_path / "a.json", {"mean": float("nan")})
    assert os.listdir(tmp_path) == []


def test_a_fingerprint_depends_on_values_not_on_order_of_keys():
    a = io.fingerprint({"x": 1, "y": [1, 2]})
    assert a == io.fingerprint(json.loads('{"y": [1, 2], "x": 1}'))
    assert a != io.fingerprint({"x": 1, "y": [2, 1]})


def test_sha256_of_a_file_is_that_of_its_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    # FIPS 180-2, example B.1
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert io.sha256_file(tmp_path / "a") == expected
