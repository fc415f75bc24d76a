"""Effects: audio in, audio out."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from ddsp_core import randomness
from ddsp_core.dsp.checks import check_shape
from ddsp_core.dsp.delays import variable_length_delay
from ddsp_core.dsp.filters import fft_convolve, frequency_filter
from ddsp_core.dsp.maths import tf_float32
from ddsp_core.dsp.scaling import exp_sigmoid
from ddsp_core.errors import ShapeError
from ddsp_core.nn.keras import keras
from ddsp_core.processors import Processor
from ddsp_core.synths import FilteredNoise, ScaleFn, filtered_noise


class Reverb(Processor):
    """Convolution with an impulse response, learned or given.

    Args:
        trainable: Learn one impulse response for all audio; else it is an input.
        reverb_length: Of the learned response, in samples.
        add_dry: Add the dry signal, whatever the response's first sample.
        name: As in `Processor`.
    """

    def __init__(
        self,
        trainable: bool = False,
        reverb_length: int = 48000,
        add_dry: bool = True,
        name: str = "reverb",
    ) -> None:
        super().__init__(name=name, trainable=trainable)
        self._reverb_length = reverb_length
        self._add_dry = add_dry

    def build(self, unused_input_shape: Any) -> None:
        """Make the variable `ir`, nearly silent."""
        if self.trainable:
            self._ir = self.add_weight(
                name="ir",
                shape=[self._reverb_length],
                dtype=tf.float32,
                initializer=keras.initializers.RandomNormal(stddev=1e-6),
            )
        super().build(unused_input_shape)

    def get_controls(self, audio: tf.Tensor, ir: tf.Tensor | None = None) -> dict:
        """Return the audio and the impulse response of each example.

        Args:
            audio: Dry, [batch, n_samples].
            ir: [batch, ir_size] or [batch, ir_size, 1]; unused if learned.

        Raises:
            ShapeError: No response is given and none is learned.
        """
        if self.trainable:
            ir = _for_each_example(self._ir[tf.newaxis], audio)
        elif ir is None:
            raise _missing(self.name, "ir")
        return {"audio": audio, "ir": ir}

    def get_signal(self, audio: tf.Tensor, ir: tf.Tensor) -> tf.Tensor:
        """Return audio, [batch, n_samples], of what `get_controls` returned."""
        return reverberate(audio, ir, self._add_dry)

    def _signal_of(self, controls: dict[str, Any]) -> tf.Tensor:
        # Learned responses are equal: one is transformed for the whole batch.
        ir = controls["ir"][:1] if self.trainable else controls["ir"]
        return self.get_signal(controls["audio"], ir)


class ExpDecayReverb(Reverb):
    """White noise that decays exponentially, as the impulse response.

    Args:
        trainable: Learn one gain and one decay for all audio; else they are inputs.
        reverb_length: Of the response, in samples.
        scale_fn: From network outputs to gains; None leaves them.
        add_dry: As in `Reverb`.
        name: As in `Processor`.
    """

    def __init__(
        self,
        trainable: bool = False,
        reverb_length: int = 48000,
        scale_fn: ScaleFn | None = exp_sigmoid,
        add_dry: bool = True,
        name: str = "exp_decay_reverb",
    ) -> None:
        super().__init__(trainable, reverb_length, add_dry, name)
        self._scale_fn = scale_fn

    def build(self, unused_input_shape: Any) -> None:
        """Make the variables `gain` and `decay`."""
        del unused_input_shape
        if self.trainable:
            self._gain = self._number("gain", 2.0)
            self._decay = self._number("decay", 4.0)
        self.built = True

    def get_controls(
        self,
        audio: tf.Tensor,
        gain: tf.Tensor | None = None,
        decay: tf.Tensor | None = None,
    ) -> dict:
        """Return the audio and an impulse response, its noise drawn anew.

        Args:
            audio: Dry, [batch, n_samples].
            gain: Before `scale_fn`, [batch, 1]; unused if learned.
            decay: [batch, 1]; unused if learned. From the first to the last sample of
                the response, it falls by the factor exp(-(2 + exp(decay))).

        Returns:
            Audio, and responses [batch, reverb_length].

        Raises:
            ShapeError: A number is not given and not learned, or a shape is another.
        """
        if self.trainable:
            ir = self._response(self._gain[tf.newaxis], self._decay[tf.newaxis])
            return {"audio": audio, "ir": _for_each_example(ir, audio)}
        if gain is None or decay is None:
            raise _missing(self.name, "gain", "decay")
        check_shape("gain", gain, "[batch, 1]")
        check_shape("decay", decay, "[batch, 1]")
        return {"audio": audio, "ir": self._response(gain, decay)}

    def _response(self, gain: tf.Tensor, decay: tf.Tensor) -> tf.Tensor:
        """Decaying noise, [batch, reverb_length]; the noise is one for all."""
        gain = gain if self._scale_fn is None else self._scale_fn(gain)
        time = np.linspace(0.0, 1.0, self._reverb_length, dtype=np.float32)
        noise = randomness.uniform([1, self._reverb_length], -1.0, 1.0, is_shared=True)
        return gain * tf.exp(-(2.0 + tf.exp(decay)) * time) * noise

    def _number(self, name: str, start: float) -> tf.Variable:
        return self.add_weight(
            name=name,
            shape=[1],
            dtype=tf.float32,
            initializer=keras.initializers.Constant(start),
        )


class FilteredNoiseReverb(Reverb):
    """Filtered noise as the impulse response: it changes its colour as it decays.

    Args:
        trainable: Learn the magnitudes for all audio; else they are an input.
        reverb_length: Of the response, in samples.
        window_size: Of the filters, as in `FilteredNoise`.
        n_frames: Of the learned magnitudes.
        n_filter_banks: Frequencies of the learned magnitudes.
        scale_fn: From network outputs to magnitudes; None leaves them.
        initial_bias: Added to network outputs, as in `FilteredNoise`.
        add_dry: As in `Reverb`.
        name: As in `Processor`.
    """

    def __init__(
        self,
        trainable: bool = False,
        reverb_length: int = 48000,
        window_size: int = 257,
        n_frames: int = 1000,
        n_filter_banks: int = 16,
        scale_fn: ScaleFn | None = exp_sigmoid,
        initial_bias: float = -3.0,
        add_dry: bool = True,
        name: str = "filtered_noise_reverb",
    ) -> None:
        super().__init__(trainable, reverb_length, add_dry, name)
        self._n_frames = n_frames
        self._n_filter_banks = n_filter_banks
        self._synth = FilteredNoise(
            n_samples=reverb_length,
            window_size=window_size,
            scale_fn=scale_fn,
            initial_bias=initial_bias,
        )

    def build(self, unused_input_shape: Any) -> None:
        """Make the variable `magnitudes`."""
        del unused_input_shape
        if self.trainable:
            self._magnitudes = self.add_weight(
                name="magnitudes",
                shape=[self._n_frames, self._n_filter_banks],
                dtype=tf.float32,
                initializer=keras.initializers.RandomNormal(stddev=1e-2),
            )
        self.built = True

    def get_controls(
        self, audio: tf.Tensor, magnitudes: tf.Tensor | None = None
    ) -> dict:
        """Return the audio and an impulse response, its noise drawn anew.

        Args:
            audio: Dry, [batch, n_samples].
            magnitudes: Before `scale_fn`, [batch, n_frames, n_frequencies]; unused if
                learned.

        Returns:
            Audio, and responses [batch, reverb_length].

        Raises:
            ShapeError: The magnitudes are not given and not learned, or a shape is
                another.
        """
        if not self.trainable:
            if magnitudes is None:
                raise _missing(self.name, "magnitudes")
            return {"audio": audio, "ir": self._synth(magnitudes)}
        ir = filtered_noise(
            **self._synth.get_controls(self._magnitudes[tf.newaxis]),
            n_samples=self._synth.n_samples,
            window_size=self._synth.window_size,
            is_shared=True,
        )
        return {"audio": audio, "ir": _for_each_example(ir, audio)}


class FIRFilter(Processor):
    """A filter that changes from frame to frame.

    Args:
        window_size: Of the impulse responses, in samples; 0 means as many as the
            magnitudes give.
        scale_fn: From network outputs to magnitudes; None leaves them.
        name: As in `Processor`.
    """

    def __init__(
        self,
        window_size: int = 257,
        scale_fn: ScaleFn | None = exp_sigmoid,
        name: str = "fir_filter",
    ) -> None:
        super().__init__(name=name)
        self.window_size = window_size
        self.scale_fn = scale_fn

    def get_controls(self, audio: tf.Tensor, magnitudes: tf.Tensor) -> dict:
        """Return the audio and scaled magnitudes.

        Args:
            audio: [batch, n_samples].
            magnitudes: Network output, [batch, n_frames, n_frequencies].
        """
        if self.scale_fn is not None:
            magnitudes = self.scale_fn(magnitudes)
        return {"audio": audio, "magnitudes": magnitudes}

    def get_signal(self, audio: tf.Tensor, magnitudes: tf.Tensor) -> tf.Tensor:
        """Return audio, [batch, n_samples], of what `get_controls` returned."""
        return frequency_filter(audio, magnitudes, window_size=self.window_size)


class ModDelay(Processor):
    """A delay whose length changes: chorus, flanger, vibrato.

    Args:
        center_ms: Shortest delay, in milliseconds.
        depth_ms: What is added to it at most.
        sample_rate: In Hz.
        gain_scale_fn: From network outputs to gains; None leaves them.
        phase_scale_fn: From network outputs to [0, 1]; None leaves them.
        add_dry: Add the dry signal.
        name: As in `Processor`.
    """

    def __init__(
        self,
        center_ms: float = 15.0,
        depth_ms: float = 10.0,
        sample_rate: int = 16000,
        gain_scale_fn: ScaleFn | None = exp_sigmoid,
        phase_scale_fn: ScaleFn | None = tf.nn.sigmoid,
        add_dry: bool = True,
        name: str = "mod_delay",
    ) -> None:
        super().__init__(name=name)
        self.center_ms = center_ms
        self.depth_ms = depth_ms
        self.sample_rate = sample_rate
        self.gain_scale_fn = gain_scale_fn
        self.phase_scale_fn = phase_scale_fn
        self.add_dry = add_dry

    def get_controls(self, audio: tf.Tensor, gain: tf.Tensor, phase: tf.Tensor) -> dict:
        """Return the audio, scaled gain and scaled phase.

        Args:
            audio: Dry, [batch, n_samples].
            gain: Of the delayed signal, [batch, n_samples, 1].
            phase: Share of the depth, [batch, n_samples, 1].
        """
        if self.gain_scale_fn is not None:
            gain = self.gain_scale_fn(gain)
        if self.phase_scale_fn is not None:
            phase = self.phase_scale_fn(phase)
        return {"audio": audio, "gain": gain, "phase": phase}

    def get_signal(
        self, audio: tf.Tensor, gain: tf.Tensor, phase: tf.Tensor
    ) -> tf.Tensor:
        """Return audio, [batch, n_samples], of what `get_controls` returned.

        Raises:
            ShapeError: A shape is another.
        """
        check_shape("gain", gain, "[batch, n_samples, 1]", "[batch, n_samples]")
        longest_ms = self.center_ms + self.depth_ms
        wet = variable_length_delay(
            audio=audio,
            phase=phase * (self.depth_ms / longest_ms) + self.center_ms / longest_ms,
            max_length=int(self.sample_rate / 1000.0 * longest_ms),
        )
        wet *= gain[..., 0] if len(gain.shape) == 3 else gain
        return wet + audio if self.add_dry else wet


def reverberate(audio: Any, ir: Any, add_dry: bool) -> tf.Tensor:
    """Convolve with impulse responses whose first sample is the dry path.

    Args:
        audio: [batch, n_samples].
        ir: [ir_size], [batch or 1, ir_size] or [batch or 1, ir_size, 1]; its first
            sample is replaced.
        add_dry: Let the first sample be 1, else 0.

    Returns:
        [batch, n_samples].

    Raises:
        ShapeError: A shape is another.
    """
    audio, ir = tf_float32(audio), tf_float32(ir)
    check_shape("audio", audio, "[batch, n_samples]")
    check_shape("ir", ir, "[batch, ir_size]", "[batch, ir_size, 1]", "[ir_size]")
    if len(ir.shape) == 1:
        ir = ir[tf.newaxis]
    if len(ir.shape) == 3:
        ir = ir[:, :, 0]
    dry = tf.fill([tf.shape(ir)[0], 1], 1.0 if add_dry else 0.0)
    return fft_convolve(audio, tf.concat([dry, ir[:, 1:]], 1), delay_compensation=0)


def _for_each_example(ir: tf.Tensor, audio: tf.Tensor) -> tf.Tensor:
    """Repeat one impulse response [1, ir_size] for every example of the audio."""
    check_shape("audio", audio, "[batch, n_samples]")
    tiled = tf.tile(ir, [tf.shape(audio)[0], 1])
    return tf.ensure_shape(tiled, [audio.shape[0], ir.shape[1]])


def _missing(effect: str, *names: str) -> ShapeError:
    """The error of an effect that was given no response and has learned none."""
    wanted = " and ".join(f"`{name}`" for name in names)
    return ShapeError(
        f"{effect!r} has no impulse response; pass {wanted}, or make it with"
        " trainable=True"
    )
