"""A head for a few labels on the frozen encoder: a penalised linear model that starts from what is foreseen without any label.

Inputs, standardised over everyone (those without a label too):
  what the forecast says of the main events: log odds of the chances, and amounts, for each horizon;
  the embedding, shrunk: its weights are held the tighter, the fewer labels speak for letting them go.
So with few labels the head says what the forecast says, as far as the labels agree; with many it is a probe on the embedding.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from kindred_worker.labels.comparison import Folds
from kindred_worker.labels.task import FOLDS, Task
from kindred_worker.models.forecast_column import ForecastColumn

Float64 = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]

# What the standardised embedding is multiplied with: the tightest that is not clearly worse is taken.
SHRINKAGES = (0.1, 0.3, 1.0)
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

    def scores(self, inputs: Inputs) -> Float64:
        """(N), as the task has them."""
        return inputs.joined(self.shrinkage) @ self.weights + self.bias


def fit_head(task: Task, inputs: Inputs, targets: Float64, group: Int64, seed: int = 0, check: Callable[[], None] = lambda: None) -> Head:
    """From N labels; `group` (N) numbers their customers."""
    folds = task.folds(targets, group, FOLDS, seed)
    shrinkage, strength = _setting(task, inputs, targets, folds, check)
    return Head(shrinkage, *task.linear(inputs.joined(shrinkage), targets, strength))


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


def _setting(task: Task, inputs: Inputs, targets: Float64, folds: Folds, check: Callable[[], None]) -> tuple[float, float]:
    """By loss over folds: the tightest within one standard error of the best; the embedding's hold counts first."""
    settings = list(itertools.product(SHRINKAGES, task.strengths))

    def loss(setting: tuple[float, float], fit: Int64, test: Int64) -> float:
        check()
        features = inputs.joined(setting[0])
        weights, bias = task.linear(features[fit], targets[fit], setting[1])
        said = task.bounded(features[test] @ weights + bias)
        return float(task.loss(torch.from_numpy(said), torch.from_numpy(targets[test])))

    losses = np.array([[loss(setting, fit, test) for fit, test in folds] for setting in settings])  # (settings, FOLDS)
    behind = losses - losses[losses.mean(axis=1).argmin()]
    close = behind.mean(axis=1) <= behind.std(axis=1) / np.sqrt(FOLDS)
    return settings[int(np.flatnonzero(close)[0])]


def _scale(values: Float64) -> tuple[Float64, Float64]:
    return values.mean(axis=0), np.maximum(values.std(axis=0), 1e-9)


def _standardised(values: Float64, scale: tuple[Float64, Float64]) -> Float64:
    return (values - scale[0]) / scale[1]
