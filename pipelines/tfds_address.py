"""`tfds://` addresses: which dataset of TFDS is an input of a preparation."""

from __future__ import annotations

import dataclasses
import difflib
from typing import Any, Final
from urllib.parse import parse_qsl

from ddsp_core.errors import UsageError

SCHEME: Final = "tfds://"
_OPTIONS: Final[dict[str, Any]] = {
    "split": str,
    "data_dir": str,
    "download": int,
    "audio": str,
    "sample_rate": int,
    "bits": int,
    "f0_offset_secs": float,
}


@dataclasses.dataclass(frozen=True)
class TfdsAddress:
    """A dataset of TFDS and how to read it.

    Args:
        name: As `tfds.builder` takes it: NAME[/CONFIG][:VERSION].
        split: Which part, in TFDS's words; all of it if None.
        data_dir: Where it was prepared; TFDS's own default if None.
        download: May it be downloaded and prepared now?
        audio: Path of the audio feature, where there are several.
        sample_rate: In Hz, where the dataset does not say.
        bits: Of the audio, where it is stored as integers of no known width.
        f0_offset_secs: Time of the middle of the first f0 frame; None for 0, or what is
            known of the dataset.

    Raises:
        UsageError: A number cannot be.
    """

    name: str
    split: str | None = None
    data_dir: str | None = None
    download: int = 0
    audio: str | None = None
    sample_rate: int | None = None
    bits: int = 16
    f0_offset_secs: float | None = None

    def __post_init__(self) -> None:
        if self.bits not in range(8, 33):
            raise UsageError(f"bits={self.bits} in a tfds:// address; needed 8 to 32")
        if self.sample_rate is not None and self.sample_rate < 1:
            raise UsageError(
                f"sample_rate={self.sample_rate} in a tfds:// address; needed Hz"
            )

    def reading(self) -> dict[str, Any]:
        """Return the choices that say how an example is read, as JSON values."""
        names = ("audio", "sample_rate", "bits", "f0_offset_secs")
        return {name: getattr(self, name) for name in names}


def is_tfds(text: str) -> bool:
    """Is an input a dataset of TFDS?"""
    return text.startswith(SCHEME)


def parse_address(text: str) -> TfdsAddress:
    """Read `tfds://NAME[/CONFIG][:VERSION][?OPTION=VALUE&...]`.

    Raises:
        UsageError: It names no dataset, or an option that there is not.

    >>> parse_address("tfds://nsynth:2.3.3?split=test&download=1").name
    'nsynth:2.3.3'
    """
    name, _, query = text.removeprefix(SCHEME).partition("?")
    if not name.strip("/"):
        raise UsageError(
            f"{text!r} names no dataset; needed tfds://NAME[/CONFIG][:VERSION][?...],"
            " for example tfds://nsynth/gansynth_subset.f0_and_loudness?split=test"
        )
    given: dict[str, Any] = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        if key not in _OPTIONS:
            near = difflib.get_close_matches(key, _OPTIONS, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise UsageError(
                f"{text!r}: {key!r} is no option of a tfds:// address; there are"
                f" {', '.join(_OPTIONS)}{hint}"
            )
        try:
            given[key] = _OPTIONS[key](value)
        except ValueError as error:
            raise UsageError(
                f"{text!r}: {key} is {value!r}; needed a number"
            ) from error
    return TfdsAddress(name.strip("/"), **given)
