"""The signal modules against recordings of Magenta 3.7."""

from collections import Counter

import numpy as np
import pytest
import tensorflow as tf

from tests import golden
from tests import signal_truth as truth

GROUPS = ("core", "spectral_ops", "synths", "effects", "processors", "losses")
CASES = golden.cases(*GROUPS)
# Cases that run, at least: a name that went missing must not turn into a skip.
N_RUNNING = 311

# Ours keeps phase exact, the reference's float32 sum does not: the outputs named here
# are compared with float64 below, and the reference is shown to be further from it.
EXACT_PHASE = {
    "core/oscillator_bank.grad": ("sum", "grad/amplitude_envelopes"),
    "core/harmonic_synthesis.grad": (
        "sum",
        "grad/amplitudes",
        "grad/harmonic_distribution",
    ),
    "synths/harmonic_default": ("signal",),
    "synths/harmonic_nyquist_off": ("signal",),
    "synths/harmonic_no_scale": ("signal",),
    "synths/harmonic_linear": ("signal",),
    "synths/harmonic_relu": ("signal",),
    "synths/harmonic_g": ("out",),
    "synths/harmonic_g.grad": ("sum", "grad/amplitudes"),
}
# Literal cases whose words need a call of their own, and one that we made work.
OWN_TESTS = {
    "effects/reverb_no_ir": "test_reverb_without_a_response_is_refused",
    "processors/crop_bad": "test_crop_refuses_an_unknown_location",
    "processors/mix_bad": "test_mix_refuses_signals_of_different_length",
    "losses/mean_difference_cosine": "test_cosine_distance_works",
}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_gives_what_the_reference_gave(case):
    reason = golden.skip_reason(case)
    if case.name in OWN_TESTS:
        reason = "has a test of its own"
    if reason:
        pytest.skip(reason)
    try:
        golden.check(case, leave_out=EXACT_PHASE.get(case.name, ()))
    except golden.Unavailable as error:
        pytest.skip(str(error))


def test_no_implemented_name_went_missing():
    reasons = Counter(golden.skip_reason(case) for case in CASES)
    assert reasons[None] >= N_RUNNING, reasons


@pytest.mark.parametrize("name", EXACT_PHASE)
def test_phase_is_nearer_to_float64_than_the_reference(name):
    case = next(case for case in CASES if case.name == name)
    exact = true_outputs(case)
    ours, recorded = golden.run(case), case.arrays("outputs")
    for output in EXACT_PHASE[name]:
        error = np.linalg.norm(ours[output] - exact[output])
        assert error < np.linalg.norm(recorded[output] - exact[output])
        assert error <= 1e-4 * np.linalg.norm(exact[output])


def true_outputs(case):
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
    return {k: np.asarray(v) for k, v in outputs.items()}


def true_audio(case, x):
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
