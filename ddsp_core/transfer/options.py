"""`TransferOptions`: what a user may choose about a transfer."""

from __future__ import annotations

import dataclasses
import math
from typing import Final

from ddsp_core.errors import UsageError

OCTAVE_RULES: Final = ("overlap", "magenta")
MAX_OCTAVES: Final = 8  # more than any instrument's range
SILENT_DB: Final = 120.0  # below the least step of 16 bits, and near that of 24


@dataclasses.dataclass(frozen=True)
class TransferOptions:
    """How the source's pitch and loudness are fitted to the model.

    Args:
        octave: 'overlap' (the octave that brings most of the source into the model's
            range, none if it is there already), 'magenta' (by the distance of the mean
            pitches), or a whole number of octaves.
        pitch_shift: Added in octaves, after that.
        semitones: Added in semitones, after that.
        loudness_shift_db: Added to the loudness, in dB, after the adjustment.
        adjust: Fit octave and loudness to the model's statistics; False leaves both
            as they are in the source.
        quiet_db: By how much what is no note is turned down; 120 or more is silence.
        threshold: How sure a note must be to sound: 1 is usual, 0 lets all sound, 2
            only what is certain.

    Raises:
        UsageError: A value cannot be meant.
    """

    octave: str = "overlap"
    pitch_shift: float = 0.0
    semitones: float = 0.0
    loudness_shift_db: float = 0.0
    adjust: bool = True
    quiet_db: float = SILENT_DB
    threshold: float = 1.0

    def __post_init__(self) -> None:
        if self.octave not in OCTAVE_RULES and self.fixed_octaves is None:
            raise UsageError(
                f"octave is {self.octave!r}; needed 'overlap', 'magenta' or a whole"
                f" number from -{MAX_OCTAVES} to {MAX_OCTAVES}"
            )
        for name in ("pitch_shift", "semitones", "loudness_shift_db"):
            if not math.isfinite(getattr(self, name)):
                raise UsageError(f"{name} is {getattr(self, name)}; needed a number")
        if not self.quiet_db >= 0:
            raise UsageError(f"quiet_db is {self.quiet_db} dB; needed 0 or more")
        if not 0 <= self.threshold <= 2:
            raise UsageError(f"threshold is {self.threshold}; needed 0 to 2")

    @property
    def fixed_octaves(self) -> int | None:
        """The number of octaves that was asked for, if one was."""
        try:
            octaves = int(self.octave)
        except ValueError:
            return None
        return octaves if abs(octaves) <= MAX_OCTAVES else None

    @property
    def manual_semitones(self) -> float:
        """What is added to the pitch by hand, in semitones."""
        return 12 * self.pitch_shift + self.semitones
