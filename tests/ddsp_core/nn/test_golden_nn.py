"""Layers and preprocessing against recordings of Magenta 3.7."""

from collections import Counter

import pytest

from tests import golden

CASES = golden.cases("nn", "preprocessing", "coders")
# Cases that run, at least: a name that went missing must not turn into a skip.
N_RUNNING = 19


@pytest.mark.parametrize("case", CASES, ids=str)
def test_gives_what_the_reference_gave(case):
    reason = golden.skip_reason(case)
    if reason:
        pytest.skip(reason)
    try:
        golden.check(case)
    except golden.Unavailable as error:
        pytest.skip(str(error))


def test_no_implemented_name_went_missing():
    reasons = Counter(golden.skip_reason(case) for case in CASES)
    assert reasons[None] >= N_RUNNING, reasons
