"""`make_tracker`: from a choice of f0 to what hears it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from ddsp_core.features.block import BlockAudio
from ddsp_core.features.crepe_tracker import CrepeTracker
from ddsp_core.features.given import GivenTracker
from ddsp_core.features.options import PitchOptions
from ddsp_core.features.other_trackers import PyinTracker, SwiftTracker
from ddsp_core.spec import FEATURE_RATE


class Tracker(Protocol):
    """Hears the pitch of blocks."""

    def track(
        self, blocks: Sequence[BlockAudio]
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return f0 in Hz and confidence of all frames of each block."""


def make_tracker(options: PitchOptions, frame_rate: int) -> Tracker:
    """Load what the options name.

    Raises:
        FeatureError: Weights or a package are missing.
    """
    hop_size = FEATURE_RATE // frame_rate
    match options.kind:
        case "file":
            return GivenTracker(frame_rate, options.pattern)
        case "pyin":
            return PyinTracker(hop_size)
        case "swiftf0":
            return SwiftTracker(hop_size)
        case _:
            return CrepeTracker(hop_size, options.step_for(frame_rate), options)
