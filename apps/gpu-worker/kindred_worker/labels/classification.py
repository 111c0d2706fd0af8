"""Labels of yes or no: logistic regression, judged by the area under the ROC curve. Scores are log odds of a yes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold
from torch import Tensor
from torch.nn import functional

from kindred_worker.labels.calibration import Calibration, fit_calibration, out_of_fold
from kindred_worker.labels.comparison import Comparison, Folds
from kindred_worker.models.forecast_column import ForecastColumn
from kindred_worker.report import TooLittleData
from kindred_worker.segments.probe import boosted, logistic, reliability

Float64 = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]

VALUES = {"1": 1.0, "true": 1.0, "yes": 1.0, "0": 0.0, "false": 0.0, "no": 0.0}
PENALTY = 0.1  # C of the logistic regression
NEEDED = 10  # customers with a label of either value


@dataclass(frozen=True)
class Evaluation(Comparison):
    """Standings are areas under the ROC curve."""

    positives: int
    calibration_error: float
    calibration: list[dict[str, float]]


@dataclass(frozen=True)
class Classification:
    strengths: tuple[float, ...] = (PENALTY,)
    is_more_better: bool = True

    def value(self, text: str) -> float:
        if text.lower() not in VALUES:
            raise ValueError("is neither 0 nor 1")
        return VALUES[text.lower()]

    def check_enough(self, values: Float64, group: Int64) -> None:
        least = min(len(np.unique(group[values == one])) for one in (0, 1))
        if least < NEEDED:
            raise TooLittleData(
                "There are too few labels to learn from",
                needed=f"{NEEDED} of either value, of customers with events",
                found=f"{least} of one value",
            )

    def scaled_to(self, values: Float64) -> Classification:
        return self

    def targets(self, values: Float64) -> Float64:
        return values

    def folds(self, targets: Float64, group: Int64, count: int, seed: int) -> Folds:
        return list(StratifiedGroupKFold(count, shuffle=True, random_state=seed).split(targets, targets, group))

    def linear(self, features: Float64, targets: Float64, strength: float) -> tuple[Float64, float]:
        model = LogisticRegression(C=strength, max_iter=1000)
        model.fit(features, targets)
        weights, bias = (np.ravel(np.asarray(part, dtype=np.float64)) for part in (model.coef_, model.intercept_))
        return weights, float(bias[0])

    def loss(self, scores: Tensor, targets: Tensor) -> Tensor:
        return functional.binary_cross_entropy_with_logits(scores, targets)

    def descended(self, scores: Tensor, targets: Tensor) -> Tensor:
        return self.loss(scores, targets)

    def bounded(self, scores: Float64) -> Float64:
        return scores

    def without_features(self, forecast: Float32, columns: Sequence[ForecastColumn], targets: Float64, folds: Folds) -> dict[str, Float64]:
        """The chance that any main event comes within the middle horizon, foreseen without a label."""
        chances = [(c.horizon_days, at) for at, c in enumerate(columns) if c.main and c.kind == "probability"]
        if not chances:
            return {}
        horizons = sorted({days for days, _ in chances})
        middle = horizons[len(horizons) // 2]
        none = np.prod([1 - forecast[:, at].astype(np.float64) for days, at in chances if days == middle], axis=0)
        return {"forecast": 1 - none}

    def plain(self, features: Float64, targets: Float64, tested: Float64) -> Float64:
        return logistic(features, targets, tested)

    def boosted(self, features: Float64, targets: Float64, tested: Float64) -> Float64:
        return boosted(features, targets, tested)

    def figure(self, targets: Float64, scores: Float64) -> Callable[[Float64], float]:
        return lambda weight: float(roc_auc_score(targets, scores, sample_weight=weight))

    def measured(self, figure: float) -> str:
        return f"an area under the ROC curve of {figure:.3f}"

    def briefly(self, figure: float) -> str:
        return f"{figure:.3f}"

    def difference(self, lead: float) -> str:
        return f"{lead:+.3f}"

    def evaluation(self, compared: Comparison, scores: Float64, targets: Float64, folds: Folds) -> Evaluation:
        bins = reliability(out_of_fold(scores, targets, folds), targets)
        return Evaluation(
            **vars(compared),
            positives=int(targets.sum()),
            calibration_error=sum(b["customers"] * abs(b["claimed"] - b["happened"]) for b in bins) / len(targets),
            calibration=bins,
        )

    def saying(self, scores: Float64, targets: Float64) -> Calibration:
        return fit_calibration(scores, targets)
