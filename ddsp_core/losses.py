"""Losses on audio, and groups of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from ddsp_core.dags import DAG, DAGLayer, TensorDict
from ddsp_core.dsp.loudness import compute_loudness
from ddsp_core.dsp.maths import diff, safe_log
from ddsp_core.dsp.spectra import compute_mag
from ddsp_core.errors import UsageError
from ddsp_core.nn.keras import Layer

LOUDNESS_N_FFT = 2048  # samples; the loudness term looks at longer frames.


class Loss(Layer):
    """Base of losses: a layer that returns a scalar."""

    def get_losses_dict(self, *args: Any, **kwargs: Any) -> dict[str, tf.Tensor]:
        """Return {name of the layer: loss}."""
        return {self.name: self(*args, **kwargs)}


class LossGroup(DAGLayer):
    """Several losses, each on tensors of a model's outputs.

    Args:
        dag: As in `DAGLayer`; modules are losses.
        **kwarg_losses: As in `DAGLayer`.
    """

    def __init__(self, dag: DAG, **kwarg_losses: Any) -> None:
        super().__init__(dag, **kwarg_losses)
        self.loss_names = self.module_names

    @property
    def losses(self) -> list[Any]:
        """The losses, in order."""
        return self.modules

    def call(self, inputs: TensorDict, **kwargs: Any) -> dict[str, tf.Tensor]:
        """Return every loss by name."""
        made = super().call(inputs, **kwargs)
        return {
            key: loss for name in self.loss_names for key, loss in made[name].items()
        }

    def get_losses_dict(self, outputs: TensorDict, **kwargs: Any) -> dict:
        """Return every loss by name."""
        return self(outputs, **kwargs)


class SpectralLoss(Loss):
    """Distance between spectrograms of two signals, at several resolutions.

    All arguments but `name` are those of `spectral_loss`.
    """

    def __init__(
        self,
        fft_sizes: Sequence[int] = (2048, 1024, 512, 256, 128, 64),
        loss_type: str = "L1",
        mag_weight: float = 1.0,
        delta_time_weight: float = 0.0,
        delta_freq_weight: float = 0.0,
        cumsum_freq_weight: float = 0.0,
        logmag_weight: float = 0.0,
        loudness_weight: float = 0.0,
        name: str = "spectral_loss",
    ) -> None:
        super().__init__(name=name)
        self.fft_sizes = fft_sizes
        self.loss_type = loss_type
        self.mag_weight = mag_weight
        self.delta_time_weight = delta_time_weight
        self.delta_freq_weight = delta_freq_weight
        self.cumsum_freq_weight = cumsum_freq_weight
        self.logmag_weight = logmag_weight
        self.loudness_weight = loudness_weight

    def call(
        self, target_audio: tf.Tensor, audio: tf.Tensor, weights: Any = None
    ) -> tf.Tensor:
        """Return `spectral_loss` of `audio` against `target_audio`."""
        return spectral_loss(
            target_audio,
            audio,
            weights,
            fft_sizes=self.fft_sizes,
            loss_type=self.loss_type,
            mag_weight=self.mag_weight,
            delta_time_weight=self.delta_time_weight,
            delta_freq_weight=self.delta_freq_weight,
            cumsum_freq_weight=self.cumsum_freq_weight,
            logmag_weight=self.logmag_weight,
            loudness_weight=self.loudness_weight,
        )


class ParamLoss(Loss):
    """Mean difference of any two tensors of one shape.

    Args:
        weight: Of the loss.
        loss_type: As in `mean_difference`.
        **kwargs: Keras's `name`.
    """

    def __init__(
        self, weight: float = 1.0, loss_type: str = "L1", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.weight = weight
        self.loss_type = loss_type

    def call(self, pred: tf.Tensor, target: tf.Tensor, weights: Any = None) -> Any:
        """Return the weighted mean difference of `pred` and `target`."""
        return self.weight * mean_difference(pred, target, self.loss_type, weights)


def spectral_loss(
    target_audio: tf.Tensor,
    audio: tf.Tensor,
    weights: Any = None,
    *,
    fft_sizes: Sequence[int] = (2048, 1024, 512, 256, 128, 64),
    loss_type: str = "L1",
    mag_weight: float = 1.0,
    delta_time_weight: float = 0.0,
    delta_freq_weight: float = 0.0,
    cumsum_freq_weight: float = 0.0,
    logmag_weight: float = 0.0,
    loudness_weight: float = 0.0,
) -> tf.Tensor:
    """Return the distance between spectrograms of two signals at several resolutions.

    Engel et al. 2020 (arXiv:2001.04643), section 4.2.1.

    Args:
        target_audio: What is wanted, [batch, n_samples].
        audio: What there is, [batch, n_samples].
        weights: Of each single difference, as in `mean_difference`.
        fft_sizes: Frame sizes, in samples.
        loss_type: As in `mean_difference`.
        mag_weight: Of magnitudes.
        delta_time_weight: Of their differences from frame to frame.
        delta_freq_weight: Of their differences from bin to bin.
        cumsum_freq_weight: Of their sums from bin 0 up.
        logmag_weight: Of their logarithms.
        loudness_weight: Of perceptual loudness.

    Returns:
        A scalar. A term of weight 0 is not computed.
    """
    views = [
        (mag_weight, lambda mag: mag),
        (delta_time_weight, lambda mag: diff(mag, axis=1)),
        (delta_freq_weight, lambda mag: diff(mag, axis=2)),
        (cumsum_freq_weight, lambda mag: tf.cumsum(mag, axis=2)),
        (logmag_weight, safe_log),
    ]
    views = [(weight, view) for weight, view in views if weight > 0]
    loss = tf.zeros([])
    for size in fft_sizes if views else ():
        target_mag, mag = compute_mag(target_audio, size), compute_mag(audio, size)
        for weight, view in views:
            target, value = view(target_mag), view(mag)
            loss += weight * mean_difference(target, value, loss_type, weights)
    if loudness_weight > 0:
        target = compute_loudness(target_audio, n_fft=LOUDNESS_N_FFT)
        value = compute_loudness(audio, n_fft=LOUDNESS_N_FFT)
        loss += loudness_weight * mean_difference(target, value, loss_type, weights)
    return loss


def mean_difference(
    target: tf.Tensor, value: tf.Tensor, loss_type: str = "L1", weights: Any = None
) -> tf.Tensor:
    """Return the mean distance between two tensors of one shape.

    Args:
        target: What is wanted.
        value: What there is.
        loss_type: 'L1', 'L2', or 'COSINE' (of the last axis).
        weights: Of each difference; must broadcast to them.

    Returns:
        A scalar.

    Raises:
        UsageError: `loss_type` is unknown.
    """
    weights = 1.0 if weights is None else weights
    match loss_type.upper():
        case "L1":
            return tf.reduce_mean(tf.abs((target - value) * weights))
        case "L2":
            return tf.reduce_mean((target - value) ** 2 * weights)
        case "COSINE":
            products = tf.reduce_sum(target * value, axis=-1, keepdims=True)
            return tf.reduce_mean((1.0 - products) * weights)
    raise UsageError(f"loss_type is {loss_type!r}; it must be 'L1', 'L2' or 'COSINE'")
