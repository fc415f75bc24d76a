"""Magenta's ways to CREPE: `compute_f0` on arrays, `PretrainedCREPE` on tensors."""

from __future__ import annotations

import functools
import os
from typing import Any, Final

import numpy as np
import tensorflow as tf

from ddsp_core.dsp.checks import check_positive, check_shape
from ddsp_core.dsp.framing import pad
from ddsp_core.dsp.maths import tf_float32
from ddsp_core.features.crepe import FRAME_SIZE, MIN_DEVIATION, Crepe, normalize_frames
from ddsp_core.features.crepe_model import load_crepe
from ddsp_core.features.f0 import (
    CENTS_PER_BIN,
    FIRST_BIN_CENTS,
    REFERENCE_HZ,
    average_hz,
    f0_and_confidence,
)
from ddsp_core.features.viterbi import OTHER_EMISSION, REACH, SELF_EMISSION
from ddsp_core.features.weights import N_BINS
from ddsp_core.nn.keras import Model

CREPE_SAMPLE_RATE: Final = 16000  # Hz
SIZE: Final = "full"  # with which the reference tracks pitch
MIN_TRANSITION: Final = 1e-5  # of PretrainedCREPE's Viterbi: no path is impossible


def compute_f0(
    audio: Any, frame_rate: int, viterbi: bool = True, padding: str = "center"
) -> tuple[np.ndarray, np.ndarray]:
    """Track the pitch of one recording with CREPE 'full'.

    Differs from the reference where a frame is constant, as in silence: there the
    result depends on the TensorFlow build, here the network hears zeros.

    Args:
        audio: At 16 kHz, [n_samples].
        frame_rate: Frames per second.
        viterbi: Follow the likeliest path; else each frame is on its own.
        padding: As in `dsp.framing.get_framed_lengths`.

    Returns:
        f0_hz and f0_confidence in [0, 1], [n_frames] float32 each.

    Raises:
        FeatureError: The weights are not installed.
        ShapeError: The audio is not one recording, or a frame shorter than a hop.
    """
    audio = tf_float32(audio)
    check_shape("audio", audio, "[n_samples]")
    check_positive(frame_rate=int(frame_rate))
    hop_size = CREPE_SAMPLE_RATE // int(frame_rate)
    check_positive(hop_size=hop_size)
    padded = pad(audio, FRAME_SIZE, hop_size, padding).numpy()
    if len(padded) < FRAME_SIZE:
        return np.zeros(0, np.float32), np.zeros(0, np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME_SIZE)[::hop_size]
    activations = _crepe(SIZE).activate(normalize_frames(frames))
    if viterbi:
        f0_hz, confidence = f0_and_confidence(activations)
    else:
        f0_hz = average_hz(activations, activations.argmax(axis=1))
        confidence = activations.max(axis=1)
    return f0_hz, np.nan_to_num(confidence)


def reset_crepe() -> None:
    """Forget the network of `compute_f0`, so that its weights are read again."""
    _crepe.cache_clear()


class PretrainedCREPE(Model):
    """CREPE on tensors: in batches, in graphs, with gradients.

    Args:
        model_size_or_path: A size, or the path of a weight file or a saved Keras model.
        hop_size: Samples between frames.
        **kwargs: For the Keras model: `name`, `trainable`, ...

    Raises:
        FeatureError: The weights are missing or wrong.
    """

    def __init__(
        self,
        model_size_or_path: str | os.PathLike[str],
        hop_size: int = 160,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.hop_size = hop_size
        self.frame_size = FRAME_SIZE
        self.sample_rate = CREPE_SAMPLE_RATE
        self.core_model = load_crepe(model_size_or_path)
        self.model_size_or_path = model_size_or_path

    @classmethod
    def activations_to_f0_and_confidence(
        cls, activations: Any, centers: Any = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the mean pitch around a bin of each frame, and the strongest bin.

        The mean takes in 4 bins below and 5 above; beyond the ends the last bin counts
        again.

        Args:
            activations: [n_frames, 360].
            centers: The bin of each frame, [n_frames]; None for the strongest.

        Returns:
            f0_hz [n_frames], and confidence [n_frames, 1].

        Raises:
            ShapeError: A shape is another.
        """
        activations = tf_float32(activations)
        check_shape("activations", activations, f"[n_frames, {N_BINS}]")
        if centers is None:
            centers = tf.argmax(activations, axis=-1)
        near = tf.cast(centers, tf.int32)[:, tf.newaxis] + np.arange(-4, 6)
        near = tf.clip_by_value(near, 0, N_BINS - 1)
        weights = tf.gather(activations, near, batch_dims=1)
        cents = FIRST_BIN_CENTS + CENTS_PER_BIN * tf.cast(near, tf.float32)
        mean = tf.reduce_sum(weights * cents, -1) / tf.reduce_sum(weights, -1)
        confidence = tf.reduce_max(activations, axis=-1, keepdims=True)
        return REFERENCE_HZ * 2.0 ** (mean / 1200.0), confidence

    def batch_frames(self, audio: Any) -> tf.Tensor:
        """Cut audio [batch, n_samples] into frames [batch * n_frames, 1024].

        Audio that is exactly a frame long is returned as it is.
        """
        audio = tf_float32(audio)
        if audio.shape[-1] == self.frame_size:
            return audio
        frames = tf.signal.frame(audio, self.frame_size, self.hop_size)
        return tf.reshape(frames, [-1, self.frame_size])

    def normalize_frames(self, frames: Any) -> tf.Tensor:
        """Bring each frame [n, 1024] to mean 0 and deviation 1; silence stays zero."""
        frames = tf_float32(frames)
        mean, variance = tf.nn.moments(frames, axes=[-1], keepdims=True)
        is_constant = variance <= 0.0
        deviation = tf.sqrt(tf.where(is_constant, 1.0, variance))
        return (frames - mean) / tf.where(is_constant, MIN_DEVIATION, deviation)

    def predict_f0_and_confidence(
        self, audio: Any, viterbi: bool = False, padding: str = "center"
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Track the pitch of recordings.

        Args:
            audio: At 16 kHz, [n_samples] or [batch, n_samples].
            viterbi: Follow the likeliest path; else each frame is on its own.
            padding: As in `dsp.framing.get_framed_lengths`.

        Returns:
            f0_hz and confidence, [batch, n_frames] each.

        Raises:
            ShapeError: The shape of the audio is another.
        """
        audio = tf_float32(audio)
        check_shape("audio", audio, "[n_samples]", "[batch, n_samples]")
        audio = audio[tf.newaxis] if len(audio.shape) == 1 else audio
        audio = pad(audio, self.frame_size, self.hop_size, padding)
        n_batch, n_samples = audio.shape
        if n_samples is None:
            shape = [tf.shape(audio)[0] if n_batch is None else n_batch, -1]
        else:  # so that frames are known where the batch is not
            shape = [-1, (n_samples - self.frame_size) // self.hop_size + 1]
        frames = self.normalize_frames(self.batch_frames(audio))
        activations = self.core_model(frames, training=False)
        centers = None
        if viterbi:
            rows = tf.reshape(activations, [*shape, N_BINS])
            centers = tf.reshape(self.viterbi_decode(rows), [-1])
        f0_hz, confidence = self.activations_to_f0_and_confidence(activations, centers)
        return tf.reshape(f0_hz, shape), tf.reshape(confidence, shape)

    def viterbi_decode(self, acts: Any) -> tf.Tensor:
        """Return the likeliest path through activations.

        The hidden Markov model of `features.viterbi`, with the whole of a frame's
        activations as what was observed, and no transition impossible.

        Args:
            acts: [batch, n_frames, 360].

        Returns:
            The bin of each frame, [batch, n_frames] int32.

        Raises:
            ShapeError: The shape is another.
        """
        acts = tf_float32(acts)
        check_shape("acts", acts, f"[batch, n_frames, {N_BINS}]")
        if acts.shape[1] == 1:
            return tf.argmax(acts, axis=-1, output_type=tf.int32)
        return _likeliest_path(acts)


@tf.function(reduce_retracing=True)
def _likeliest_path(activations: tf.Tensor) -> tf.Tensor:
    """Viterbi's algorithm on [batch, n_frames, 360] in float64."""
    bins = np.arange(N_BINS)
    weights = REACH + 1.0 - np.abs(bins[:, np.newaxis] - bins)
    weights = np.maximum(weights, MIN_TRANSITION)
    moves = np.log(weights / weights.sum(axis=1, keepdims=True))  # [from, to]
    bonus = np.log((SELF_EMISSION + OTHER_EMISSION) / OTHER_EMISSION)
    # [n_frames, batch, 360]
    evidence = bonus * tf.cast(tf.transpose(activations, [1, 0, 2]), tf.float64)

    def forward(score: tf.Tensor, evidence: tf.Tensor) -> tf.Tensor:
        return tf.reduce_max(score[:, :, tf.newaxis] + moves, axis=1) + evidence

    def back(state: tf.Tensor, score: tf.Tensor) -> tf.Tensor:
        return tf.argmax(score + tf.gather(moves.T, state), axis=-1)

    later = tf.scan(forward, evidence[1:], initializer=evidence[0])
    scores = tf.concat([evidence[:1], later], axis=0)
    end = tf.argmax(scores[-1], axis=-1)
    states = tf.scan(back, scores[:-1], initializer=end, reverse=True)
    path = tf.concat([states, end[tf.newaxis]], axis=0)
    return tf.cast(tf.transpose(path), tf.int32)


@functools.cache
def _crepe(size: str) -> Crepe:
    """The network of a size; reading its weights takes longer than a short sound."""
    return Crepe(size)
