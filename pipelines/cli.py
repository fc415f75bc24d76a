"""The command `luthier`: parsing, dispatch, exit codes.

Each subcommand is a module of `pipelines.commands` with `HELP`, `add_arguments` and
`run`; `run` returns a dict whose entry 'text' is for people and whose rest is the
JSON object. TensorFlow, Beam and MLflow are imported inside `run`, so that `--help`
answers at once.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import importlib
import json
import logging
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Any, NoReturn

from ddsp_core.errors import DdspError, StoppedError

COMMANDS = (
    "demo",
    "doctor",
    "prepare",
    "store",
    "adopt",
    "inspect",
    "train",
    "evaluate",
    "transfer",
)
EXIT_DEFECT = 1
EXIT_USAGE = 2
EXIT_ENVIRONMENT = 3
EXIT_BY_HAND = 130
ENVIRONMENT_ERRNOS = frozenset(
    getattr(errno, name)
    for name in (
        "ENOSPC EDQUOT EFBIG EIO EROFS EACCES EPERM ESTALE ETIMEDOUT EMFILE ENFILE"
    ).split()
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code (0, 1, 2, 3 or 130).

    Args:
        argv: Arguments without the program's name; those of the process if None.
    """
    args = _parse(sys.argv[1:] if argv is None else list(argv))
    _quieten_libraries()
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(message)s", force=True
    )
    command = importlib.import_module(f"pipelines.commands.{args.command}")
    return _guarded(command.run, args)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = _Parser(
        prog="luthier",
        description="From recordings of an instrument to a playable DDSP model.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in COMMANDS:
        module = importlib.import_module(f"pipelines.commands.{name}")
        sub = commands.add_parser(name, help=module.HELP, description=module.HELP)
        module.add_arguments(sub)
        sub.add_argument(
            "--json", action="store_true", help="print one JSON object as the last line"
        )
    return parser


class _Parser(argparse.ArgumentParser):
    """An argument parser whose complaint is one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(EXIT_USAGE, f"{self.prog}: {message} (see `{self.prog} --help`)\n")


def _parse(argv: list[str]) -> argparse.Namespace:
    """Parse; what follows a lone `--` is kept for Beam as it stands."""
    own, rest = argv, []
    if "--" in argv:
        own, rest = argv[: argv.index("--")], argv[argv.index("--") + 1 :]
    parser = build_parser()
    args = parser.parse_args(own)
    if rest and args.command != "prepare":
        parser.error(f"`{args.command}` takes nothing after `--`, got {rest}")
    args.beam_options = rest
    return args


def _guarded(run: Callable[[argparse.Namespace], dict[str, Any]], args: Any) -> int:
    """Run a command; turn what it raises into one line and an exit code."""
    try:
        with _sigterm_as_stop():
            result = run(args)
    except KeyboardInterrupt:
        return _complain(
            "interrupted; run the same command again to go on", EXIT_BY_HAND
        )
    except DdspError as error:
        return _complain(str(error), error.exit_code)
    except OSError as error:
        if error.errno not in ENVIRONMENT_ERRNOS:
            return _defect()
        where = f"{error.filename}: " if error.filename else ""
        remedy = "make room or choose another place, then run the same command again"
        return _complain(f"{where}{error.strerror}; {remedy}", EXIT_ENVIRONMENT)
    except Exception:
        return _defect()
    _show(result, args.json)
    return 0


def _show(result: dict[str, Any], as_json: bool) -> None:
    """Print the result: for people, or as JSON."""
    text = result.pop("text", "")
    if as_json:
        print(json.dumps(result, sort_keys=True, default=str))
    elif text:
        # A file name may hold bytes that the terminal's encoding lacks.
        encoding = sys.stdout.encoding or "utf-8"
        print(text.encode(encoding, "backslashreplace").decode(encoding))


def _complain(message: str, code: int) -> int:
    line = " ".join(message.split())
    print(
        f"luthier: {line}".encode("utf-8", "backslashreplace").decode(), file=sys.stderr
    )
    return code


def _defect() -> int:
    traceback.print_exc()
    return _complain(
        "this is a defect; please report it with the lines above", EXIT_DEFECT
    )


@contextlib.contextmanager
def _sigterm_as_stop() -> Iterator[None]:
    """Raise `StoppedError` at SIGTERM where no command handles it itself."""

    def stop(signum: int, frame: FrameType | None) -> None:
        raise StoppedError(
            "stopped by SIGTERM; the same command goes on", by_hand=False
        )

    previous = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def _quieten_libraries() -> None:
    """Keep the libraries' chatter off stderr; the user may ask for it."""
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    for name in ("tensorflow", "mlflow.store.db.utils", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # TFDS warns there of its own use of what it has deprecated.
    logging.getLogger("absl").setLevel(logging.ERROR)


if __name__ == "__main__":
    sys.exit(main())
