"""Comparing what we give with what the reference gave."""

from __future__ import annotations

import numpy as np

from ddsp_core.errors import FeatureError
from tests.conformance import exceptions, truths
from tests.conformance.calls import has_unknown_weights, run
from tests.conformance.identities import check_identities
from tests.conformance.kit import Case, Unavailable
from tests.conformance.literals import check_literal

PASSED = "as recorded, at its tolerance"
LISTED = "listed as different, with the reason"
SHAPES = "names, shapes and identities: its weights were not stored"
NEARER = "nearer to float64 than the recording"
SURE = 0.5  # confidence below which the pitch of a frame means nothing


def check(case: Case) -> str:
    """Assert that our object gives what the reference gave; say in which way.

    Raises:
        Unavailable: The case needs a class that is not implemented, or has no weights.
    """
    listed = exceptions.difference_of(case)
    if listed is not None and not listed.outputs:
        return LISTED
    if case.kind == "literal":
        check_literal(case)
        return PASSED
    try:
        outputs = run(case)
    except FeatureError as error:
        if "no weights of CREPE" in str(error):
            raise Unavailable(str(error)) from error
        raise
    if has_unknown_weights(case):
        check_shapes(case, outputs)
        check_identities(case, outputs)
        return SHAPES
    skipped = () if listed is None else listed.outputs
    problems = {
        name: problem
        for name in case.arrays("outputs")
        if name not in skipped and (problem := mismatch(case, name, outputs))
    }
    if problems and truths.has_truth(case):
        truths.check_nearer(case, outputs, list(problems))
        return NEARER
    assert not problems, f"{case}: {problems}"
    return PASSED if listed is None else LISTED


def check_shapes(case: Case, outputs: dict[str, np.ndarray]) -> None:
    """Assert that the outputs have the names and shapes that were recorded."""
    for name, expected in case.arrays("outputs").items():
        assert outputs[name].shape == expected.shape, f"{case}: {name}"


def mismatch(case: Case, name: str, outputs: dict[str, np.ndarray]) -> str | None:
    """What is wrong with an output, or None."""
    if name not in outputs:
        return f"is missing; there are {sorted(outputs)}"
    got, expected = np.asarray(outputs[name]), case.arrays("outputs")[name]
    if got.shape != expected.shape:
        return f"has shape {got.shape}, not {expected.shape}"
    if got.dtype == bool:
        got, expected = got.astype(int), expected.astype(int)
    error = np.asarray(got - expected, np.float64)
    if truths.is_angle(case, name):
        error = (error + np.pi) % (2 * np.pi) - np.pi
    error = error[_frames_that_count(case, name, error)]
    expected, got = (x[_frames_that_count(case, name, x)] for x in (expected, got))
    tolerance = case.tolerance(name)
    if "rel_l2" in tolerance:
        relative = np.linalg.norm(error) / np.linalg.norm(expected)
        return None if relative <= tolerance["rel_l2"] else f"is off by {relative}"
    with np.errstate(invalid="ignore"):
        same = (got == expected) | (np.isnan(got) & np.isnan(expected))
        allowed = tolerance["atol"] + tolerance["rtol"] * np.abs(expected)
        wrong = ~same & ~(np.abs(error) <= allowed)
    if not wrong.any():
        return None
    worst = np.nanmax(np.abs(error[wrong]))
    return f"differs in {wrong.sum()} of {wrong.size} entries, by up to {worst}"


def _frames_that_count(case: Case, name: str, values: np.ndarray) -> np.ndarray:
    """Where a pitch that CREPE found is to be compared: where it is sure."""
    recorded = case.arrays("outputs")
    found = "audio" in case.spec["inputs"] and "f0_confidence" in recorded
    is_pitch = name.startswith("f0_") and name != "f0_confidence"
    if not found or not is_pitch or "f0_hz" in case.spec["inputs"]:
        return np.ones(values.shape, bool)
    return (recorded["f0_confidence"] > SURE).reshape(values.shape)
