"""Specs found from lengths of records, and records that cannot be used."""

import gzip
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddsp_core.errors import DatasetError, UsageError
from ddsp_core.spec import ExampleSpec, Padding, frame_rates
from pipelines.magenta_shards import find_spec, parse_record, read_shard
from tests.pipelines.magenta_made import serialized, write_shard


def lengths(n_audio, n_16k, n_frames):
    found = dict.fromkeys(("f0_hz", "f0_confidence", "loudness_db"), n_frames)
    found["audio"] = n_audio
    return found if n_16k is None else found | {"audio_16k": n_16k}


@pytest.mark.parametrize(
    ("n", "expected"),
    [
        ((64_000, 64_000, 1000), (16_000, 250, "same")),  # Magenta's default
        ((64_000, 64_000, 201), (16_000, 50, "center")),  # its vst
        ((128_000, 64_000, 201), (32_000, 50, "center")),
        ((192_000, 64_000, 201), (48_000, 50, "center")),
        ((176_400, 64_000, 400), (44_100, 100, "same")),
        ((64_000, None, 1000), (16_000, 250, "same")),  # before 1.0
        ((320_000, 320_000, 5000), (16_000, 250, "same")),
    ],
)
def test_the_shapes_that_magenta_made_are_known(n, expected):
    spec = find_spec(lengths(*n))
    assert (spec.sample_rate, spec.frame_rate, str(spec.padding)) == expected
    assert (spec.n_samples, spec.n_frames) == (n[0], n[2])


@given(
    st.sampled_from([16_000, 32_000, 44_100, 48_000]),
    st.data(),
    st.integers(1, 8),
    st.sampled_from(Padding),
)
def test_every_spec_of_whole_seconds_is_found_again(sample_rate, data, secs, padding):
    rate = data.draw(st.sampled_from(frame_rates(sample_rate)))
    spec = ExampleSpec.from_seconds(secs, sample_rate, rate, 1.0, padding)
    found = find_spec(lengths(spec.n_samples, spec.n_samples_16k, spec.n_frames))
    for name in ("sample_rate", "hop_size", "n_frames", "padding"):
        assert getattr(found, name) == getattr(spec, name)


def test_what_can_be_two_specs_is_asked():
    both = lengths(2000, 2000, 5)  # an eighth of a second: 40 frames/s, or 32
    with pytest.raises(UsageError, match=r"several specs.*40 --padding same.*32 --pad"):
        find_spec(both)
    assert find_spec(both, padding="center").frame_rate == 32
    assert find_spec(both, frame_rate=40).padding is Padding.SAME


@pytest.mark.parametrize(
    ("n", "said", "message"),
    [
        ((64_000, 64_000, 999), {}, "of no spec that Luthier knows"),
        ((64_001, 64_000, 1000), {}, "of no spec"),
        (
            (64_000, 64_000, 1000),
            {"sample_rate": 48_000},
            r"with --sample-rate 48000; without it.*--sample-rate 16000",
        ),
    ],
)
def test_what_is_no_spec_is_said_with_what_it_can_be(n, said, message):
    with pytest.raises(UsageError, match=message):
        find_spec(lengths(*n), **said)


def test_features_of_different_lengths_are_no_spec():
    with pytest.raises(UsageError, match=r"\[999, 1000\] frames"):
        find_spec(lengths(64_000, 64_000, 1000) | {"f0_hz": 999})


def example(**changes):
    values = {
        "audio": np.ones(160),
        "audio_16k": np.ones(160),
        "f0_hz": np.full(5, 440.0),
        "f0_confidence": np.full(5, 0.5),
        "loudness_db": np.full(5, -20.0),
    } | changes
    return serialized({k: v for k, v in values.items() if v is not None})


def test_a_record_gives_back_its_floats():
    values = parse_record(example(other=np.zeros(3)))
    assert set(values) == {
        "audio",
        "audio_16k",
        "f0_hz",
        "f0_confidence",
        "loudness_db",
    }
    assert values["f0_hz"].tolist() == [440.0] * 5
    assert "audio_16k" not in parse_record(example(audio_16k=None))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\xff\xff not a message", "not a tf.train.Example"),
        (example(f0_hz=None), "lacks 'f0_hz'"),
        (example(audio=np.zeros(0)), "lacks 'audio'"),
        (example(audio=np.array([0, np.nan, np.inf])), "2 values of 'audio' are NaN"),
        (example(f0_hz=np.array([-1.0])), "'f0_hz' reaches from -1 to -1"),
        (example(f0_confidence=np.array([1.5])), "'f0_confidence' reaches"),
        (example(loudness_db=np.array([-1e6])), "'loudness_db' reaches"),
    ],
)
def test_a_record_that_cannot_be_used_says_why(data, reason):
    with pytest.raises(DatasetError, match=reason):
        parse_record(data)


def test_whole_records_come_as_they_were_written(tmp_path):
    path = write_shard(tmp_path / "a.tfrecord", [b"one", b"", b"three"])
    found = list(read_shard(path))
    assert [record.data for record in found] == [b"one", b"", b"three"]
    raw = path.read_bytes()
    for record in found:
        assert raw[record.offset : record.offset + record.length] == record.data


def test_a_wrong_checksum_costs_one_record(tmp_path):
    path = write_shard(tmp_path / "a.tfrecord", [b"one", b"two", b"three"])
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"two")] ^= 1
    path.write_bytes(raw)
    found = list(read_shard(path))
    assert [record.reason for record in found] == ["", "a wrong checksum", ""]


@pytest.mark.parametrize("cut", [1, 5, 17, 18])
def test_a_shard_that_ends_early_says_so_and_keeps_what_came_before(tmp_path, cut):
    path = write_shard(tmp_path / "a.tfrecord", [b"one", b"two"])
    path.write_bytes(path.read_bytes()[: 19 + 19 - cut])
    first, *rest = read_shard(path)
    assert first.data == b"one"
    assert "nothing after it can be read" in rest[0].reason


def test_a_damaged_length_is_not_followed(tmp_path):
    path = write_shard(tmp_path / "a.tfrecord", [b"one", b"two"])
    raw = bytearray(path.read_bytes())
    raw[19:27] = struct.pack("<Q", 2**40)
    path.write_bytes(raw)
    assert [r.reason[:16] for r in read_shard(path)] == ["", "a damaged length"]


def test_a_compressed_shard_is_named(tmp_path):
    path = tmp_path / "a.tfrecord.gz"
    path.write_bytes(gzip.compress(b"something long enough"))
    (record,) = read_shard(path)
    assert "decompress" in record.reason
