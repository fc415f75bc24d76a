"""`SegmentPool`: segments are measured together, and one that fails costs itself."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Sequence

from ddsp_core.errors import AudioError, DdspError
from pipelines.elements import BlockMeasures, Segment
from pipelines.measure import SECS_AT_ONCE


@dataclasses.dataclass(frozen=True)
class Refused:
    """A recording that could be scanned but not measured."""

    key: str
    reason: str


class SegmentPool:
    """Holds segments until together they last as long as is measured at once.

    Short recordings then fill the batches of the network as long ones do. What is held
    is where to read, not audio.

    Args:
        measure: Measures segments; what it raises is one segment's fault, or nobody's.
    """

    def __init__(
        self, measure: Callable[[Sequence[Segment]], list[BlockMeasures]]
    ) -> None:
        self._measure = measure
        self._held: list[Segment] = []
        self._secs = 0.0

    def add(self, segment: Segment) -> list[BlockMeasures | Refused]:
        """Hold a segment; return what became of all of them if they are enough."""
        self._held.append(segment)
        self._secs += segment.secs
        return self.flush() if self._secs >= SECS_AT_ONCE else []

    def flush(self) -> list[BlockMeasures | Refused]:
        """Return what became of the segments that are held.

        If they fail together, each is measured alone: what is stored by then is not
        computed again.

        Raises:
            StorageError: The store cannot be written.
        """
        held, self._held, self._secs = self._held, [], 0.0
        try:
            return [*self._measure(held)]
        except AudioError as error:
            if len(held) == 1:
                return [Refused(held[0].recording.key, str(error))]
        except DdspError:
            raise
        except Exception as error:  # one bad file never ends a job
            if len(held) == 1:
                return [Refused(held[0].recording.key, unexpected(error))]
        rows: list[BlockMeasures | Refused] = []
        for segment in held:
            self._held = [segment]
            rows += self.flush()
        return rows


def unexpected(error: Exception) -> str:
    """Return the reason for a file that broke something of ours."""
    logging.getLogger(__name__).exception("unexpected error")
    return f"unexpected {type(error).__name__}: {error}"
