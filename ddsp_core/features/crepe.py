"""CREPE, the network that hears pitch, as plain convolutions in one fixed batch."""

from __future__ import annotations

import os
from typing import Final

import numpy as np
import tensorflow as tf

from ddsp_core.errors import FeatureError
from ddsp_core.features.weights import (
    N_BINS,
    N_STEPS_LEFT,
    check_size,
    find_weights,
    read_weights,
)

FRAME_SIZE: Final = 1024  # samples at 16 kHz, 64 ms
# TensorFlow's matrix kernels take rows in tiles (of 24 with AVX2, 48 with AVX-512), and
# round the rows left over at the end differently. With whole tiles there are none, so
# that a frame's numbers are the same in any row. 64 to 144 are equally fast.
BATCH_FRAMES: Final = 96
STRIDE: Final = 4  # of the first convolution, in samples
EDGE: Final = 254  # zeros on either side of a frame that TensorFlow's "SAME" would add
MIN_DEVIATION: Final = 1e-8  # as in CREPE; silence becomes zeros, not NaN


class Crepe:
    """The network of Kim et al. 2018 (arXiv:1802.06182) with its published weights.

    Frames go through it in batches of one fixed shape, padded with zeros, so that the
    result of a frame does not depend on which frames it is computed with.

    Args:
        size: "tiny", "small", "medium", "large" or "full".
        weights: Path of a Keras weight file; None for the installed one of that size.

    Raises:
        FeatureError: The size is unknown or its weights are missing or wrong.
    """

    def __init__(
        self, size: str = "tiny", weights: str | os.PathLike[str] | None = None
    ) -> None:
        check_size(size)
        path = find_weights(size) if weights is None else weights
        self._weights = {
            name: tf.constant(array) for name, array in read_weights(path, size).items()
        }
        self._is_rising = [
            bool(tf.reduce_all(self._weights[f"scale{i}"] > 0)) for i in range(1, 7)
        ]
        self._network = tf.function(
            self._forward,
            input_signature=[tf.TensorSpec([BATCH_FRAMES, FRAME_SIZE], tf.float32)],
        )

    def activations(
        self, audio_16k: np.ndarray, hop_size: int, n_frames: int
    ) -> np.ndarray:
        """Return how strongly each of 360 pitches sounds in each frame.

        Args:
            audio_16k: Mono at 16 kHz, [n_samples].
            hop_size: Samples between two frames.
            n_frames: Frame k is centred on sample k * hop_size; zeros stand outside the
                audio.

        Returns:
            In [0, 1], [n_frames, 360] float32; bins are 20 cents apart.
        """
        result = np.zeros((n_frames, N_BINS), np.float32)
        frames = framed(audio_16k, hop_size, n_frames)
        for first in range(0, n_frames, BATCH_FRAMES):
            batch = slice(first, first + BATCH_FRAMES)
            result[batch] = self.activate(normalize_frames(frames[batch]))
        return result

    def activate(self, frames: np.ndarray) -> np.ndarray:
        """Run the network on normalised frames.

        Args:
            frames: [n_frames, 1024] float32 of mean 0 and deviation 1.

        Returns:
            [n_frames, 360] float32.

        Raises:
            FeatureError: A frame does not have 1024 samples.
        """
        if frames.ndim != 2 or frames.shape[1] != FRAME_SIZE:
            raise FeatureError(
                f"frames have shape {frames.shape}; needed [n_frames, {FRAME_SIZE}]"
            )
        rows = []
        for first in range(0, len(frames), BATCH_FRAMES):
            batch = np.zeros((BATCH_FRAMES, FRAME_SIZE), np.float32)
            part = frames[first : first + BATCH_FRAMES]
            batch[: len(part)] = part
            rows.append(self._network(batch).numpy()[: len(part)])
        return np.concatenate(rows) if rows else np.zeros((0, N_BINS), np.float32)

    def _forward(self, frames: tf.Tensor) -> tf.Tensor:
        """Return the activations of one batch of normalised frames."""
        w = self._weights
        # Four samples as four channels make the strided first convolution a dense one
        # with the same terms, which runs a quarter faster.
        x = tf.pad(frames, [[0, 0], [EDGE, EDGE]])
        x = tf.reshape(x, [BATCH_FRAMES, -1, STRIDE])  # [batch, 383, 4]
        n_out = w["kernel1"].shape[-1]
        kernel = tf.reshape(w["kernel1"], [-1, STRIDE, n_out])
        for i, is_rising in enumerate(self._is_rising, start=1):
            if i == 1:
                x = tf.nn.conv1d(x, kernel, 1, "VALID")
            else:
                x = tf.nn.conv1d(x, w[f"kernel{i}"], 1, "SAME")
            x = tf.nn.bias_add(x, w[f"bias{i}"])
            # CREPE normalises, then pools. Where normalisation keeps the order, the
            # maximum may come first: the same numbers, on half as many values.
            x = tf.nn.max_pool1d(x, 2, 2, "VALID") if is_rising else x
            x = tf.nn.relu(x) * w[f"scale{i}"] + w[f"offset{i}"]
            x = x if is_rising else tf.nn.max_pool1d(x, 2, 2, "VALID")
        x = tf.reshape(x, [BATCH_FRAMES, N_STEPS_LEFT * x.shape[-1]])
        return tf.sigmoid(x @ w["kernel"] + w["bias"])


def normalize_frames(frames: np.ndarray) -> np.ndarray:
    """Bring each frame to mean 0 and deviation 1; a constant frame becomes zeros.

    Args:
        frames: [n_frames, n_samples] float32.

    >>> normalize_frames(np.array([[1.0, 3.0], [5.0, 5.0]], np.float32)).tolist()
    [[-1.0, 1.0], [0.0, 0.0]]
    """
    centred = frames - frames.mean(axis=1, keepdims=True)
    deviation = np.sqrt(np.square(centred).mean(axis=1, keepdims=True))
    return centred / np.maximum(deviation, np.float32(MIN_DEVIATION))


def framed(audio: np.ndarray, hop_size: int, n_frames: int) -> np.ndarray:
    """Return the frames of audio without copying them.

    Args:
        audio: At 16 kHz, [n_samples].
        hop_size: Samples between two frames.
        n_frames: Frame k is centred on sample k * hop_size; zeros stand outside.

    Returns:
        A view, [n_frames, 1024] float32.
    """
    n_needed = max(0, n_frames - 1) * hop_size + FRAME_SIZE
    half = FRAME_SIZE // 2
    audio = np.asarray(audio, np.float32)[: n_needed - half]
    padded = np.pad(audio, (half, n_needed - half - len(audio)))
    views = np.lib.stride_tricks.sliding_window_view(padded, FRAME_SIZE)
    return views[::hop_size][:n_frames]
