"""From a head's log odds to probabilities that come true as often as they say (Platt 1999): a slope and a shift, from out of fold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

MOST = 30  # log odds


@dataclass(frozen=True)
class Calibration:
    slope: float
    shift: float

    @property
    def columns(self) -> tuple[str, ...]:
        return ("probability",)

    def probability(self, log_odds: Float64) -> Float64:
        """(N)."""
        return 1 / (1 + np.exp(-np.clip(self.slope * log_odds + self.shift, -MOST, MOST)))

    def said(self, scores: Float64) -> list[Float64]:
        return [self.probability(scores)]

    def tensors(self, scores: Tensor) -> tuple[Tensor, ...]:
        return (torch.sigmoid((self.slope * scores + self.shift).clamp(-MOST, MOST)),)

    def settings(self) -> dict[str, float]:
        return asdict(self)


def fit_calibration(log_odds: Float64, labels: Float64) -> Calibration:
    """Never turns an order round: a head that is worse than chance says the base rate of everybody."""
    fitted = LogisticRegression(C=10.0).fit(log_odds[:, None], labels)
    slope, shift = (float(np.ravel(part)[0]) for part in (fitted.coef_, fitted.intercept_))
    rate = float(labels.mean())
    return Calibration(slope, shift) if slope > 0 else Calibration(0.0, float(np.log(rate / (1 - rate))))


def out_of_fold(log_odds: Float64, labels: Float64, folds: Sequence[tuple[Int64, Int64]]) -> Float64:
    """(N) calibrated probabilities, those of each fold by what the other folds say: what the calibration is judged on."""
    said = np.zeros(len(labels))
    for fit, test in folds:
        said[test] = fit_calibration(log_odds[fit], labels[fit]).probability(log_odds[test])
    return said
