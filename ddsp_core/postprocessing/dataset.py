"""Magenta's statistics of a dataset: pitch, power, loudness, of all and of notes."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np

from ddsp_core.dsp.loudness import compute_power
from ddsp_core.dsp.units import hz_to_midi
from ddsp_core.errors import DatasetError
from ddsp_core.postprocessing.mergeable import TRIM_FRAMES, power_mask
from ddsp_core.postprocessing.quantiles import fit_quantile_transform
from ddsp_core.postprocessing.smoothing import detect_notes

_log = logging.getLogger(__name__)


def compute_dataset_statistics(
    data_provider: Any,
    batch_size: int = 1,
    power_frame_size: int = 1024,
    power_frame_rate: int = 50,
) -> dict[str, Any]:
    """Return the statistics that Magenta's tone transfers normalise by.

    `postprocessing.mergeable` has them from parts; our own statistics are
    `ddsp_core.statistics`. Differs from the reference: where power and
    features have different rates, the mask of notes is taken at the power's.

    Args:
        data_provider: Of batches of 'loudness_db', 'f0_hz', 'f0_confidence' and
            'audio_16k' or 'audio' at 16 kHz, by `get_batch(batch_size, repeats=1)`.
        batch_size: Examples read at once.
        power_frame_size: In samples.
        power_frame_rate: In Hz.

    Returns:
        `{statistic}_{feature}`: mean, max, min, mean_max, mean_min (of each example's)
        and std of pitch (MIDI), power and loudness (dB), and of each where notes sound
        (pitch_note, ...); and 'quantile_transform' of the notes' loudness.

    Raises:
        DatasetError: The provider has no example.
    """
    features = _features(data_provider, batch_size, power_frame_size, power_frame_rate)
    n_features, n_power = features["loudness"].shape[1], features["power"].shape[1]
    features = {k: v[:, :-TRIM_FRAMES] for k, v in features.items()}
    confidence = features.pop("confidence")
    is_note, _ = detect_notes(features["loudness"], confidence)
    # An example without a note counts as a whole.
    is_note |= ~is_note.any(axis=1, keepdims=True)
    at_power = power_mask(is_note, n_features, n_power, features["power"].shape[1])
    masks = {"pitch": is_note, "power": at_power, "loudness": is_note}
    statistics: dict[str, Any] = {}
    for name, values in features.items():
        statistics |= _of(values, name, np.ones(values.shape, bool))
    for name, values in features.items():
        statistics |= _of(values, f"{name}_note", masks[name])
    transformer = fit_quantile_transform(features["loudness"], is_note)
    return statistics | {"quantile_transform": transformer}


def _features(
    data_provider: Any, batch_size: int, power_frame_size: int, power_frame_rate: int
) -> dict[str, np.ndarray]:
    """Return pitch, power, loudness and confidence, each [n_examples, n_frames]."""
    rows: dict[str, list[np.ndarray]] = {}
    for batch in data_provider.get_batch(batch_size, repeats=1):
        audio = batch["audio_16k" if "audio_16k" in batch else "audio"]
        power_db = compute_power(
            audio, frame_size=power_frame_size, frame_rate=power_frame_rate
        )
        found = {
            "pitch": hz_to_midi(batch["f0_hz"]),
            "power": power_db,
            "loudness": batch["loudness_db"],
            "confidence": batch["f0_confidence"],
        }
        for name, value in found.items():
            rows.setdefault(name, []).append(np.asarray(value))
    if not rows:
        raise DatasetError(f"{data_provider} has no example to take statistics of")
    features = {name: np.concatenate(parts) for name, parts in rows.items()}
    _log.info("statistics of %d examples", len(features["pitch"]))
    return features


def _of(x: np.ndarray, name: str, mask: np.ndarray) -> dict[str, Any]:
    """Return the statistics of the masked values of each example, and of all."""
    rows = [row[m] for row, m in zip(x, mask, strict=True) if m.any()]
    values = x[mask]
    return {
        f"mean_{name}": np.mean(values),
        f"max_{name}": np.max(values),
        f"min_{name}": np.min(values),
        f"mean_max_{name}": np.mean([row.max() for row in rows]),
        f"mean_min_{name}": np.mean([row.min() for row in rows]),
        f"std_{name}": np.std(values),
    }
