"""Our bytes against `tf.train.Example` and TensorFlow's own readers."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from ddsp_core import codec
from ddsp_core.errors import DatasetError, SpecError
from ddsp_core.spec import ExampleSpec, Padding, example_id

SPEC = ExampleSpec.from_seconds(0.2, 16_000, 50, 0.1)
ID = example_id("0123456789abcdef" * 2, 640)


def random_values(spec, seed=0):
    rng = np.random.default_rng(seed)
    return {
        field.name: rng.standard_normal(field.length).astype(np.float32)
        for field in spec.fields()
    }


@settings(deadline=None, max_examples=25)
@given(
    st.sampled_from([16_000, 44_100, 48_000]),
    st.integers(2, 40),
    st.sampled_from(Padding),
    st.integers(0, 2**32 - 1),
)
def test_protobuf_and_our_reader_give_back_the_very_floats(
    sample_rate, n_frames, padding, seed
):
    spec = ExampleSpec(
        sample_rate=sample_rate,
        hop_size=sample_rate // 50,
        n_frames=n_frames,
        padding=padding,
    )
    values = random_values(spec, seed)
    data = codec.encode(spec, ID, values)
    assert len(data) == codec.record_length(spec)
    features = tf.train.Example.FromString(data).features.feature
    assert set(features) == {*values, "example_id"}
    assert features["example_id"].bytes_list.value == [ID.encode()]
    parsed = codec.parse(spec, tf.constant([data, data]))
    for name, value in values.items():
        stored = np.array(features[name].float_list.value, np.float32)
        np.testing.assert_array_equal(stored, value)
        np.testing.assert_array_equal(parsed[name][1], value)
    assert parsed["example_id"].numpy().tolist() == [ID.encode()] * 2
    name, decoded = codec.decode(spec, data)
    assert name == ID and set(decoded) == set(values)
    for name, value in values.items():
        np.testing.assert_array_equal(decoded[name], value)


def test_a_record_of_another_spec_is_not_decoded():
    other = dataclasses.replace(SPEC, n_frames=SPEC.n_frames + 1)
    data = codec.encode(SPEC, ID, random_values(SPEC))
    with pytest.raises(DatasetError, match=f"record of {len(data)} bytes"):
        codec.decode(other, data)
    renamed = data.replace(b"f0_hz", b"f1_hz")
    with pytest.raises(DatasetError, match="is not an example of this dataset"):
        codec.decode(SPEC, renamed)


def test_tensorflows_record_reader_reads_our_framing(tmp_path):
    records = [codec.encode(SPEC, ID, random_values(SPEC, k)) for k in range(3)]
    path = tmp_path / "shard"
    path.write_bytes(b"".join(map(codec.frame_record, records)))
    assert list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator()) == records
    with tf.io.TFRecordWriter(str(tmp_path / "theirs")) as writer:
        for record in records:
            writer.write(record)
    assert (tmp_path / "theirs").read_bytes() == path.read_bytes()


def test_records_are_read_by_their_number(tmp_path):
    records = [codec.encode(SPEC, ID, random_values(SPEC, k)) for k in range(3)]
    path = tmp_path / "shard"
    path.write_bytes(b"".join(map(codec.frame_record, records)))
    length = codec.record_length(SPEC)
    for k in (2, 0, 1):
        assert codec.read_record(path, k, length) == records[k]
    with pytest.raises(DatasetError, match="record 3 is damaged"):
        codec.read_record(path, 3, length)


@pytest.mark.parametrize("at", [0, 9, 500, -1])
def test_one_wrong_byte_anywhere_is_noticed(tmp_path, at):
    data = bytearray(codec.frame_record(codec.encode(SPEC, ID, random_values(SPEC))))
    data[at] ^= 1
    (tmp_path / "shard").write_bytes(data)
    with pytest.raises(DatasetError, match="damaged"):
        codec.read_record(tmp_path / "shard", 0, codec.record_length(SPEC))


def test_equal_examples_are_equal_bytes_whatever_the_order_of_fields():
    values = random_values(SPEC)
    turned = dict(reversed(values.items()))
    assert codec.encode(SPEC, ID, values) == codec.encode(SPEC, ID, turned)


def test_fields_that_do_not_fit_the_spec_are_refused():
    values = random_values(SPEC)
    with pytest.raises(SpecError, match="got fields"):
        codec.encode(SPEC, ID, {k: v for k, v in values.items() if k != "f0_hz"})
    with pytest.raises(SpecError, match="'audio' has shape"):
        codec.encode(SPEC, ID, values | {"audio": values["audio"][1:]})
    with pytest.raises(SpecError, match="'f0_hz' holds NaN"):
        codec.encode(SPEC, ID, values | {"f0_hz": values["f0_hz"] * np.nan})


def test_a_record_of_another_spec_does_not_parse():
    data = codec.encode(SPEC, ID, random_values(SPEC))
    other = dataclasses.replace(SPEC, n_frames=SPEC.n_frames + 1)
    with pytest.raises(tf.errors.InvalidArgumentError):
        codec.parse(other, tf.constant([data]))


def test_magentas_records_have_our_layout(test_data):
    path = next((test_data / "conformance/tfrecords").glob("default.tfrecord-*-of-*"))
    record = next(iter(tf.data.TFRecordDataset(str(path)).as_numpy_iterator()))
    theirs = tf.train.Example.FromString(record).features.feature
    spec = ExampleSpec.from_seconds(4.0, 16_000, 250)
    lengths = {name: len(value.float_list.value) for name, value in theirs.items()}
    assert lengths == {field.name: field.length for field in spec.fields()}
