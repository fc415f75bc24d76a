"""The recorded training runs: what can be compared without their start weights."""

import numpy as np
import pytest

from ddsp_core.nn.keras import ExponentialDecay
from tests.conformance.kit import cases

CASES = cases("training")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_learning_rate_falls_as_recorded(case):
    kwargs = case.spec["kwargs"]
    rate = ExponentialDecay(
        kwargs["learning_rate"], kwargs["lr_decay_steps"], kwargs["lr_decay_rate"]
    )
    recorded = case.arrays("outputs")["learning_rate"]
    rates = [float(rate(step)) for step in range(len(recorded))]
    # Recorded is what the optimizer held before each update: the rate of the last one.
    np.testing.assert_allclose(rates[:-1], recorded[1:], rtol=1e-6)
