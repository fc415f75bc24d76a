"""What is timed: the same calls of either library, on the same inputs.

A case is made from a library's name and returns a function without arguments, whose run
is timed. This module is imported in both environments: it needs numpy and TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

Run = Callable[[], Any]
BATCH, N_FRAMES, HOP, RATE = 16, 1000, 64, 16000  # 4 s at 250 frames/s
N_SAMPLES = N_FRAMES * HOP
OURS = "ddsp_core"


def make(name: str, library: str) -> Run:
    """Return what a case times.

    Args:
        name: One of `CASES`.
        library: 'ddsp' or 'ddsp_core'.
    """
    return CASES[name][1](library)


def describe(name: str) -> str:
    """Return the words for a case."""
    return CASES[name][0]


def harmonic(n_harmonics: int, has_gradient: bool) -> Callable[[str], Run]:
    """The harmonic synthesizer, from controls to audio."""

    def make_run(library: str) -> Run:
        core = _module(library, "core")
        draw = np.random.default_rng(0)
        vibrato = 1 + 0.01 * np.sin(np.arange(N_FRAMES) / 8)
        f0_hz = draw.uniform(80, 600, [BATCH, 1, 1]) * vibrato[:, np.newaxis]
        amplitudes = draw.uniform(0, 1, [BATCH, N_FRAMES, 1])
        shares = draw.dirichlet(np.ones(n_harmonics), [BATCH, N_FRAMES])

        def synthesize(f0_hz: Any, amplitudes: Any, shares: Any) -> Any:
            return core.harmonic_synthesis(
                f0_hz,
                amplitudes,
                harmonic_distribution=shares,
                n_samples=N_SAMPLES,
                sample_rate=RATE,
            )

        inputs = _tensors(f0_hz, amplitudes, shares)
        return _traced(synthesize, inputs, inputs if has_gradient else None)

    return make_run


def filtered_noise(library: str) -> Run:
    """Noise through filters that change from frame to frame."""
    core = _module(library, "core")
    draw = np.random.default_rng(0)
    noise, magnitudes = _tensors(
        draw.uniform(-1, 1, [BATCH, N_SAMPLES]), draw.uniform(0, 1, [BATCH, 1000, 65])
    )

    def synthesize(magnitudes: Any) -> Any:
        return core.frequency_filter(noise, magnitudes, window_size=0)

    return _traced(synthesize, [magnitudes], [magnitudes])


def reverb(library: str) -> Run:
    """A trainable impulse response of 3 s."""
    effects = _module(library, "effects")
    draw = np.random.default_rng(0)
    response = draw.normal(size=48000) * np.exp(-np.arange(48000) / 8000)
    audio, ir = _tensors(draw.normal(size=[BATCH, N_SAMPLES]), response[np.newaxis])
    effect = effects.Reverb(trainable=True, reverb_length=48000)
    effect(audio[:1])  # makes the variable
    effect.trainable_variables[0].assign(ir[0])
    variables = effect.trainable_variables

    def gradient(audio: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(audio)
            total = tf.reduce_sum(effect(audio) ** 2)
        return tape.gradient(total, [audio, *variables])

    return _ready(tf.function(gradient), audio)


def spectral_loss(library: str) -> Run:
    """Six resolutions, magnitudes and logarithms."""
    losses = _module(library, "losses")
    draw = np.random.default_rng(0)
    target, audio = _tensors(*draw.normal(0, 0.1, [2, BATCH, N_SAMPLES]))
    loss = losses.SpectralLoss(loss_type="L1", mag_weight=1.0, logmag_weight=1.0)
    return _traced(lambda audio: loss(target, audio), [audio], [audio])


def gru(library: str) -> Run:
    """A recurrent layer of 512 units over 1000 steps."""
    nn = _module(library, "training.nn")
    draw = np.random.default_rng(0)
    (x,) = _tensors(draw.normal(size=[BATCH, N_FRAMES, 1024]))
    layer = nn.Rnn(512, "gru")
    layer(x[:, :2])
    variables = layer.trainable_variables

    def gradient(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(layer(x) ** 2)
        return tape.gradient(total, [x, *variables])

    return _ready(tf.function(gradient), x)


def step(config: str, batch_size: int) -> Callable[[str], Run]:
    """A whole training step: forward, loss, backward, clip, Adam."""

    def make_run(library: str) -> Run:
        batch = _batch(batch_size, N_FRAMES)
        if library == OURS:
            from benchmarks.ours import train_step
        else:
            from benchmarks.magenta import train_step
        run = train_step(config, batch)
        run()
        return run

    return make_run


def inference(config: str, secs: int) -> Callable[[str], Run]:
    """From f0 and loudness to audio, one example."""

    def make_run(library: str) -> Run:
        features = _batch(1, secs * 250)
        if library == OURS:
            from benchmarks.ours import inference
        else:
            from benchmarks.magenta import inference
        run = inference(config, features)
        run()
        return run

    return make_run


CASES: dict[str, tuple[str, Callable[[str], Run]]] = {
    "harmonic_forward": ("harmonic synth, 60 harmonics", harmonic(60, False)),
    "harmonic": ("the same with gradients", harmonic(60, True)),
    "harmonic_100": ("100 harmonics with gradients", harmonic(100, True)),
    "filtered_noise": ("filtered noise, with gradients", filtered_noise),
    "reverb": ("reverb of 3 s, with gradients", reverb),
    "spectral_loss": ("spectral loss, 6 scales, with gradients", spectral_loss),
    "gru": ("GRU 512 x 1000 steps, with gradients", gru),
    "solo_16": (
        "training step, solo_instrument, batch 16",
        step("solo_instrument", 16),
    ),
    "solo_4": ("training step, solo_instrument, batch 4", step("solo_instrument", 4)),
    "solo_1": ("training step, solo_instrument, batch 1", step("solo_instrument", 1)),
    "tiny_16": (
        "training step, tiny_instrument, batch 16",
        step("tiny_instrument", 16),
    ),
    "tiny_4": ("training step, tiny_instrument, batch 4", step("tiny_instrument", 4)),
    "tiny_1": ("training step, tiny_instrument, batch 1", step("tiny_instrument", 1)),
    "inference_60": ("60 s of inference without f0", inference("solo_instrument", 60)),
}


def _module(library: str, name: str) -> Any:
    import importlib

    return importlib.import_module(f"{library}.{name}")


def _tensors(*arrays: Any) -> list[tf.Tensor]:
    return [tf.constant(x, tf.float32) for x in arrays]


def _batch(batch_size: int, n_frames: int) -> dict[str, tf.Tensor]:
    """Features that sound like something: a vibrato with a swell."""
    draw = np.random.default_rng(0)
    time = np.arange(n_frames) / 250
    f0_hz = draw.uniform(200, 500, [batch_size, 1]) * (1 + 0.01 * np.sin(35 * time))
    loudness_db = -30 + 15 * np.sin(2 * time) + np.zeros([batch_size, 1])
    audio = draw.normal(0, 0.1, [batch_size, n_frames * HOP])
    names = ("f0_hz", "loudness_db", "f0_confidence", "audio")
    values = _tensors(f0_hz, loudness_db, np.ones_like(f0_hz), audio)
    return dict(zip(names, values, strict=True))


def _traced(
    fn: Callable[..., Any], inputs: Sequence[tf.Tensor], watched: Any = None
) -> Run:
    """Return a run of `fn`, or of its gradient where `watched` is given."""

    def gradient(*inputs: tf.Tensor) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            total = tf.reduce_sum(fn(*inputs) ** 2)
        return tape.gradient(total, inputs)

    return _ready(tf.function(gradient if watched else fn), *inputs)


def _ready(fn: Callable[..., Any], *inputs: tf.Tensor) -> Run:
    """Trace once, and return a run that ends when its result is there."""

    def run() -> None:
        for x in tf.nest.flatten(fn(*inputs)):
            x.numpy()

    run()
    return run
