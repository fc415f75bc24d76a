"""Limits of remote storage that an operator may set in the environment."""

from __future__ import annotations

import math
import os
from typing import Final

from ddsp_core.errors import UsageError

# Name → default. The environment reaches every worker, wherever a runner starts it.
DEFAULTS: Final = {
    "LUTHIER_GCS_TIMEOUT_SECS": 60.0,  # without a byte from the server; Google's own
    "LUTHIER_GCS_DEADLINE_SECS": 300.0,  # of repeating one call: longer than a restart
    "LUTHIER_COPIES_GB": 8.0,  # of downloads a process: a day of CD sound is 15 GB
}


def setting(name: str) -> float:
    """Return a limit, from the environment or its default.

    Raises:
        UsageError: It is not a positive number.
    """
    text = os.environ.get(name)
    if text is None:
        return DEFAULTS[name]
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise UsageError(f"{name}={text!r} in the environment; needed a number above 0")
    return value
