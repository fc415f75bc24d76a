"""`BlockAudio`: a stretch of a recording, as the feature extractor takes it."""

from __future__ import annotations

import dataclasses
from typing import Final

import numpy as np

from ddsp_core.audio.blocks import BLOCK_SECS, CONTEXT_SECS, Block
from ddsp_core.audio.resample import resample_block
from ddsp_core.errors import FeatureError
from ddsp_core.spec import FEATURE_RATE, Padding

MAX_BLOCK_SAMPLES: Final = (BLOCK_SECS + 2 * CONTEXT_SECS) * FEATURE_RATE
BLOCKS_AT_ONCE: Final = 4  # some 60 batches of the network, of which few are half empty


@dataclasses.dataclass(frozen=True)
class BlockAudio:
    """One block of a recording at 16 kHz, with context on both sides of its core.

    Args:
        audio_16k: Context, core, context: mono, [n_samples]; zeros are taken to stand
            beyond it.
        n_before: Samples of context before the core; a multiple of the hop.
        n_core: Samples of the core.
        padding: SAME for n_core // hop frames; CENTER for one more, on the core's end,
            which is wanted only at a recording's end: elsewhere it is the next block's
            first.
        start: First sample of the core at 16 kHz, counted from the recording's start; a
            multiple of the hop.
        source: The recording's name, which a tracker of given f0 needs.
    """

    audio_16k: np.ndarray
    n_before: int
    n_core: int
    padding: Padding = Padding.SAME
    start: int = 0
    source: str | None = None

    @classmethod
    def of(
        cls, block: Block, padding: Padding = Padding.SAME, source: str | None = None
    ) -> BlockAudio:
        """Return a block of any rate at 16 kHz."""
        audio_16k, n_before, n_core = resample_block(block, FEATURE_RATE)
        start = block.index * BLOCK_SECS * FEATURE_RATE
        return cls(audio_16k, n_before, n_core, padding, start, source)

    @property
    def index(self) -> int:
        """Number of the block on the grid of 20 s."""
        return self.start // (BLOCK_SECS * FEATURE_RATE)

    def check(self, hop_size: int) -> None:
        """Raise `FeatureError` if it is longer than the grid's, or does not fit it."""
        n_samples = len(self.audio_16k)
        if (
            n_samples > MAX_BLOCK_SAMPLES
            or self.n_before + self.n_core > n_samples
            or self.n_before % hop_size
            or self.start % hop_size
        ):
            raise FeatureError(
                f"a block of {n_samples} samples with {self.n_before} before the core"
                f" of {self.n_core}, which starts at {self.start}, does not fit: needed"
                f" at most {MAX_BLOCK_SAMPLES} samples at 16 kHz and whole hops of"
                f" {hop_size} before the core and its start"
            )

    def n_frames(self, hop_size: int) -> int:
        """Frames that are computed: one more than whole hops, whatever the padding.

        So the path through the other frames does not depend on it.
        """
        return len(self.audio_16k) // hop_size + 1

    def first_frame(self, hop_size: int) -> int:
        """The first of them, counted from the recording's start."""
        return (self.start - self.n_before) // hop_size

    def core(self, hop_size: int) -> slice:
        """Which of them belong to the core."""
        first = self.n_before // hop_size
        n_core = self.n_core // hop_size + (self.padding is Padding.CENTER)
        return slice(first, first + n_core)
