"""`python -m benchmarks.pitch`: f0 of every tracker where the pitch is known.

For each choice of f0 and each set of recordings: frames inside notes that are off by
more than 50 cents or by an octave, the median error, frames at changes of note that are
off, how far f0 is from that of every frame, and the CPU time a second of audio takes.
The recordings are those of the folder `audio` in `LUTHIER_TEST_DATA`.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.known_pitch import (
    FRAME_RATE,
    SETS,
    Difference,
    Tally,
    Truth,
    recordings,
)
from ddsp_core.audio.blocks import blocks, scan
from ddsp_core.errors import FeatureError, UsageError
from ddsp_core.features.block import BlockAudio
from ddsp_core.features.extract import FeatureExtractor, Features
from ddsp_core.features.options import Decoder, PitchOptions

CREPE_TINY: Final = {
    "crepe-tiny magenta": PitchOptions("crepe-tiny", Decoder.MAGENTA),
    "crepe-tiny viterbi step 1": PitchOptions("crepe-tiny", step=1),
    "crepe-tiny viterbi (default)": PitchOptions("crepe-tiny"),
    "crepe-tiny argmax step 1": PitchOptions("crepe-tiny", Decoder.ARGMAX, 1),
    "crepe-tiny argmax": PitchOptions("crepe-tiny", Decoder.ARGMAX),
}
_COLUMNS: Final = (
    "set | f0 | >50 cents | octave | median cents | >50 cents at changes"
    " | from every frame: median, 95 %, >50 away, >50 near | CPU s per s"
)
HEAD: Final = f"| {_COLUMNS} |\n{'|---' * (_COLUMNS.count('|') + 1)}|"
FAST: Final = CREPE_TINY | {"swiftf0": PitchOptions("swiftf0")}
SLOW: Final = {
    "crepe-tiny viterbi (default)": PitchOptions("crepe-tiny"),
    **{f"crepe-{s} viterbi": PitchOptions(f"crepe-{s}") for s in ("small", "medium")},
    "crepe-large viterbi": PitchOptions("crepe-large"),
    "crepe-full viterbi step 1": PitchOptions("crepe-full", step=1),
    "crepe-full viterbi": PitchOptions("crepe-full"),
    "crepe-full argmax": PitchOptions("crepe-full", Decoder.ARGMAX),
    "pyin": PitchOptions("pyin"),
}


@dataclasses.dataclass(frozen=True)
class Part:
    """How much of each set is heard.

    Args:
        name: For people.
        every: One recording in so many.
        max_blocks: Blocks of 20 s of each; None for all.
    """

    name: str
    every: int
    max_blocks: int | None


WHOLE: Final = Part("Whole sets", 1, None)
FIFTH: Final = Part("Every 5th recording, its first 40 s", 5, 2)
FEW: Final = Part("Every 45th recording, its first 20 s", 45, 1)


@dataclasses.dataclass(frozen=True)
class Row:
    """What one choice of f0 makes of one set."""

    choice: str
    set_name: str
    secs: float
    cpu_secs: float
    error: dict[str, float]
    difference: dict[str, float] | None


def main() -> None:
    """Measure, print a table line by line, and keep the numbers."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pitch")
    parser.add_argument("--json", metavar="FILE", help="where to put the numbers")
    parser.add_argument(
        "--whole", action="store_true", help="the fast trackers on all recordings"
    )
    args = parser.parse_args()
    audio = Path(os.environ.get("LUTHIER_TEST_DATA", "")) / "audio"
    if not audio.is_dir():
        raise UsageError(
            "LUTHIER_TEST_DATA does not name a folder with recordings in 'audio'"
        )
    groups = [(WHOLE, FAST)] if args.whole else [(FIFTH, FAST), (FEW, SLOW)]
    results = {}
    for part, choices in groups:
        print(f"\n{part.name}\n\n{HEAD}", flush=True)
        rows = []
        for row in (row for key in SETS for row in measure(audio, key, part, choices)):
            print(line(row), flush=True)
            rows.append(dataclasses.asdict(row))
        results[part.name] = rows
        if args.json:
            Path(args.json).write_text(json.dumps(results, indent=1) + "\n")


def measure(
    audio: Path, set_name: str, part: Part, choices: dict[str, PitchOptions]
) -> Iterator[Row]:
    """Run each choice over a set.

    Args:
        audio: The folder of recordings.
        set_name: One of `SETS`.
        part: How much of it.
        choices: What to run, by name.
    """
    chosen = [
        (list(_blocks(path, part.max_blocks)), truth)
        for number, (path, truth) in enumerate(recordings(audio, set_name))
        if number % part.every == 0
    ]
    secs = sum(block.n_core for rows, _ in chosen for block in rows) / 16_000
    found: dict[str, list[Features]] = {}
    for name, options in choices.items():
        try:
            extractor = FeatureExtractor(FRAME_RATE, options)
        except FeatureError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
            continue
        extractor.extract(np.zeros(16_000, np.float32))  # traced and loaded
        before = extractor.seconds["f0"]
        found[name] = [extractor.extract_all(rows) for rows, _ in chosen]
        cpu_secs = extractor.seconds["f0"] - before
        truths = [truth for _, truth in chosen]
        yield Row(
            name,
            set_name,
            secs,
            cpu_secs,
            _error(found[name], truths),
            _difference(name, options, found, truths),
        )


def _blocks(path: Path, count: int | None) -> Iterator[BlockAudio]:
    """Read a recording, or its beginning."""
    found = scan(path)
    for block in blocks(path, found.info, found.n_samples, 0, count):
        yield BlockAudio.of(block)


def _error(features: list[Features], truths: list[Truth]) -> dict[str, float]:
    """How far f0 is from what sounds."""
    tally = Tally()
    for one, truth in zip(features, truths, strict=True):
        tally.add(one, truth)
    return tally.summary()


def _difference(
    name: str,
    options: PitchOptions,
    found: dict[str, list[Features]],
    truths: list[Truth],
) -> dict[str, float] | None:
    """How far f0 is from that of every frame, by the same network and decoder."""
    every = f"{options.tracker} {options.decoder} step 1"
    if every not in found or every == name or options.decoder is Decoder.MAGENTA:
        return None
    difference = Difference()
    for one, other, truth in zip(found[name], found[every], truths, strict=True):
        difference.add(one, other, truth)
    return difference.summary()


def line(row: Row) -> str:
    """Return a row of the table, in Markdown."""
    error = row.error
    return (
        f"| {row.set_name} | {row.choice} | {error['gross']:.3f} %"
        f" | {error['octave']:.3f} % | {error['median_cents']:.2f}"
        f" | {error['gross_at_change']:.2f} % | {_far(row.difference)}"
        f" | {row.cpu_secs / row.secs:.3f} |"
    )


def _far(difference: dict[str, Any] | None) -> str:
    """A difference in one cell."""
    if difference is None:
        return ""
    return (
        f"{difference['median_cents']:.2f}, {difference['p95_cents']:.2f} cents,"
        f" {difference['beyond_away']:.3f} %, {difference['beyond_near']:.2f} %"
    )


if __name__ == "__main__":
    main()
