"""`tf.train.Example` bytes of one example: written and read in one place.

The protocol buffer is written directly: building a `tf.train.Example` from arrays
takes hundreds of times longer. Keys are in alphabetical order, so equal examples are
equal bytes, and every record of one spec has the same length.
"""

from __future__ import annotations

import functools
import os
import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING

import google_crc32c
import numpy as np

from ddsp_core.errors import DatasetError, SpecError
from ddsp_core.io import local_path
from ddsp_core.spec import EXAMPLE_ID, EXAMPLE_ID_LENGTH, ExampleSpec

if TYPE_CHECKING:
    import tensorflow as tf

# A TFRecord is: length (8 bytes), its checksum (4), the data, its checksum (4).
HEADER_LENGTH = 12
FRAMING_LENGTH = 16


def encode(
    spec: ExampleSpec, example_id: str, values: Mapping[str, np.ndarray]
) -> bytes:
    """Return one example as serialized `tf.train.Example`.

    Args:
        spec: Says which fields there are and how long.
        example_id: As `ddsp_core.spec.example_id` makes it.
        values: One finite float array [length] for each of `spec.fields()`.

    Raises:
        SpecError: A field is missing, unknown, not finite, or has another length.
    """
    lengths = {field.name: field.length for field in spec.fields()}
    if set(values) != set(lengths):
        raise SpecError(
            f"{example_id}: got fields {sorted(values)}, needed {sorted(lengths)}"
        )
    parts = {EXAMPLE_ID: _bytes_feature(example_id.encode("ascii"))}
    for name, length in lengths.items():
        array = np.ascontiguousarray(values[name], "<f4")
        if array.shape != (length,):
            raise SpecError(
                f"{example_id}: {name!r} has shape {array.shape}, but the spec says"
                f" ({length},): {spec.example_secs} s at {spec.sample_rate} Hz"
            )
        if not np.isfinite(array).all():
            raise SpecError(f"{example_id}: {name!r} holds NaN or infinity")
        parts[name] = _float_feature(array)
    entries = (
        _delimited(1, _delimited(1, name.encode()) + _delimited(2, parts[name]))
        for name in sorted(parts)
    )
    return _delimited(1, b"".join(entries))


def record_length(spec: ExampleSpec) -> int:
    """Return the length in bytes of every serialized example of `spec`."""
    zeros = {field.name: np.zeros(field.length, np.float32) for field in spec.fields()}
    return len(encode(spec, "0" * EXAMPLE_ID_LENGTH, zeros))


def parse(spec: ExampleSpec, serialized: tf.Tensor) -> dict[str, tf.Tensor]:
    """Parse serialized examples inside a TensorFlow graph.

    Args:
        spec: Says which fields there are and how long.
        serialized: Examples as strings, [batch].

    Returns:
        Each field, float32 [batch, length], and `example_id`, string [batch].
    """
    import tensorflow as tf

    schema = {
        field.name: tf.io.FixedLenFeature([field.length], tf.float32)
        for field in spec.fields()
    }
    schema[EXAMPLE_ID] = tf.io.FixedLenFeature([], tf.string)
    parsed: dict[str, tf.Tensor] = tf.io.parse_example(serialized, schema)
    return parsed


def decode(spec: ExampleSpec, data: bytes) -> tuple[str, dict[str, np.ndarray]]:
    """Return the id and the fields of what `encode` wrote, without TensorFlow.

    Args:
        spec: Says which fields there are and how long.
        data: One serialized example.

    Returns:
        Its id, and each field, float32 [length].

    Raises:
        DatasetError: It is not an example of this spec in our layout.
    """
    empty, places = _layout(spec)
    skeleton = np.frombuffer(data, np.uint8).copy()
    values = {}
    if len(data) == len(empty):
        for name, (start, stop) in places.items():
            values[name] = skeleton[start:stop].copy()
            skeleton[start:stop] = 0
    if skeleton.tobytes() != empty:
        raise DatasetError(
            f"a record of {len(data)} bytes is not an example of this dataset, which"
            f" has {len(empty)}; prepare the dataset again"
        )
    name = values.pop(EXAMPLE_ID).tobytes().decode("ascii")
    return name, {name: value.view("<f4") for name, value in values.items()}


def frame_record(data: bytes) -> bytes:
    """Return `data` as one TFRecord: length, checksum, data, checksum."""
    length = struct.pack("<Q", len(data))
    return length + checksum(length) + data + checksum(data)


def read_record(path: str | os.PathLike[str], index: int, length: int) -> bytes:
    """Read the `index`-th record of a shard of records of `length` bytes.

    Raises:
        DatasetError: The file ends early, or length or checksum do not fit.
    """
    with open(local_path(path), "rb") as file:
        file.seek(index * (length + FRAMING_LENGTH))
        raw = file.read(length + FRAMING_LENGTH)
    data = raw[HEADER_LENGTH : HEADER_LENGTH + length]
    if len(raw) != length + FRAMING_LENGTH or raw != frame_record(data):
        raise DatasetError(
            f"{path}: record {index} is damaged (got {len(raw)} bytes, needed a record"
            f" of {length} with its checksums); prepare the dataset again"
        )
    return data


def checksum(data: bytes) -> bytes:
    """Return TFRecord's masked CRC-32C, 4 bytes."""
    crc = google_crc32c.value(data)
    return struct.pack("<I", (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF)


@functools.lru_cache(maxsize=16)
def _layout(spec: ExampleSpec) -> tuple[bytes, dict[str, tuple[int, int]]]:
    """Return an example whose payload is zero bytes, and where each payload lies."""
    size = {field.name: 4 * field.length for field in spec.fields()}
    size[EXAMPLE_ID] = EXAMPLE_ID_LENGTH
    zeros = {field.name: np.zeros(field.length, np.float32) for field in spec.fields()}
    whole = bytearray(encode(spec, "\0" * EXAMPLE_ID_LENGTH, zeros))
    # Fields follow each other in alphabetical order, and each payload ends its entry.
    places, at = {}, 0
    for name in sorted(size):
        key = b"\n" + bytes([len(name)]) + name.encode()
        at = whole.index(key, at) + len(key)
        kind = _bytes_feature if name == EXAMPLE_ID else _raw_floats
        at += len(_delimited(2, kind(bytes(size[name])))) - size[name]
        places[name] = (at, at + size[name])
        at += size[name]
    return bytes(whole), places


def _raw_floats(data: bytes) -> bytes:
    return _delimited(2, _delimited(1, data))


def _float_feature(array: np.ndarray) -> bytes:
    return _raw_floats(array.tobytes())


def _bytes_feature(value: bytes) -> bytes:
    return _delimited(1, _delimited(1, value))


def _delimited(field_number: int, payload: bytes) -> bytes:
    """One length-delimited protocol buffer field (wire type 2)."""
    return bytes([field_number << 3 | 2]) + _varint(len(payload)) + payload


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
