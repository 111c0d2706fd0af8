"""What differs between labels of yes or no and labels that are numbers. All else of a head is the same.

A head gives scores: log odds of a yes (classification.py), or the number in standard deviations of the labels (regression.py).
It learns from targets: labels in the scores' unit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
from torch import Tensor

from kindred_worker.labels.comparison import Comparison, Folds
from kindred_worker.models.forecast_column import ForecastColumn

Float64 = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]

FOLDS = 5


class Saying(Protocol):
    """From a head's scores to what is said of a customer."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Of predictions.parquet beside the customer, and outputs of head.onnx."""
        ...

    def said(self, scores: Float64) -> list[Float64]:
        """(N) of each column."""
        ...

    def tensors(self, scores: Tensor) -> tuple[Tensor, ...]:
        """As `said`."""
        ...

    def settings(self) -> dict[str, float]: ...


class Task(Protocol):
    @property
    def strengths(self) -> tuple[float, ...]:
        """Of the linear head's penalty, the tightest first; one of them is chosen over folds."""
        ...

    @property
    def is_more_better(self) -> bool:
        """Of `figure`."""
        ...

    def value(self, text: str) -> float:
        """Of a label in a file. Raises ValueError saying what is wrong with it."""
        ...

    def check_enough(self, values: Float64, group: Int64) -> None:
        """(N) labels and the numbers of their customers. Raises TooLittleData."""
        ...

    def scaled_to(self, values: Float64) -> Task:
        """The task that has these labels' unit."""
        ...

    def targets(self, values: Float64) -> Float64: ...

    def folds(self, targets: Float64, group: Int64, count: int, seed: int) -> Folds:
        """All labels of a customer lie in one fold."""
        ...

    def linear(self, features: Float64, targets: Float64, strength: float) -> tuple[Float64, float]:
        """(N, F), (N) -> weights (F) and bias of a score."""
        ...

    def loss(self, scores: Tensor, targets: Tensor) -> Tensor:
        """(N), (N) -> its mean: by which the head's setting and the pass that is kept are chosen."""
        ...

    def descended(self, scores: Tensor, targets: Tensor) -> Tensor:
        """As `loss`: down whose gradient an encoder is tuned."""
        ...

    def bounded(self, scores: Float64) -> Float64:
        """What is said goes no further than labels do."""
        ...

    def without_features(self, forecast: Float32, columns: Sequence[ForecastColumn], targets: Float64, folds: Folds) -> dict[str, Float64]:
        """(N) scores of rivals that see nothing but what is foreseen without a label, or the other folds' labels."""
        ...

    def plain(self, features: Float64, targets: Float64, tested: Float64) -> Float64:
        """(N, F), (N), (M, F) -> (M) scores of a linear rival on hand-made features."""
        ...

    def boosted(self, features: Float64, targets: Float64, tested: Float64) -> Float64:
        """As `plain`, by gradient boosted trees."""
        ...

    def figure(self, targets: Float64, scores: Float64) -> Callable[[Float64], float]:
        """By which heads are judged: of any weights (N) of the labels that leave two different ones."""
        ...

    def measured(self, figure: float) -> str:
        """In a sentence: "The head foresees these labels with …"."""
        ...

    def briefly(self, figure: float) -> str: ...

    def difference(self, lead: float) -> str:
        """With its sign."""
        ...

    def evaluation(self, compared: Comparison, scores: Float64, targets: Float64, folds: Folds) -> Comparison:
        """With what only this task tells; scores (N) are out of fold, and bounded."""
        ...

    def saying(self, scores: Float64, targets: Float64) -> Saying:
        """From scores (N) out of fold."""
        ...
