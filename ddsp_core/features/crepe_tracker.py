"""f0 by CREPE for many blocks at once, in full batches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ddsp_core.features.adaptive import AdaptiveTrack
from ddsp_core.features.block import BlockAudio
from ddsp_core.features.crepe import BATCH_FRAMES, Crepe, framed, normalize_frames
from ddsp_core.features.octaves import without_octave_errors
from ddsp_core.features.options import Decoder, PitchOptions


class CrepeTracker:
    """Hears the pitch of blocks with CREPE.

    Args:
        hop_size: Samples at 16 kHz between two frames.
        step: Frames between two that are always heard; 1 for every frame.
        options: Size, decoder and weights.

    Raises:
        FeatureError: The weights are missing or wrong.
    """

    def __init__(self, hop_size: int, step: int, options: PitchOptions) -> None:
        self._hop_size, self._step, self._decoder = hop_size, step, options.decoder
        self._crepe = Crepe(options.crepe_size, options.weights)

    def track(
        self, blocks: Sequence[BlockAudio]
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return f0 in Hz and confidence of all frames of each block.

        The frames that the blocks want are pooled, then those that the first ones made
        necessary, until there is none: so that batches are full. A frame's numbers do
        not depend on its batch, nor on the other blocks.
        """
        views, tracks = [], []
        for block in blocks:
            hop, n_frames = self._hop_size, block.n_frames(self._hop_size)
            views.append(framed(block.audio_16k, hop, n_frames))
            first = block.first_frame(hop)
            tracks.append(AdaptiveTrack(n_frames, first, self._step, self._decoder))
        left = list(range(len(tracks)))
        while left:
            wanted = {i: tracks[i].wanted() for i in left}
            left = [i for i, frames in wanted.items() if len(frames)]
            self._evaluate([(views[i], tracks[i], wanted[i]) for i in left])
        results = [track.result() for track in tracks]
        if self._decoder is not Decoder.VITERBI:
            return results
        return [
            (without_octave_errors(f0_hz, sure, block.audio_16k, self._hop_size), sure)
            for block, (f0_hz, sure) in zip(blocks, results, strict=True)
        ]

    def _evaluate(
        self, wanted: Sequence[tuple[np.ndarray, AdaptiveTrack, np.ndarray]]
    ) -> None:
        """Run the network on frames of many blocks, without a batch half empty."""
        places = [(n, k) for n, (_, _, frames) in enumerate(wanted) for k in frames]
        rows = []
        for first in range(0, len(places), BATCH_FRAMES):
            batch = [wanted[n][0][k] for n, k in places[first : first + BATCH_FRAMES]]
            rows.append(self._crepe.activate(normalize_frames(np.stack(batch))))
        stop = 0
        for _, track, frames in wanted:
            start, stop = stop, stop + len(frames)
            track.add(frames, _cut(rows, start, stop))


def _cut(batches: Sequence[np.ndarray], start: int, stop: int) -> np.ndarray:
    """Rows [start, stop) of full batches, without joining the others."""
    first, last = start // BATCH_FRAMES, -(-stop // BATCH_FRAMES)
    joined = np.concatenate(batches[first:last])
    return joined[start - first * BATCH_FRAMES : stop - first * BATCH_FRAMES]
