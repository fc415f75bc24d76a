"""Magenta-made TFRecord shards: their records, and the spec that they imply."""

from __future__ import annotations

import dataclasses
import os
import struct
from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from ddsp_core import codec, io
from ddsp_core.errors import DatasetError, UsageError
from ddsp_core.spec import FEATURE_RATE, ExampleSpec, Padding, frame_rates

AUDIO: Final = ("audio", "audio_16k")
FEATURES: Final = ("f0_hz", "f0_confidence", "loudness_db")
NEEDED: Final = ("audio", *FEATURES)
GZIP: Final = b"\x1f\x8b"
# Loudness beyond any full-scale signal, and below either version's floor.
LOUDNESS_RANGE: Final = (-200.0, 100.0)
MAX_HZ: Final = 20_000.0  # no pitch is higher


@dataclasses.dataclass(frozen=True)
class Record:
    """One record of a shard as it lies there.

    Args:
        number: Counted from 0 in its shard.
        offset: Of its data, in bytes.
        length: Of its data, in bytes.
        data: The data, if it is whole.
        reason: Why not; empty if it is.
    """

    number: int
    offset: int
    length: int
    data: bytes = b""
    reason: str = ""


def read_shard(path: str | os.PathLike[str]) -> Iterator[Record]:
    """Yield the records of a shard in order, damaged ones too.

    Where a length cannot be trusted, or the file ends early, the last record says so:
    what comes after it cannot be found.

    Raises:
        OSError: The file cannot be read.
    """
    with open(io.local_path(path), "rb") as file:
        size = os.fstat(file.fileno()).st_size
        number, offset = 0, 0
        while offset < size:
            header = file.read(codec.HEADER_LENGTH)
            at = offset + codec.HEADER_LENGTH
            if number == 0 and header[:2] == GZIP:
                yield Record(0, 0, size, reason="a compressed shard; decompress it")
                return
            length = _length(header)
            if length is None or at + length + 4 > size:
                what = "a damaged length" if length is None else "the shard ends early"
                reason = f"{what}; nothing after it can be read"
                yield Record(number, at, size - offset, reason=reason)
                return
            data = file.read(length)
            if file.read(4) == codec.checksum(data):
                yield Record(number, at, length, data)
            else:
                yield Record(number, at, length, reason="a wrong checksum")
            number, offset = number + 1, at + length + 4


def parse_record(data: bytes) -> dict[str, np.ndarray]:
    """Return the float lists of a record that can be used.

    Returns:
        `audio`, `f0_hz`, `f0_confidence`, `loudness_db` and, if it is there,
        `audio_16k`, each float32 [length].

    Raises:
        DatasetError: It is no example, lacks a key, or holds impossible values.
    """
    import tensorflow as tf
    from google.protobuf.message import DecodeError

    try:
        features = tf.train.Example.FromString(data).features.feature
    except DecodeError as error:
        raise DatasetError("it is not a tf.train.Example") from error
    values = {
        name: np.array(features[name].float_list.value, np.float32)
        for name in (*AUDIO, *FEATURES)
        if name in features
    }
    missing = [name for name in NEEDED if not values.get(name, np.zeros(0)).size]
    if missing:
        raise DatasetError(
            f"it lacks {', '.join(map(repr, missing))}; it has {sorted(features)}"
        )
    for name, value in values.items():
        n_bad = int((~np.isfinite(value)).sum())
        if n_bad:
            raise DatasetError(f"{n_bad} values of {name!r} are NaN or infinite")
    _check_range(values, "f0_hz", 0.0, MAX_HZ)
    _check_range(values, "f0_confidence", 0.0, 1.0)
    _check_range(values, "loudness_db", *LOUDNESS_RANGE)
    return values


def lengths_of(values: Mapping[str, np.ndarray]) -> tuple[tuple[str, int], ...]:
    """Return the length of each list, in alphabetical order."""
    return tuple(sorted((name, len(value)) for name, value in values.items()))


def find_spec(
    lengths: Mapping[str, int],
    sample_rate: int | None = None,
    frame_rate: int | None = None,
    padding: str | None = None,
) -> ExampleSpec:
    """Return the spec of which a record has such lengths.

    `audio_16k` gives the seconds, `audio` then the sample rate, and the frames the
    frame rate: n frames of padding 'same', or n - 1 intervals of 'center', must be a
    rate whose hop is whole. Without `audio_16k` the audio is at 16 kHz, as Magenta's
    old shards are.

    Args:
        lengths: Of each list, by name.
        sample_rate: What the user says of it, in Hz.
        frame_rate: What the user says of it, in Hz.
        padding: What the user says of it.

    Raises:
        UsageError: No spec, or more than one, has them; the message lists those found.
    """
    n_frames = {lengths[name] for name in FEATURES}
    if len(n_frames) != 1:
        raise UsageError(
            f"the features have {sorted(n_frames)} frames; needed equally many of each"
        )
    n_audio, (n,) = lengths["audio"], n_frames
    n_16k = lengths.get("audio_16k", n_audio)
    found = [
        spec
        for spec in _specs(n_audio, n_16k, n)
        if sample_rate in (None, spec.sample_rate)
        and frame_rate in (None, spec.frame_rate)
        and padding in (None, str(spec.padding))
    ]
    if len(found) == 1:
        return found[0]
    shape = f"{n_audio} samples, {n_16k} at 16 kHz, {n} frames"
    every = found or _specs(n_audio, n_16k, n)
    listed = "; ".join(
        f"--sample-rate {spec.sample_rate} --frame-rate {spec.frame_rate}"
        f" --padding {spec.padding}"
        for spec in every
    )
    if found:
        raise UsageError(f"records of {shape} can be of several specs; say: {listed}")
    said = ", ".join(
        f"{name} {value}"
        for name, value in (
            ("--sample-rate", sample_rate),
            ("--frame-rate", frame_rate),
            ("--padding", padding),
        )
        if value is not None
    )
    raise UsageError(
        f"records of {shape} are of no spec that Luthier knows"
        + (f" with {said}" if said else "")
        + (f"; without it they can be: {listed}" if listed and said else "")
    )


def _specs(n_audio: int, n_16k: int, n_frames: int) -> list[ExampleSpec]:
    """Return every spec of these lengths."""
    if not n_16k or n_audio * FEATURE_RATE % n_16k:
        return []
    sample_rate, found = n_audio * FEATURE_RATE // n_16k, []
    for padding in Padding:
        n_intervals = n_frames - (padding is Padding.CENTER)
        rate = n_intervals * FEATURE_RATE / n_16k
        if n_intervals < 1 or rate not in frame_rates(sample_rate):
            continue
        found.append(
            ExampleSpec(
                sample_rate=sample_rate,
                hop_size=sample_rate // int(rate),
                n_frames=n_frames,
                example_hop=n_intervals,
                padding=padding,
            )
        )
    return found


def _length(header: bytes) -> int | None:
    """Return the length that a header says, or None if it is damaged."""
    if len(header) < codec.HEADER_LENGTH or header[8:] != codec.checksum(header[:8]):
        return None
    length: int = struct.unpack("<Q", header[:8])[0]
    return length


def _check_range(
    values: Mapping[str, np.ndarray], name: str, low: float, high: float
) -> None:
    least, most = float(values[name].min()), float(values[name].max())
    if least < low or most > high:
        raise DatasetError(
            f"{name!r} reaches from {least:g} to {most:g}; needed {low:g} to {high:g}"
        )
