"""Short recordings through the whole preparation: their audio and features."""

import numpy as np
import pytest
import soundfile

from ddsp_core import codec, io
from ddsp_core.manifest import DatasetManifest
from ddsp_core.spec import EXAMPLE_ID
from pipelines.finish import JOINED_NAME, SOURCES_NAME
from pipelines.prepare import prepare
from tests.pipelines.preparations import SPEC, options
from tests.pipelines.recordings import melody, write

GAIN_DB = -6.0


@pytest.fixture(scope="module")
def takes(tmp_path_factory):
    """Staccato takes of 0.4 to 1.6 s, at two rates."""
    path = tmp_path_factory.mktemp("takes")
    for k in range(16):
        rate = (16_000, 44_100)[k % 2]
        secs = 0.4 + 0.08 * k
        write(path / f"take {k:02d}.wav", melody(secs, rate, seed=k), rate)
    return path


@pytest.fixture(scope="module")
def made(takes, tmp_path_factory):
    out = tmp_path_factory.mktemp("joined") / "out"
    prepare(options(takes, out))
    return out


def examples(path):
    """All examples of a dataset by their id."""
    import tensorflow as tf

    manifest = DatasetManifest.load(path)
    found = {}
    for shards in manifest.shards.values():
        for shard in shards:
            for k in range(shard.n_records):
                raw = codec.read_record(path / shard.name, k, manifest.record_length)
                parsed = codec.parse(manifest.spec, tf.constant([raw]))
                values = {name: value.numpy()[0] for name, value in parsed.items()}
                found[values[EXAMPLE_ID].decode()] = values
    return found


def test_takes_shorter_than_an_example_are_used_and_listed(takes, made):
    rows = {row["source"]: row for row in io.read_jsonl(made / SOURCES_NAME)}
    assert len(rows) == 16
    assert all(row["is_joined"] and row["split"] for row in rows.values())
    listed = {row["example_id"]: row for row in io.read_jsonl(made / JOINED_NAME)}
    assert listed.keys() == examples(made).keys()
    sides = {}
    for row in listed.values():
        for piece in row["pieces"]:
            sides.setdefault(piece["source"], set()).add(row["split"])
    assert sides.keys() == rows.keys() and all(len(s) == 1 for s in sides.values())


def test_a_joined_example_holds_its_pieces_and_silence_between(made):
    values = examples(made)
    n_checked = 0
    for row in io.read_jsonl(made / JOINED_NAME):
        one = values[row["example_id"]]
        is_rest = np.zeros(SPEC.n_samples, bool)
        for rest in row["rests"]:
            first = round(rest["at_secs"] * 16_000)
            is_rest[first : first + round(rest["secs"] * 16_000)] = True
        assert not one["audio"][is_rest].any()
        rest_frames = is_rest[:: SPEC.hop_size]
        assert (one["loudness_db"][rest_frames] == -80).all()
        assert not one["f0_confidence"][rest_frames].any()
        assert (one["f0_hz"] > 20).all()
        for piece in row["pieces"]:
            audio, rate = soundfile.read(piece["source"], dtype="float32")
            if rate != 16_000:
                continue
            first = round(piece["at_secs"] * 16_000)
            expected = audio[piece["start"] : piece["stop"]]
            np.testing.assert_array_equal(
                one["audio"][first : first + len(expected)], expected
            )
            n_checked += 1
    assert n_checked > 8


def test_a_gain_raises_audio_and_loudness_alike(takes, made, tmp_path):
    out = tmp_path / "quieter"
    choices = {"gain_db": GAIN_DB, "store": str(made / ".features")}
    manifest = prepare(options(takes, out, **choices)).manifest
    assert manifest.details["gain_db"] == GAIN_DB
    assert manifest.fingerprint != DatasetManifest.load(made).fingerprint
    before, after = examples(made), examples(out)
    assert before.keys() == after.keys()
    for name, one in after.items():
        gain = 10 ** (GAIN_DB / 20)
        np.testing.assert_allclose(
            one["audio"], gain * before[name]["audio"], rtol=1e-6
        )
        loud = before[name]["loudness_db"] > -70
        np.testing.assert_allclose(
            one["loudness_db"][loud],
            before[name]["loudness_db"][loud] + GAIN_DB,
            atol=1e-4,
        )
