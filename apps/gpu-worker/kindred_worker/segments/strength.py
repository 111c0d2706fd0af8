"""Strength: the probability that a customer falls into the same segment when the segments are found again.

The segments are refitted on resamples of the customers; a customer's agreement is the share of refits that put it into
the matched segment. A logistic model learns that share from how far the customer lies from the borders of its segment
(signed distance to the bisecting planes), and monotone (isotonic) knots remove what bias is left; both are small
enough for the live path. Calibration is measured on refits and customers that neither has seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from kindred_worker.segments.space import squared_distances

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Strength:
    scale: float  # one unit of distance to a border
    border_weights: Float32  # (4) of `borders`
    segment_weights: Float32  # (K)
    knots: Float32  # (T) raw probabilities, rising
    values: Float32  # (T) calibrated

    def of(self, squared: Float32, gaps: Float32, index: npt.NDArray[np.integer]) -> Float32:
        """(B, K) squared distances to the centres, (K, K) distances between centres, (B) segment -> (B), 0..1."""
        logit = borders(squared, gaps, index, self.scale) @ self.border_weights + self.segment_weights[index]
        return np.interp(1 / (1 + np.exp(-logit)), self.knots, self.values).astype(np.float32)


def gaps_between(centres: Float32) -> Float32:
    """(K, Q) -> (K, K) distances between centres, 1 on the diagonal."""
    gaps = np.sqrt(squared_distances(centres, centres))
    np.fill_diagonal(gaps, 1)
    return np.maximum(gaps, 1e-6)


def borders(squared: Float32, gaps: Float32, index: npt.NDArray[np.integer], scale: float) -> Float32:
    """How safely inside: (B, 4) from the distances to the nearest and second nearest bisecting plane."""
    rows = np.arange(len(index))
    planes = (squared - squared[rows, index][:, None]) / (2 * gaps[index])
    planes[rows, index] = np.inf
    if planes.shape[1] > 2:
        nearest = np.partition(planes, 1, axis=1)[:, :2] / scale
    else:
        nearest = np.repeat(planes.min(axis=1, keepdims=True), 2, axis=1) / scale
    nearest = np.minimum(np.maximum(nearest, 0), 50)
    own = np.sqrt(squared[rows, index]) / scale
    return np.stack([np.sqrt(nearest[:, 0]), np.log(nearest[:, 0] + 0.02), np.sqrt(nearest[:, 1]), np.minimum(own, 50)], axis=1).astype(
        np.float32
    )


def fit_strength(points: Float32, centres: Float32, index: Int64, agreement: Float64, refits: int) -> Strength:
    """`agreement` (N): share of `refits` that put each customer into the segment matched to its own."""
    gaps = gaps_between(centres)
    squared = squared_distances(points, centres)
    scale = float(np.median(np.sqrt(squared[np.arange(len(index)), index]))) or 1.0
    segments = np.eye(len(centres), dtype=np.float32)[index]
    inputs = np.concatenate([borders(squared, gaps, index, scale), segments], axis=1)
    # Half a refit of doubt either way: no finite number of refits proves certainty.
    share = (agreement * refits + 0.25) / (refits + 0.5)
    model = LogisticRegression(C=10.0, max_iter=300, fit_intercept=False)
    stacked = np.concatenate([inputs, inputs])
    outcome = np.repeat([1, 0], len(inputs))
    model.fit(stacked, outcome, sample_weight=np.concatenate([share, 1 - share]))
    weights = model.coef_[0].astype(np.float32)
    raw = model.predict_proba(inputs)[:, 1]
    isotonic = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(raw, agreement)
    knots = np.unique(np.quantile(raw, np.linspace(0, 1, 33)))
    values = np.clip(isotonic.predict(knots), 0.01, 1 - 0.25 / (refits + 0.5))
    count = inputs.shape[1] - segments.shape[1]
    return Strength(scale, weights[:count], weights[count:], knots.astype(np.float32), values.astype(np.float32))


def expected_calibration_error(claimed: Float32, happened: Float64, bins: int = 10) -> float:
    """Mean |claimed - happened| over bins of equal width, weighted by their customers (Naeini et al. 2015)."""
    place = np.minimum((claimed * bins).astype(int), bins - 1)
    count = np.bincount(place, minlength=bins)
    told = np.bincount(place, claimed, minlength=bins)
    was = np.bincount(place, happened, minlength=bins)
    return float(np.abs(told - was).sum() / max(count.sum(), 1))
