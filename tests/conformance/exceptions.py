"""Where we are not what was recorded, and why: the only list of it.

Beside what the kit itself marks (informative, defects, random draws) and what
float64 decides, whose rule is in `truths.py`.
"""

from __future__ import annotations

import dataclasses

from tests.conformance.kit import Case, resolve

INFORMATIVE = "recorded to be known, not to be asserted"
DEFECT = "a defect of the reference"
RANDOM = "random: its statistics are compared in the tests of its module"
TRAINING = "a training run: see the tests of its module"
NOT_YET = "not implemented yet"


@dataclasses.dataclass(frozen=True)
class Difference:
    """Outputs that differ on purpose.

    Args:
        target: As in the case.
        reason: What we do instead.
        checked_by: The test that compares with an independent truth.
        outputs: Which differ; none named: the whole case.
        words: In the case's name or arguments, to tell it from others of its target.
    """

    target: str
    reason: str
    checked_by: str
    outputs: tuple[str, ...] = ()
    words: str = ""

    def covers(self, case: Case) -> bool:
        """Whether the case is one of those meant."""
        told = f"{case.name} {case.spec.get('args')} {case.spec.get('kwargs')}"
        return case.target == self.target and self.words in told


DIFFERENCES = (
    Difference(
        "ddsp.losses.mean_difference",
        "the reference calls what TensorFlow 2 no longer has; ours works",
        "test_cosine_distance_works",
        words="COSINE",
    ),
    Difference(
        "ddsp.training.metrics.compute_frame_metrics",
        "the reference's f1 is too low where precision and recall are below 1 together",
        "test_f1_is_the_harmonic_mean",
        outputs=("f1",),
    ),
)


def difference_of(case: Case) -> Difference | None:
    """The entry of the list that covers this case."""
    return next((d for d in DIFFERENCES if d.covers(case)), None)


def skip_reason(case: Case) -> str | None:
    """Why a case is not compared at all, or None."""
    if case.spec.get("informative") or "Do NOT assert" in case.notes:
        return INFORMATIVE
    if case.spec.get("reference_defect"):
        return DEFECT
    if case.kind == "statistic":
        return RANDOM
    if case.kind == "training":
        return TRAINING
    if resolve(case.target) is None:
        return NOT_YET
    return None
