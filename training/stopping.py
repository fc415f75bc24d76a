"""Being asked to stop: SIGTERM and Ctrl-C end a job after the step in hand."""

from __future__ import annotations

import logging
import signal
import threading
from types import FrameType, TracebackType
from typing import Any

logger = logging.getLogger(__name__)
SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StopSignal:
    """Within its block a first SIGTERM or Ctrl-C is noted; a second one acts as usual.

    >>> with StopSignal() as stop:
    ...     stop.requested
    False
    """

    def __init__(self) -> None:
        self.requested = False
        self.by_hand = False
        self._previous: dict[signal.Signals, Any] = {}

    def __enter__(self) -> StopSignal:
        # Python delivers signals to the main thread only, and lets no other listen.
        if threading.current_thread() is threading.main_thread():
            self._previous = {s: signal.signal(s, self._note) for s in SIGNALS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._give_back()

    def _note(self, signum: int, frame: FrameType | None) -> None:
        self.requested = True
        self.by_hand = signum == signal.SIGINT
        self._give_back()
        logger.info("%s: finishing this step, then saving", signal.Signals(signum).name)

    def _give_back(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous = {}
