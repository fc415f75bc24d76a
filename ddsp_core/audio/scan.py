"""`scan`: one pass over a recording that finds its true length and its key."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from pathlib import Path
from typing import Any, Final

import numpy as np

from ddsp_core.audio import levels
from ddsp_core.audio.decode import AudioInfo, DecodeError, Decoder, probe, stream
from ddsp_core.audio.levels import ClipCounter, PowerMeter, StereoKind
from ddsp_core.audio.ranges import MAX_RANGES, merged, runs
from ddsp_core.errors import AudioError
from ddsp_core.spec import SOURCE_KEY_LENGTH

MAX_NONFINITE_RANGES: Final = MAX_RANGES
SCAN_REVISION: Final = 1  # grows whenever a field would come out differently


@dataclasses.dataclass(frozen=True)
class Scan:
    """What one decoding of a whole recording found.

    Args:
        info: What the file says about itself.
        sha256: Hex digest over rate, channel count and the float32 samples.
        n_samples: Decoded length per channel, in samples at the file's rate.
        peak: Largest finite absolute sample of any channel; may exceed 1.
        dc: Mean of the finite samples of the mono mix.
        n_nonfinite: Samples of the mono mix that are NaN or infinite.
        nonfinite: Where they are: sorted, disjoint (start, stop) in samples at the
            file's rate, at most `MAX_NONFINITE_RANGES`; beyond that the nearest ranges
            are joined, so they always cover all non-finite samples.
        error: Why the decoder failed after `n_samples`, or None. What came before it
            is usable.
        n_clipped: Samples of any channel in runs of three or more at the channel's own
            extreme near full scale, or over full scale.
        clipped: Where they are, as `nonfinite`.
        channel_power: Mean square of each channel, without DC.
        mix_power: That of the mono mix.
        difference_power: That of left minus right; 0 unless there are two channels.
    """

    info: AudioInfo
    sha256: str
    n_samples: int
    peak: float
    dc: float
    n_nonfinite: int
    nonfinite: tuple[tuple[int, int], ...]
    error: str | None
    n_clipped: int = 0
    clipped: tuple[tuple[int, int], ...] = ()
    channel_power: tuple[float, ...] = ()
    mix_power: float = 0.0
    difference_power: float = 0.0

    @property
    def source_key(self) -> str:
        """The recording's content as 32 hex digits: equal for equal samples."""
        return self.sha256[:SOURCE_KEY_LENGTH]

    @property
    def clipped_share(self) -> float:
        """Share of all samples of all channels that are clipped, to 1e-6."""
        total = self.n_samples * max(1, self.info.n_channels)
        return round(self.n_clipped / max(1, total), 6)

    @property
    def rms_db(self) -> float:
        """Level of the mono mix without DC, in dB of full scale, to 0.01."""
        return levels.decibels(self.mix_power)

    @property
    def mix_loss_db(self) -> float:
        """What the mono mix loses against the channels' mean power, in dB, to 0.01."""
        return levels.mix_loss_db(self.channel_power, self.mix_power)

    @property
    def stereo(self) -> StereoKind:
        """How the channels are to each other."""
        return levels.stereo_kind(
            self.channel_power or (0.0,), self.mix_power, self.difference_power
        )

    def to_json(self) -> dict[str, Any]:
        """Return the scan as plain JSON values, with the revision of its measures."""
        values = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name != "info"
        }
        info = dataclasses.asdict(self.info)
        info |= {"path": os.fspath(self.info.path), "decoder": str(self.info.decoder)}
        return {"revision": SCAN_REVISION, "info": info} | values

    @classmethod
    def from_json(cls, data: Any) -> Scan:
        """Read what `to_json` wrote, also after it was written as text.

        Raises:
            AudioError: It is damaged, or of another revision: scan the file again.
        """
        try:
            values = dict(data)
            if values.pop("revision") != SCAN_REVISION:
                raise ValueError("of another revision")
            info = dict(values.pop("info"))
            info |= {"path": Path(info["path"]), "decoder": Decoder(info["decoder"])}
            for name in ("nonfinite", "clipped"):
                values[name] = tuple((int(a), int(b)) for a, b in values[name])
            values["channel_power"] = tuple(map(float, values["channel_power"]))
            return cls(info=AudioInfo(**info), **values)
        except (KeyError, TypeError, ValueError) as error:
            raise AudioError(
                f"a stored scan is not usable ({error}); scan the file again"
            ) from error


def scan(path: str | os.PathLike[str]) -> Scan:
    """Decode a recording once, in order, and report what is in it.

    Args:
        path: A local file.

    Raises:
        AudioError: The file cannot be opened as audio at all (`probe`).
        StorageError: The disk or the network failed.
    """
    info = probe(path)
    digest = hashlib.sha256(f"{info.sample_rate} {info.n_channels}\n".encode())
    n_samples, n_nonfinite, peak, total = 0, 0, 0.0, 0.0
    ranges = np.zeros((0, 2), np.int64)
    clipping, power = ClipCounter(info.n_channels), PowerMeter(info.n_channels)
    error: str | None = None
    try:
        for chunk in stream(path):
            digest.update(chunk.astype("<f4", copy=False).tobytes())
            mono = mono_mix(chunk)
            bad = ~np.isfinite(mono)
            if bad.any():
                n_nonfinite += int(bad.sum())
                ranges = merged(np.concatenate([ranges, n_samples + runs(bad)]))
            finite = np.abs(chunk[np.isfinite(chunk)])
            peak = max(peak, float(finite.max(initial=0.0)))
            total += float(mono[~bad].sum(dtype=np.float64))
            clipping.add(chunk)
            power.add(chunk)
            n_samples += len(chunk)
    except DecodeError as failure:
        error = str(failure)
    n_clipped, clipped = clipping.found()
    channel_power, mix_power, difference_power = power.powers()
    return Scan(
        info=info,
        sha256=digest.hexdigest(),
        n_samples=n_samples,
        peak=peak,
        dc=total / max(1, n_samples - n_nonfinite),
        n_nonfinite=n_nonfinite,
        nonfinite=tuple((int(start), int(stop)) for start, stop in ranges),
        error=error,
        n_clipped=n_clipped,
        clipped=clipped,
        channel_power=channel_power,
        mix_power=mix_power,
        difference_power=difference_power,
    )


def mono_mix(audio: np.ndarray) -> np.ndarray:
    """Return the mean of the channels.

    Args:
        audio: [n, n_channels] float32.

    Returns:
        [n] float32; not finite where any channel is not.

    >>> mono_mix(np.array([[1.0, 0.0], [0.5, 0.5]], np.float32)).tolist()
    [0.5, 0.5]
    """
    if audio.shape[1] == 1:
        return audio[:, 0]
    # In float64, so that the sum of loud channels cannot overflow.
    return audio.mean(axis=1, dtype=np.float64).astype(np.float32)
