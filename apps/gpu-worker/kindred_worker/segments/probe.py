"""Small supervised models on frozen features, used only to measure them (learning.md: LR standardised with C = .1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from lightgbm import LGBMClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

Float64 = npt.NDArray[np.float64]

RESAMPLES = 20


def trees(count: int) -> dict[str, Any]:
    """Settings of gradient boosted trees for so many labels; where they are few, leaves may be small, else nothing could be split."""
    return {
        "n_estimators": 200,
        "learning_rate": 0.03,
        "num_leaves": 15,
        "min_child_samples": min(30, max(2, count // 8)),
        "subsample": 0.8,
        "subsample_freq": 1,
        "colsample_bytree": 0.5,
        "random_state": 0,
        "n_jobs": 1,
        "verbose": -1,
        "deterministic": True,
        "force_row_wise": True,
    }


@dataclass(frozen=True)
class Figure:
    value: float
    deviation: float  # over resamples of the tested customers


def logistic(features: Float64, labels: Float64, tested: Float64) -> Float64:
    """Probabilities of `tested` (M, F) from a probe fitted on `features` (N, F)."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
    return np.asarray(model.fit(features, labels).predict_proba(tested)[:, 1])


def boosted(features: Float64, labels: Float64, tested: Float64, check: Callable[[], None] = lambda: None) -> Float64:
    """As `logistic`, by gradient boosted trees. `check` is called before each tree (cancel)."""
    model = LGBMClassifier(**trees(len(features)))
    return np.asarray(model.fit(features, labels, callbacks=[lambda _: check()]).predict_proba(tested))[:, 1]


def auc(labels: Float64, scores: Float64, seed: int = 0) -> Figure:
    """Area under the ROC curve; its deviation over bootstrap resamples of the customers."""
    return resampled(lambda rows: float(roc_auc_score(labels[rows], scores[rows])), len(labels), labels, seed)


def resampled(measure: Callable[[npt.NDArray[np.int64]], float], count: int, labels: Float64, seed: int = 0) -> Figure:
    """A measure on all rows, and its spread over resamples that hold both classes."""
    draws = np.random.default_rng(seed)
    values: list[float] = []
    for _ in range(RESAMPLES):
        rows = draws.integers(0, count, count)
        if 0 < labels[rows].mean() < 1:
            values.append(measure(rows))
    return Figure(measure(np.arange(count)), float(np.std(values)) if values else 0.0)


def few_labels(features: Float64, labels: Float64, tested: Float64, truth: Float64, count: int, draws: int = 10) -> Figure:
    """AUC of the logistic probe when only `count` labels are known: mean and deviation over draws of them."""
    values: list[float] = []
    for seed in range(draws):
        rows = np.random.default_rng((count, seed)).permutation(len(labels))[:count]
        if 0 < labels[rows].mean() < 1:
            values.append(float(roc_auc_score(truth, logistic(features[rows], labels[rows], tested))))
    return Figure(float(np.mean(values)), float(np.std(values))) if values else Figure(float("nan"), 0.0)


def reliability(claimed: Float64, happened: Float64, bins: int = 10) -> list[dict[str, float]]:
    """What was claimed and what happened, in bins of equal width that hold anyone."""
    place = np.minimum((claimed * bins).astype(int), bins - 1)
    return [
        {"claimed": float(claimed[place == b].mean()), "happened": float(happened[place == b].mean()), "customers": int((place == b).sum())}
        for b in range(bins)
        if (place == b).any()
    ]
