"""`luthier prepare`: recordings in, a dataset directory out."""

from __future__ import annotations

import argparse
from typing import Any

from ddsp_core.features.options import (
    GIVEN_PATTERN,
    TRACKERS,
    Decoder,
    PitchOptions,
)
from ddsp_core.spec import ExampleSpec, Padding

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
    add("inputs", nargs="+", metavar="INPUT", help="file, folder, glob or tfds://NAME")
    add("--out", required=True, metavar="DIR", help="the dataset directory to make")
    add("--config", metavar="NAME", help="packaged data config or a .gin file")
    add(
        "--set",
        action="append",
        default=[],
        metavar="BINDING",
        help="gin binding, such as Policy.max_polyphonic_share=None; may be repeated",
    )
    _add_examples(parser.add_argument_group("examples"))
    _add_features(parser.add_argument_group("features"))
    _add_choices(parser.add_argument_group("what is used, and how it is divided"))
    _add_running(parser.add_argument_group("running"))


def _add_examples(group: argparse._ArgumentGroup) -> None:
    spec = ExampleSpec()
    for name, (kind, text) in _SPEC_OPTIONS.items():
        default = getattr(spec, name, spec.example_hop / spec.frame_rate)
        group.add_argument(
            f"--{name.replace('_', '-')}",
            type=kind,
            metavar="N",
            help=f"{text} (default: {default:g})",
        )
    group.add_argument(
        "--padding",
        choices=[str(value) for value in Padding],
        help=f"how frames stand to audio (default: {spec.padding})",
    )
    group.add_argument(
        "--gain",
        type=float,
        metavar="DB",
        help="one gain for the whole dataset, undone at transfer (default: none)",
    )


def _add_features(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    default = PitchOptions()
    add(
        "--pitch",
        metavar="NAME",
        help=f"what hears f0: {', '.join(TRACKERS)} or file:PATTERN for f0 given beside"
        f" each recording (default: {default.tracker}; pattern: {GIVEN_PATTERN})",
    )
    add(
        "--decoder",
        choices=[str(value) for value in Decoder],
        help="how CREPE's frames are joined: the likeliest path, each frame on its own,"
        f" or Magenta's path through every frame (default: {default.decoder})",
    )
    add(
        "--f0-step",
        type=int,
        metavar="N",
        help="CREPE hears every N-th frame, and those between where the pitch moves"
        " (default: about 16 ms, 4 at 250 frames/s; 1: every frame)",
    )
    add("--crepe-weights", metavar="FILE", help="instead of the installed weights")
    add("--store", metavar="DIR", help="the feature store (default: OUT/.features)")


def _add_choices(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--holdout", metavar="REGEX", help="hold out the recordings whose path matches")
    add(
        "--group",
        metavar="REGEX",
        help="recordings whose paths match it alike stay on one side of the split",
    )
    add(
        "--max-rejected-fraction",
        type=float,
        metavar="X",
        help="make no dataset if more of the readable audio is refused (default: off)",
    )
    add(
        "--strict",
        action="store_true",
        help="make no dataset if any audio file was refused",
    )
    add("--licence", metavar="TEXT", help="of the recordings, kept in sources.jsonl")


def _add_running(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--workers", type=int, default=1, metavar="N", help="local worker processes")
    add("--force", action="store_true", help="replace another dataset in --out")
    add(
        "--dry-run",
        action="store_true",
        help="say what would be done, how long and how large; write nothing",
    )


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Make the dataset; return what came out."""
    from pipelines.configured import configured

    given = {name: getattr(args, name) for name in (*_SPEC_OPTIONS, "padding")}
    bindings = list(args.set)
    if args.max_rejected_fraction is not None:
        bindings.append(
            f"Policy.max_rejected_fraction = {args.max_rejected_fraction!r}"
        )
    options = configured(
        args.config,
        bindings,
        {name: value for name, value in given.items() if value is not None},
        inputs=tuple(args.inputs),
        out=args.out,
        pitch=args.pitch,
        decoder=args.decoder,
        f0_step=args.f0_step,
        crepe_weights=args.crepe_weights,
        store=args.store,
        holdout=args.holdout,
        group=args.group,
        gain_db=args.gain,
        licence=args.licence,
        strict=args.strict,
        force=args.force,
        workers=args.workers,
        beam_options=tuple(args.beam_options),
    )
    if args.dry_run:
        from pipelines.dry_run import dry_run

        return dry_run(options)
    from pipelines.prepare import prepare
    from pipelines.summary import summarise

    made = prepare(options)
    summary = summarise(made.manifest, options.out, made.is_new)
    return summary | {"metrics": made.metrics}
