"""Parts of a model that keep their state from chunk to chunk.

A chunk of frames is synthesized within a window: the chunk, and before it the frames
of the last one that still sound or whose neighbours were missing. So every sample is
what it would be if the whole recording were synthesized at once.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import tensorflow as tf

from ddsp_core.dsp.filters import frequency_filter
from ddsp_core.dsp.harmonic_sum import frame_advances, harmonic_sum
from ddsp_core.errors import ConfigError
from ddsp_core.models.autoencoder import Autoencoder
from ddsp_core.nn.decoders import RnnFcDecoder
from ddsp_core.nn.preprocessing import F0LoudnessPreprocessor
from ddsp_core.synths import FilteredNoise, Harmonic

# Frames between what has been decoded and what is heard. The filters of the noise
# reach at most so far to either side, and interpolation one frame.
N_LATENCY: Final = 8
Tensors = dict[str, Any]


class DecoderStream:
    """A decoder that goes on where the last chunk ended.

    Args:
        model: With its variables made and restored.

    Raises:
        ConfigError: The model has parts whose state cannot be carried.
    """

    def __init__(self, model: Autoencoder) -> None:
        _check_streamable(model)
        self._decoder = _with_state(model.decoder)
        self._n_units = model.decoder.rnn.rnn.units
        self.reset()
        self._step = tf.function(self._decode)

    def reset(self) -> None:
        """Begin another recording."""
        self._state = tf.zeros([1, self._n_units])

    def warm_up(self, f0_hz: float, loudness_db: float, n_frames: int) -> None:
        """Decode frames that are not heard, all alike.

        From a state of zeros a decoder needs some frames to find its level, which a
        recording that begins within a note would make heard as a slow attack.

        Args:
            f0_hz: Of every frame.
            loudness_db: Of every frame.
            n_frames: How many.
        """
        self(np.full(n_frames, f0_hz), np.full(n_frames, loudness_db))

    def __call__(self, f0_hz: np.ndarray, loudness_db: np.ndarray) -> Tensors:
        """Decode the next chunk.

        Args:
            f0_hz: [n_frames].
            loudness_db: [n_frames].

        Returns:
            Scaled features and decoder outputs by name, [1, n_frames, channels].
        """
        outputs = self._step(
            tf.constant(f0_hz[np.newaxis], tf.float32),
            tf.constant(loudness_db[np.newaxis], tf.float32),
            self._state,
        )
        self._state = outputs.pop("state")
        return {name: x for name, x in outputs.items() if len(x.shape) == 3}

    def _decode(self, f0_hz: tf.Tensor, loudness_db: tf.Tensor, state: Any) -> Tensors:
        features = {"f0_hz": f0_hz, "loudness_db": loudness_db}
        # Features come adjusted: measuring the loudness anew would undo it.
        preprocess = F0LoudnessPreprocessor(f0_hz.shape[1], compute_loudness=False)
        features |= preprocess(features, training=False)
        return features | self._decoder({**features, "state": state})


class HarmonicStream:
    """A harmonic synthesizer that keeps its phase.

    Args:
        synth: Whose controls and settings it takes.
        hop_size: Samples between frames.
    """

    def __init__(self, synth: Harmonic, hop_size: int) -> None:
        if synth.amp_resample_method not in ("nearest", "linear", "window"):
            raise ConfigError(
                f"{synth.name!r} resamples amplitudes by"
                f" {synth.amp_resample_method!r}, which looks more than a frame ahead;"
                " needed 'nearest', 'linear' or 'window'"
            )
        self._synth, self._hop_size = synth, hop_size
        self._start_cycles: float | None = None

    def __call__(self, inputs: list[tf.Tensor], gate: tf.Tensor) -> np.ndarray:
        """Synthesize a window and keep the phase for the next, one chunk later.

        Args:
            inputs: As of `Harmonic.get_controls`, [1, n_window, channels].
            gate: Gain, [1, n_window, 1].

        Returns:
            Audio of the chunk, [n_samples].
        """
        controls = self._synth.get_controls(*inputs)
        f0_hz = controls["f0_hz"][..., 0]
        cycles = self._advances(f0_hz[0].numpy())
        if self._start_cycles is None:  # sample 0 of the recording starts at phase 0
            self._start_cycles = -float(cycles[: 2 * N_LATENCY].sum())
        audio = harmonic_sum(
            controls["amplitudes"] * controls["harmonic_distribution"] * gate,
            f0_hz,
            self._hop_size,
            self._synth.sample_rate,
            self._synth.amp_resample_method,
            start_cycles=self._start_cycles,
        )
        n_chunk = len(cycles) - 2 * N_LATENCY
        self._start_cycles = (self._start_cycles + float(cycles[:n_chunk].sum())) % 1.0
        return _chunk(audio, self._hop_size)

    def _advances(self, f0_hz: np.ndarray) -> np.ndarray:
        """Return the cycles of each frame, [n_window]; the last frame is held."""
        f0 = f0_hz.astype(np.float64) / self._synth.sample_rate
        return frame_advances(f0, np.diff(f0, append=f0[-1:]), self._hop_size)


class NoiseStream:
    """A noise synthesizer that keeps its noise.

    Args:
        synth: Whose controls and settings it takes.
        hop_size: Samples between frames.
        seed: Of the noise.

    Raises:
        ConfigError: Its filters reach beyond the frames that are kept.
    """

    def __init__(self, synth: FilteredNoise, hop_size: int, seed: int) -> None:
        self._synth, self._hop_size = synth, hop_size
        self._random = np.random.default_rng(seed)
        # Nothing sounds before the recording begins.
        self._noise = np.zeros(2 * N_LATENCY * hop_size, np.float32)

    def __call__(
        self, inputs: list[tf.Tensor], gate: tf.Tensor, n_frames: int
    ) -> np.ndarray:
        """Synthesize a window and keep the end of its noise.

        Args:
            inputs: As of `FilteredNoise.get_controls`, [1, n_window, channels].
            gate: Gain, [1, n_window, 1].
            n_frames: Frames of this chunk that exist; noise ends with the recording.

        Returns:
            Audio of the chunk, [n_samples].
        """
        magnitudes = self._synth.get_controls(*inputs)["magnitudes"] * gate
        self._check_reach(2 * (int(magnitudes.shape[-1]) - 1))
        n_kept = len(self._noise)
        n_new = int(magnitudes.shape[1]) * self._hop_size - n_kept
        new = self._random.uniform(-1.0, 1.0, n_new)
        new[n_frames * self._hop_size :] = 0.0
        noise = np.concatenate([self._noise, new.astype(np.float32)])
        self._noise = noise[-n_kept:]
        audio = frequency_filter(noise[np.newaxis], magnitudes, self._synth.window_size)
        return _chunk(audio, self._hop_size)

    def _check_reach(self, ir_size: int) -> None:
        if ir_size > N_LATENCY * self._hop_size:
            raise ConfigError(
                f"{self._synth.name!r} has filters of {ir_size} samples; a transfer can"
                f" stream at most {N_LATENCY} frames of {self._hop_size}"
            )


def _chunk(audio: tf.Tensor, hop_size: int) -> np.ndarray:
    """Cut the chunk out of a window: what has all its neighbours."""
    edge = N_LATENCY * hop_size
    return audio.numpy()[0, edge:-edge].copy()


def _with_state(decoder: RnnFcDecoder) -> RnnFcDecoder:
    """Return the decoder with its state as input and output; the weights are shared."""
    twin = RnnFcDecoder(
        rnn_channels=decoder.rnn.rnn.units,
        layers_per_stack=0,
        stateless=True,
        input_keys=decoder.input_keys,
        output_splits=decoder.output_splits,
    )
    twin.input_stacks = decoder.input_stacks
    twin.out_stack, twin.dense_out = decoder.out_stack, decoder.dense_out
    weights = decoder.rnn.rnn.get_weights()
    twin.rnn.rnn.build((1, None, weights[0].shape[0]))
    twin.rnn.rnn.set_weights(weights)
    return twin


def _check_streamable(model: Autoencoder) -> None:
    """Refuse a model with parts whose state cannot be carried."""
    decoder = model.decoder
    problem = None
    if not isinstance(model.preprocessor, F0LoudnessPreprocessor):
        problem = f"the preprocessor {type(model.preprocessor).__name__}"
    elif model.encoder is not None:
        problem = f"an encoder ({type(model.encoder).__name__})"
    elif not isinstance(decoder, RnnFcDecoder) or decoder.stateless:
        problem = f"the decoder {type(decoder).__name__}"
    elif type(decoder.rnn.rnn).__name__ != "GRU":
        problem = f"a recurrent layer {type(decoder.rnn.rnn).__name__}"
    if problem:
        raise ConfigError(
            f"this version can't play a model with {problem} chunk by chunk; needed an"
            " F0LoudnessPreprocessor, no encoder, and an RnnFcDecoder with a GRU"
        )
