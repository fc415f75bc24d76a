"""No sample that `sources.jsonl` does not account for, on any corpus and any spec.

Nothing but files goes in and nothing but the dataset directory is looked at.
"""

import collections
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from ddsp_core import io
from ddsp_core.audio.resample import resample
from ddsp_core.errors import DatasetError
from ddsp_core.manifest import SPLITS, DatasetManifest
from ddsp_core.spec import ExampleSpec, parse_example_id
from pipelines.finish import JOINED_NAME, REJECTED_NAME
from pipelines.prepare import prepare
from tests.pipelines.preparations import examples, options, sources
from tests.pipelines.recordings import melody, write

SPECS = [
    ExampleSpec.from_seconds(2.0, 16_000, 50, 0.5),
    ExampleSpec.from_seconds(1.0, 16_000, 100, 0.25, padding="center"),
    ExampleSpec.from_seconds(1.4, 44_100, 50, 0.7),
    ExampleSpec.from_seconds(1.0, 48_000, 50, 1.0, padding="center"),
    ExampleSpec.from_seconds(0.5, 32_000, 50, 0.3),
]
RATES = [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000]


def drawn(seed, longest_secs):
    """Audio of any length to the sample, often with a rest, mono or stereo.

    Lengths are uniform: hypothesis itself would draw hardly any but the shortest.
    """
    rng = np.random.default_rng(seed)
    rate = int(rng.choice(RATES))
    n_samples = int(rng.integers(1, round(longest_secs * rate)))
    audio = melody(n_samples / rate + 1, rate, rng)[:n_samples]
    start, stop = np.sort(rng.integers(0, 2 * n_samples, 2))
    audio[start:stop] = 0
    if rng.random() < 0.5:
        audio = np.stack([audio, np.float32(0.5) * audio], axis=1)
    return rate, audio


def check_account(recordings, spec, folder):
    """Prepare, and hold the directory to what went in."""
    (folder / "in").mkdir()
    made = {}
    for k, (rate, audio) in enumerate(recordings):
        path = folder / "in" / f"{k}.wav"
        write(path, audio, rate, subtype="FLOAT")
        mono = audio if audio.ndim == 1 else audio.mean(axis=1, dtype=np.float64)
        made[str(path)] = rate, mono.astype(np.float32)
    out = folder / "out"
    try:
        prepare(options(folder / "in", out, spec=spec, min_eval_secs=1.0))
    except DatasetError:
        refused = {row["source"] for row in io.read_jsonl(out / REJECTED_NAME)}
        assert refused == set(made)
        event("nothing usable")
        return
    rows = sources(out)
    duplicates = {
        row["source"]
        for row in io.read_jsonl(out / REJECTED_NAME)
        if row["stage"] == "duplicate"
    }
    assert {row["source"] for row in rows.values()} == set(made) - duplicates
    manifest = DatasetManifest.load(out)
    event(f"policy {manifest.split_policy}, eval: {manifest.n_records('eval') > 0}")
    check_intervals(rows, made, manifest)
    check_examples(rows, made, spec, out)


def check_intervals(rows, made, manifest):
    """They tile each file, and their sum is what the manifest says."""
    total = collections.Counter()
    for row in rows.values():
        rate, mono = made[row["source"]]
        assert (row["sample_rate"], row["n_samples"]) == (rate, len(mono))
        parts = row["intervals"]
        assert [part["start"] for part in parts] == [
            0,
            *(p["stop"] for p in parts[:-1]),
        ]
        assert parts[-1]["stop"] == len(mono)
        assert all(part["start"] < part["stop"] for part in parts)
        for part in parts:
            assert bool(part["reason"]) == (part["use"] not in SPLITS)
            total[part["use"]] += (part["stop"] - part["start"]) / rate
    said = manifest.details["seconds"]
    assert all(abs(total[use] - secs) < 1e-3 for use, secs in said.items())
    decoded = sum(
        len(made[row["source"]][1]) / row["sample_rate"] for row in rows.values()
    )
    assert abs(sum(said.values()) - decoded) < 2e-3


def check_examples(rows, made, spec, out):
    """Each holds recordings at their places, and they cover what is said to be used."""
    by_source = {row["source"]: row for row in rows.values()}
    joined = {row["example_id"]: row for row in io.read_jsonl(out / JOINED_NAME)}
    event(f"joined: {bool(joined)}")
    for split in SPLITS:
        held = {source: np.zeros(len(mono), bool) for source, (_, mono) in made.items()}
        found = examples(out, split)
        for k, example_id in enumerate(found["example_id"]):
            name = example_id.decode()
            if name in joined:
                pieces = joined[name]["pieces"]
            else:
                pieces = [window(name, rows, spec)]
            for field, rate_out in (("audio", spec.sample_rate), ("audio_16k", 16_000)):
                expected = put_together(pieces, made, spec, rate_out)
                values = found[field][k]
                np.testing.assert_allclose(values, expected, rtol=0, atol=2e-4)
            for piece in pieces:
                held[piece["source"]][piece["start"] : piece["stop"]] = True
        for source, row in by_source.items():
            said = np.zeros(row["n_samples"], bool)
            for part in row["intervals"]:
                said[part["start"] : part["stop"]] = part["use"] == split
            np.testing.assert_array_equal(held[source], said)


def window(name, rows, spec):
    """The one piece of an example that is a window of a long recording."""
    key, start = parse_example_id(name)
    rate = rows[key]["sample_rate"]
    first, last = (
        at * rate // spec.sample_rate for at in (start, start + spec.n_samples)
    )
    return {"source": rows[key]["source"], "start": first, "stop": last, "at_secs": 0}


def put_together(pieces, made, spec, rate_out):
    """The audio of an example from whole recordings resampled, silence between."""
    hop = rate_out // spec.frame_rate
    audio, is_rest = np.zeros(spec.n_intervals * hop), np.ones(spec.n_intervals, bool)
    for piece in pieces:
        rate, mono = made[piece["source"]]
        first, last = (
            -(-piece[side] * spec.frame_rate // rate) for side in ("start", "stop")
        )
        at = round(piece["at_secs"] * spec.frame_rate)
        part = resample(mono, rate, rate_out)[first * hop : last * hop]
        audio[at * hop :][: len(part)] = part
        assert is_rest[at : at + last - first].all()  # no two at once
        is_rest[at : at + last - first] = False
    assert is_rest.mean() <= 0.15
    return audio


def check_drawn(seed, n_files, longest_secs, spec):
    made = [drawn([seed, k], longest_secs) for k in range(n_files)]
    with tempfile.TemporaryDirectory() as folder:
        check_account(made, spec, Path(folder))


SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=6, deadline=None)
@given(SEEDS, st.integers(1, 4), st.sampled_from(SPECS))
def test_every_sample_of_short_recordings_is_accounted_for(seed, n_files, spec):
    check_drawn(seed, n_files, 8, spec)


@settings(max_examples=4, deadline=None)
@given(SEEDS, st.sampled_from(SPECS))
def test_every_sample_of_joined_recordings_is_accounted_for(seed, spec):
    check_drawn(seed, 12, 1.5, spec)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(1, 12), st.sampled_from([1.5, 8, 50]), st.sampled_from(SPECS))
def test_every_sample_of_longer_recordings_is_accounted_for(
    seed, n_files, longest_secs, spec
):
    check_drawn(seed, n_files, longest_secs, spec)
