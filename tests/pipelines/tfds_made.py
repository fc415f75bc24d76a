"""Small datasets that TFDS itself builds: plain audio, and the features of NSynth."""

import numpy as np
import tensorflow_datasets as tfds

from tests.pipelines.recordings import melody

N_MELODIES, MELODY_SECS = 5, 6


def note(number):
    """A steady note of 4 s; its pitch in Hz and its samples."""
    f0_hz = 220.0 * 2 ** (number / 12)
    t = np.arange(64_000) / 16_000
    audio = sum(np.sin(2 * np.pi * k * f0_hz * t) / k for k in range(1, 5)) * 0.2
    return f0_hz, (audio * (1 + 0.01 * number)).astype(np.float32)


class Melodies(tfds.core.GeneratorBasedBuilder):
    """Audio of integers with a rate, a label beside it, and one empty example."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "audio": tfds.features.Audio(sample_rate=22_050),
                    "label": tfds.features.ClassLabel(num_classes=3),
                }
            ),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(), "test": iter([(0, example(9))])}

    def _generate_examples(self):
        for k in range(N_MELODIES):
            yield k, example(k)
        yield N_MELODIES, example(0) | {"audio": np.zeros(0, np.int64)}


def example(seed):
    audio = np.round(melody(MELODY_SECS, 22_050, seed) * 32767).astype(np.int64)
    return {"audio": audio, "label": seed % 3}


class Notes(tfds.core.GeneratorBasedBuilder):
    """The features of nsynth/gansynth_subset.f0_and_loudness, six examples."""

    VERSION = tfds.core.Version("2.3.3")

    def _info(self):
        frames = tfds.features.Tensor(shape=(1000,), dtype=np.float32)
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "id": tfds.features.Text(),
                    "audio": tfds.features.Audio(
                        shape=(64_000,), dtype=np.float32, sample_rate=16_000
                    ),
                    "pitch": tfds.features.ClassLabel(num_classes=128),
                    "instrument": {"family": tfds.features.ClassLabel(num_classes=11)},
                    "f0": {"hz": frames, "midi": frames, "confidence": frames},
                    "loudness": {"db": frames},
                }
            ),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        for k in range(6):
            f0_hz, audio = note(k)
            yield (
                k,
                {
                    "id": f"flute_acoustic_{k:03d}-{57 + k:03d}-100",
                    "audio": audio,
                    "pitch": 57 + k,
                    "instrument": {"family": 3},
                    "f0": {
                        # A hundredth off, so that kept f0 is told from heard f0.
                        "hz": np.full(1000, f0_hz * 1.01, np.float32),
                        "midi": np.zeros(1000, np.float32),
                        "confidence": np.full(1000, 0.95, np.float32),
                    },
                    "loudness": {"db": np.zeros(1000, np.float32)},
                },
            )


class Unnamed(tfds.core.GeneratorBasedBuilder):
    """Float audio without a rate, under two names."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        sound = tfds.features.Tensor(shape=(None,), dtype=np.float32)
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {"near": {"audio": sound}, "far": {"audio": sound}}
            )
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        audio = melody(4, 16_000, 1)
        yield 0, {"near": {"audio": audio}, "far": {"audio": audio * 0.1}}


def build(kind, folder):
    """Prepare a dataset on disk."""
    kind(data_dir=folder).download_and_prepare()
    return folder
