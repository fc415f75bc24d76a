"""Synthesizers: controls at frame rate become audio."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from ddsp_core import randomness
from ddsp_core.dsp.checks import check_shape
from ddsp_core.dsp.filters import frequency_filter
from ddsp_core.dsp.frequencies import frequencies_sigmoid
from ddsp_core.dsp.oscillators import (
    harmonic_synthesis,
    normalize_harmonics,
    remove_above_nyquist,
    sinusoidal_synthesis,
)
from ddsp_core.dsp.scaling import exp_sigmoid
from ddsp_core.dsp.wavetables import wavetable_synthesis
from ddsp_core.processors import Processor

ScaleFn = Callable[[tf.Tensor], tf.Tensor]


class TensorToAudio(Processor):
    """Samples from the network itself: takes the channel axis away."""

    def __init__(self, name: str = "tensor_to_audio") -> None:
        super().__init__(name=name)

    def get_controls(self, samples: tf.Tensor) -> dict:
        """Return the samples, [batch, n_samples, 1], as they are."""
        return {"samples": samples}

    def get_signal(self, samples: tf.Tensor) -> tf.Tensor:
        """Return [batch, n_samples].

        Raises:
            ShapeError: The shape is another.
        """
        check_shape("samples", samples, "[batch, n_samples, 1]")
        return tf.squeeze(samples, 2)


class Harmonic(Processor):
    """A bank of harmonics of one fundamental.

    Args:
        n_samples: Length of the audio.
        sample_rate: In Hz.
        scale_fn: From network outputs to amplitudes; None leaves them.
        normalize_below_nyquist: Silence harmonics at Nyquist and above before the
            distribution is made to sum to one.
        amp_resample_method: How amplitudes go from frame to frame: 'nearest', 'linear',
            'cubic' or 'window'.
        use_angular_cumsum: Without effect: phase is always exact here.
        name: As in `Processor`.
    """

    def __init__(
        self,
        n_samples: int = 64000,
        sample_rate: int = 16000,
        scale_fn: ScaleFn | None = exp_sigmoid,
        normalize_below_nyquist: bool = True,
        amp_resample_method: str = "window",
        use_angular_cumsum: bool = False,
        name: str = "harmonic",
    ) -> None:
        super().__init__(name=name)
        self.n_samples = n_samples
        self.sample_rate = sample_rate
        self.scale_fn = scale_fn
        self.normalize_below_nyquist = normalize_below_nyquist
        self.amp_resample_method = amp_resample_method
        self.use_angular_cumsum = use_angular_cumsum

    def get_controls(
        self,
        amplitudes: tf.Tensor,
        harmonic_distribution: tf.Tensor,
        f0_hz: tf.Tensor,
    ) -> dict:
        """Return scaled amplitudes and a distribution that sums to one.

        Args:
            amplitudes: Network output, [batch, n_frames, 1].
            harmonic_distribution: Network output, [batch, n_frames, n_harmonics].
            f0_hz: [batch, n_frames, 1].

        Raises:
            ShapeError: A shape is another.
        """
        check_shape("amplitudes", amplitudes, "[batch, n_frames, 1]")
        check_shape(
            "harmonic_distribution",
            harmonic_distribution,
            "[batch, n_frames, n_harmonics]",
        )
        check_shape("f0_hz", f0_hz, "[batch, n_frames, 1]")
        if self.scale_fn is not None:
            amplitudes = self.scale_fn(amplitudes)
            harmonic_distribution = self.scale_fn(harmonic_distribution)
        harmonic_distribution = normalize_harmonics(
            harmonic_distribution,
            f0_hz,
            self.sample_rate if self.normalize_below_nyquist else None,
        )
        return {
            "amplitudes": amplitudes,
            "harmonic_distribution": harmonic_distribution,
            "f0_hz": f0_hz,
        }

    def get_signal(
        self,
        amplitudes: tf.Tensor,
        harmonic_distribution: tf.Tensor,
        f0_hz: tf.Tensor,
    ) -> tf.Tensor:
        """Return audio, [batch, n_samples], of what `get_controls` returned."""
        return harmonic_synthesis(
            frequencies=f0_hz,
            amplitudes=amplitudes,
            harmonic_distribution=harmonic_distribution,
            n_samples=self.n_samples,
            sample_rate=self.sample_rate,
            amp_resample_method=self.amp_resample_method,
            use_angular_cumsum=self.use_angular_cumsum,
        )


class FilteredNoise(Processor):
    """White noise through a filter that changes from frame to frame.

    Args:
        n_samples: Length of the audio.
        window_size: Of the filters, in samples; 0 means as many as the magnitudes give.
        scale_fn: From network outputs to magnitudes; None leaves them.
        initial_bias: Added to network outputs, so that training starts quiet.
        name: As in `Processor`.
    """

    def __init__(
        self,
        n_samples: int = 64000,
        window_size: int = 257,
        scale_fn: ScaleFn | None = exp_sigmoid,
        initial_bias: float = -5.0,
        name: str = "filtered_noise",
    ) -> None:
        super().__init__(name=name)
        self.n_samples = n_samples
        self.window_size = window_size
        self.scale_fn = scale_fn
        self.initial_bias = initial_bias

    def get_controls(self, magnitudes: tf.Tensor) -> dict:
        """Return scaled magnitudes, [batch, n_frames, n_frequencies].

        Raises:
            ShapeError: The shape is another.
        """
        check_shape("magnitudes", magnitudes, "[batch, n_frames, n_frequencies]")
        if self.scale_fn is not None:
            magnitudes = self.scale_fn(magnitudes + self.initial_bias)
        return {"magnitudes": magnitudes}

    def get_signal(self, magnitudes: tf.Tensor) -> tf.Tensor:
        """Return audio, [batch, n_samples], of new noise."""
        return filtered_noise(magnitudes, self.n_samples, self.window_size)


class Wavetable(Processor):
    """An oscillator that reads tables which change from frame to frame.

    Args:
        n_samples: Length of the audio.
        sample_rate: In Hz.
        scale_fn: From network outputs to amplitudes and tables; None leaves them.
        name: As in `Processor`.
    """

    def __init__(
        self,
        n_samples: int = 64000,
        sample_rate: int = 16000,
        scale_fn: ScaleFn | None = exp_sigmoid,
        name: str = "wavetable",
    ) -> None:
        super().__init__(name=name)
        self.n_samples = n_samples
        self.sample_rate = sample_rate
        self.scale_fn = scale_fn

    def get_controls(
        self, amplitudes: tf.Tensor, wavetables: tf.Tensor, f0_hz: tf.Tensor
    ) -> dict:
        """Return scaled amplitudes and tables.

        Args:
            amplitudes: Network output, [batch, n_frames, 1].
            wavetables: Network output, [batch, n_frames, n_wavetable].
            f0_hz: [batch, n_frames, 1].
        """
        if self.scale_fn is not None:
            amplitudes = self.scale_fn(amplitudes)
            wavetables = self.scale_fn(wavetables)
        return {"amplitudes": amplitudes, "wavetables": wavetables, "f0_hz": f0_hz}

    def get_signal(
        self, amplitudes: tf.Tensor, wavetables: tf.Tensor, f0_hz: tf.Tensor
    ) -> tf.Tensor:
        """Return audio, [batch, n_samples], of what `get_controls` returned."""
        return wavetable_synthesis(
            frequencies=f0_hz,
            amplitudes=amplitudes,
            wavetables=wavetables,
            n_samples=self.n_samples,
            sample_rate=self.sample_rate,
        )


class Sinusoidal(Processor):
    """A bank of sinusoids, each with a frequency of its own.

    Args:
        n_samples: Length of the audio.
        sample_rate: In Hz.
        amp_scale_fn: From network outputs to amplitudes; None leaves them.
        amp_resample_method: As in `Harmonic`.
        freq_scale_fn: From network outputs to frequencies in Hz; None leaves them.
        name: As in `Processor`.
    """

    def __init__(
        self,
        n_samples: int = 64000,
        sample_rate: int = 16000,
        amp_scale_fn: ScaleFn | None = exp_sigmoid,
        amp_resample_method: str = "window",
        freq_scale_fn: ScaleFn | None = frequencies_sigmoid,
        name: str = "sinusoidal",
    ) -> None:
        super().__init__(name=name)
        self.n_samples = n_samples
        self.sample_rate = sample_rate
        self.amp_scale_fn = amp_scale_fn
        self.amp_resample_method = amp_resample_method
        self.freq_scale_fn = freq_scale_fn

    def get_controls(self, amplitudes: tf.Tensor, frequencies: tf.Tensor) -> dict:
        """Return scaled amplitudes and frequencies.

        Args:
            amplitudes: Network output, [batch, n_frames, n_sinusoids].
            frequencies: Network output, [batch, n_frames, n_sinusoids], or as many as
                `freq_scale_fn` takes for each sinusoid.

        Returns:
            Amplitudes, those at Nyquist and above silenced if frequencies were scaled,
            and frequencies in Hz, [batch, n_frames, n_sinusoids].
        """
        if self.amp_scale_fn is not None:
            amplitudes = self.amp_scale_fn(amplitudes)
        if self.freq_scale_fn is not None:
            frequencies = self.freq_scale_fn(frequencies)
            amplitudes = remove_above_nyquist(frequencies, amplitudes, self.sample_rate)
        return {"amplitudes": amplitudes, "frequencies": frequencies}

    def get_signal(self, amplitudes: tf.Tensor, frequencies: tf.Tensor) -> tf.Tensor:
        """Return audio, [batch, n_samples], of what `get_controls` returned."""
        return sinusoidal_synthesis(
            frequencies,
            amplitudes,
            n_samples=self.n_samples,
            sample_rate=self.sample_rate,
            amp_resample_method=self.amp_resample_method,
        )


def filtered_noise(
    magnitudes: tf.Tensor, n_samples: int, window_size: int, is_shared: bool = False
) -> tf.Tensor:
    """Draw white noise and filter it.

    Args:
        magnitudes: [batch, n_frames, n_frequencies].
        n_samples: Length of the noise.
        window_size: As in `FilteredNoise`.
        is_shared: The batch is 1, and the noise one for all examples.

    Returns:
        [batch, n_samples].

    Raises:
        ShapeError: The shape of the magnitudes is another.
    """
    check_shape("magnitudes", magnitudes, "[batch, n_frames, n_frequencies]")
    n_batch = magnitudes.shape[0]
    shape = [tf.shape(magnitudes)[0] if n_batch is None else n_batch, n_samples]
    noise = randomness.uniform(shape, -1.0, 1.0, is_shared=is_shared)
    return frequency_filter(noise, magnitudes, window_size=window_size)
