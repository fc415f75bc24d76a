"""`adopt`: Magenta-made TFRecord shards in, a dataset directory out.

Every record is read twice: once to learn what it is, once to be written anew in our
layout. In memory are one record, and half a kilobyte for each.
"""

from __future__ import annotations

import dataclasses
import glob
import hashlib
import logging
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from ddsp_core import io
from ddsp_core.errors import DatasetError, UsageError
from ddsp_core.features.extract import MIN_LOUDNESS_DB
from ddsp_core.manifest import MANIFEST_NAME, DatasetManifest
from ddsp_core.spec import ExampleSpec, LoudnessVersion
from pipelines import directory
from pipelines.adopt_plan import Place, Usable, is_held_out, plan_adoption
from pipelines.adopt_write import read_again, write_adopted
from pipelines.elements import Rejected
from pipelines.finish import REJECTED_NAME
from pipelines.magenta_shards import (
    find_spec,
    lengths_of,
    parse_record,
    read_shard,
)
from pipelines.options import EVAL_FRACTION, MIN_EVAL_SECS
from pipelines.overlap import marks
from pipelines.policy import Policy

F0_VERSION: Final = "magenta/crepe"  # whatever tracker and weights it was made with
TODAYS_FLOOR_DB: Final = -80.0  # Magenta's since 2.0; before, it was -120
MAX_OFF_DB: Final = 1.0  # in the median, where loudness is of the same definition
# Magenta fills up the last 20 s of a recording: what is mostly zeros teaches silence.
MAX_PADDED_SHARE: Final = 0.5
_LOGGER = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class AdoptOptions:
    """Shards, output and choices of one adoption.

    Args:
        inputs: Shards, folders of them, or globs.
        out: The dataset directory to be made.
        sample_rate: Of the audio, in Hz, where the records do not tell.
        frame_rate: Of the features, in Hz, where the records do not tell.
        padding: 'same' or 'center', where the records do not tell.
        loudness: Version of the loudness, where the records do not tell.
        licence: Of the recordings, kept in `sources.jsonl`.
        force: Replace another dataset in `out`.
        eval_fraction: Share to be held out where names of shards do not say.
        min_eval_secs: Seconds to be held out at least, likewise.
    """

    inputs: tuple[str, ...]
    out: str
    sample_rate: int | None = None
    frame_rate: int | None = None
    padding: str | None = None
    loudness: str | None = None
    licence: str | None = None
    force: bool = False
    eval_fraction: float = EVAL_FRACTION
    min_eval_secs: float = MIN_EVAL_SECS

    def defining(self) -> dict[str, Any]:
        """Return the choices that define the dataset, as plain JSON values."""
        values = dataclasses.asdict(self)
        return {k: v for k, v in values.items() if k not in ("inputs", "out", "force")}


def adopt(options: AdoptOptions) -> tuple[DatasetManifest, bool]:
    """Make a dataset directory of Magenta-made shards, or find that it is there.

    Returns:
        The manifest, and whether the dataset was made now.

    Raises:
        UsageError: An input matches nothing, the output cannot be used, or the records
            can be of several specs.
        DatasetError: No record is usable, or another dataset is there and `force` is
            not given.
        StorageError: The environment failed; what was there before is untouched.
    """
    out = str(io.local_path(options.out))
    directory.check_output(out)
    shards = find_shards(options.inputs)
    with directory.exclusive(out) as lock:
        directory.go_on(out, lock)
        old = directory.present(out)
        digests = [io.sha256_file(shard) for shard in shards]
        request = io.fingerprint([digests, options.defining()])
        if old is not None:
            if old.details.get("request") == request and not old.problems(out):
                return old, False
            if not options.force:
                raise DatasetError(
                    f"{out} holds another dataset ({old.fingerprint}), made from other"
                    " files or options; choose another --out or replace it by --force"
                )
        return _make(options, shards, digests, request, out, lock), True


def find_shards(inputs: Sequence[str]) -> list[str]:
    """Return the shards that files, folders and globs name, sorted by name.

    Raises:
        UsageError: An input names none.
    """
    found: set[str] = set()
    for given in inputs:
        text = os.fspath(io.local_path(given))
        matches = [text] if os.path.lexists(text) else glob.glob(text, recursive=True)
        files = {path for path in matches if os.path.isfile(path)}
        for folder in set(matches) - files:
            names = os.listdir(folder) if os.path.isdir(folder) else []
            files |= {
                path
                for path in (os.path.join(folder, name) for name in names)
                if "tfrecord" in os.path.basename(path) and os.path.isfile(path)
            }
        if not files:
            raise UsageError(
                f"{given!r} names no TFRecord shard; give files, quoted globs, or a"
                " folder with files such as train.tfrecord-00000-of-00010"
            )
        found |= files
    return sorted(found)


@dataclasses.dataclass(frozen=True)
class _Looked:
    """What one look at all records found."""

    spec: ExampleSpec
    usable: tuple[Usable, ...]
    rejected: tuple[dict[str, Any], ...]


def _make(
    options: AdoptOptions,
    shards: Sequence[str],
    digests: Sequence[str],
    request: str,
    out: str,
    lock: io.Lock,
) -> DatasetManifest:
    """Write the dataset in the work folder, then put it in place."""
    work = Path(out, directory.WORK_NAME)
    shutil.rmtree(work, ignore_errors=True)
    try:
        with io.storage_errors(f"making {work}"):
            work.mkdir(parents=True)
        looked = _look(options, shards, work)
        spec = looked.spec
        plan = plan_adoption(
            looked.usable,
            spec.n_samples_16k,
            options.eval_fraction,
            options.min_eval_secs,
        )
        write_adopted(
            work,
            spec,
            plan,
            list(zip(shards, digests, strict=True)),
            looked.rejected,
            options.defining() | {"request": request},
        )
        return directory.commit(str(work), out, lock)
    finally:
        if not (work / MANIFEST_NAME).exists():
            directory.leave_reasons(str(work), out)
            shutil.rmtree(work, ignore_errors=True)


def _look(options: AdoptOptions, shards: Sequence[str], work: Path) -> _Looked:
    """Read every record once: what is usable, of which spec, and what is not.

    Raises:
        DatasetError: Nothing is usable; the reasons are left in `work`.
    """
    seen: list[tuple[tuple[tuple[str, int], ...], Usable, float]] = []
    rejected: list[dict[str, Any]] = []
    for index, shard in enumerate(shards):
        for place, values, reason in _records(index, shard):
            if values is None:
                rejected.append(_refusal(shard, place, reason))
            else:
                lowest = float(values["loudness_db"].min())
                usable = _usable(place, values, is_held_out(shard))
                seen.append((lengths_of(values), usable, lowest))
        _LOGGER.info("read %s", shard)
    if not seen:
        io.write_jsonl(work / REJECTED_NAME, rejected)
        first = f"; {rejected[0]['reason']}" if rejected else ""
        raise DatasetError(
            f"no usable record in {len(shards)} shards{first}; all reasons are in"
            f" {REJECTED_NAME}"
        )
    # The most common lengths are the dataset's; of equally common ones the longest.
    counts = Counter(lengths for lengths, _, _ in seen)
    lengths = max(counts, key=lambda one: (counts[one], one))
    spec = find_spec(
        dict(lengths), options.sample_rate, options.frame_rate, options.padding
    )
    records: list[Usable] = []
    for found, record, _ in seen:
        if found == lengths:
            records.append(record)
        else:
            reason = f"other lengths: {_listed(found)}; most have {_listed(lengths)}"
            rejected.append(_refusal(shards[record.place.shard], record.place, reason))
    lowest_db = min(lowest for found, _, lowest in seen if found == lengths)
    values = next(read_again([(0, records[0])], shards))[2]
    loudness = loudness_version(values, spec, lowest_db, options.loudness)
    spec = dataclasses.replace(spec, f0=F0_VERSION, loudness=loudness)
    return _Looked(spec, tuple(records), tuple(rejected))


def loudness_version(
    values: dict[str, np.ndarray], spec: ExampleSpec, lowest_db: float, said: str | None
) -> LoudnessVersion:
    """Return the version of the loudness of some records.

    Today's is recognised by computing it again; the one before by values below -80 dB,
    where today's ends.

    Args:
        values: Of one record.
        spec: Of all.
        lowest_db: Lowest loudness of all.
        said: What the user says of it.

    Raises:
        UsageError: It is neither, and the user has not said, or what he says cannot be.
    """
    from ddsp_core.dsp.loudness import compute_loudness

    is_old = lowest_db < TODAYS_FLOOR_DB - 0.5
    if said is not None:
        if is_old and said == LoudnessVersion.POWER_2022:
            raise UsageError(
                f"--loudness {said}: that version ends at {TODAYS_FLOOR_DB:g} dB, but"
                f" there is a value of {lowest_db:g} dB; say"
                f" {LoudnessVersion.LEGACY_2020}"
            )
        return LoudnessVersion(said)
    if is_old:
        return LoudnessVersion.LEGACY_2020
    audio_16k = values.get("audio_16k", values["audio"])
    again = compute_loudness(
        audio_16k, frame_rate=spec.frame_rate, padding=str(spec.padding), use_tf=False
    )
    off_db = float(np.median(np.abs(again - values["loudness_db"])))
    if off_db > MAX_OFF_DB:
        raise UsageError(
            f"the loudness is {off_db:.1f} dB off today's definition and never below"
            f" {TODAYS_FLOOR_DB:g} dB, so its version is not known; say --loudness"
            f" {LoudnessVersion.LEGACY_2020} (Magenta before 2.0) or"
            f" {LoudnessVersion.POWER_2022}"
        )
    return LoudnessVersion.POWER_2022


def _records(
    index: int, shard: str
) -> Iterator[tuple[Place, dict[str, np.ndarray] | None, str]]:
    """Yield each record's place with its values, or with the reason for none."""
    try:
        for record in read_shard(shard):
            place = Place(index, record.number, record.offset, record.length)
            if record.reason:
                yield place, None, record.reason
                continue
            try:
                values = parse_record(record.data)
            except DatasetError as error:
                yield place, None, str(error)
                continue
            reason = _emptiness(values)
            yield place, None if reason else values, reason
    except OSError as error:
        yield Place(index, 0, 0, 0), None, f"cannot be read: {error.strerror}"


def _emptiness(values: dict[str, np.ndarray]) -> str:
    """Say why there is nothing to learn from a record; empty if there is something."""
    audio, loudness_db = values["audio"], values["loudness_db"]
    sounds = np.flatnonzero(audio)
    if not len(sounds):
        return "silent: every sample is 0"
    n_padded = len(audio) - 1 - int(sounds[-1])
    if n_padded > MAX_PADDED_SHARE * len(audio):
        return f"padded: the last {n_padded / len(audio):.0%} of the samples are 0"
    if np.mean(loudness_db >= MIN_LOUDNESS_DB) < Policy().min_loud_share:
        return "silent: hardly a frame is louder than silence"
    return ""


def _usable(place: Place, values: dict[str, np.ndarray], held_out: bool) -> Usable:
    audio = values["audio"]
    return Usable(
        place=place,
        digest=hashlib.sha256(audio.astype("<f4").tobytes()).hexdigest(),
        peak=float(np.abs(audio).max()),
        marks=marks(values.get("audio_16k", audio)),
        is_held_out=held_out,
    )


def _refusal(shard: str, place: Place, reason: str) -> dict[str, Any]:
    from pipelines.account import rejected_row

    row = rejected_row(Rejected(shard, "adopt", reason))
    return row | {"record": place.number}


def _listed(lengths: tuple[tuple[str, int], ...]) -> str:
    return ", ".join(f"{name} {length}" for name, length in lengths)
