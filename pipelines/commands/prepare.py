"""`luthier prepare`: recordings in, a dataset directory out."""

from __future__ import annotations

import argparse
from typing import Any

from ddsp_core.spec import ExampleSpec, Padding
from pipelines.options import PrepareOptions

HELP = "turn recordings (files, folders or globs) into a dataset directory"

# Options that define examples, by their name in `ExampleSpec.from_seconds`.
_SPEC_OPTIONS: dict[str, tuple[type, str]] = {
    "example_secs": (float, "length of an example, in seconds"),
    "example_hop_secs": (float, "seconds between the starts of two examples"),
    "sample_rate": (int, "of the audio, in Hz"),
    "frame_rate": (int, "pitch and loudness frames per second"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own options."""
    add = parser.add_argument
    add("inputs", nargs="+", metavar="INPUT", help="file, folder or glob")
    add("--out", required=True, metavar="DIR", help="the dataset directory to make")
    spec = ExampleSpec()
    for name, (kind, text) in _SPEC_OPTIONS.items():
        default = getattr(spec, name, spec.example_hop / spec.frame_rate)
        add(
            f"--{name.replace('_', '-')}",
            type=kind,
            metavar="N",
            help=f"{text} (default: {default:g})",
        )
    add(
        "--padding",
        choices=[str(value) for value in Padding],
        help=f"how frames stand to audio (default: {spec.padding})",
    )
    defaults = PrepareOptions(inputs=(), out="")
    add(
        "--pitch",
        default=defaults.pitch,
        metavar="NAME",
        help=f"crepe-tiny, -small, -medium, -large, -full (default: {defaults.pitch})",
    )
    add("--crepe-weights", metavar="FILE", help="instead of the installed weights")
    add("--store", metavar="DIR", help="the feature store (default: OUT/.features)")
    add("--holdout", metavar="REGEX", help="hold out the recordings whose path matches")
    add("--licence", metavar="TEXT", help="of the recordings, kept in sources.jsonl")
    add("--workers", type=int, default=1, metavar="N", help="local worker processes")
    add("--force", action="store_true", help="replace another dataset in --out")
    add(
        "--strict",
        action="store_true",
        help="make no dataset if any audio file was refused",
    )


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Make the dataset; return what came out."""
    given = {name: getattr(args, name) for name in (*_SPEC_OPTIONS, "padding")}
    options = PrepareOptions(
        inputs=tuple(args.inputs),
        out=args.out,
        spec=ExampleSpec.from_seconds(
            **{name: value for name, value in given.items() if value is not None}
        ),
        pitch=args.pitch,
        crepe_weights=args.crepe_weights,
        store=args.store,
        holdout=args.holdout,
        licence=args.licence,
        strict=args.strict,
        force=args.force,
        workers=args.workers,
        beam_options=tuple(args.beam_options),
    )
    from ddsp_core.io import local_path
    from pipelines.prepare import prepare
    from pipelines.summary import summarise

    manifest, is_new = prepare(options)
    return summarise(manifest, local_path(options.out), is_new)
