"""A dataset of TFDS, opened: its splits, and which of its features are audio and f0."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ddsp_core.errors import UsageError
from pipelines.tfds_address import SCHEME, TfdsAddress

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

# (f0, confidence) as datasets name them, by path.
F0_NAMES: Final = (
    (("f0", "hz"), ("f0", "confidence")),
    (("f0_hz",), ("f0_confidence",)),
)
# NSynth's f0 is of frames of 1024 samples that start, not lie, on multiples of the hop.
F0_OFFSET_SECS: Final = {"nsynth": 512 / 16_000}
ID: Final = ("id",)  # a string that tells an example apart, where there is one


@dataclasses.dataclass(frozen=True)
class Features:
    """Where an example's audio, f0 and id are, and what its numbers mean.

    Args:
        audio: Path of the audio.
        sample_rate: In Hz.
        full_scale: What stands for 1.0.
        f0: Paths of f0 and its confidence, if there are.
        f0_offset_secs: Time of the middle of the first f0 frame.
        has_id: Is there a string that tells examples apart?
    """

    audio: tuple[str, ...]
    sample_rate: int
    full_scale: float
    f0: tuple[tuple[str, ...], tuple[str, ...]] | None
    f0_offset_secs: float
    has_id: bool

    def paths(self) -> list[tuple[str, ...]]:
        """Return the paths of all that is read."""
        return [self.audio, *(self.f0 or ()), *([ID] if self.has_id else [])]


def open_builder(address: TfdsAddress) -> tfds.core.DatasetBuilder:
    """Return the builder of a dataset that is prepared on disk.

    Raises:
        UsageError: There is no such dataset, or it is not prepared and `download` was
            not asked for.
    """
    import tensorflow_datasets as tfds

    where = f"{SCHEME}{address.name}"
    try:
        builder = tfds.builder(address.name, data_dir=address.data_dir, try_gcs=False)
    except (ValueError, AssertionError, TypeError, ImportError) as error:
        first = str(error).strip().splitlines() or [type(error).__name__]
        looked = f" in {address.data_dir}" if address.data_dir else ""
        raise UsageError(
            f"{where}: TFDS knows no such dataset{looked} ({first[0]}); check name,"
            " config and version, or say where it is with ?data_dir=DIR"
        ) from error
    if address.download and not builder.info.splits:
        builder.download_and_prepare()
    if not builder.info.splits:
        raise UsageError(
            f"{where} is not prepared in {builder.data_dir}; say ?download=1 to have"
            " TFDS download and prepare it now, or ?data_dir=DIR if it is elsewhere"
        )
    return builder


def splits_of(
    builder: tfds.core.DatasetBuilder, address: TfdsAddress
) -> list[tuple[str, int, int]]:
    """Return (split, first example, one past the last) of what an address names.

    Raises:
        UsageError: There is no such split.
    """
    import tensorflow_datasets as tfds

    infos = builder.info.splits
    if address.split is None:
        return [(name, 0, info.num_examples) for name, info in sorted(infos.items())]
    try:
        instruction = tfds.core.ReadInstruction.from_spec(address.split)
        parts = instruction.to_absolute(infos)
    except (ValueError, AssertionError, KeyError) as error:
        raise UsageError(
            f"{SCHEME}{address.name}: split={address.split} is not to be had;"
            f" there are {', '.join(sorted(infos))} and parts such as train[:10%]"
        ) from error
    return [
        (
            part.splitname,
            part.from_ or 0,
            infos[part.splitname].num_examples if part.to is None else part.to,
        )
        for part in parts
    ]


def find_features(builder: tfds.core.DatasetBuilder, address: TfdsAddress) -> Features:
    """Return which features of a dataset are used.

    Raises:
        UsageError: There is no audio, or more than one; or its rate is not known.
    """
    import tensorflow_datasets as tfds

    where = f"{SCHEME}{address.name}"
    every = dict(_leaves(builder.info.features))
    found = [
        path for path, one in every.items() if isinstance(one, tfds.features.Audio)
    ]
    found = found or [path for path in every if path[-1] == "audio"]
    if address.audio is not None:
        found = [path for path in every if "/".join(path) == address.audio]
    if len(found) != 1:
        what = "more than one audio feature" if found else "no audio feature"
        names = ", ".join("/".join(path) for path in found or every)
        raise UsageError(f"{where} has {what}: {names}; say ?audio=NAME")
    audio = found[0]
    rate = address.sample_rate or _sample_rate(builder, every[audio])
    if rate is None:
        raise UsageError(
            f"{where} does not say the sample rate of {'/'.join(audio)!r}; say"
            " ?sample_rate=N in Hz"
        )
    name = builder.name.split("/")[0]
    offset = address.f0_offset_secs
    f0 = [pair for pair in F0_NAMES if pair[0] in every and pair[1] in every]
    return Features(
        audio=audio,
        sample_rate=int(rate),
        full_scale=_full_scale(every[audio], address, where),
        f0=f0[0] if f0 else None,
        f0_offset_secs=F0_OFFSET_SECS.get(name, 0.0) if offset is None else offset,
        has_id=ID in every and _is_text(every[ID]),
    )


def _leaves(features: Any, path: tuple[str, ...] = ()) -> Iterator[Any]:
    """Yield (path, feature) of every feature that is no dict."""
    if hasattr(features, "items"):
        for name, one in features.items():
            yield from _leaves(one, (*path, name))
    else:
        yield path, features


def _sample_rate(builder: tfds.core.DatasetBuilder, feature: Any) -> int | None:
    rate = getattr(feature, "sample_rate", None)
    return rate or (builder.info.metadata or {}).get("sample_rate")


def _full_scale(feature: Any, address: TfdsAddress, where: str) -> float:
    dtype = np.dtype(feature.np_dtype)
    if np.issubdtype(dtype, np.floating):
        return 1.0
    if not np.issubdtype(dtype, np.signedinteger):
        raise UsageError(f"{where}: its audio is of {dtype}; needed float or integers")
    return 2.0 ** ((16 if dtype.itemsize == 2 else address.bits) - 1)


def _is_text(feature: Any) -> bool:
    return feature.shape == () and np.dtype(feature.np_dtype).kind in "OSU"
