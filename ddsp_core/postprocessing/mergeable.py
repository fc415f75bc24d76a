"""Magenta's dataset statistics from parts of a dataset: sums that merge exactly.

Two passes over the examples: their mean loudness, which decides where notes are, then
integer histograms. Any division of the dataset and any order give the same numbers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np

from ddsp_core.dsp.loudness import compute_power
from ddsp_core.dsp.units import hz_to_midi
from ddsp_core.errors import DatasetError
from ddsp_core.histogram import Histogram
from ddsp_core.postprocessing.quantiles import QuantileTransformer
from ddsp_core.postprocessing.smoothing import note_ratio

TRIM_FRAMES: Final = 20  # at the end of each example, where crops may be padded.
POWER_FRAME_SIZE: Final = 1024  # samples at 16 kHz
POWER_FRAME_RATE: Final = 50  # Hz
FEATURES: Final = ("pitch", "power", "loudness")
NAMES: Final = (*FEATURES, *(f"{name}_note" for name in FEATURES))
# Steps of a dB in a sum of loudness: finer than float32 where loudness lies.
STEPS_PER_DB: Final = 2**20


@dataclasses.dataclass(frozen=True)
class LoudnessSum:
    """The mean loudness of examples, as two integers that merge exactly.

    Args:
        total: Sum of the frames' loudness, in 2**-20 dB.
        n_frames: How many.
    """

    total: int = 0
    n_frames: int = 0

    @classmethod
    def of(cls, loudness_db: np.ndarray) -> LoudnessSum:
        """Sum the frames of examples, [batch, n_frames], but for the trimmed ones."""
        values = np.asarray(loudness_db, np.float64)[:, :-TRIM_FRAMES]
        total = np.rint(values * STEPS_PER_DB).astype(np.int64).sum()
        return cls(int(total), values.size)

    @classmethod
    def merge(cls, parts: Iterable[LoudnessSum]) -> LoudnessSum:
        """Return the sum; the order of `parts` does not matter."""
        rows = [(part.total, part.n_frames) for part in parts]
        return cls(sum(total for total, _ in rows), sum(n for _, n in rows))

    @property
    def mean_db(self) -> float:
        """The mean, in dB; NaN of nothing."""
        if not self.n_frames:
            return float("nan")
        return self.total / self.n_frames / STEPS_PER_DB


@dataclasses.dataclass(frozen=True)
class ExampleStatistics:
    """Histograms of pitch, power and loudness, of all and where notes sound.

    Overlapping examples count twice, as Magenta's do.

    Args:
        frames: By name of `NAMES`: of all frames.
        highest: Of the highest frame of each example.
        lowest: Of the lowest frame of each example.
    """

    frames: Mapping[str, Histogram] = dataclasses.field(default_factory=dict)
    highest: Mapping[str, Histogram] = dataclasses.field(default_factory=dict)
    lowest: Mapping[str, Histogram] = dataclasses.field(default_factory=dict)

    @classmethod
    def of(
        cls, examples: Mapping[str, np.ndarray], mean_loudness_db: float
    ) -> ExampleStatistics:
        """Count some examples of a dataset.

        Args:
            examples: 'audio_16k', [batch, n_samples], and 'f0_hz', 'f0_confidence' and
                'loudness_db', [batch, n_frames] each.
            mean_loudness_db: Of the whole dataset: `LoudnessSum.mean_db`.
        """
        values = _features(examples)
        n_power = values["power"].shape[1]
        n_features = values["loudness"].shape[1]
        values = {name: value[:, :-TRIM_FRAMES] for name, value in values.items()}
        confidence = examples["f0_confidence"][:, :-TRIM_FRAMES]
        is_note = note_ratio(values["loudness"], confidence, mean_loudness_db) >= 1.0
        # An example without a note counts as a whole.
        is_note |= ~is_note.any(axis=1, keepdims=True)
        at_power = power_mask(is_note, n_features, n_power, values["power"].shape[1])
        masks = {"pitch": is_note, "power": at_power, "loudness": is_note}
        rows = {name: list(value) for name, value in values.items()}
        for name in FEATURES:
            parts = zip(values[name], masks[name], strict=True)
            rows[f"{name}_note"] = [row[mask] for row, mask in parts if mask.any()]
        return cls(
            {name: Histogram.of(_joined(rows[name])) for name in NAMES},
            {name: Histogram.of(_each(np.max, rows[name])) for name in NAMES},
            {name: Histogram.of(_each(np.min, rows[name])) for name in NAMES},
        )

    @classmethod
    def merge(cls, parts: Iterable[ExampleStatistics]) -> ExampleStatistics:
        """Return the sum; the order of `parts` does not matter."""
        parts = list(parts)
        merged = (
            {
                name: Histogram.merge(
                    getattr(part, kind).get(name, Histogram()) for part in parts
                )
                for name in NAMES
            }
            for kind in ("frames", "highest", "lowest")
        )
        return cls(*merged)

    def to_magenta(self) -> dict[str, Any]:
        """Return the dict of Magenta's `compute_dataset_statistics`.

        Its numbers within half a bin of 0.01, but for `mean_pitch`: that is the mean
        where notes sound, as it was up to Magenta 0.14, so that rests do not count.

        Raises:
            DatasetError: Nothing was counted.
        """
        if not any(histogram.n for histogram in self.frames.values()):
            raise DatasetError("no example to take statistics of")
        statistics: dict[str, Any] = {}
        for name in NAMES:
            frames, highest, lowest = (
                kind[name] for kind in (self.frames, self.highest, self.lowest)
            )
            statistics |= {
                f"mean_{name}": frames.mean(),
                f"max_{name}": float(frames.quantile(1.0)),
                f"min_{name}": float(frames.quantile(0.0)),
                f"mean_max_{name}": highest.mean(),
                f"mean_min_{name}": lowest.mean(),
                f"std_{name}": frames.std(),
            }
        statistics["mean_pitch"] = statistics["mean_pitch_note"]
        transformer = quantile_transform(self.frames["loudness_note"])
        return statistics | {"quantile_transform": transformer}


def quantile_transform(loudness_db: Histogram) -> QuantileTransformer:
    """Return the transformer that was fitted to the counted values."""
    transformer = QuantileTransformer()
    n_quantiles = max(1, min(transformer.n_quantiles, loudness_db.n))
    transformer.n_quantiles_ = n_quantiles
    transformer.references_ = np.linspace(0, 1, n_quantiles)
    transformer.quantiles_ = loudness_db.quantile(transformer.references_)[:, None]
    return transformer


def power_mask(
    is_note: np.ndarray, n_features: int, n_power: int, n_kept: int
) -> np.ndarray:
    """Return a mask of feature frames at the frames of power, the nearest each.

    Args:
        is_note: Bool, [batch, n_frames], trimmed.
        n_features: Feature frames of an example, not trimmed.
        n_power: Frames of power of an example, not trimmed.
        n_kept: Frames of power wanted, from the first on.
    """
    nearest = np.round(np.arange(n_kept) * n_features / n_power).astype(int)
    return is_note[:, np.minimum(nearest, is_note.shape[1] - 1)]


def _features(examples: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    power_db = compute_power(
        examples["audio_16k"],
        frame_size=POWER_FRAME_SIZE,
        frame_rate=POWER_FRAME_RATE,
    )
    return {
        "pitch": np.asarray(hz_to_midi(examples["f0_hz"])),
        "power": np.asarray(power_db),
        "loudness": np.asarray(examples["loudness_db"]),
    }


def _joined(rows: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(rows) if rows else np.zeros(0)


def _each(of: Any, rows: list[np.ndarray]) -> np.ndarray:
    return np.array([of(row) for row in rows], np.float64)
