"""Cases whose call the index describes in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tests.conformance.kit import Case, resolve
from tests.conformance.literals import literal

Call = Callable[[], Any]


def call_of(case: Case) -> Call | None:
    """The call of a case that is not plain, else None."""
    if "Raw CREPE" in case.notes:
        return lambda: _crepe_activation(case)
    if "called with controls =" in case.notes:
        return lambda: resolve(case.target)(_controls(case), **_kwargs(case))
    calls: dict[str, Callable[[Case], Any]] = {
        "compute_f0": _compute_f0,
        "activations_to_f0_and_confidence": _activations_to_f0,
        "invert_scaling": _method_of_a_default,
        "HmmTranscriber": _transcribe,
        "QuantileTransformer": _quantiles,
        "fit_quantile_transform": _fitted,
        "LoudnessMetrics": _loudness_metrics,
        "F0Metrics": _f0_metrics,
        "segment_notes": _segment_notes,
        "compute_frame_metrics": _frame_counts,
        "VectorQuantization": _quantized,
    }
    call = calls.get(case.target.rpartition(".")[2])
    return None if call is None else lambda: call(case)


def _kwargs(case: Case) -> dict[str, Any]:
    return literal(case.spec.get("kwargs", {}))


def _build(case: Case) -> Any:
    return resolve(case.target)(**literal(case.spec.get("constructor_kwargs", {})))


def _crepe_activation(case: Case) -> Any:
    from ddsp_core.features.crepe import Crepe

    size = "full" if "CREPE full" in case.notes else "tiny"
    frames = case.arrays("inputs")["frames_normalized"]
    return {"activation": Crepe(size).activate(frames)}


def _compute_f0(case: Case) -> Any:
    audio = case.arrays("inputs")["audio"]
    f0_hz, confidence = resolve(case.target)(audio, **_kwargs(case))
    return {"f0_hz": f0_hz, "f0_confidence": confidence}


def _activations_to_f0(case: Case) -> Any:
    owner, _, method = case.target.rpartition(".")
    crepe = resolve(owner)("tiny")
    activations = tf.constant(case.arrays("inputs")["activations"])
    f0_hz, confidence = getattr(crepe, method)(activations, **_kwargs(case))
    return {"f0_hz": f0_hz, "confidence": confidence}


def _method_of_a_default(case: Case) -> Any:
    owner, _, method = case.target.rpartition(".")
    inputs = [tf.constant(x) for x in case.arrays("inputs").values()]
    layer = resolve(owner)(**literal(case.spec.get("constructor_kwargs", {})))
    return getattr(layer, method)(*inputs, **_kwargs(case))


def _transcribe(case: Case) -> Any:
    layer, inputs = _build(case), case.arrays("inputs")
    pitch, amps = tf.constant(inputs["pitch"]), tf.constant(inputs["amps"])
    return {"nll": layer(pitch, amps), "midi": layer.predict_midi(pitch, amps)}


def _quantiles(case: Case) -> Any:
    transformer, inputs = _build(case), case.arrays("inputs")
    transformer.fit(inputs["x"])
    transformed = transformer.transform(inputs["x"])
    return {
        "transformed": transformed,
        "quantiles": transformer.quantiles_,
        "references": transformer.references_,
        "inverse": transformer.inverse_transform(transformed),
        "transform_new": transformer.transform(inputs["new_x"]),
    }


def _fitted(case: Case) -> Any:
    inputs = case.arrays("inputs")
    fitted = resolve(case.target)(**inputs, **_kwargs(case))
    return {"quantiles": fitted.quantiles_, "references": fitted.references_}


def _quantized(case: Case) -> Any:
    layer, x = _build(case), tf.constant(case.arrays("inputs")["x"])
    layer(x, **_kwargs(case))  # builds the variables
    for name, value in case.arrays("weights").items():
        getattr(layer, name).assign(value)
    z, c = layer(x, **_kwargs(case))
    return {"z": z, "c": c, "commitment_loss": layer.committment_loss(x, z)}


def _loudness_metrics(case: Case) -> Any:
    metrics, inputs = _build(case), case.arrays("inputs")
    metrics.update_state({"audio": inputs["audio"]}, inputs["audio_gen"])
    return {"loudness_db": metrics.metrics["loudness_db"].result()}


def _f0_metrics(case: Case) -> Any:
    metrics, inputs = _build(case), case.arrays("inputs")
    batch = {k: inputs[k] for k in ("f0_hz", "f0_confidence")}
    metrics.update_state(batch, inputs["f0_hz_predict"])
    return {k: metrics.metrics[k].result() for k in case.spec["outputs"]}


def _frame_counts(case: Case) -> Any:
    counts = resolve(case.target)(**case.arrays("inputs"), **_kwargs(case))
    return {name: getattr(counts, name) for name in case.spec["outputs"]}


def _controls(case: Case) -> dict[str, Any]:
    inputs = {k: tf.constant(v) for k, v in case.arrays("inputs").items()}
    return {
        "f0_hz": inputs["f0_hz"],
        "harmonic": {"controls": {"amplitudes": inputs["amplitudes"]}},
    }


def _segment_notes(case: Case) -> Any:
    module = case.target.rpartition(".")[0]
    words = [part.split("=") for part in case.notes.split(", ")]
    functions = {name: resolve(f"{module}.{value}") for name, value in words}
    notes = resolve(case.target)(**functions, controls=_controls(case), **_kwargs(case))
    return {
        "pitch": np.array([n.pitch for n in notes.notes]),
        "start_time": np.array([n.start_time for n in notes.notes]),
        "end_time": np.array([n.end_time for n in notes.notes]),
        "total_time": np.array(notes.total_time),
    }
