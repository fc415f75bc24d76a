"""A dataset of tones, small enough to train on in a test."""

import numpy as np

from ddsp_core import codec, io
from ddsp_core.manifest import DatasetManifest, Shard, SplitPolicy
from ddsp_core.spec import ExampleSpec, example_id

SPEC = ExampleSpec.from_seconds(0.5)


def tone_example(index: int, spec: ExampleSpec = SPEC) -> dict[str, np.ndarray]:
    """A harmonic tone of its own pitch, with the features it has."""
    rng = np.random.default_rng(index)
    f0_hz = rng.uniform(150, 600)
    amplitude = rng.uniform(0.1, 0.3)

    def audio(sample_rate: int, n_samples: int) -> np.ndarray:
        phase = 2 * np.pi * f0_hz * np.arange(n_samples) / sample_rate
        return amplitude * sum(np.sin(k * phase) / k for k in range(1, 6))

    return {
        "audio": audio(spec.sample_rate, spec.n_samples),
        "audio_16k": audio(16000, spec.n_samples_16k),
        "f0_confidence": np.full(spec.n_frames, 0.95),
        "f0_hz": np.full(spec.n_frames, f0_hz),
        "loudness_db": np.full(spec.n_frames, 20 * np.log10(amplitude) - 10),
    }


def write_dataset(
    folder, counts, spec=SPEC, example=tone_example, fingerprint="0123456789abcdef"
):
    """Write a dataset directory: `counts` is {split: records in each shard}."""
    folder.mkdir(parents=True, exist_ok=True)
    shards, index = {}, 0
    for split, sizes in counts.items():
        shards[split] = []
        for k, n_records in enumerate(sizes):
            path = folder / f"{split}.tfrecord-{k:05d}-of-{len(sizes):05d}"
            records = []
            for _ in range(n_records):
                key = example_id("0" * 31 + "a", index)
                data = codec.encode(spec, key, example(index, spec))
                records.append(codec.frame_record(data))
                index += 1
            path.write_bytes(b"".join(records))
            shards[split].append(Shard(path.name, n_records, io.sha256_file(path)))
    manifest = DatasetManifest(
        spec,
        codec.record_length(spec),
        SplitPolicy.RECORDING,
        {split: tuple(found) for split, found in shards.items()},
        fingerprint,
    )
    manifest.save(folder)
    return folder
