"""What one pass over the samples tells of their levels: clipping, power, stereo."""

from __future__ import annotations

import enum
import math
from typing import Final

import numpy as np

from ddsp_core.audio.ranges import merged, runs

MIN_RUN: Final = 3  # samples: a loud peak may hold the highest value once or twice
NEAR_FULL_SCALE: Final = 0.9  # a plateau below it is no converter's limit
ONE_SIDED_DB: Final = 40.0  # the other channel holds hum and noise at most
SAME_DB: Final = -60.0  # the difference of channels that are one, dither aside
INVERTED_LOSS_DB: Final = 10.0  # a correlation of -0.8 at equal power
MOST_LOSS_DB: Final = 99.0  # stands for a mix that cancels wholly


class StereoKind(enum.StrEnum):
    """How the channels of a recording are to each other."""

    MONO = "mono"
    DUAL_MONO = "dual mono"  # both channels hold the same
    STEREO = "stereo"
    ONE_SIDED = "one-sided"  # all but one channel are silent
    INVERTED = "inverted"  # the mono mix cancels the channels
    MULTICHANNEL = "multichannel"


class ClipCounter:
    """Finds runs of samples at a channel's own extreme, and samples over full scale.

    A run of `MIN_RUN` or more equal samples at the highest or lowest value of its
    channel is a plateau of clipping if that value is near full scale.
    """

    def __init__(self, n_channels: int) -> None:
        self._sides = [_Side() for _ in range(2 * n_channels)]
        self._over = _Stretches()
        self._n_samples = 0

    def add(self, chunk: np.ndarray) -> None:
        """Take the next samples, [n, n_channels] float32; not finite ones are left."""
        for channel in range(chunk.shape[1]):
            samples = np.nan_to_num(chunk[:, channel], posinf=0.0, neginf=0.0)
            self._sides[2 * channel].add(samples, self._n_samples)
            self._sides[2 * channel + 1].add(-samples, self._n_samples)
            if np.abs(samples).max(initial=0.0) > 1:
                self._over.add(runs(np.abs(samples) > 1) + self._n_samples)
        self._n_samples += len(chunk)

    def found(self) -> tuple[int, tuple[tuple[int, int], ...]]:
        """Return the count of clipped samples over all channels, and where they are."""
        sides = [side.closed() for side in self._sides]
        parts = [s for s in sides if s is not None] + [self._over]
        ranges = np.concatenate([part.ranges for part in parts])
        ordered = merged(ranges[np.argsort(ranges[:, 0], kind="stable")])
        where = tuple((int(start), int(stop)) for start, stop in ordered)
        return sum(part.n for part in parts), where


class _Stretches:
    """A count of samples, and where they are."""

    def __init__(self) -> None:
        self.n = 0
        self.ranges = np.zeros((0, 2), np.int64)

    def add(self, ranges: np.ndarray) -> None:
        self.n += int((ranges[:, 1] - ranges[:, 0]).sum())
        self.ranges = merged(np.concatenate([self.ranges, ranges]))


class _Side:
    """The plateaus at one extreme of one channel; over full scale counts elsewhere."""

    def __init__(self) -> None:
        self._top = 0.0
        self._found = _Stretches()
        self._open = np.zeros((0, 2), np.int64)  # a run that the chunk's end cut

    def add(self, samples: np.ndarray, at: int) -> None:
        top = float(samples.max(initial=0.0))
        if top > self._top:
            self._top, self._found = top, _Stretches()
            self._open = self._open[:0]
        if top < self._top or top < NEAR_FULL_SCALE:
            self._close()
            return
        ranges = runs(samples == top) + at
        if len(self._open) and len(ranges) and ranges[0, 0] == self._open[0, 1]:
            ranges[0, 0] = self._open[0, 0]
        else:
            self._close()
        self._open = ranges[ranges[:, 1] == at + len(samples)]
        self._keep(ranges[ranges[:, 1] < at + len(samples)])

    def closed(self) -> _Stretches | None:
        """Return what was found; None where no converter clips."""
        self._close()
        is_limit = NEAR_FULL_SCALE <= self._top <= 1
        return self._found if is_limit else None

    def _close(self) -> None:
        self._keep(self._open)
        self._open = self._open[:0]

    def _keep(self, ranges: np.ndarray) -> None:
        self._found.add(ranges[ranges[:, 1] - ranges[:, 0] >= MIN_RUN])


class PowerMeter:
    """Power of each channel and of their mean, without DC.

    Moments that are not finite in any channel are left out.
    """

    def __init__(self, n_channels: int) -> None:
        self._n = 0
        self._sums = np.zeros(n_channels + 1)
        self._squares = np.zeros(n_channels + 1)
        self._difference = 0.0

    def add(self, chunk: np.ndarray) -> None:
        """Take the next samples, [n, n_channels] float32."""
        channels = chunk[np.isfinite(chunk).all(axis=1)].astype(np.float64)
        both = np.concatenate([channels, channels.mean(axis=1, keepdims=True)], axis=1)
        self._n += len(both)
        self._sums += both.sum(axis=0)
        self._squares += np.einsum("ij,ij->j", both, both)
        if channels.shape[1] == 2:
            self._difference += float(((channels[:, 0] - channels[:, 1]) ** 2).sum())

    def powers(self) -> tuple[tuple[float, ...], float, float]:
        """Return the power of each channel, of the mix, and of left minus right."""
        n = max(1, self._n)
        power = np.maximum(self._squares / n - (self._sums / n) ** 2, 0.0).tolist()
        return tuple(power[:-1]), power[-1], self._difference / n


def decibels(power: float, floor_db: float = -120.0) -> float:
    """Return a power in dB, to 0.01, not below a floor.

    >>> decibels(0.5)
    -3.01
    """
    if power <= 10 ** (floor_db / 10):
        return floor_db
    return round(10 * math.log10(power), 2)


def mix_loss_db(channel_power: tuple[float, ...], mix_power: float) -> float:
    """Return what the mono mix loses against the channels' mean power, in dB.

    0 for equal channels, 3 for unrelated ones or a silent one, `MOST_LOSS_DB` at most.
    """
    mean = sum(channel_power) / max(1, len(channel_power))
    if decibels(mean) <= -120.0:
        return 0.0
    if mix_power <= mean * 10 ** (-MOST_LOSS_DB / 10):
        return MOST_LOSS_DB
    return max(0.0, round(10 * math.log10(mean / mix_power), 2))


def stereo_kind(
    channel_power: tuple[float, ...], mix_power: float, difference_power: float
) -> StereoKind:
    """Say how the channels are to each other, from what `PowerMeter.powers` returns."""
    if len(channel_power) == 1:
        return StereoKind.MONO
    total, top = sum(channel_power), max(channel_power)
    if decibels(total) <= -120.0:
        return StereoKind.DUAL_MONO
    if total - top <= top * 10 ** (-ONE_SIDED_DB / 10):
        return StereoKind.ONE_SIDED
    if mix_loss_db(channel_power, mix_power) >= INVERTED_LOSS_DB:
        return StereoKind.INVERTED
    if len(channel_power) > 2:
        return StereoKind.MULTICHANNEL
    is_same = difference_power <= total * 10 ** (SAME_DB / 10)
    return StereoKind.DUAL_MONO if is_same else StereoKind.STEREO
