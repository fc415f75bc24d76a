"""Every golden case, on one parametrised test; and how many ended in which way."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.conformance import exceptions
from tests.conformance.compare import LISTED, NEARER, PASSED, check
from tests.conformance.kit import COMMITTED, Unavailable, cases, folder

TESTS = Path(__file__).parents[1]
CASES = cases()
# Cases of the kit that is committed which run, at least: a name that went missing must
# not turn into a skip.
MIN_RUNNING = 440
OUTCOMES: dict[str, str] = {}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_gives_what_the_reference_gave(case):
    OUTCOMES[case.name] = "failed"
    reason = exceptions.skip_reason(case)
    try:
        OUTCOMES[case.name] = reason or check(case)
    except Unavailable as error:
        reason = OUTCOMES[case.name] = str(error)
    if reason:
        pytest.skip(reason)


@pytest.mark.parametrize("entry", exceptions.DIFFERENCES, ids=lambda d: d.target)
def test_a_listed_difference_names_a_test_that_exists(entry):
    texts = (path.read_text("utf-8") for path in TESTS.rglob("test_*.py"))
    assert any(f"def {entry.checked_by}(" in text for text in texts)


def test_the_counts(capsys):
    """Says how many cases ended in which way; run it with the whole file."""
    if len(OUTCOMES) < len(CASES):
        pytest.skip("only a part of the cases was run")
    counts = Counter(OUTCOMES.values())
    with capsys.disabled():
        lines = [f"  {n:4d} {reason}" for reason, n in counts.most_common()]
        print(f"\n{len(CASES)} golden cases:", *lines, sep="\n")  # noqa: T201
    n_running = counts[PASSED] + counts[LISTED] + counts[NEARER]
    assert n_running >= MIN_RUNNING or folder() != COMMITTED


def test_case_names_are_unique():
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)
    assert all(re.match(r"\w+/", name) for name in names)
