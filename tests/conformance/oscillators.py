"""The outputs of oscillator cases in float64.

The reference sums phase in float32 and drifts; ours is exact. So an oscillator case
that misses the recording must be nearer to float64 than the recording is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from tests import signal_truth as truth
from tests.conformance.kit import Case

TARGETS = ("oscillator_bank", "harmonic_synthesis", "Harmonic")
MAX_RELATIVE_ERROR = 1e-4  # of float32 against float64, 80 dB


def is_oscillator(case: Case) -> bool:
    """Whether the case's numbers hang on accumulated phase."""
    return case.target.rpartition(".")[2] in TARGETS


def check_nearer(case: Case, got: dict[str, np.ndarray], names: list[str]) -> None:
    """Assert that these outputs are nearer to float64 than those recorded."""
    exact, recorded = true_outputs(case), case.arrays("outputs")
    for name in names:
        error = distance(got[name], exact[name], name)
        theirs = distance(recorded[name], exact[name], name)
        assert error <= theirs, f"{case}: {name} is {error} from float64, not {theirs}"
        scale = max(1e-3, float(np.linalg.norm(exact[name])))
        assert error <= MAX_RELATIVE_ERROR * scale, f"{case}: {name}: {error}"


def distance(a: np.ndarray, b: np.ndarray, name: str) -> float:
    """Norm of the difference; of angles on the circle."""
    error = np.asarray(a, np.float64) - np.asarray(b, np.float64)
    return float(np.linalg.norm(error))


def true_outputs(case: Case) -> dict[str, np.ndarray]:
    """The outputs of an oscillator case, in float64."""
    x = {k: tf.constant(v, tf.float64) for k, v in case.arrays("inputs").items()}
    cotangent = x.pop("cotangent", None)
    with tf.GradientTape() as tape:
        tape.watch(x)
        audio = true_audio(case, x)
        total = audio if cotangent is None else tf.reduce_sum(audio * cotangent)
    outputs = {"signal": audio, "out": audio, "sum": total}
    for key, gradient in tape.gradient(total, x).items():
        outputs[f"grad/{key}"] = gradient
    return {k: np.asarray(v) for k, v in outputs.items() if v is not None}


def true_audio(case: Case, x: dict[str, Any]) -> tf.Tensor:
    """The audio of an oscillator case, in float64."""
    if case.target.endswith("oscillator_bank"):
        return truth.oscillators(*x.values(), 16000)
    if case.target.endswith("harmonic_synthesis"):
        amplitudes = x["amplitudes"] * x["harmonic_distribution"]
        return truth.harmonic(x["frequencies"], amplitudes, 80, 16000)
    options = case.spec["constructor_kwargs"]
    scale = {None: lambda v: v, "tf.nn.relu": tf.nn.relu, "": truth.exp_sigmoid}[
        (options.get("scale_fn", {"$fn": ""}) or {"$fn": None})["$fn"]
    ]
    f0_hz, shares = x["f0_hz"], scale(x["harmonic_distribution"])
    nyquist = 16000 if options.get("normalize_below_nyquist", True) else 10**9
    amplitudes = scale(x["amplitudes"]) * truth.normalized(shares, f0_hz, nyquist)
    method = options.get("amp_resample_method", "window")
    return truth.harmonic(f0_hz, amplitudes, 80, 16000, method)
