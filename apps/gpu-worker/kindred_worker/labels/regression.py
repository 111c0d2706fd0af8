"""Labels that are numbers: ridge regression, judged by its root mean square error. Scores are in standard deviations of the labels."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from lightgbm import LGBMRegressor
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.metrics import root_mean_squared_error
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor
from torch.nn import functional

from kindred_worker.labels.comparison import Comparison, Folds
from kindred_worker.labels.interval import Interval, covered, fit_interval
from kindred_worker.models.forecast_column import ForecastColumn
from kindred_worker.report import TooLittleData
from kindred_worker.segments.probe import trees

Float64 = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]

LARGEST = 1e15  # beyond it a number has no room for its ones, and its square none in a graph of float32
PENALTIES = (10_000.0, 1_000.0, 100.0, 10.0, 1.0, 0.1, 0.01, 0.001, 0.0001)  # alpha of the ridge regression
NEEDED = 20  # customers with a label


@dataclass(frozen=True)
class NumberEvaluation(Comparison):
    """Standings are root mean square errors in the labels' unit."""

    spread: float  # standard deviation of the labels: the error of saying their mean of everybody
    below: float  # what is added to a number for the ends of its interval, which go no further than labels do
    above: float
    covered: float  # share of the labels that lie in their interval, which is of nine in ten

    def explained(self, error: float) -> float:
        """R²: the part of the labels' variance that an error leaves nothing of; below 0 where it is worse than their mean."""
        return 1 - (error / self.spread) ** 2


@dataclass(frozen=True)
class Regression:
    centre: float = 0.0
    spread: float = 1.0
    lowest: float = -math.inf
    highest: float = math.inf
    strengths: tuple[float, ...] = PENALTIES
    is_more_better: bool = False

    def value(self, text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not abs(number) <= LARGEST:
            raise ValueError(f"is no number from -{LARGEST:g} to {LARGEST:g}")
        return number

    def check_enough(self, values: Float64, group: Int64) -> None:
        known = len(np.unique(group))
        if known < NEEDED:
            raise TooLittleData(
                "There are too few labels to learn from", needed=f"labels of {NEEDED} customers with events", found=f"of {known} customers"
            )
        if np.ptp(values) == 0:
            raise TooLittleData("There are too few labels to learn from", needed="different numbers", found=f"{values[0]:g} for everybody")

    def scaled_to(self, values: Float64) -> Regression:
        return Regression(float(values.mean()), float(values.std()), float(values.min()), float(values.max()))

    def targets(self, values: Float64) -> Float64:
        return (values - self.centre) / self.spread

    def folds(self, targets: Float64, group: Int64, count: int, seed: int) -> Folds:
        return list(GroupKFold(count, shuffle=True, random_state=seed).split(targets, targets, group))

    def linear(self, features: Float64, targets: Float64, strength: float) -> tuple[Float64, float]:
        model = Ridge(alpha=strength).fit(features, targets)
        return np.asarray(model.coef_, dtype=np.float64), float(model.intercept_)

    def loss(self, scores: Tensor, targets: Tensor) -> Tensor:
        return functional.mse_loss(scores, targets)

    def descended(self, scores: Tensor, targets: Tensor) -> Tensor:
        """Huber's: squared up to one standard deviation of the labels, so that a far miss does not unsettle what is tuned."""
        return functional.huber_loss(scores, targets)

    def bounded(self, scores: Float64) -> Float64:
        """No number is below the lowest label or above the highest: a line goes on where nobody was seen."""
        return np.clip(scores, *self.targets(np.array([self.lowest, self.highest])))

    def without_features(self, forecast: Float32, columns: Sequence[ForecastColumn], targets: Float64, folds: Folds) -> dict[str, Float64]:
        """The mean of the other folds' labels, said of everybody."""
        mean = np.zeros(len(targets))
        for fit, test in folds:
            mean[test] = targets[fit].mean()
        return {"mean": mean}

    def plain(self, features: Float64, targets: Float64, tested: Float64) -> Float64:
        return np.asarray(make_pipeline(StandardScaler(), RidgeCV(PENALTIES)).fit(features, targets).predict(tested))

    def boosted(self, features: Float64, targets: Float64, tested: Float64) -> Float64:
        return np.asarray(LGBMRegressor(**trees(len(features))).fit(features, targets).predict(tested))

    def figure(self, targets: Float64, scores: Float64) -> Callable[[Float64], float]:
        return lambda weight: self.spread * float(root_mean_squared_error(targets, scores, sample_weight=weight))

    def measured(self, figure: float) -> str:
        return f"a root mean square error of {self.briefly(figure)} (R² {1 - (figure / self.spread) ** 2:.2f})"

    def briefly(self, figure: float) -> str:
        return f"{figure:,.{self._digits}f}"

    def difference(self, lead: float) -> str:
        return f"{lead:+,.{self._digits}f}"

    @property
    def _digits(self) -> int:
        """After the point, so that a thousandth of the labels' spread can be told."""
        return max(0, 2 - math.floor(math.log10(self.spread)))

    def evaluation(self, compared: Comparison, scores: Float64, targets: Float64, folds: Folds) -> NumberEvaluation:
        errors = self.spread * (targets - scores)
        below, above = fit_interval(errors)
        return NumberEvaluation(**vars(compared), spread=self.spread, below=below, above=above, covered=covered(errors, folds))

    def saying(self, scores: Float64, targets: Float64) -> Interval:
        below, above = fit_interval(self.spread * (targets - self.bounded(scores)))
        return Interval(self.centre, self.spread, self.lowest, self.highest, below, above)
