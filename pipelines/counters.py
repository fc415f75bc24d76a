"""What a preparation counts for the operator: Beam metrics under one namespace.

They stand in the runner's own pages (Dataflow, Flink) while a job runs, and in the
result of `luthier prepare --json` when it has ended. Lengths and times are whole
milliseconds, since Beam adds integers.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from apache_beam.metrics import Metrics, MetricsFilter

from pipelines.stopwatch import Stopwatch

if TYPE_CHECKING:
    from apache_beam.runners.runner import PipelineResult

NAMESPACE: Final = "luthier.prepare"

# Every name that is counted; `_REASON`, `_STAGE` and `_SPLIT` stand for what they say.
MEANINGS: Final = {
    "files_scanned": "files opened",
    "files_refused_STAGE": "files refused whole, by the stage that refused them",
    "duplicates": "recordings left out because another holds the same samples",
    "audio_in_ms": "audio decoded in the first pass",
    "audio_measured_ms": "audio whose features are there, computed now or before",
    "audio_SPLIT_ms": "audio kept for train or eval, or given up as guard between",
    "audio_refused_ms_REASON": "audio of usable files that is not used, by reason",
    "cpu_scan_ms": "processor time of the first pass: decode, digest, measures",
    "cpu_decode_ms": "processor time of decoding, to measure and again to write",
    "cpu_f0_ms": "processor time of the pitch tracker",
    "cpu_loudness_ms": "processor time of loudness",
    "cpu_quality_ms": "processor time of what the policy and the report look at",
    "cpu_encode_ms": "processor time of making records",
    "cpu_write_ms": "processor time of writing records, with the digest of shards",
    "shards_written": "shards written now",
    "bytes_written": "bytes of the shards written now",
    "shards_reused": "shards taken over from a preparation that was stopped",
    "examples": "examples in all shards",
}


def count(name: str, n: float = 1) -> None:
    """Add to a counter; must run within a DoFn's `process`, not its `setup`."""
    Metrics.counter(NAMESPACE, name).inc(round(n))


@contextmanager
def timed(activity: str) -> Iterator[None]:
    """Count the processor time of this process that the block takes."""
    watch = Stopwatch()
    try:
        with watch.on(activity):
            yield
    finally:
        count_seconds(watch.seconds)


def count_seconds(seconds: Mapping[str, float]) -> None:
    """Count processor time by activity, in seconds."""
    for activity, secs in seconds.items():
        count(f"cpu_{activity}_ms", 1000 * secs)


def of_account(
    sources: Iterable[Mapping[str, Any]], rejected: Iterable[Mapping[str, Any]]
) -> Counter[str]:
    """Return what `sources.jsonl` and `rejected.jsonl` add up to.

    Args:
        sources: Rows of `sources.jsonl`.
        rejected: Rows of `rejected.jsonl`.

    >>> part = {"start": 0, "stop": 8000, "use": "refused", "reason": "too short: 1 s"}
    >>> row = {"sample_rate": 16000, "intervals": [part]}
    >>> of_account([row], [])
    Counter({'audio_refused_ms_too_short': 500.0})
    """
    found: Counter[str] = Counter()
    for row in sources:
        for part in row["intervals"]:
            secs = (part["stop"] - part["start"]) / row["sample_rate"]
            name = f"audio_{part['use']}_ms"
            if part["use"] == "refused":
                name += f"_{plain_name(part['reason'])}"
            found[name] += 1000 * secs  # type: ignore[assignment]
    for row in rejected:
        if row.get("start_secs") is None and row["is_audio"]:
            found[f"files_refused_{row['stage']}"] += 1
    return found


def plain_name(reason: str) -> str:
    """Return a reason as part of a counter's name: without its particulars.

    >>> plain_name("too short: 1 s, an example needs 4 s")
    'too_short'
    """
    return re.sub(r"\W+", "_", reason.split(":", maxsplit=1)[0]).strip("_").lower()


def read(result: PipelineResult) -> dict[str, Any]:
    """Return the counters of a run that has ended, and its distributions as dicts."""
    found = result.metrics().query(MetricsFilter().with_namespace(NAMESPACE))
    values: dict[str, Any] = {}
    for one in found["counters"]:
        name = one.key.metric.name
        values[name] = values.get(name, 0) + one.result
    for one in found["distributions"]:
        value = one.result
        values[one.key.metric.name] = {
            "count": value.count,
            "sum": value.sum,
            "min": value.min,
            "max": value.max,
        }
    return dict(sorted(values.items()))
