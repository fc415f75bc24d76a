"""What is counted adds up to the account."""

import json
import re
from pathlib import Path

import pytest

from ddsp_core import io
from pipelines import counters
from pipelines.finish import REJECTED_NAME, SOURCES_NAME
from pipelines.prepare import prepare
from tests.pipelines.preparations import options


@pytest.fixture(scope="module")
def made(corpus, dataset, tmp_path_factory):
    out = tmp_path_factory.mktemp("counted") / "out"
    return out, prepare(options(corpus, out, store=str(dataset / ".features")))


def test_seconds_read_are_kept_refused_or_left_out_as_duplicates(made):
    _, (manifest, _, metrics) = made
    seconds = manifest.details["seconds"]
    for use in ("train", "eval", "guard"):
        counted = metrics.get(f"audio_{use}_ms", 0)
        assert counted == pytest.approx(1000 * seconds[use], abs=1)
    refused = [n for key, n in metrics.items() if key.startswith("audio_refused_ms_")]
    assert sum(refused) == pytest.approx(1000 * seconds["refused"], abs=len(refused))
    assert "audio_refused_ms_silent" in metrics
    assert "audio_refused_ms_too_short" in metrics
    duplicate_ms = 24_000
    kept = sum(1000 * secs for secs in seconds.values())
    assert metrics["audio_in_ms"] == pytest.approx(kept + duplicate_ms, abs=5)
    assert metrics["duplicates"] == 1


def test_files_and_shards_are_counted(made):
    out, (manifest, _, metrics) = made
    sources, rejected = (
        io.read_jsonl(out / name) for name in (SOURCES_NAME, REJECTED_NAME)
    )
    decoded = [row for row in rejected if row["stage"] == "decode"]
    assert metrics["files_refused_decode"] == len(decoded) == 2
    assert metrics["files_scanned"] == len(sources) + len(decoded) + 1
    n_records = sum(manifest.n_records(split) for split in ("train", "eval"))
    assert metrics["examples"] == n_records
    shards = [s for rows in manifest.shards.values() for s in rows]
    assert metrics["shards_written"] == len(shards)
    assert metrics["bytes_written"] == sum(
        (out / s.name).stat().st_size for s in shards
    )


def test_every_name_that_is_counted_has_a_meaning_and_goes_into_json(made):
    _, (_, _, metrics) = made
    patterns = [
        re.sub("REASON|STAGE|SPLIT", r"\\w+", name) for name in counters.MEANINGS
    ]
    for name in set(metrics) - {"retries"}:
        assert any(re.fullmatch(pattern, name) for pattern in patterns), name
    assert json.loads(json.dumps(metrics)) == metrics


def test_the_documentation_lists_every_counter():
    text = (Path(__file__).parents[2] / "docs" / "running-at-scale.md").read_text()
    for name, meaning in counters.MEANINGS.items():
        assert f"| `{name}` | {meaning} |" in text
