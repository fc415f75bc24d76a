"""Examples of a dataset of TFDS as recordings: lossless WAV files beside the features.

Files are named by their content, so what is there is not written again. An index of
each range of examples is written last; while it is there, the range is not read again.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io as memory
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy.io import wavfile

from ddsp_core import io
from ddsp_core.errors import AudioError
from pipelines.elements import Candidate, Rejected
from pipelines.tfds_address import SCHEME, TfdsAddress, parse_address
from pipelines.tfds_open import (
    ID,
    Features,
    find_features,
    open_builder,
    splits_of,
)

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

MEDIA_NAME: Final = "media"  # in the feature store
F0_SUFFIX: Final = ".f0.csv"  # CREPE's own: time, frequency, confidence
RANGE_EXAMPLES: Final = 500  # some seconds of work, and what an interruption costs
INDEX_VERSION: Final = 1
MAX_FAILURES: Final = 3  # in a row, after which the rest of a range is given up


@dataclasses.dataclass(frozen=True)
class TfdsRange:
    """Consecutive examples of one split: what a worker exports in one go.

    Args:
        address: The dataset.
        full_name: Its name with config and version.
        split: Which.
        start: First example.
        stop: One past the last.
        files: Digest of the split's files: their names, sizes and times.
    """

    address: TfdsAddress
    full_name: str
    split: str
    start: int
    stop: int
    files: str

    def source(self, number: int, name: str = "") -> str:
        """Return what people see of an example."""
        ending = f"/{name}" if name else ""
        return f"{SCHEME}{self.full_name}/{self.split}#{number:06d}{ending}"

    def index(self, root: str) -> str:
        """Return where the range's index is or would be."""
        parts = [self.full_name, self.split, self.start, self.stop, self.files]
        key = io.fingerprint([*parts, self.address.reading(), INDEX_VERSION])
        return io.join(root, MEDIA_NAME, "index", f"{key}.jsonl")


def find_ranges(inputs: Iterable[str]) -> list[TfdsRange]:
    """Return the ranges of examples that `tfds://` addresses name.

    Raises:
        UsageError: There is no such dataset or split, it is not prepared, or its audio
            is not found.
    """
    found = []
    for text in sorted(set(inputs)):
        address = parse_address(text)
        builder = open_builder(address)
        find_features(builder, address)
        for split, first, last in splits_of(builder, address):
            files = _files(builder, split)
            for start in range(first, last, RANGE_EXAMPLES):
                stop = min(start + RANGE_EXAMPLES, last)
                name = builder.info.full_name
                found.append(TfdsRange(address, name, split, start, stop, files))
    return found


def is_exported(one: TfdsRange, root: str) -> bool:
    """Is everything there that a range's index names?"""
    rows = _read_index(one, root)
    return rows is not None and all(
        io.is_file(io.join(root, MEDIA_NAME, row["media"]))
        for row in rows
        if row["media"]
    )


def candidates_of(
    ranges: Sequence[TfdsRange], root: str
) -> tuple[list[Candidate], list[Rejected]]:
    """Return the recordings that ranges became, and the examples that are none."""
    candidates, rejected = {}, {}
    for one in ranges:
        for row in _read_index(one, root) or ():
            source = one.source(row["number"], row["name"])
            if row["media"]:
                path = io.join(root, MEDIA_NAME, row["media"])
                candidates[source] = Candidate(source, path)
            else:
                rejected[source] = Rejected(source, "decode", row["reason"])
    return (
        [candidates[source] for source in sorted(candidates)],
        [rejected[source] for source in sorted(rejected)],
    )


def export(one: TfdsRange, root: str) -> int:
    """Write the examples of a range as recordings, then its index; return how many.

    One example is in memory at a time.

    Args:
        one: The range.
        root: Folder of the feature store.

    Raises:
        StorageError: The disk is full or cannot be written.
    """
    builder = open_builder(one.address)
    features = find_features(builder, one.address)
    rows = []
    for number, example, reason in _examples(builder, one, features):
        row: dict[str, Any] = {"number": number, "name": "", "media": None}
        if example is None:
            rows.append(row | {"reason": reason})
            continue
        if features.has_id:
            row["name"] = _text(_at(example, ID))
        try:
            row["media"] = _write(example, features, root)
        except AudioError as error:
            row["reason"] = str(error)
        rows.append(row)
    io.write_jsonl(one.index(root), rows)
    return sum(row["media"] is not None for row in rows)


def _examples(
    builder: tfds.core.DatasetBuilder, one: TfdsRange, features: Features
) -> Iterator[tuple[int, dict[str, Any] | None, str]]:
    """Yield number and example, or the reason why it cannot be read."""
    import tensorflow as tf

    number, n_failures = one.start, 0
    while number < one.stop:
        try:
            for example in _read(builder, one.split, number, one.stop, features):
                yield number, example, ""
                number, n_failures = number + 1, 0
            if number < one.stop:
                break
        except tf.errors.OpError as error:
            reason = f"TFDS cannot read it: {str(error).splitlines()[0]}"
            n_failures += 1
            last = one.stop if n_failures == MAX_FAILURES else number + 1
            for lost in range(number, last):
                yield lost, None, reason
            number = last
    for lost in range(number, one.stop):
        yield lost, None, "the dataset ends before it, other than its metadata says"


def _read(
    builder: tfds.core.DatasetBuilder,
    split: str,
    start: int,
    stop: int,
    features: Features,
) -> Iterable[dict[str, Any]]:
    """Read what is used of some examples, in the order in which they are stored."""
    import tensorflow_datasets as tfds

    wanted: dict[str, Any] = {}
    for path in features.paths():
        place = wanted
        for name in path[:-1]:
            place = place.setdefault(name, {})
        place[path[-1]] = True
    dataset = builder.as_dataset(
        split=tfds.core.ReadInstruction(split, from_=start, to=stop, unit="abs"),
        shuffle_files=False,
        decoders=tfds.decode.PartialDecoding(wanted),
        read_config=tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False),
    )
    rows: Iterable[dict[str, Any]] = tfds.as_numpy(dataset)
    return rows


def _write(example: dict[str, Any], features: Features, root: str) -> str:
    """Write one example's files, if they are not there; return the name of the WAV.

    Raises:
        AudioError: It holds no audio.
    """
    audio = _audio(_at(example, features.audio), features.full_scale)
    data = memory.BytesIO()
    # Of scipy, since libsndfile writes the time of day into float files.
    wavfile.write(data, features.sample_rate, audio)
    f0 = _f0_csv(example, features, len(audio) / features.sample_rate)
    digest = hashlib.sha256(data.getvalue() + f0).hexdigest()
    name = os.path.join(digest[:2], f"{digest}.wav")
    path = io.join(root, MEDIA_NAME, name)
    if f0:
        _put(path.removesuffix(".wav") + F0_SUFFIX, f0)
    _put(path, data.getvalue())
    return name


def _audio(values: np.ndarray, full_scale: float) -> np.ndarray:
    """Return float32, [n_samples] or [n_samples, n_channels].

    Raises:
        AudioError: There are no samples, or they do not fit.
    """
    if values.ndim not in (1, 2) or not values.size:
        raise AudioError(f"its audio has shape {values.shape}; needed samples")
    if full_scale == 1.0:
        return values.astype(np.float32)
    if np.abs(values.astype(np.int64)).max() > full_scale:
        raise AudioError(
            f"its audio reaches {np.abs(values.astype(np.int64)).max()}, beyond"
            f" {full_scale:g}; say how wide it is with ?bits=24 or ?bits=32"
        )
    return (values / full_scale).astype(np.float32)


def _f0_csv(example: dict[str, Any], features: Features, secs: float) -> bytes:
    """Return the dataset's own f0 as CREPE writes it; nothing if it has none."""
    if features.f0 is None:
        return b""
    f0_hz, confidence = (np.ravel(_at(example, path)) for path in features.f0)
    if len(f0_hz) != len(confidence) or not len(f0_hz):
        raise AudioError(f"it has {len(f0_hz)} f0 and {len(confidence)} confidences")
    frame_rate = len(f0_hz) / secs
    lines = ["time,frequency,confidence"]
    for k, (hz, sure) in enumerate(zip(f0_hz, confidence, strict=True)):
        time = k / frame_rate + features.f0_offset_secs
        lines.append(f"{time:.6f},{hz:.9g},{sure:.9g}")
    return ("\n".join(lines) + "\n").encode()


def _put(path: str, data: bytes) -> None:
    if not io.is_file(path):
        io.write_bytes(path, data)


def _read_index(one: TfdsRange, root: str) -> list[dict[str, Any]] | None:
    try:
        return io.read_jsonl(one.index(root))
    except (FileNotFoundError, ValueError):
        return None


def _files(builder: tfds.core.DatasetBuilder, split: str) -> str:
    """Return a digest of names, sizes and times of a split's files."""
    rows = []
    for path in builder.info.splits[split].filepaths:
        status = path.stat()
        rows.append([path.name, status.length, status.mtime])
    return io.fingerprint(sorted(rows))


def _at(example: dict[str, Any], path: tuple[str, ...]) -> Any:
    for name in path:
        example = example[name]
    return example


def _text(value: Any) -> str:
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else ""
