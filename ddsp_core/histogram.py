"""Integer histograms: statistics that merge exactly, in any order."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ddsp_core.errors import DatasetError

STEPS_PER_UNIT = (
    100  # bins of 0.01 dB or 0.01 semitone: finer than either feature's error.
)


@dataclasses.dataclass(frozen=True)
class Histogram:
    """Counts of values rounded to 0.01 of their unit.

    Args:
        counts: From bin (value * 100, rounded half to even) to a positive count.
    """

    counts: Mapping[int, int] = dataclasses.field(default_factory=dict)

    @classmethod
    def of(cls, values: np.ndarray) -> Histogram:
        """Count the finite entries of `values` (any shape)."""
        flat = np.asarray(values, np.float64).ravel()
        bins = np.rint(flat[np.isfinite(flat)] * STEPS_PER_UNIT).astype(np.int64)
        keys, counts = np.unique(bins, return_counts=True)
        return cls(dict(zip(keys.tolist(), counts.tolist(), strict=True)))

    @classmethod
    def merge(cls, parts: Iterable[Histogram]) -> Histogram:
        """Return the sum; the order of `parts` does not matter."""
        total: dict[int, int] = {}
        for part in parts:
            for key, count in part.counts.items():
                total[key] = total.get(key, 0) + count
        return cls(dict(sorted(total.items())))

    @property
    def n(self) -> int:
        """Number of values counted."""
        return sum(self.counts.values())

    def mean(self) -> float:
        """Return the mean; NaN if nothing was counted."""
        if not self.counts:
            return float("nan")
        return sum(k * c for k, c in self.counts.items()) / self.n / STEPS_PER_UNIT

    def std(self) -> float:
        """Return the standard deviation; NaN if nothing was counted."""
        if not self.counts:
            return float("nan")
        keys, counts = self._arrays()
        centred = keys / STEPS_PER_UNIT - self.mean()
        return float(np.sqrt(np.sum(counts * centred**2) / counts.sum()))

    def quantile(self, q: float | np.ndarray) -> np.ndarray:
        """Return the values below which a share `q` of the counted values lies.

        Linear between order statistics, as numpy's default; NaN if nothing was counted.

        >>> float(Histogram.of(np.array([1.0, 2.0, 3.0])).quantile(0.5))
        2.0
        """
        q = np.asarray(q, np.float64)
        if not self.counts:
            return np.full(q.shape, np.nan)
        keys, counts = self._arrays()
        last = np.cumsum(counts) - 1  # index of the last order statistic in each bin
        position = np.clip(q, 0, 1) * (counts.sum() - 1)
        low = keys[np.searchsorted(last, np.floor(position))]
        high = keys[np.searchsorted(last, np.ceil(position))]
        return (low + (high - low) * (position - np.floor(position))) / STEPS_PER_UNIT

    def cdf(self, values: np.ndarray) -> np.ndarray:
        """Return the share of counted values below each value; ties count half."""
        values = np.asarray(values, np.float64)
        if not self.counts:
            return np.full(values.shape, np.nan)
        keys, counts = self._arrays()
        below = np.concatenate([[0], np.cumsum(counts)])
        bins = np.rint(values * STEPS_PER_UNIT)
        left = below[np.searchsorted(keys, bins, "left")]
        right = below[np.searchsorted(keys, bins, "right")]
        return (left + right) / 2 / counts.sum()

    def to_json(self) -> dict[str, list[int]]:
        """Return bins and counts as two lists, ascending by bin."""
        items = sorted(self.counts.items())
        return {"bins": [k for k, _ in items], "counts": [c for _, c in items]}

    @classmethod
    def from_json(cls, data: Any, where: str = "histogram") -> Histogram:
        """Read what `to_json` wrote; `where` names the file in errors."""
        try:
            bins, counts = data["bins"], data["counts"]
            pairs = dict(zip(map(int, bins), map(int, counts), strict=True))
            if len(pairs) != len(bins) or any(count < 1 for count in pairs.values()):
                raise ValueError("a bin stands twice, or a count is not positive")
        except (KeyError, TypeError, ValueError) as error:
            raise DatasetError(
                f"{where}: not a histogram ({error}); needed two equally long integer"
                " lists 'bins' and 'counts'"
            ) from error
        return cls(pairs)

    def _arrays(self) -> tuple[np.ndarray, np.ndarray]:
        items = np.array(sorted(self.counts.items()), np.int64)
        return items[:, 0], items[:, 1]
