"""`ExampleSpec`: the integers that define a stored example; the rest derives."""

from __future__ import annotations

import dataclasses
import enum
import re
from typing import Any, Final

from ddsp_core.errors import SpecError

FEATURE_RATE: Final = 16_000  # Hz; CREPE and the loudness definition are of this rate.
# Frames of loudness are 512 samples at 16 kHz; a longer hop would leave gaps.
LOWEST_FRAME_RATE: Final = 32  # Hz
EXAMPLE_ID: Final = "example_id"
EXAMPLE_ID_LENGTH: Final = 45  # bytes: 32 hex of the source key, "-", 12 digits.
SOURCE_KEY_LENGTH: Final = 32  # hex digits: 128 bits of a sha256.


class Padding(enum.StrEnum):
    """How many frames stand for a stretch of audio; frame k is centred on k * hop."""

    SAME = "same"  # n_samples / hop frames
    CENTER = "center"  # one more: both ends of the audio have a frame


class LoudnessVersion(enum.StrEnum):
    """The two definitions of loudness that models in the world were trained on."""

    POWER_2022 = "power-2022"  # Magenta 2.0 to 3.7: mean of A-weighted power, n_fft 512
    LEGACY_2020 = "legacy-2020"  # published models: mean of dB, n_fft 2048, not centred


@dataclasses.dataclass(frozen=True)
class Field:
    """One float32 list of a stored example: its name and its length."""

    name: str
    length: int


@dataclasses.dataclass(frozen=True)
class ExampleSpec:
    """Sizes, rates and feature versions of the examples of one dataset.

    Integers define; everything else derives. Preparation writes it, training reads
    it, and a copy stands beside every checkpoint, so nobody types a length twice.

    Args:
        sample_rate: Of `audio`, in Hz.
        hop_size: Samples of `audio` between two frames.
        n_frames: Frames of one example.
        example_hop: Frames between the starts of two windows of a recording.
        padding: How frames stand to samples.
        f0: Version of the f0 and confidence features.
        loudness: Version of the loudness feature.

    Raises:
        SpecError: The hop is not whole at `sample_rate` and at 16 kHz, or a size is
            not positive.
    """

    sample_rate: int = 16_000
    hop_size: int = 64
    n_frames: int = 1000
    example_hop: int = 250
    padding: Padding = Padding.SAME
    f0: str = "crepe-tiny-viterbi-adaptive4/1"
    loudness: LoudnessVersion = LoudnessVersion.POWER_2022

    def __post_init__(self) -> None:
        object.__setattr__(self, "padding", Padding(self.padding))
        object.__setattr__(self, "loudness", LoudnessVersion(self.loudness))
        for name in ("sample_rate", "hop_size", "n_frames", "example_hop"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise SpecError(f"{name} is {value!r}; it must be a positive integer")
        whole = self.sample_rate % self.hop_size == 0
        if not whole or self.frame_rate not in frame_rates(self.sample_rate):
            raise SpecError(
                f"a hop of {self.hop_size} samples at {self.sample_rate} Hz is not a"
                f" whole hop at {FEATURE_RATE} Hz; frame rates that work at"
                f" {self.sample_rate} Hz: {_listed(self.sample_rate)}"
            )
        if self.padding is Padding.CENTER and self.n_frames < 2:
            raise SpecError("padding 'center' needs n_frames of 2 or more, got 1")

    @classmethod
    def from_seconds(
        cls,
        example_secs: float = 4.0,
        sample_rate: int = 16_000,
        frame_rate: int = 250,
        example_hop_secs: float = 1.0,
        padding: Padding | str = Padding.SAME,
        **features: Any,
    ) -> ExampleSpec:
        """Make the spec of examples of `example_secs` seconds at `frame_rate` Hz.

        >>> ExampleSpec.from_seconds(4.0, 16000, 250).n_samples
        64000
        """
        if frame_rate < 1 or sample_rate % frame_rate:
            raise SpecError(
                f"{frame_rate} frames/s do not divide {sample_rate} Hz; rates that"
                f" work: {_listed(sample_rate)}"
            )
        n_intervals = example_secs * frame_rate
        n_hop = example_hop_secs * frame_rate
        if (
            abs(n_intervals - round(n_intervals)) > 1e-6
            or abs(n_hop - round(n_hop)) > 1e-6
        ):
            raise SpecError(
                f"examples of {example_secs} s every {example_hop_secs} s are not whole"
                f" frames at {frame_rate} frames/s; use multiples of {1 / frame_rate} s"
            )
        padding = Padding(padding)
        return cls(
            sample_rate=sample_rate,
            hop_size=sample_rate // frame_rate,
            n_frames=round(n_intervals) + (padding is Padding.CENTER),
            example_hop=round(n_hop),
            padding=padding,
            **features,
        )

    @property
    def n_intervals(self) -> int:
        """Hops of one example: n_frames, or one less when both ends have a frame."""
        return self.n_frames - (self.padding is Padding.CENTER)

    @property
    def n_samples(self) -> int:
        """Samples of `audio`."""
        return self.n_intervals * self.hop_size

    @property
    def n_samples_16k(self) -> int:
        """Samples of `audio_16k`."""
        return self.n_intervals * self.hop_size_16k

    @property
    def hop_size_16k(self) -> int:
        """Samples of `audio_16k` between two frames."""
        return FEATURE_RATE // self.frame_rate

    @property
    def frame_rate(self) -> int:
        """Frames per second."""
        return self.sample_rate // self.hop_size

    @property
    def example_secs(self) -> float:
        """Length of one example, in seconds."""
        return self.n_samples / self.sample_rate

    def fields(self) -> tuple[Field, ...]:
        """Return the float lists of one stored example, in Magenta's layout."""
        return (
            Field("audio", self.n_samples),
            Field("audio_16k", self.n_samples_16k),
            Field("f0_confidence", self.n_frames),
            Field("f0_hz", self.n_frames),
            Field("loudness_db", self.n_frames),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the spec as plain JSON values."""
        return {
            k: str(v) if isinstance(v, enum.Enum) else v for k, v in vars(self).items()
        }

    @classmethod
    def from_json(cls, data: Any, where: str = "spec") -> ExampleSpec:
        """Read what `to_json` wrote; `where` names the file in errors."""
        names = {field.name for field in dataclasses.fields(cls)}
        if not isinstance(data, dict) or set(data) != names:
            got = sorted(data) if isinstance(data, dict) else type(data).__name__
            raise SpecError(
                f"{where}: got {got}, needed exactly the keys {sorted(names)}"
            )
        try:
            return cls(**data)
        except SpecError as error:
            raise SpecError(f"{where}: {error}") from error
        except ValueError as error:
            raise SpecError(f"{where}: {error}; made by a newer version?") from error


def frame_rates(sample_rate: int) -> list[int]:
    """Return the frame rates up to 500 Hz whose hop is whole at both rates.

    >>> 100 in frame_rates(44100), 250 in frame_rates(44100)
    (True, False)
    """
    return [
        rate
        for rate in range(LOWEST_FRAME_RATE, 501)
        if sample_rate % rate == 0 and FEATURE_RATE % rate == 0
    ]


def example_id(source_key: str, start: int) -> str:
    """Return the id of the window of a recording that starts at sample `start`.

    Args:
        source_key: 32 hex digits of the recording's content digest.
        start: First sample of the window, at the spec's sample rate, counted from the
            start of the recording.

    >>> example_id("0" * 32, 16000)
    '00000000000000000000000000000000-000000016000'
    """
    if not re.fullmatch(r"[0-9a-f]{32}", source_key) or not 0 <= start < 10**12:
        raise SpecError(
            f"source key {source_key!r} and start {start} do not make an example id;"
            f" needed {SOURCE_KEY_LENGTH} hex digits and 0 <= start < 10**12"
        )
    return f"{source_key}-{start:012d}"


def parse_example_id(text: str) -> tuple[str, int]:
    """Return the source key and the start sample that `example_id` was given."""
    if not re.fullmatch(r"[0-9a-f]{32}-[0-9]{12}", text):
        raise SpecError(
            f"{text!r} is not an example id: needed 32 hex digits, '-', 12 digits"
        )
    key, _, start = text.partition("-")
    return key, int(start)


def _listed(sample_rate: int) -> str:
    """Name the rates that work, for an error."""
    rates = ", ".join(map(str, frame_rates(sample_rate)))
    return f"{rates} frames/s" if rates else "none; resample to 16, 32, 44.1 or 48 kHz"
