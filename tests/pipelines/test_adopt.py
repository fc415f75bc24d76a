"""Magenta-made shards become a dataset directory; what they hold is known."""

import json

import numpy as np
import pytest

from ddsp_core import codec, io
from ddsp_core.errors import DatasetError, UsageError
from ddsp_core.manifest import DatasetManifest, SplitPolicy
from ddsp_core.postprocessing import pickled
from ddsp_core.spec import LoudnessVersion
from ddsp_core.statistics import Statistics
from pipelines import cli, directory
from pipelines.adopt import AdoptOptions, adopt
from tests.pipelines.magenta_made import chunk, serialized, write_shard
from tests.pipelines.preparations import sha256s
from tests.pipelines.recordings import melody

CHUNK_SECS = 6


def noisy_melody(seed, secs=CHUNK_SECS):
    rng = np.random.default_rng(seed)
    audio = melody(secs, 16_000, seed) + rng.normal(0, 1e-3, secs * 16_000)
    return audio.astype(np.float32)


@pytest.fixture(scope="module")
def chunks():
    return [list(chunk(noisy_melody(seed))) for seed in range(8)]


def adopted(path, out, **changes):
    options = AdoptOptions((str(path),), str(out), min_eval_secs=5.0, **changes)
    return adopt(options)[0]


def examples(out, split):
    manifest = DatasetManifest.load(out)
    found = []
    for shard in manifest.split(split):
        for k in range(shard.n_records):
            data = codec.read_record(out / shard.name, k, manifest.record_length)
            found.append(codec.decode(manifest.spec, data))
    return found


def shuffled(rows, seed=0):
    order = np.random.default_rng(seed).permutation(len(rows))
    return [rows[k] for k in order]


def rejected(out):
    return {
        (row["source"].rsplit("/", 1)[-1], row["record"]): row["reason"]
        for row in io.read_jsonl(out / "rejected.jsonl")
    }


def test_every_record_is_there_as_it_was_and_no_sample_in_both_splits(chunks, tmp_path):
    rows = shuffled([one for rows in chunks for one in rows])
    half = len(rows) // 2
    write_shard(tmp_path / "x.tfrecord-00000-of-00002", rows[:half])
    write_shard(tmp_path / "x.tfrecord-00001-of-00002", rows[half:])
    out = tmp_path / "out"
    manifest = adopted(tmp_path / "x.tfrecord*", out)
    assert manifest.split_policy is SplitPolicy.RECORDING
    assert manifest.spec.f0 == "magenta/crepe"
    assert manifest.spec.loudness is LoudnessVersion.POWER_2022
    by_audio = {np.float32(row["audio"]).tobytes(): row for row in rows}
    found = {split: examples(out, split) for split in ("train", "eval")}
    assert {v["audio"].tobytes() for s in found.values() for _, v in s} == set(by_audio)
    for _, values in found["train"] + found["eval"]:
        for name, value in by_audio[values["audio"].tobytes()].items():
            np.testing.assert_array_equal(values[name], np.float32(value))
    whole = [b"".join(np.float32(row["audio"][:100])) for row in rows]
    assert len(set(whole)) == len(rows)
    # Which chunk a window is from tells its samples.
    of = {np.float32(r["audio"]).tobytes(): k for k, c in enumerate(chunks) for r in c}
    sides = {
        s: {of[v["audio"].tobytes()] for _, v in rows} for s, rows in found.items()
    }
    assert sides["train"] and sides["eval"] and not sides["train"] & sides["eval"]
    assert manifest.details["seconds"]["eval"] == CHUNK_SECS * len(sides["eval"])
    assert manifest.details["seconds"]["train"] == CHUNK_SECS * len(sides["train"])


def test_the_directory_is_whole_and_tfds_opens_it(chunks, tmp_path):
    import tensorflow_datasets as tfds

    write_shard(tmp_path / "x.tfrecord", chunks[0] + chunks[1])
    out = tmp_path / "out"
    manifest = adopted(tmp_path / "x.tfrecord", out, licence="CC0-1.0")
    assert manifest.problems(out, check_bytes=True) == []
    names = {path.name for path in out.iterdir()}
    assert {*directory.BESIDE_SHARDS, "dataset.json"} <= names
    builder = tfds.builder_from_directory(out)
    counts = {name: split.num_examples for name, split in builder.info.splits.items()}
    assert counts == {"train": 9, "eval": 9}
    assert builder.info.redistribution_info.license == "CC0-1.0"


def test_statistics_count_shared_frames_once(chunks, tmp_path):
    write_shard(tmp_path / "x.tfrecord", shuffled(chunks[0]) + chunks[1])
    out = tmp_path / "out"
    adopted(tmp_path / "x.tfrecord", out)
    statistics = Statistics.load(out)
    assert statistics.loudness_db.n == CHUNK_SECS * 50
    assert "mean_power_note" in pickled.load(out / pickled.PICKLE_NAME)


def test_sources_say_where_every_record_lies(chunks, tmp_path):
    path = write_shard(tmp_path / "x.tfrecord", shuffled(chunks[0] + chunks[1]))
    out = tmp_path / "out"
    adopted(path, out)
    rows = io.read_jsonl(out / "sources.jsonl")
    assert sorted(r["record"] for row in rows for r in row["records"]) == list(
        range(18)
    )
    for row in rows:
        starts = [record["start"] for record in row["records"]]
        assert starts == [k * 8000 for k in range(9)]
        assert row["n_samples"] == CHUNK_SECS * 16_000
        (part,) = row["intervals"]
        assert (part["start"], part["stop"], part["use"]) == (
            0,
            row["n_samples"],
            row["split"],
        )


def test_of_a_single_stretch_the_end_is_held_out_behind_a_guard(chunks, tmp_path):
    write_shard(tmp_path / "x.tfrecord", shuffled(chunks[2]))
    out = tmp_path / "out"
    manifest = adopted(tmp_path / "x.tfrecord", out)
    assert manifest.split_policy is SplitPolicy.TAIL
    (last,) = examples(out, "eval")
    np.testing.assert_array_equal(last[1]["audio"], chunks[2][-1]["audio"])
    assert len(examples(out, "train")) == 5  # windows at 4 s - 2 s and before
    assert list(rejected(out).values()) == ["shares samples with what is held out"] * 3
    (row,) = io.read_jsonl(out / "sources.jsonl")
    uses = [(part["use"], part["start"], part["stop"]) for part in row["intervals"]]
    assert uses == [("train", 0, 64_000), ("eval", 64_000, 96_000)]


def test_names_of_shards_decide_and_leakage_is_told_and_left_out(
    chunks, tmp_path, capsys
):
    write_shard(tmp_path / "x-train.tfrecord-00000-of-00001", chunks[0] + chunks[1][:6])
    write_shard(tmp_path / "x-eval.tfrecord-00000-of-00001", chunks[1][5:])
    out = tmp_path / "out"
    assert cli.main(["adopt", str(tmp_path), "--out", str(out), "--json"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["split_policy"] == "given"
    assert result["n_examples"] == {"train": 11, "eval": 4}
    # One window is in both; three more overlap with the first that is held out.
    assert (result["n_leaked"], result["n_duplicates"]) == (4, 1)
    held, kept = (
        {
            row.tobytes()
            for _, values in examples(out, split)
            for row in np.lib.stride_tricks.sliding_window_view(values["audio"], 8)
        }
        for split in ("eval", "train")
    )
    assert held and kept and not held & kept


def test_bad_records_are_listed_by_shard_and_number_and_cost_nothing_else(
    chunks, tmp_path
):
    good = chunks[0] + chunks[1]
    short = {name: value[: len(value) // 2] for name, value in good[0].items()}
    bad = [
        {k: v for k, v in good[0].items() if k != "f0_hz"},
        good[1] | {"audio": np.full(32_000, np.nan)},
        short,
        good[2] | {"audio": np.zeros(32_000), "audio_16k": np.zeros(32_000)},
        good[3] | {"audio": np.concatenate([np.ones(9000), np.zeros(23_000)])},
        b"nonsense",
        good[4],
    ]
    write_shard(tmp_path / "a.tfrecord", [*good, *bad])
    path = write_shard(tmp_path / "b.tfrecord", chunks[2])
    raw = bytearray(path.read_bytes())
    size = len(serialized(chunks[2][0])) + 16
    raw[size + 5000] ^= 1
    path.write_bytes(raw[: 5 * size + 100])
    out = tmp_path / "out"
    manifest = adopted(tmp_path, out)
    assert manifest.n_records("train") + manifest.n_records("eval") == 18 + 4
    found = rejected(out)
    n = len(good)
    expected = {
        ("a.tfrecord", n): "it lacks 'f0_hz'",
        ("a.tfrecord", n + 1): "32000 values of 'audio' are NaN or infinite",
        ("a.tfrecord", n + 2): "other lengths",
        ("a.tfrecord", n + 3): "silent: every sample is 0",
        ("a.tfrecord", n + 4): "padded: the last 72% of the samples are 0",
        ("a.tfrecord", n + 5): "it is not a tf.train.Example",
        ("a.tfrecord", n + 6): "holds the same audio as",
        ("b.tfrecord", 1): "a wrong checksum",
        ("b.tfrecord", 5): "the shard ends early; nothing after it can be read",
    }
    assert set(found) == set(expected)
    for place, reason in expected.items():
        assert found[place].startswith(reason)


def test_the_same_again_is_there_already_and_another_is_refused(chunks, tmp_path):
    path = write_shard(tmp_path / "x.tfrecord", chunks[0] + chunks[1])
    out = tmp_path / "out"
    first = AdoptOptions((str(path),), str(out))
    _, is_new = adopt(first)
    before = sha256s(out)
    manifest, is_new_again = adopt(first)
    assert is_new and not is_new_again and manifest == DatasetManifest.load(out)
    write_shard(path, chunks[2] + chunks[3])
    with pytest.raises(DatasetError, match="--force"):
        adopt(first)
    assert sha256s(out) == before
    adopt(AdoptOptions((str(path),), str(out), force=True))
    assert sha256s(out) != before


def test_order_of_records_and_shards_changes_no_byte_of_the_examples(chunks, tmp_path):
    rows = [one for rows in chunks[:4] for one in rows]
    for name, order in (("one", rows), ("two", shuffled(rows, 3))):
        (tmp_path / name).mkdir()
        write_shard(tmp_path / name / "x.tfrecord", order)
        adopted(tmp_path / name, tmp_path / f"{name}-out")
    one, two = (sha256s(tmp_path / f"{name}-out") for name in ("one", "two"))
    differ = {name for name in one if one[name] != two[name]}
    assert differ == {"sources.jsonl", "dataset.json"}  # they name the records


@pytest.mark.parametrize("sample_rate", [32_000, 48_000])
@pytest.mark.parametrize("center", [False, True])
def test_other_rates_and_paddings_are_found(tmp_path, sample_rate, center):
    rows = list(chunk(noisy_melody(3), sample_rate, center))
    write_shard(tmp_path / "x.tfrecord", rows)
    spec = adopted(tmp_path / "x.tfrecord", tmp_path / "out").spec
    assert (spec.sample_rate, spec.frame_rate) == (sample_rate, 50)
    assert spec.n_frames == 100 + center and spec.example_secs == 2.0


def test_shards_without_audio_16k_are_at_16_khz(chunks, tmp_path):
    rows = [{k: v for k, v in r.items() if k != "audio_16k"} for r in chunks[0]]
    write_shard(tmp_path / "x.tfrecord", rows)
    adopted(tmp_path / "x.tfrecord", tmp_path / "out")
    for _, values in examples(tmp_path / "out", "train"):
        np.testing.assert_array_equal(values["audio_16k"], values["audio"])


def test_loudness_of_the_old_definition_is_known_by_its_floor(chunks, tmp_path):
    rows = [
        row | {"loudness_db": np.where(np.arange(100) < 30, -120.0, -60.0)}
        for row in chunks[0]
    ]
    path = write_shard(tmp_path / "x.tfrecord", rows)
    spec = adopted(path, tmp_path / "out").spec
    assert spec.loudness is LoudnessVersion.LEGACY_2020
    with pytest.raises(UsageError, match="say legacy-2020"):
        adopted(path, tmp_path / "other", loudness="power-2022")


def test_loudness_of_neither_definition_is_asked(chunks, tmp_path):
    rows = [row | {"loudness_db": np.full(100, -42.0)} for row in chunks[0]]
    path = write_shard(tmp_path / "x.tfrecord", rows)
    with pytest.raises(UsageError, match=r"dB off today's definition.*--loudness"):
        adopted(path, tmp_path / "out")
    spec = adopted(path, tmp_path / "out", loudness="legacy-2020").spec
    assert spec.loudness is LoudnessVersion.LEGACY_2020


def test_nothing_usable_is_one_line_and_the_reasons_are_left(tmp_path, capsys):
    write_shard(tmp_path / "x.tfrecord", [b"nonsense"])
    out = tmp_path / "out"
    assert cli.main(["adopt", str(tmp_path / "x.tfrecord"), "--out", str(out)]) == 2
    assert "no usable record in 1 shards" in capsys.readouterr().err
    assert list(rejected(out)) == [("x.tfrecord", 0)]


def test_inputs_that_name_no_shard_are_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("no shard")
    for given in (tmp_path, tmp_path / "none*"):
        with pytest.raises(UsageError, match="names no TFRecord shard"):
            adopted(given, tmp_path / "out")


@pytest.mark.parametrize(
    ("pattern", "expected", "n_refused"),
    [
        ("default.tfrecord*", (16_000, 250, "same", 64_000, 1000), 5),
        ("vst.tfrecord*", (16_000, 50, "center", 64_000, 201), 0),
    ],
)
def test_shards_of_magentas_release_are_adopted(
    test_data, tmp_path, pattern, expected, n_refused
):
    """Their records are told by records.json: lengths, and a digest of the audio."""
    folder = test_data / "conformance" / "tfrecords"
    manifest = adopted(folder / pattern, tmp_path / "out")
    spec = manifest.spec
    found = spec.sample_rate, spec.frame_rate, str(spec.padding)
    assert (*found, spec.n_samples, spec.n_frames) == expected
    rows = io.read_jsonl(tmp_path / "out" / "sources.jsonl")
    keys = {record["source_key"] for row in rows for record in row["records"]}
    records = io.read_json(folder / "records.json")
    truth = {
        one["audio"]["sha256_float32_le"][:32]
        for name, shard in records.items()
        if name.startswith(pattern.removesuffix("*"))
        for one in shard
    }
    assert keys <= truth
    refused = [r for r in rejected(tmp_path / "out").values() if "shares" not in r]
    n_records = sum(len(v) for k, v in records.items() if k.startswith(pattern[:-1]))
    assert len(refused) == n_refused and len(keys) == n_records - n_refused


def test_a_model_trains_on_an_adopted_dataset(chunks, tmp_path, monkeypatch):
    from tests.training.running import request
    from training.train import train

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    write_shard(tmp_path / "x.tfrecord", [one for rows in chunks for one in rows])
    adopted(tmp_path / "x.tfrecord", tmp_path / "data")
    train(request(tmp_path / "data", tmp_path / "model", n_steps=2))
    assert (tmp_path / "model" / "ckpt-2.index").exists()


def test_statistics_of_an_adopted_dataset_are_those_that_magenta_pickled(
    test_data, tmp_path
):
    folder = test_data / "conformance"
    adopted(folder / "tfrecords" / "vst.tfrecord*", tmp_path / "out")
    found = pickled.load(tmp_path / "out" / pickled.PICKLE_NAME)
    truth = json.loads(
        (folder / "checkpoints" / "vst.dataset_statistics.json").read_text()
    )
    assert set(found) == set(truth)
    for name in set(truth) - {"mean_pitch", "quantile_transform"}:
        assert found[name] == pytest.approx(truth[name], abs=0.01), name
    assert found["mean_pitch"] == pytest.approx(truth["mean_pitch_note"], abs=0.01)
    np.testing.assert_allclose(
        found["quantile_transform"].quantiles_,
        truth["quantile_transform"]["quantiles_"],
        atol=0.01,
    )
