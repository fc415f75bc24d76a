"""`Policy`: what preparation refuses and what it only reports."""

from __future__ import annotations

import dataclasses
from typing import Any

from ddsp_core.errors import UsageError


@dataclasses.dataclass(frozen=True)
class Policy:
    """Limits beyond which audio is refused; None reports and refuses nothing.

    Every measure stands in `sources.jsonl` and the report whatever the limits are. The
    limits are bound in a config (`Policy.max_polyphonic_share = None`).

    Args:
        min_loud_share: Share of a window that must be louder than silence: what is
            quieter teaches a model to be silent.
        min_pitched_share: Share of the loud frames of a window that must have a pitch.
            Noise has almost none, a roll on a drum 0.28, speech and breathy playing
            about half, and music with its note changes over nine tenths.
        max_polyphonic_share: Share of the loud frames of a window in which more than
            one note may sound: a model has one pitch.
        max_mix_loss_db: What mixing its channels may cost a recording, in dB. Inverted
            channels cancel in the mix; independent ones cost 3 dB, a silent one 3 dB.
        max_clipped_share: Share of a recording's samples that may be clipped.
        max_dc: Largest constant offset of a recording, of full scale 1.
        min_joined_secs: Shorter files are not joined to examples: a pitch needs time.
        max_rejected_fraction: Make no dataset if more than this share of the seconds of
            readable audio is refused.

    Raises:
        UsageError: A share lies outside [0, 1], or a limit is negative.
    """

    min_loud_share: float = 0.1
    min_pitched_share: float = 0.35
    max_polyphonic_share: float | None = 0.25
    max_mix_loss_db: float | None = 10.0
    max_clipped_share: float | None = None
    max_dc: float | None = None
    min_joined_secs: float = 0.1
    max_rejected_fraction: float | None = None

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value is None and "None" in str(field.type):
                continue
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            is_share = field.name.endswith(("share", "fraction"))
            if not is_number or value < 0 or (is_share and value > 1):
                needed = "a number from 0 to 1" if is_share else "a number, 0 or more"
                raise UsageError(f"Policy.{field.name} is {value!r}; needed {needed}")

    def to_json(self) -> dict[str, Any]:
        """Return the limits as plain JSON values."""
        return dataclasses.asdict(self)
