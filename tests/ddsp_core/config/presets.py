"""Small examples of the kind that each packaged config is for."""

import numpy as np

from ddsp_core.config.files import packaged_names
from ddsp_core.spec import ExampleSpec

PAPERS = (
    "papers/iclr2020/nsynth_ae",
    "papers/iclr2020/solo_instrument",
    "papers/iclr2020/tiny_instrument",
    "papers/icml2020/pretrain_model",
    "papers/icml2020/finetune_model",
)
NAMES = (*packaged_names(), *PAPERS)
F0_HZ = 220.0


def spec_for(name: str) -> ExampleSpec:
    """The spec of 0.16 s of a dataset that a config works on."""
    rates = {
        "vst": (16000, 50),
        "vst_32k": (32000, 50),
        "vst_48k": (48000, 50),
        "solo_instrument_44100": (44100, 100),
        "solo_instrument_48000": (48000, 250),
    }
    sample_rate, frame_rate = rates.get(name, (16000, 250))
    padding = "center" if name.startswith("vst") else "same"
    return ExampleSpec.from_seconds(
        0.16, sample_rate, frame_rate, example_hop_secs=0.16, padding=padding
    )


def tone(spec: ExampleSpec, batch_size: int = 1) -> dict[str, np.ndarray]:
    """A batch of examples of a harmonic tone with all its partials."""

    def audio(sample_rate: int, n_samples: int) -> np.ndarray:
        times = np.arange(n_samples) / sample_rate
        partials = range(1, int(sample_rate / 2 / F0_HZ) + 1)
        parts = [np.sin(2 * np.pi * k * F0_HZ * times) / k for k in partials]
        return 0.1 * np.sum(parts, axis=0)

    values = {
        "audio": audio(spec.sample_rate, spec.n_samples),
        "audio_16k": audio(16000, spec.n_samples_16k),
        "f0_confidence": np.ones(spec.n_frames),
        "f0_hz": np.full(spec.n_frames, F0_HZ),
        "loudness_db": np.full(spec.n_frames, -30.0),
    }
    return {
        k: np.tile(v.astype(np.float32), [batch_size, 1]) for k, v in values.items()
    }
