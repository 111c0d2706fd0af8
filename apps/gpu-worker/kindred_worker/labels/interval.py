"""From a head's scores to numbers, each with the interval that nine of ten truths lie in: quantiles of the errors out of fold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
from torch import Tensor

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

WITHIN = (0.05, 0.95)


@dataclass(frozen=True)
class Interval:
    """Within the labels' range as wide for everybody: honest on average over those who are like the labelled, not for each."""

    centre: float  # of the labels, in their unit
    spread: float
    lowest: float  # label; neither a number nor an end of its interval goes further
    highest: float
    below: float  # what is added to a number to get the ends of its interval; `below` may lie above 0
    above: float

    @property
    def columns(self) -> tuple[str, ...]:
        return ("number", "low", "high")

    def said(self, scores: Float64) -> list[Float64]:
        number = np.clip(self.centre + self.spread * scores, self.lowest, self.highest)
        return [np.clip(number + added, self.lowest, self.highest) for added in (0.0, self.below, self.above)]

    def tensors(self, scores: Tensor) -> tuple[Tensor, ...]:
        number = (self.centre + self.spread * scores).clamp(self.lowest, self.highest)
        return tuple((number + added).clamp(self.lowest, self.highest) for added in (0.0, self.below, self.above))

    def settings(self) -> dict[str, float]:
        return asdict(self)


def fit_interval(errors: Float64) -> tuple[float, float]:
    """Of truths minus what was said (N)."""
    below, above = np.quantile(errors, WITHIN)
    return float(below), float(above)


def covered(errors: Float64, folds: Sequence[tuple[Int64, Int64]]) -> float:
    """Share of the truths in their interval, those of each fold by what the other folds say."""
    inside = np.zeros(len(errors), dtype=bool)
    for fit, test in folds:
        below, above = fit_interval(errors[fit])
        inside[test] = (errors[test] >= below) & (errors[test] <= above)
    return float(inside.mean())
