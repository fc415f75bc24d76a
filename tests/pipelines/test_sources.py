"""Every file that the inputs name is tried or has a reason."""

import os
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ddsp_core import io
from ddsp_core.errors import UsageError
from pipelines.sources import find_sources


def fill(path, *names):
    for name in names:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(b"x")


def found(inputs, out=None):
    candidates, rejected = find_sources([str(one) for one in inputs], out)
    reasons = {os.path.basename(one.source): one.reason for one in rejected}
    return [os.path.basename(one.source) for one in candidates], reasons


def test_a_folder_is_searched_at_any_depth_and_everything_is_accounted_for(tmp_path):
    fill(tmp_path, "a.wav", "b/c/D.FLAC", "b/notes.csv", "b/README", ".hidden.wav")
    fill(tmp_path, ".ipynb_checkpoints/a-checkpoint.wav", "take.wav/inside.mp3")
    (tmp_path / "zero.wav").touch()
    (tmp_path / "gone.wav").symlink_to(tmp_path / "nowhere")
    taken, reasons = found([tmp_path])
    assert sorted(taken) == ["D.FLAC", "a.wav", "inside.mp3"]
    assert reasons == {
        "notes.csv": "not an audio file (.csv)",
        "README": "not an audio file (no extension)",
        ".hidden.wav": "a hidden file",
        ".ipynb_checkpoints": "a hidden folder is not searched",
        "take.wav": "a folder with the name of an audio file, not a file",
        "zero.wav": "the file is empty (0 bytes)",
        "gone.wav": "a link that leads nowhere",
    }


def test_what_nobody_calls_audio_is_no_failure(tmp_path):
    fill(tmp_path, "a.wav", "notes.csv", ".hidden")
    (tmp_path / "zero.wav").touch()
    _, rejected = find_sources([str(tmp_path)])
    assert {os.path.basename(r.source) for r in rejected if r.is_audio} == {"zero.wav"}


def test_a_loop_of_links_ends(tmp_path):
    fill(tmp_path, "a/take.wav")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    taken, _ = found([tmp_path])
    assert taken == ["take.wav"]


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket.wav"))
        taken, reasons = found([tmp_path])
    assert taken == []
    assert all("neither a file nor a folder" in reason for reason in reasons.values())


def test_a_file_that_is_named_is_tried_whatever_its_name(tmp_path):
    fill(tmp_path, "take.raw", ".hidden.wav", "notes.txt")
    taken, reasons = found([tmp_path / "take.raw", tmp_path / ".hidden.wav", tmp_path])
    assert taken == [".hidden.wav", "take.raw"]
    assert list(reasons) == ["notes.txt"]


def test_globs_match_and_what_looks_like_one_but_exists_is_taken_as_it_is(tmp_path):
    fill(tmp_path, "take [1].wav", "take 2.wav", "b/take 3.wav")
    assert found([tmp_path / "take [1].wav"])[0] == ["take [1].wav"]
    assert found([tmp_path / "**" / "take ?.wav"])[0] == ["take 3.wav", "take 2.wav"]


def test_an_input_that_matches_nothing_is_a_usage_error(tmp_path):
    for name in ("nowhere", "*.wav"):
        with pytest.raises(UsageError, match="matches no file or folder"):
            find_sources([str(tmp_path / name)])


def test_the_output_folder_is_not_searched(tmp_path):
    fill(tmp_path, "a.wav", "data/old.wav")
    assert found([tmp_path], out=str(tmp_path / "data"))[0] == ["a.wav"]


def test_names_of_any_bytes_are_found(tmp_path):
    name = os.path.join(os.fsencode(tmp_path), b"caf\xe9 \xff.wav")
    with open(name, "wb") as file:
        file.write(b"x")
    candidates, _ = find_sources([str(tmp_path)])
    assert [os.fsencode(one.source) for one in candidates] == [name]


@settings(max_examples=15, deadline=None)
@given(st.permutations(["a.wav", "b", "b/c.wav", "d.txt", "*.wav"]))
def test_the_order_of_the_inputs_does_not_matter(tmp_path_factory, order):
    root = tmp_path_factory.mktemp("in")
    fill(root, "a.wav", "b/c.wav", "b/e.flac", "d.txt")
    result = find_sources([str(root / name) for name in order])
    assert result == find_sources([str(root / name) for name in sorted(order)])


@pytest.fixture
def both(bucket, tmp_path):
    """The same files in a bucket and on a disk."""

    def put(*names, data=b"x"):
        for name in names:
            io.write_bytes(f"{bucket}/in/{name}", data)
            io.write_bytes(tmp_path / "in" / name, data)

    put.places = (f"{bucket}/in", str(tmp_path / "in"))
    return put


def named(place, patterns, out=None):
    """What was found in one of the places, by names in it."""
    inputs = [f"{place}/{pattern}".rstrip("/") for pattern in patterns]
    candidates, rejected = find_sources(inputs, out and f"{place}/{out}")
    return (
        [one.source.removeprefix(f"{place}/") for one in candidates],
        {row.source.removeprefix(f"{place}/"): row.reason for row in rejected},
    )


@pytest.mark.parametrize(
    "patterns",
    [
        [""],
        ["b"],
        ["*"],
        ["*.wav"],
        ["**/*.wav"],
        ["**"],
        ["b/**"],
        ["?.wav", "b"],
        ["[ab].wav"],
        ["b/*/D.FLAC"],
        ["what [1].wav"],
        ["notes.txt"],
        [".hidden.wav"],
        [".*/*"],
    ],
    ids=str,
)
def test_a_bucket_is_searched_as_a_disk_is(both, patterns):
    both("a.wav", "b/c/D.FLAC", "b/e.mp3", "b/notes.csv", ".hidden.wav", "notes.txt")
    both(".git/x.wav", "take.wav2/inside.ogg", "dir.wav/in.wav", "what [1].wav")
    both("zero.wav", data=b"")
    in_bucket, on_disk = (named(place, patterns) for place in both.places)
    assert in_bucket == on_disk


def test_the_output_in_a_bucket_is_not_searched(both):
    both("a.wav", "out/.features/x", "out/b.wav")
    for place in both.places:
        assert named(place, [""], out="out")[0] == ["a.wav"]


def test_what_marks_a_folder_in_a_bucket_is_no_file(bucket):
    io.write_bytes(f"{bucket}/in/", b"")
    io.write_bytes(f"{bucket}/in/a.wav", b"x")
    candidates, rejected = find_sources([f"{bucket}/in"])
    assert [one.source for one in candidates] == [f"{bucket}/in/a.wav"]
    assert rejected == []


def test_a_whole_bucket_is_an_input(bucket):
    io.write_bytes(f"{bucket}/a.wav", b"x")
    for text in (bucket, f"{bucket}/"):
        (one,), _ = find_sources([text])
        assert one.source == f"{bucket}/a.wav"


def test_an_address_that_names_nothing_is_refused(bucket):
    for text in (f"{bucket}/none", f"{bucket}/none/*.wav", "gs://*/a.wav"):
        with pytest.raises(UsageError, match=r"matches no file or folder|no bucket"):
            find_sources([text])


def test_a_folder_of_a_bucket_costs_one_listing(bucket, gcs_proxy):
    for k in range(30):
        io.write_bytes(f"{bucket}/in/{k}.wav", b"x")
    gcs_proxy.requests.clear()
    find_sources([f"{bucket}/in"])
    assert len(gcs_proxy.requests) <= 3
