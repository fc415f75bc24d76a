"""Playing a model on conditioning of any length, in bounded memory."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
import tensorflow as tf

from ddsp_core.dsp.nested import nested_lookup
from ddsp_core.effects import Reverb
from ddsp_core.errors import ConfigError
from ddsp_core.models.autoencoder import Autoencoder
from ddsp_core.processors import Add, ProcessorGroup
from ddsp_core.spec import ExampleSpec
from ddsp_core.synths import FilteredNoise, Harmonic
from ddsp_core.transfer.condition import SILENCE_DB, Conditioning
from ddsp_core.transfer.convolution import StreamingConvolution
from ddsp_core.transfer.pitch import DEFAULT_F0_HZ
from ddsp_core.transfer.streaming import (
    N_LATENCY,
    DecoderStream,
    HarmonicStream,
    NoiseStream,
)

CHUNK_SECS: Final = 10.0  # some 100 MB of a 512-channel decoder
WARM_UP_SECS: Final = 0.5  # most of a note's settling; more changes little
NOISE_SEED: Final = 0  # so that the same input gives the same output


class Player:
    """A model that is ready to play.

    Args:
        model: With its variables made and restored.
        spec: Of the model.
        chunk_secs: Length of what is computed at a time; the result does not depend
            on it, the memory needed does.
        warm_up_secs: For how long the first frame is played, unheard, before a
            recording that begins within a note; 0 for a start as in training.

    Raises:
        ConfigError: The model has parts that can't be played chunk by chunk.
    """

    def __init__(
        self,
        model: Autoencoder,
        spec: ExampleSpec,
        chunk_secs: float = CHUNK_SECS,
        warm_up_secs: float = WARM_UP_SECS,
    ) -> None:
        self.spec = spec
        self._n_chunk = max(1, round(chunk_secs * spec.frame_rate))
        self._n_warm_up = round(warm_up_secs * spec.frame_rate)
        self._decoder = DecoderStream(model)
        self._group = model.processor_group
        _Graph(self._group, spec, self._n_chunk)  # refuse now what it can't play

    def render(
        self, conditioning: Conditioning, n_samples: int
    ) -> Iterator[np.ndarray]:
        """Yield the audio of a recording, chunk by chunk, without seams.

        The gate acts on the dry sound, so a reverb's tail rings into a rest.

        Args:
            conditioning: What to play; its last frame is held if it is too short.
            n_samples: Length of the result, at the model's sample rate.

        Yields:
            [n] float32, together `n_samples`.
        """
        n_chunk, hop_size = self._n_chunk, self.spec.hop_size
        graph = _Graph(self._group, self.spec, n_chunk)
        n_frames = max(1, math.ceil(n_samples / hop_size))
        f0_hz, loudness_db, gate = _held(conditioning, n_frames, n_chunk)
        self._decoder.reset()
        if self._n_warm_up and gate[0]:
            self._decoder.warm_up(f0_hz[0], loudness_db[0], self._n_warm_up)
        position = -N_LATENCY * hop_size  # of the first sample that comes next
        for start in range(0, n_frames + N_LATENCY, n_chunk):
            chunk = slice(start, start + n_chunk)
            n_given = min(max(n_frames - start, 0), n_chunk)
            controls = {}
            if n_given:
                controls = self._decoder(f0_hz[chunk], loudness_db[chunk])
                controls["gate"] = tf.constant(gate[np.newaxis, chunk, np.newaxis])
            audio = graph.next_chunk(controls, n_given)
            audio = audio[max(0, -position) : max(0, n_samples - position)]
            position += n_chunk * hop_size
            if len(audio):
                yield audio


class _Graph:
    """A model's processors, each with its state, run on chunks of frames."""

    def __init__(self, group: ProcessorGroup, spec: ExampleSpec, n_frames: int) -> None:
        self._group = group
        self._n_frames = n_frames
        self._streams = {
            name: _stream(getattr(group, name), spec) for name in group.module_names
        }
        self._window: dict[str, Any] = {}
        # Samples before the recording begins: none may reach the reverb.
        self._n_early = N_LATENCY * spec.hop_size

    def next_chunk(self, controls: Mapping[str, Any], n_given: int) -> np.ndarray:
        """Return the audio of a chunk, `N_LATENCY` frames late.

        Args:
            controls: By name, [1, n_frames, channels]; not read if n_given is 0.
            n_given: Frames of the chunk that exist; then the last is held.
        """
        for key, x in (controls or self._window).items():
            self._window[key] = self._windowed(key, x[:, :n_given])
        values: dict[str, Any] = {**self._window, "inputs": self._window}
        signal = np.zeros(0, np.float32)
        for name, input_keys, *_ in self._group.dag:
            inputs = [nested_lookup(key, values) for key in input_keys]
            stream = self._streams[name]
            if isinstance(stream, HarmonicStream):
                signal = stream(inputs, self._window["gate"])
            elif isinstance(stream, NoiseStream):
                signal = stream(inputs, self._window["gate"], n_given)
            else:
                signal = stream(*inputs)
            signal[: self._n_early] = 0.0
            values[name] = {"signal": signal}
        self._n_early = 0
        return signal

    def _windowed(self, key: str, given: tf.Tensor) -> tf.Tensor:
        """Put the end of the last window before a chunk, and hold its last frame.

        Before the first chunk its first frame is held.
        """
        n_kept = 2 * N_LATENCY
        kept = self._window.get(key, tf.repeat(given[:, :1], n_kept, axis=1))
        known = tf.concat([kept[:, -n_kept:], given], axis=1)
        n_missing = n_kept + self._n_frames - int(known.shape[1])
        return tf.concat([known, tf.repeat(known[:, -1:], n_missing, axis=1)], axis=1)


def _stream(processor: Any, spec: ExampleSpec) -> Any:
    """Return what runs a processor chunk by chunk."""
    if isinstance(processor, Harmonic):
        return HarmonicStream(processor, spec.hop_size)
    if isinstance(processor, FilteredNoise):
        return NoiseStream(processor, spec.hop_size, NOISE_SEED)
    if isinstance(processor, Reverb) and processor.trainable:
        return StreamingConvolution(_impulse_response(processor))
    if isinstance(processor, Add):
        return np.add
    raise ConfigError(
        f"this version can't play the processor {processor.name!r}"
        f" ({type(processor).__name__}) chunk by chunk; it can play Harmonic,"
        " FilteredNoise, Add and a trained Reverb"
    )


def _impulse_response(reverb: Reverb) -> np.ndarray:
    """Return a reverb's answer to one impulse, the dry sound included, [ir_size]."""
    n_samples = reverb.get_controls(tf.zeros([1, 1]))["ir"].shape[1]
    return reverb(tf.one_hot([0], n_samples)).numpy()[0]


def _held(
    conditioning: Conditioning, n_frames: int, n_chunk: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return f0, loudness and gate in whole chunks; silence if there is no frame."""
    n_total = math.ceil(n_frames / n_chunk) * n_chunk
    if not len(conditioning.f0_hz):
        ones = np.ones(n_total, np.float32)
        return DEFAULT_F0_HZ * ones, SILENCE_DB * ones, 0 * ones
    rows = (conditioning.f0_hz, conditioning.loudness_db, conditioning.gate)
    n_missing = n_total - min(n_frames, len(conditioning.f0_hz))
    f0_hz, loudness_db, gate = (
        np.pad(row[:n_frames], (0, n_missing), mode="edge") for row in rows
    )
    return f0_hz, loudness_db, gate
