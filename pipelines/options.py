"""`PrepareOptions`: what a preparation is asked to do."""

from __future__ import annotations

import dataclasses
import re
from typing import Any, Final

from ddsp_core.errors import UsageError
from ddsp_core.features.options import Decoder, PitchOptions
from ddsp_core.spec import ExampleSpec
from pipelines.policy import Policy

EVAL_FRACTION: Final = 0.1  # the usual tenth
MIN_EVAL_SECS: Final = 20.0  # fewer seconds make a held-out loss a matter of luck
MAX_GAIN_DB: Final = 60.0  # more would only raise noise


@dataclasses.dataclass(frozen=True)
class PrepareOptions:
    """Inputs, output and choices of one preparation.

    Args:
        inputs: Files, folders or globs.
        out: The dataset directory to be made.
        spec: Of every example; its feature versions are filled in by `prepare`.
        pitch: Pitch tracker: 'crepe-' and a size.
        decoder: How CREPE's frames are joined: a `Decoder`.
        f0_step: CREPE hears every f0_step-th frame and, where the pitch moves, those
            between; None for about 16 ms.
        crepe_weights: A weights file instead of the installed ones.
        store: Folder of the feature store; inside `out` if None.
        holdout: Recordings whose path matches this expression are held out.
        group: Recordings whose paths match this expression alike belong together (two
            microphones, takes of one day): none is held out without the others. Alike
            means the same first bracketed part, or the same match without brackets.
        licence: Licence of the recordings, kept in `sources.jsonl`.
        eval_fraction: Share of the recordings to hold out.
        min_eval_secs: What a split by recording must hold out at least, in seconds.
        policy: What is refused and what is only reported.
        gain_db: One gain for the whole dataset, in dB, recorded and undone at transfer;
            None leaves levels as they are.
        strict: Make no dataset if any audio file was refused.
        force: Replace another dataset in `out`.
        workers: Worker processes of the local runner.
        beam_options: Further options for Beam, as on its command line.

    Raises:
        UsageError: A choice that cannot work.
    """

    inputs: tuple[str, ...]
    out: str
    spec: ExampleSpec = dataclasses.field(default_factory=ExampleSpec)
    pitch: str = PitchOptions.tracker
    decoder: str = PitchOptions.decoder
    f0_step: int | None = None
    crepe_weights: str | None = None
    store: str | None = None
    holdout: str | None = None
    licence: str | None = None
    eval_fraction: float = EVAL_FRACTION
    min_eval_secs: float = MIN_EVAL_SECS
    group: str | None = None
    policy: Policy = dataclasses.field(default_factory=Policy)
    gain_db: float | None = None
    strict: bool = False
    force: bool = False
    workers: int = 1
    beam_options: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.eval_fraction < 1:
            raise UsageError(
                f"eval fraction is {self.eval_fraction}; it must lie between 0 and 1"
            )
        if self.workers < 1:
            raise UsageError(f"--workers is {self.workers}; it must be 1 or more")
        self.tracking()
        if self.gain_db is not None and abs(self.gain_db) > MAX_GAIN_DB:
            raise UsageError(
                f"--gain {self.gain_db} dB; needed from -{MAX_GAIN_DB:g} to"
                f" {MAX_GAIN_DB:g} dB"
            )
        for name in ("holdout", "group"):
            _check_expression(name, getattr(self, name))

    def tracking(self) -> PitchOptions:
        """Return which tracker hears f0, and how.

        Raises:
            UsageError: A choice that cannot work.
        """
        decoder = Decoder.of(self.decoder)
        return PitchOptions(self.pitch, decoder, self.f0_step, self.crepe_weights)

    def is_held_out(self, source: str) -> bool:
        """Is this recording held out by name?"""
        return self.holdout is not None and re.search(self.holdout, source) is not None

    def group_of(self, source: str) -> str | None:
        """Return the name of the group that a recording belongs to, if any."""
        found = re.search(self.group, source) if self.group is not None else None
        if found is None:
            return None
        return found[1] if found.re.groups and found[1] is not None else found[0]

    def defining(self) -> dict[str, Any]:
        """Return the choices that define the dataset, as plain JSON values."""
        return {
            "spec": self.spec.to_json(),
            "eval_fraction": self.eval_fraction,
            "min_eval_secs": self.min_eval_secs,
            "holdout": self.holdout,
            "group": self.group,
            "policy": self.policy.to_json(),
            "gain_db": self.gain_db,
            "licence": self.licence,
        }


def _check_expression(name: str, expression: str | None) -> None:
    """Raise `UsageError` if an option is not a regular expression."""
    try:
        re.compile(expression or "")
    except re.error as error:
        raise UsageError(
            f"--{name} {expression!r} is not a regular expression: {error}"
        ) from error
