"""`PitchOptions`: which tracker hears f0, how often, and how its path is found."""

from __future__ import annotations

import dataclasses
import enum
import re
from typing import Final

from ddsp_core.errors import FeatureError, UsageError

# Capacity multipliers of CREPE, Kim et al. 2018 (arXiv:1802.06182).
SIZES: Final = {"tiny": 4, "small": 8, "medium": 16, "large": 24, "full": 32}
# Within 16 ms a note moves less than CREPE errs, which hears 64 ms at once.
COARSE_SECS: Final = 0.016
CREPES: Final = tuple(f"crepe-{size}" for size in SIZES)
GIVEN: Final = "file"  # f0 stands in a file beside each recording
TRACKERS: Final = (*CREPES, "pyin", "swiftf0", GIVEN)
GIVEN_PATTERN: Final = "{stem}_f0.csv"
_VERSION: Final = re.compile(
    r"crepe-(?P<size>\w+)-(?P<decoder>\w+?)(-adaptive(?P<step>\d+))?/(?P<revision>\d+)"
)


class Decoder(enum.StrEnum):
    """How the pitches of single frames are joined."""

    VITERBI = "viterbi"  # the likeliest path, jumps taken at once, octave errors undone
    ARGMAX = "argmax"  # each frame on its own
    MAGENTA = "magenta"  # the likeliest path, gliding over jumps, as CREPE published it

    @classmethod
    def of(cls, name: str) -> Decoder:
        """Return the decoder of a name.

        Raises:
            UsageError: There is none.
        """
        if name not in list(cls):
            raise UsageError(f"--decoder {name!r} is unknown; use {', '.join(cls)}")
        return cls(name)


_NO_CHOICE: Final = (Decoder.VITERBI, None, None)


@dataclasses.dataclass(frozen=True)
class PitchOptions:
    """A choice of f0.

    Args:
        tracker: 'crepe-tiny', '-small', '-medium', '-large' or '-full'; 'pyin',
            'swiftf0'; 'file' or 'file:PATTERN' for f0 given beside each recording
            (`GivenTracker`).
        decoder: Of CREPE.
        step: CREPE hears every step-th frame, and those between where the pitch moves;
            1 for every frame. None for about 16 ms.
        weights: Path of a CREPE weight file instead of the installed one.

    Raises:
        UsageError: A choice that cannot work.
    """

    tracker: str = "crepe-tiny"
    decoder: Decoder = Decoder.VITERBI
    step: int | None = None
    weights: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in TRACKERS or self.tracker == f"{GIVEN}:":
            raise UsageError(
                f"--pitch {self.tracker!r} is unknown; use {', '.join(TRACKERS)} or"
                f" {GIVEN}:PATTERN"
            )
        is_crepe = self.tracker in CREPES
        if not is_crepe and (self.decoder, self.step, self.weights) != _NO_CHOICE:
            raise UsageError(
                "a decoder, step or weights are CREPE's, and cannot be had with"
                f" --pitch {self.tracker}"
            )
        if self.step is not None and self.step < 1:
            raise UsageError(f"--f0-step is {self.step}; it must be 1 or more frames")
        if self.decoder is Decoder.MAGENTA and self.step not in (None, 1):
            raise UsageError(
                f"--decoder magenta hears every frame, so --f0-step {self.step} cannot"
                " be had with it; use --decoder viterbi"
            )

    @classmethod
    def of_version(cls, version: str) -> PitchOptions:
        """Return the options that compute a version of f0, as datasets state it.

        Raises:
            FeatureError: None do.

        >>> PitchOptions.of_version("crepe-tiny-viterbi-adaptive4/1").step
        4
        """
        if version in ("pyin/1", "swiftf0/1"):
            return cls(version.partition("/")[0])
        match = _VERSION.fullmatch(version)
        found = None
        if match and match["size"] in SIZES and match["decoder"] in list(Decoder):
            decoder = Decoder(match["decoder"])
            if version == f"crepe-{match['size']}-viterbi/1":
                decoder = Decoder.MAGENTA
            found = cls(f"crepe-{match['size']}", decoder, int(match["step"] or 1))
        if found is None or found.version(1) != version:
            raise FeatureError(
                f"f0 of version {version!r} cannot be computed; this program computes"
                " 'crepe-SIZE-DECODER-adaptiveSTEP/1' and others that docs/pitch.md"
                " lists: prepare the dataset again"
            )
        return found

    @classmethod
    def hearing(cls, version: str) -> PitchOptions:
        """Return `of_version`, or the default where f0 was given by files.

        For what must hear f0 itself: in the sound of a model, or of a new recording.
        """
        return cls() if version == f"{GIVEN}/1" else cls.of_version(version)

    @property
    def kind(self) -> str:
        """The tracker without its pattern."""
        return GIVEN if self.tracker.startswith(f"{GIVEN}:") else self.tracker

    @property
    def pattern(self) -> str:
        """Name of the file of given f0, as a pattern."""
        return self.tracker.partition(":")[2] or GIVEN_PATTERN

    @property
    def crepe_size(self) -> str:
        """Size of the network: 'tiny' to 'full'."""
        return self.tracker.removeprefix("crepe-")

    def step_for(self, frame_rate: int) -> int:
        """Return how many frames lie between two that are always heard.

        >>> [PitchOptions().step_for(rate) for rate in (50, 100, 250, 500)]
        [1, 2, 4, 8]
        """
        if self.decoder is Decoder.MAGENTA:
            return 1
        return self.step or max(1, round(COARSE_SECS * frame_rate))

    def version(self, frame_rate: int) -> str:
        """Return the version of f0 and confidence that these options compute.

        It grows whenever they would come out differently:

        - 'crepe-SIZE-viterbi/1': CREPE's own decoding at every frame, as Magenta 3.7.
        - 'crepe-SIZE-viterbi/2': every frame; jumps of the path are taken at once, and
          octave errors beside a note undone.
        - 'crepe-SIZE-viterbi-adaptiveN/1': the same, heard at every N-th frame and
          between where the pitch moves.
        - 'crepe-SIZE-argmax/1', 'crepe-SIZE-argmax-adaptiveN/1': frames on their own.
        - 'pyin/1', 'swiftf0/1': other trackers; 'file/1': given.
        """
        if self.tracker not in CREPES:
            return f"{self.kind}/1"
        if self.decoder is Decoder.MAGENTA:
            return f"{self.tracker}-viterbi/1"
        step = self.step_for(frame_rate)
        if step > 1:
            return f"{self.tracker}-{self.decoder}-adaptive{step}/1"
        revision = 2 if self.decoder is Decoder.VITERBI else 1
        return f"{self.tracker}-{self.decoder}/{revision}"
