"""docs/inputs.md says what becomes of every odd, broken and awkward file; so it is."""

import re
from pathlib import Path

import pytest

from ddsp_core import io
from ddsp_core.spec import ExampleSpec
from pipelines.finish import REJECTED_NAME
from pipelines.options import PrepareOptions
from pipelines.prepare import prepare
from tests.pipelines.preparations import sources

pytestmark = pytest.mark.slow
DOCS = Path(__file__).parents[2] / "docs" / "inputs.md"


def table():
    """Cells of the table of audio/hard by file name."""
    lines = DOCS.read_text("utf-8").partition("## Odd, broken")[2].splitlines()
    rows = [line.split("|")[1:-1] for line in lines if line.startswith("| `")]
    return {row[0].strip(" `"): [cell.strip() for cell in row[1:]] for row in rows}


@pytest.fixture(scope="module")
def made(tmp_path_factory, test_data):
    """Rows of sources.jsonl and reasons of rejected.jsonl, by file name."""
    out = tmp_path_factory.mktemp("hard") / "dataset"
    folder = test_data / "audio" / "hard"
    prepare(PrepareOptions(inputs=(str(folder),), out=str(out), spec=ExampleSpec()))
    rows = {io.name(row["source"]): row for row in sources(out).values()}
    reasons = {
        io.name(row["source"]): row["reason"]
        for row in io.read_jsonl(out / REJECTED_NAME)
    }
    return rows, reasons


def test_the_table_names_every_file(test_data):
    files = {path.name for path in (test_data / "audio" / "hard").iterdir()}
    assert set(table()) == files
    assert len(files) == 35


@pytest.mark.parametrize("name", table())
def test_each_file_is_handled_as_the_table_says(name, made):
    rows, reasons = made
    used, _, refused, measured = table()[name]
    row = rows.get(name, {"intervals": [], "sample_rate": 1})
    kept = [one for one in row["intervals"] if one["use"] != "refused"]
    secs = sum(one["stop"] - one["start"] for one in kept) / row["sample_rate"]
    assert secs == pytest.approx(float(used), abs=1e-3)
    if refused:
        assert refused in reasons[name]
    else:
        assert name not in reasons
    values = row | row.get("quality", {})
    for key, text in re.findall(r"`(\w+)` (-?[\d.]+)", measured):
        digits = len(text.partition(".")[2])
        assert values[key] == pytest.approx(float(text), abs=0.51 * 10**-digits), key
