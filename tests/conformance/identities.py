"""What outputs of a layer have in common whatever its weights, which are not stored.

Asserted for what the reference gave and for what we give.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.conformance.kit import Case, resolve

Arrays = dict[str, np.ndarray]
RTOL = 1e-4


def check_identities(case: Case, outputs: Arrays) -> None:
    """Assert them for both."""
    check = CHECKS.get(case.target.rpartition(".")[2])
    if check is None or case.kind != "layer":
        return
    for given in (case.arrays("outputs"), outputs):
        check(case, case.arrays("inputs"), given)


def _state_is_the_last_output(case: Case, inputs: Arrays, outputs: Arrays) -> None:
    np.testing.assert_allclose(outputs["out0"][:, -1], outputs["out1"], rtol=RTOL)


def _is_constant_in_time(case: Case, inputs: Arrays, outputs: Arrays) -> None:
    z = outputs["z"]
    np.testing.assert_allclose(z, np.repeat(z[:, :1], z.shape[1], axis=1), rtol=RTOL)


def _hz_are_those_of_the_pitch(case: Case, inputs: Arrays, outputs: Arrays) -> None:
    hz = 440.0 * 2.0 ** ((outputs["f0_midi"].astype(np.float64) - 69.0) / 12.0)
    np.testing.assert_allclose(outputs["f0_hz"], hz, rtol=RTOL)


def _is_linear_in_the_conditioning(case: Case, inputs: Arrays, outputs: Arrays) -> None:
    """The output is norm(x) * (A z + a) + B z + b for some A, a, B, b."""
    kwargs = case.spec["constructor_kwargs"]
    normalize = resolve("ddsp.training.nn.normalize_op")
    normal = np.asarray(normalize(inputs["x"], kwargs["norm_type"]), np.float64)
    ones = np.ones([*inputs["z"].shape[:-1], 1])
    z = np.concatenate([inputs["z"], ones], -1)
    z = np.broadcast_to(z, [*normal.shape[:-1], z.shape[-1]]).reshape(-1, z.shape[-1])
    for i in range(normal.shape[-1]):
        x, y = normal[..., i].reshape(-1, 1), outputs["out"][..., i].ravel()
        if kwargs["shift_only"]:
            y, known = y - x[:, 0], z
        else:
            known = np.concatenate([x * z, z], axis=-1)
        found = np.linalg.lstsq(known, y, rcond=None)[0]
        np.testing.assert_allclose(known @ found, y, atol=1e-4 * np.abs(y).max())


def _is_sigmoid(case: Case, inputs: Arrays, outputs: Arrays) -> None:
    assert np.all((outputs["out"] >= 0) & (outputs["out"] <= 1))


def _is_rectified(case: Case, inputs: Arrays, outputs: Arrays) -> None:
    assert np.all(outputs["out"] >= 0)


def _lies_within_one(case: Case, inputs: Arrays, outputs: Arrays) -> None:
    assert np.all(np.abs(outputs["out"]) <= 1)


CHECKS: dict[str, Callable[[Case, Arrays, Arrays], None]] = {
    "AggregateFeaturesEncoder": _is_constant_in_time,
    "ConditionalNorm": _is_linear_in_the_conditioning,
    "MfccRnnEncoder": _is_constant_in_time,
    "MidiToHarmonicDecoder": _hz_are_those_of_the_pitch,
    "ResidualStack": _is_rectified,
    "Rnn": _lies_within_one,
    "RnnFc": _is_sigmoid,
    "StatelessRnn": _state_is_the_last_output,
}
