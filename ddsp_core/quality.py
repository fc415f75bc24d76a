"""`Quality`: what a recording's frames tell of it, in counts that merge exactly."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy import ndimage

from ddsp_core.audio.decays import decay_times
from ddsp_core.audio.measures import AudioMeasures
from ddsp_core.errors import DatasetError
from ddsp_core.features.octave_jumps import n_octave_jumps

if TYPE_CHECKING:
    from ddsp_core.features.extract import Features

Bins = Mapping[int, int]

LEVEL_STEP_DB: Final = 1.0
LOUDNESS_STEP_DB: Final = 1.0
PITCH_STEP: Final = 0.5  # semitones: a bin a note, and one between each two
CONFIDENCE_STEP: Final = 0.05
DECAY_STEP_SECS: Final = 0.05
FLOOR_QUANTILE: Final = 0.1  # of the rests: in the others something else is heard
REST_MARGIN_SECS: Final = 0.15  # after a note it dies away, before one comes the breath
MIN_REST_SHARE: Final = 0.005  # fewer frames are chance
SILENCE_DB: Final = -119.0  # digital silence: a gate or an editor made it
ROOM_QUANTILE: Final = 0.25  # slower falls are played
MIN_DECAYS: Final = 4  # fewer are chance


@dataclasses.dataclass(frozen=True)
class Quality:
    """Counts over frames. Bins are whole multiples of the steps above.

    Args:
        n_frames: All.
        n_loud: Louder than silence.
        n_sounding: With a note: loud and of a confident pitch.
        n_polyphonic: Loud, and with more than one note.
        n_jumps: Octave jumps there and back.
        rest_level: Those farther from any note than `REST_MARGIN_SECS`, by level in dB
            of full scale, unweighted.
        loud_level: The loud ones by level.
        loudness: The loud ones by A-weighted loudness.
        pitch: The sounding ones by MIDI pitch.
        confidence: The loud ones by the tracker's confidence.
        decay: Falls after notes by their time for 60 dB.
    """

    n_frames: int = 0
    n_loud: int = 0
    n_sounding: int = 0
    n_polyphonic: int = 0
    n_jumps: int = 0
    rest_level: Bins = dataclasses.field(default_factory=dict)
    loud_level: Bins = dataclasses.field(default_factory=dict)
    loudness: Bins = dataclasses.field(default_factory=dict)
    pitch: Bins = dataclasses.field(default_factory=dict)
    confidence: Bins = dataclasses.field(default_factory=dict)
    decay: Bins = dataclasses.field(default_factory=dict)

    @classmethod
    def of(
        cls,
        features: Features,
        measures: AudioMeasures,
        loud: np.ndarray,
        sounding: np.ndarray,
        frame_rate: int,
    ) -> Quality:
        """Count the frames of a block.

        Args:
            features: With confidence and loudness rounded, [n_frames].
            measures: Of the same frames.
            loud: True where a frame is louder than silence, bool [n_frames].
            sounding: True where a note sounds, bool [n_frames].
            frame_rate: In Hz.
        """
        reach = 2 * round(REST_MARGIN_SECS * frame_rate) + 1
        rests = ndimage.binary_erosion(~sounding, np.ones(reach, bool), border_value=1)
        f0_hz = np.maximum(features.f0_hz[sounding].astype(np.float64), 1e-3)
        midi = 69 + 12 * np.log2(f0_hz / 440)
        return cls(
            n_frames=len(loud),
            n_loud=int(loud.sum()),
            n_sounding=int(sounding.sum()),
            n_polyphonic=int((loud & measures.polyphonic).sum()),
            n_jumps=n_octave_jumps(features.f0_hz, sounding, frame_rate),
            rest_level=_bins(measures.level_db[rests], LEVEL_STEP_DB),
            loud_level=_bins(measures.level_db[loud], LEVEL_STEP_DB),
            loudness=_bins(features.loudness_db[loud], LOUDNESS_STEP_DB),
            pitch=_bins(np.round(midi, 2), PITCH_STEP),
            confidence=_bins(features.f0_confidence[loud], CONFIDENCE_STEP),
            decay=_bins(
                np.round(decay_times(measures.level_db, frame_rate), 3), DECAY_STEP_SECS
            ),
        )

    @classmethod
    def merge(cls, parts: Iterable[Quality]) -> Quality:
        """Return the sum; the order of `parts` does not matter."""
        counts: Counter[str] = Counter()
        bins: dict[str, Counter[int]] = {name: Counter() for name in HISTOGRAMS}
        for part in parts:
            for name in COUNTS:
                counts[name] += getattr(part, name)
            for name in HISTOGRAMS:
                bins[name].update(getattr(part, name))
        values: dict[str, Any] = {name: counts[name] for name in COUNTS}
        values |= {name: dict(sorted(bins[name].items())) for name in HISTOGRAMS}
        return cls(**values)

    @property
    def n_unpitched(self) -> int:
        """Loud frames without a confident pitch."""
        return self.n_loud - self.n_sounding

    @property
    def level_db(self) -> float | None:
        """Median level of the loud frames, in dB of full scale; None without any."""
        return quantile(self.loud_level, 0.5, LEVEL_STEP_DB)

    @property
    def noise_floor_db(self) -> float | None:
        """Level of the quietest rests, in dB of full scale.

        None without rests, and where all of them are digital silence.
        """
        heard = {
            k: n for k, n in self.rest_level.items() if k * LEVEL_STEP_DB > SILENCE_DB
        }
        if sum(heard.values()) < MIN_REST_SHARE * self.n_frames:
            return None
        return quantile(heard, FLOOR_QUANTILE, LEVEL_STEP_DB)

    @property
    def room_secs(self) -> float | None:
        """Estimated reverberation time (60 dB) in seconds; None with too few falls."""
        if sum(self.decay.values()) < MIN_DECAYS:
            return None
        return quantile(self.decay, ROOM_QUANTILE, DECAY_STEP_SECS)

    def to_json(self) -> dict[str, Any]:
        """Return counts, and histograms as lists of [bin, count]."""
        values: dict[str, Any] = {name: getattr(self, name) for name in COUNTS}
        for name in HISTOGRAMS:
            values[name] = [[k, n] for k, n in sorted(getattr(self, name).items())]
        return values

    @classmethod
    def from_json(cls, data: Any) -> Quality:
        """Read what `to_json` wrote.

        Raises:
            DatasetError: It is something else.
        """
        try:
            values: dict[str, Any] = {name: int(data[name]) for name in COUNTS}
            for name in HISTOGRAMS:
                values[name] = {int(k): int(n) for k, n in data[name]}
        except (KeyError, TypeError, ValueError) as error:
            raise DatasetError(
                f"not a quality record ({error}); prepare the dataset again"
            ) from error
        return cls(**values)


HISTOGRAMS: Final = (
    "rest_level",
    "loud_level",
    "loudness",
    "pitch",
    "confidence",
    "decay",
)
COUNTS: Final = tuple(
    field.name for field in dataclasses.fields(Quality) if field.name not in HISTOGRAMS
)


def quantile(bins: Bins, q: float, step: float) -> float | None:
    """Return the bin below which a share `q` of the counts lies; None if there is none.

    >>> quantile({-3: 1, -2: 8, -1: 1}, 0.5, 1.0)
    -2.0
    """
    total, seen = sum(bins.values()), 0
    for key, count in sorted(bins.items()):
        seen += count
        if seen > q * total or seen == total:
            return round(key * step, 4)
    return None


def _bins(values: np.ndarray, step: float) -> dict[int, int]:
    keys, counts = np.unique(
        np.rint(np.asarray(values, np.float64) / step).astype(np.int64),
        return_counts=True,
    )
    return dict(zip(keys.tolist(), counts.tolist(), strict=True))
