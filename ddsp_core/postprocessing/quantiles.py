"""Mapping a feature to its quantiles, and back from another dataset's."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from scipy import special

from ddsp_core.errors import ShapeError, UsageError

EDGE: Final = 1e-7  # nearer to 0 or 1 than this, a quantile counts as the end itself.
OUTPUTS: Final = ("uniform", "normal")


class QuantileTransformer:
    """Maps each feature to [0, 1] by its own quantiles, and back.

    The numbers are those of scikit-learn's class of that name, in the precision of the
    input. Differs from the reference: of more than `subsample` values, evenly spaced
    ranks are taken, where it draws at random.

    Args:
        n_quantiles: Knots of the curve; at most as many as values.
        output_distribution: 'uniform', or 'normal' for a standard Gaussian.
        subsample: Values that the quantiles are taken of, at most.

    Attributes:
        n_quantiles_: Knots used.
        references_: Their quantiles, [n_quantiles_], float64 from 0 to 1.
        quantiles_: The feature at them, [n_quantiles_, n_features].
    """

    def __init__(
        self,
        n_quantiles: int = 1000,
        output_distribution: str = "uniform",
        subsample: int = int(1e5),
    ) -> None:
        if output_distribution not in OUTPUTS:
            raise UsageError(
                f"output_distribution is {output_distribution!r}; it must be one of"
                f" {', '.join(OUTPUTS)}"
            )
        self.n_quantiles = n_quantiles
        self.output_distribution = output_distribution
        self.subsample = subsample

    def fit(self, x: Any) -> QuantileTransformer:
        """Take the quantiles of each feature; NaN does not count.

        Args:
            x: [n, n_features].

        Raises:
            UsageError: `n_quantiles` is not positive.
            ShapeError: `x` has other than two axes.
        """
        if self.n_quantiles <= 0:
            raise UsageError(f"n_quantiles is {self.n_quantiles}; it must be positive")
        x = _columns(x)
        self.n_quantiles_ = max(1, min(self.n_quantiles, len(x)))
        self.references_ = np.linspace(0, 1, self.n_quantiles_)
        knots = [self._knots(column) for column in x.T]
        # Interpolation between equal values can fall by a rounding error.
        self.quantiles_ = np.maximum.accumulate(np.transpose(knots))
        return self

    def transform(self, x: Any) -> np.ndarray:
        """Map features to quantiles; beyond those known, to the ends.

        Args:
            x: [n, n_features].

        Returns:
            Of the same shape and type.

        Raises:
            ShapeError: There are other features than were fitted.
        """
        return self._by_column(x, self._forward)

    def inverse_transform(self, x: Any) -> np.ndarray:
        """Undo `transform`."""
        return self._by_column(x, self._backward)

    def fit_transform(self, x: Any) -> np.ndarray:
        """Return `fit(x).transform(x)`."""
        return self.fit(x).transform(x)

    def _knots(self, column: np.ndarray) -> np.ndarray:
        if self.subsample < len(column):
            column = np.sort(column[~np.isnan(column)])
            ranks = np.linspace(0, len(column) - 1, self.subsample)
            column = column[np.round(ranks).astype(int)]
        return np.nanpercentile(column, self.references_ * 100)

    def _by_column(self, x: Any, mapped: Any) -> np.ndarray:
        if not hasattr(self, "quantiles_"):
            raise UsageError("the transformer knows no quantiles yet; call fit first")
        x = _columns(x)
        if x.shape[1] != self.quantiles_.shape[1]:
            raise ShapeError(
                f"x has shape {x.shape}; needed the {self.quantiles_.shape[1]} features"
                " that were fitted, [n, n_features]"
            )
        result = x.copy()
        for i, knots in enumerate(self.quantiles_.T):
            result[:, i] = mapped(x[:, i], knots)
        return result

    def _forward(self, x: np.ndarray, knots: np.ndarray) -> np.ndarray:
        is_low, is_high = self._at_ends(x, knots[0], knots[-1])
        known = ~np.isnan(x)
        # Where values repeat, quantiles jump: the middle of the jump is meant.
        rising = np.interp(x[known], knots, self.references_)
        falling = np.interp(-x[known], -knots[::-1], -self.references_[::-1])
        result = x.copy()
        result[known] = 0.5 * (rising - falling)
        result[is_high], result[is_low] = 1.0, 0.0
        if self.output_distribution == "uniform":
            return result
        ends = special.ndtri([EDGE - np.spacing(1), 1 - (EDGE - np.spacing(1))])
        return np.clip(special.ndtri(result), *ends)

    def _backward(self, x: np.ndarray, knots: np.ndarray) -> np.ndarray:
        result = x.copy()
        if self.output_distribution == "normal":
            result = special.ndtr(result.astype(np.float64))
        is_low, is_high = self._at_ends(result, 0.0, 1.0)
        known = ~np.isnan(result)
        result[known] = np.interp(result[known], self.references_, knots)
        result[is_high], result[is_low] = knots[-1], knots[0]
        return result

    def _at_ends(
        self, x: np.ndarray, low: float, high: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Say which values lie at the ends; NaN at neither."""
        if self.output_distribution == "uniform":
            return x == low, x == high
        return x - EDGE < low, x + EDGE > high


def fit_quantile_transform(
    loudness_db: Any, mask_on: Any, inv_quantile: QuantileTransformer | None = None
) -> Any:
    """Take the quantiles of loudness where notes sound.

    Args:
        loudness_db: [batch, n_frames].
        mask_on: Where a note sounds, bool [batch, n_frames].
        inv_quantile: Of another dataset, to map the loudness to.

    Returns:
        The fitted transformer. With `inv_quantile` also the loudness with that
        dataset's quantiles where notes sound, and as it was elsewhere,
        [batch * n_frames, 1].

    Raises:
        ShapeError: The shapes differ.
    """
    loudness_db, mask_on = np.asarray(loudness_db), np.asarray(mask_on, bool)
    if loudness_db.shape != mask_on.shape:
        raise ShapeError(
            f"loudness_db has shape {loudness_db.shape} and mask_on {mask_on.shape};"
            " needed equal shapes"
        )
    transformer = QuantileTransformer()
    quantiles = transformer.fit_transform(loudness_db[mask_on][:, np.newaxis])
    if inv_quantile is None:
        return transformer
    matched = np.ravel(loudness_db)[:, np.newaxis].copy()
    matched[np.ravel(mask_on)] = inv_quantile.inverse_transform(quantiles)
    return transformer, matched


def _columns(x: Any) -> np.ndarray:
    """Return floating-point features, [n, n_features]."""
    x = np.asarray(x)
    if x.ndim != 2:
        raise ShapeError(f"x has shape {x.shape}; needed [n, n_features]")
    return x if np.issubdtype(x.dtype, np.floating) else x.astype(np.float64)
