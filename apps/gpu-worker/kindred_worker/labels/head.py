"""A head for a few labels on the frozen encoder: logistic regression that starts from what is foreseen without any label.

Inputs, standardised over everyone (those without a label too):
  what the forecast says of the main events: log odds of the chances, and amounts, for each horizon;
  the embedding, shrunk: its weights are held the tighter, the fewer labels speak for letting them go.
So with few labels the head says what the forecast says, as far as the labels agree; with many it is a probe on the embedding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold

from kindred_worker.models.forecast_column import ForecastColumn

Float64 = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]

PENALTY = 0.1  # C of the logistic regression
# What the standardised embedding is multiplied with: the tightest that is not clearly worse is taken.
SHRINKAGES = (0.1, 0.3, 1.0)
FOLDS = 5
SURE = 1e-4  # chances are kept this far from 0 and 1


@dataclass(frozen=True)
class Inputs:
    """Of N customers; `foreseen` (N, P) and `embedding` (N, D), as `Scales` made them."""

    foreseen: Float64
    embedding: Float64

    def at(self, rows: npt.NDArray[np.int64]) -> Inputs:
        return Inputs(self.foreseen[rows], self.embedding[rows])

    def joined(self, shrinkage: float) -> Float64:
        return np.concatenate([self.foreseen, shrinkage * self.embedding], axis=1)


@dataclass(frozen=True)
class Scales:
    """Mean and spread of everyone's inputs, so that labels are not needed for them."""

    foreseen: tuple[Float64, Float64]
    embedding: tuple[Float64, Float64]

    @staticmethod
    def of(embedding: Float32, forecast: Float32, columns: Sequence[ForecastColumn]) -> Scales:
        return Scales(_scale(foreseen(forecast, columns)), _scale(embedding.astype(np.float64)))

    def inputs(self, embedding: Float32, forecast: Float32, columns: Sequence[ForecastColumn]) -> Inputs:
        """(N, D), (N, F) -> standardised."""
        return Inputs(
            _standardised(foreseen(forecast, columns), self.foreseen), _standardised(embedding.astype(np.float64), self.embedding)
        )


@dataclass(frozen=True)
class Head:
    shrinkage: float
    weights: Float64  # (P + D)
    bias: float

    def log_odds(self, inputs: Inputs) -> Float64:
        """(N)."""
        return inputs.joined(self.shrinkage) @ self.weights + self.bias

    def probability(self, inputs: Inputs) -> Float64:
        """(N), not calibrated."""
        return 1 / (1 + np.exp(-self.log_odds(inputs)))


def fit_head(inputs: Inputs, labels: Float64, seed: int = 0) -> Head:
    """From N labels, 0 or 1, with at least FOLDS of either."""
    shrinkage = _shrinkage(inputs, labels, seed)
    model = _fitted(inputs.joined(shrinkage), labels)
    weights, bias = (np.ravel(np.asarray(part, dtype=np.float64)) for part in (model.coef_, model.intercept_))
    return Head(shrinkage, weights, float(bias[0]))


def foreseen(forecast: Float32, columns: Sequence[ForecastColumn]) -> Float64:
    """(N, P): what is foreseen of the main events within the horizons."""
    kept, chances = foreseen_columns(columns)
    values = forecast[:, kept].astype(np.float64)
    chance = np.clip(values[:, chances], SURE, 1 - SURE)
    values[:, chances] = np.log(chance / (1 - chance))
    return values


def foreseen_columns(columns: Sequence[ForecastColumn]) -> tuple[list[int], npt.NDArray[np.bool_]]:
    """The P columns of the forecast that a head sees, and which of them are chances."""
    kept = [at for at, c in enumerate(columns) if c.main and c.kind in ("probability", "value", "count")]
    return kept, np.array([columns[at].kind == "probability" for at in kept], dtype=bool)


def _shrinkage(inputs: Inputs, labels: Float64, seed: int) -> float:
    """By log loss over folds of the labels: the tightest within one standard error of the best."""
    folds = list(StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(labels, labels))
    losses = np.array([[_loss(inputs.joined(s), labels, fit, test) for fit, test in folds] for s in SHRINKAGES])  # (S, FOLDS)
    best = int(losses.mean(axis=1).argmin())
    behind = losses - losses[best]
    close = behind.mean(axis=1) <= behind.std(axis=1) / np.sqrt(FOLDS)
    return SHRINKAGES[int(np.flatnonzero(close)[0])]


def _loss(features: Float64, labels: Float64, fit: npt.NDArray[np.int64], test: npt.NDArray[np.int64]) -> float:
    said = np.asarray(_fitted(features[fit], labels[fit]).predict_proba(features[test]))[:, 1]
    return float(log_loss(labels[test], said, labels=[0, 1]))


def _fitted(features: Float64, labels: Float64) -> LogisticRegression:
    model = LogisticRegression(C=PENALTY, max_iter=1000)
    model.fit(features, labels)
    return model


def _scale(values: Float64) -> tuple[Float64, Float64]:
    return values.mean(axis=0), np.maximum(values.std(axis=0), 1e-9)


def _standardised(values: Float64, scale: tuple[Float64, Float64]) -> Float64:
    return (values - scale[0]) / scale[1]
