"""`prepare --dry-run`: what would be done, how long, how large; nothing is written."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np

from ddsp_core.audio.decode import probe
from ddsp_core.codec import FRAMING_LENGTH, record_length
from ddsp_core.errors import AudioError, UsageError
from ddsp_core.manifest import DatasetManifest
from ddsp_core.spec import FEATURE_RATE, ExampleSpec
from pipelines import directory
from pipelines.elements import Candidate, Rejected
from pipelines.options import PrepareOptions
from pipelines.reading import opened
from pipelines.runtime import ExtractorOptions
from pipelines.sources import divided, find_sources
from pipelines.windows import window_starts

START_SECS: Final = 8.0  # to import TensorFlow and Beam, and to compile the network
# Decoding, resampling and writing beside the features, measured on FLAC and WAV.
OTHER_SHARE: Final = 0.3
FEATURE_BYTES: Final = 12  # of a frame in the store


@dataclasses.dataclass(frozen=True)
class Foreseen:
    """What the header of one file promises.

    Args:
        source: The file.
        secs: Its length, in seconds; None if the header does not say.
        reason: Why it would be refused; '' if it looks usable.
    """

    source: str
    secs: float | None
    reason: str = ""


def dry_run(options: PrepareOptions) -> dict[str, Any]:
    """Look at the inputs' headers and say what a preparation would do.

    Raises:
        UsageError: An input matches nothing or is of TFDS, or the output cannot be
            used.
    """
    out = options.out
    directory.check_output(out)
    old = directory.present(out)
    files_and_folders, of_tfds = divided(options.inputs)
    if of_tfds:
        raise UsageError(
            f"--dry-run cannot look into {of_tfds[0]}: its examples are not files yet;"
            " leave it out, or prepare without --dry-run"
        )
    candidates, rejected = find_sources(files_and_folders, options.out)
    files = list(_foreseen(candidates, rejected))
    usable = [one for one in files if not one.reason]
    secs = sum(one.secs or 0.0 for one in usable)
    n_examples = _n_examples(usable, options.spec)
    n_bytes = n_examples * (record_length(options.spec) + FRAMING_LENGTH)
    n_bytes += round(secs * options.spec.frame_rate) * FEATURE_BYTES
    result = {
        "n_files": len(usable),
        "n_refused": len(files) - len(usable),
        "n_unknown_length": sum(one.secs is None for one in usable),
        "secs": round(secs, 3),
        "n_examples_at_most": n_examples,
        "bytes_at_most": n_bytes,
        "secs_to_do_at_most": round(_duration(secs, options), 1),
        "replaces": None if old is None else old.fingerprint,
    }
    return result | {"text": "\n".join(_lines(result, files, old, out, options))}


def _foreseen(
    candidates: Iterable[Candidate], rejected: Iterable[Rejected]
) -> Iterator[Foreseen]:
    for row in rejected:
        if row.is_audio:
            yield Foreseen(row.source, None, row.reason)
    for one in candidates:
        try:
            with opened(one.source) as local:
                info = probe(local)
        except AudioError as error:
            yield Foreseen(one.source, None, str(error))
        else:
            n = info.n_samples
            yield Foreseen(one.source, None if n is None else n / info.sample_rate)


def _n_examples(files: Iterable[Foreseen], spec: ExampleSpec) -> int:
    """Windows of long files, and of the short ones laid end to end."""
    n, short_frames = 0, 0
    for one in files:
        n_frames = math.floor((one.secs or 0.0) * spec.frame_rate)
        n_windows = len(window_starts(n_frames, spec))
        n += n_windows
        short_frames += 0 if n_windows else n_frames
    return n + len(window_starts(short_frames, spec))


def _duration(secs: float, options: PrepareOptions) -> float:
    """Estimate the time of a preparation from features measured now."""
    extractor = ExtractorOptions(options.spec.frame_rate, options.tracking()).make()
    t = np.arange(10 * FEATURE_RATE) / FEATURE_RATE
    audio = np.sin(2 * np.pi * 220 * t * (1 + 0.01 * t)).astype(np.float32)
    extractor.extract(audio[:FEATURE_RATE])
    started = time.perf_counter()
    extractor.extract(audio)
    per_sec = (time.perf_counter() - started) / 10
    return START_SECS + secs * per_sec * (1 + OTHER_SHARE)


def _lines(
    result: dict[str, Any],
    files: list[Foreseen],
    old: DatasetManifest | None,
    out: str,
    options: PrepareOptions,
) -> Iterator[str]:
    yield f"would prepare {result['n_files']} files, {result['secs'] / 60:.2f} min"
    if result["n_unknown_length"]:
        yield (
            f"  {result['n_unknown_length']} of them do not say how long they are and"
            " are not counted"
        )
    yield (
        f"  at most {result['n_examples_at_most']} examples of"
        f" {options.spec.example_secs:g} s, {result['bytes_at_most'] / 1e6:.1f} MB in"
        f" {out}"
    )
    yield (
        f"  at most {result['secs_to_do_at_most'] / 60:.1f} min here with one worker;"
        " less where the feature store knows a recording"
    )
    if old is not None:
        yield (
            f"  {out} holds the dataset {old.fingerprint}; unless it is the same,"
            " --force would replace it"
        )
    refused = [one for one in files if one.reason]
    if refused:
        yield f"  would refuse {len(refused)} files:"
    for one in refused:
        yield f"    {one.source}: {one.reason}"
    yield "nothing was written"
