"""`Statistics`: how a dataset's pitch and loudness are distributed."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable
from typing import Any, Final

import numpy as np

from ddsp_core import io
from ddsp_core.errors import DatasetError, ShapeError
from ddsp_core.histogram import Histogram

STATISTICS_NAME: Final = "statistics.json"


@dataclasses.dataclass(frozen=True)
class Statistics:
    """Integer histograms over the frames of a dataset; they merge exactly.

    Args:
        f0_midi: Pitch of the sounding frames, in MIDI semitones.
        loudness_db: Loudness of all frames, in dB.
        loudness_db_sounding: Loudness of the sounding frames, in dB.
    """

    f0_midi: Histogram = dataclasses.field(default_factory=Histogram)
    loudness_db: Histogram = dataclasses.field(default_factory=Histogram)
    loudness_db_sounding: Histogram = dataclasses.field(default_factory=Histogram)

    @classmethod
    def of(
        cls, f0_hz: np.ndarray, loudness_db: np.ndarray, sounding: np.ndarray
    ) -> Statistics:
        """Count frames.

        Args:
            f0_hz: Pitch, positive where sounding, [n_frames].
            loudness_db: Loudness, [n_frames].
            sounding: True where a note sounds, bool [n_frames].

        Raises:
            ShapeError: The arrays differ in length.
        """
        shapes = (f0_hz.shape, loudness_db.shape, sounding.shape)
        if len(set(shapes)) != 1:
            raise ShapeError(
                f"f0_hz, loudness_db and sounding have shapes {shapes}, not equal"
            )
        sounding = sounding.astype(bool) & (f0_hz > 0)
        f0_midi = 69 + 12 * np.log2(f0_hz[sounding].astype(np.float64) / 440)
        return cls(
            Histogram.of(f0_midi),
            Histogram.of(loudness_db),
            Histogram.of(loudness_db[sounding]),
        )

    @classmethod
    def merge(cls, parts: Iterable[Statistics]) -> Statistics:
        """Return the sum; the order of `parts` does not matter."""
        parts = list(parts)
        return cls(
            *(Histogram.merge(getattr(part, name) for part in parts) for name in NAMES)
        )

    @property
    def mean_pitch(self) -> float:
        """Mean MIDI pitch of the sounding frames; NaN if none sounds.

        Unlike Magenta's of the same name, rests do not count.
        """
        return self.f0_midi.mean()

    def to_json(self) -> dict[str, Any]:
        """Return the histograms as plain JSON values."""
        return {name: getattr(self, name).to_json() for name in NAMES}

    @classmethod
    def from_json(cls, data: Any, where: str = STATISTICS_NAME) -> Statistics:
        """Read what `to_json` wrote; `where` names the file in errors."""
        if not isinstance(data, dict) or set(data) != set(NAMES):
            got = sorted(data) if isinstance(data, dict) else type(data).__name__
            raise DatasetError(
                f"{where}: got {got}, needed exactly the keys {sorted(NAMES)}"
            )
        return cls(
            *(Histogram.from_json(data[name], f"{where}: {name}") for name in NAMES)
        )

    def save(self, directory: str | os.PathLike[str]) -> None:
        """Write `statistics.json` into a dataset or model directory."""
        io.write_json(io.join(directory, STATISTICS_NAME), self.to_json())

    @classmethod
    def load(cls, directory: str | os.PathLike[str]) -> Statistics:
        """Read `statistics.json` of a dataset or model directory.

        Raises:
            DatasetError: It is missing or damaged.
        """
        path = io.join(directory, STATISTICS_NAME)
        try:
            return cls.from_json(io.read_json(path), path)
        except FileNotFoundError as error:
            raise DatasetError(
                f"{path} does not exist; `luthier prepare` writes it with the dataset"
            ) from error
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise DatasetError(
                f"{path} is damaged: {error}; prepare it again"
            ) from error


NAMES: Final = tuple(field.name for field in dataclasses.fields(Statistics))
