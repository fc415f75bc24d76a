"""`luthier store`: how large a feature store is, and removing what nothing needs."""

from __future__ import annotations

import argparse
from typing import Any

HELP = "show a feature store, or remove from it what no dataset needs"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own options."""
    add = parser.add_argument
    add("place", metavar="DIR", help="a dataset directory, or the folder of a store")
    add("--prune", action="store_true", help="remove what no kept dataset needs")
    add(
        "--keep",
        action="append",
        default=[],
        metavar="DATASET",
        help="keep what this dataset was made of; may be repeated (default: DIR)",
    )
    add(
        "--older-than",
        type=float,
        metavar="DAYS",
        help="remove only what was last written so long ago",
    )
    add("--dry-run", action="store_true", help="say what would be removed")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Show or prune a store."""
    from ddsp_core.errors import UsageError
    from pipelines import tidy

    root, own = tidy.store_of(args.place)
    if not args.prune and (args.keep or args.older_than is not None or args.dry_run):
        raise UsageError("--keep, --older-than and --dry-run go with --prune")
    result: dict[str, Any] = {"store": root}
    lines = []
    if args.prune:
        days = args.older_than
        pruned = tidy.prune(
            root,
            (*own, *args.keep),
            None if days is None else days * 24 * 3600,
            args.dry_run,
        )
        result |= {"n_removed": pruned.n_files, "bytes_removed": pruned.n_bytes}
        verb = "would remove" if args.dry_run else "removed"
        lines.append(f"{verb} {pruned.n_files} files, {_megabytes(pruned.n_bytes)}")
    kinds = tidy.contents(root)
    total = sum(kind["bytes"] for kind in kinds.values())
    lines.append(f"{root}: {_megabytes(total)}")
    lines += [
        f"  {name:9} {kind['files']:7} files  {_megabytes(kind['bytes'])}"
        for name, kind in kinds.items()
        if kind["files"]
    ]
    return result | {"bytes": total, "kinds": kinds, "text": "\n".join(lines)}


def _megabytes(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:.1f} MB"
