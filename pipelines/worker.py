"""A worker process of the local runner: Beam's own harness, without its chatter.

What goes wrong in a worker reaches the launcher as text and the user as one line.
"""

from __future__ import annotations

import logging
import shlex
import sys
from pathlib import Path


def command() -> str:
    """Return the shell command that starts a worker able to import our packages."""
    root = str(Path(__file__).parents[1])
    code = f"import sys; sys.path.insert(0, {root!r})"
    code += "; from pipelines import worker; worker.main()"
    return f"exec {shlex.quote(sys.executable)} -c {shlex.quote(code)}"


def main() -> None:
    """Serve the launcher whose address stands in the environment, until it is done."""
    logging.disable(logging.ERROR)
    from apache_beam.runners.worker import sdk_worker_main

    sdk_worker_main.main(sys.argv)
