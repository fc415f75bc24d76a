"""Made-up material for reports: rows and counts whose numbers are known."""

import dataclasses

import numpy as np

from ddsp_core.histogram import Histogram
from ddsp_core.quality import Quality
from ddsp_core.spec import ExampleSpec
from ddsp_core.statistics import Statistics
from pipelines.report.leakage import Leakage
from pipelines.report.numbers import Material

SPEC = ExampleSpec()
RATE = 16_000


def row(source="a.wav", minutes=12.0, split="train", **changes):
    """A row of sources.jsonl, all of it used."""
    n = int(minutes * 60 * RATE)
    reason = "silent" if split == "refused" else None
    quality = {
        "level_db": -16.0,
        "clipped_share": 0.0,
        "stereo": "mono",
        "mix_loss_db": 0.0,
        "room_secs": None,
    } | changes.pop("quality", {})
    return {
        "source": source,
        "source_key": source.encode(errors="surrogateescape").hex().ljust(32, "0")[:32],
        "sample_rate": RATE,
        "sample_format": "pcm_16",
        "n_channels": 1,
        "duration_secs": minutes * 60,
        "dc": 0.0,
        "split": split,
        "quality": quality,
        "intervals": [{"start": 0, "stop": n, "use": split, "reason": reason}],
    } | changes


def notes(first=55, last=79, secs=10.0, missing=()):
    """Statistics of so many seconds on each semitone."""
    counts = {n: int(secs * 250) for n in range(first, last + 1) if n not in missing}
    return Statistics(f0_midi=Histogram({100 * n: c for n, c in counts.items()}))


def frames(minutes=13.0, **changes):
    """Counts of frames that all sound, at -16 dB, soft and loud."""
    n = int(minutes * 60 * 250)
    one = Quality(
        n_frames=n,
        n_loud=n,
        n_sounding=n,
        loud_level={-16: n},
        loudness={-20: n // 2, -10: n - n // 2},
        pitch={2 * 60: n},
        confidence={18: n},
    )
    return dataclasses.replace(one, **changes)


def material(**changes):
    """Good data: 12 minutes to train on, one held out, two octaves."""
    good = Material(
        sources=[row(), row("b.wav", 1.0, "eval")],
        refused=[],
        quality=frames(),
        statistics=notes(),
        leakage=Leakage(2, 2, 0.0, None),
        spec=SPEC,
    )
    return dataclasses.replace(good, **changes)


def example(seed=0):
    """The fields of an example: a sine and its pitch."""
    rng = np.random.default_rng(seed)
    audio = 0.3 * np.sin(2 * np.pi * 440 * np.arange(SPEC.n_samples) / RATE)
    audio = (audio + 1e-4 * rng.standard_normal(len(audio))).astype(np.float32)
    ones = np.ones(SPEC.n_frames, np.float32)
    return {
        "audio": audio,
        "audio_16k": audio,
        "f0_hz": 440 * ones,
        "f0_confidence": 0.9 * ones,
        "loudness_db": -10 * ones,
    }
