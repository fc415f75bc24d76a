"""`luthier transfer`: play recordings through a model."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.arguments import local_path

if TYPE_CHECKING:
    from ddsp_core.transfer.play import Transferred

SHIFTS = {"--semitones": "X", "--pitch-shift": "OCTAVES", "--loudness-shift": "DB"}
HELP = "play recordings (files, folders or globs) through a model"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    add = parser.add_argument
    add("model", metavar="MODEL", help="training or model directory, or checkpoint")
    add("inputs", nargs="+", metavar="INPUT", help="file, folder or glob")
    add(
        "--out",
        type=local_path,
        required=True,
        metavar="DIR",
        help="where WAV files go",
    )
    add(
        "--octave",
        default="overlap",
        metavar="RULE",
        help="overlap (into the model's range, if not there), magenta (its notebook's"
        " rule), or a number of octaves (default: overlap)",
    )
    for name, unit in SHIFTS.items():
        what = f"shift the {'loudness' if unit == 'DB' else 'pitch'}"
        add(name, type=float, default=0.0, metavar=unit, help=what)
    add(
        "--threshold",
        type=float,
        default=1.0,
        metavar="X",
        help="how sure a note must be to sound, 0 to 2 (default: 1)",
    )
    add(
        "--quiet",
        type=float,
        default=120.0,
        metavar="DB",
        help="by how much what is no note is turned down (default: 120, silence)",
    )
    add(
        "--no-adjust",
        action="store_true",
        help="do not fit octave and loudness to the model",
    )


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Transfer; the result lists every output, and every input that gave none."""
    from ddsp_core.transfer.options import TransferOptions
    from pipelines.transfer import transfer

    options = TransferOptions(
        octave=args.octave,
        pitch_shift=args.pitch_shift,
        semitones=args.semitones,
        loudness_shift_db=args.loudness_shift,
        adjust=not args.no_adjust,
        quiet_db=args.quiet,
        threshold=args.threshold,
    )
    done, failed = transfer(args.model, args.inputs, args.out, options)
    lines = [line for one in done for line in _lines(one)]
    lines += [f"{one.source}: not played: {one.reason}" for one in failed]
    return {
        "model": str(args.model),
        "outputs": [_json(one) for one in done],
        "failed": [dataclasses.asdict(one) for one in failed],
        "text": "\n".join(lines),
    }


def _json(one: Transferred) -> dict[str, Any]:
    flat = {**vars(one), **vars(one.fit)}
    del flat["fit"]
    return {k: str(v) if isinstance(v, Path) else v for k, v in flat.items()}


def _lines(one: Transferred) -> list[str]:
    """What people want to know of one output."""
    fit = one.fit
    moved = f"moved {fit.octaves:+d} octave{'s' * (abs(fit.octaves) != 1)}"
    octave = moved if fit.octaves else "octave kept"
    lines = [
        f"{one.path}  {one.secs:.1f} s of {one.source.name}",
        f"  pitch     {octave}; {fit.pitch_inside:.0%} of notes in the model's range",
        f"  loudness  {fit.loudness_inside:.0%} of notes within its dynamics",
        f"  notes     {fit.notes_share:.0%} of the time",
    ]
    if not fit.adjusted:
        lines.append("  octave and loudness were not fitted to the model")
    if not fit.notes_share:
        lines.append("  no note was found, so the output is silent; see --threshold")
    if one.gain_db < 0:
        lines.append(f"  level     {one.gain_db:.1f} dB, so as not to clip")
    return lines
