"""From which novelty on one is unusual: how far the novelty of ordinary ones reaches that its scale was not fitted on.

A scale knows those that it was fitted on better than others, and what surprises has a heavy tail; so it is not asked of
itself how rare a novelty is. It is measured: customers by scales that are each fitted on the others alone (folds), events on
customers who were held out of the training.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from kindred_worker.segments.novelty import Lives, fit_novelty

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

QUANTILES = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999)
USUAL = 0.995  # of ordinary ones: who lies beyond is unusual where nobody says otherwise
FOLDS = 5
FEWEST = 100  # that a reach is measured on
BEYOND = 10  # as many lie beyond a quantile that is read off; the tail further out is exponential (novelty.py)


@dataclass(frozen=True)
class Reach:
    """NoveltyReach of novelty.proto."""

    quantiles: list[float]
    novelty: list[float]  # below which each share of ordinary ones lies, 0..1
    measured_on: int
    usual: float = USUAL

    @property
    def threshold(self) -> float:
        return self.novelty[self.quantiles.index(self.usual)]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(told: dict[str, Any]) -> Reach:
        return Reach(told["quantiles"], told["novelty"], told["measured_on"], told["usual"])


def reach_of(novelty: Float32 | Float64) -> Reach | None:
    """Of ordinary ones that the scale was not fitted on, (N); None for too few of them."""
    if len(novelty) < FEWEST:
        return None
    seen = np.sort(novelty.astype(np.float64))
    share = BEYOND / len(seen)
    begin = float(np.quantile(seen, 1 - share))
    scale = float((seen[seen > begin] - begin).mean()) if (seen > begin).any() else 0.0

    def at(quantile: float) -> float:
        if 1 - quantile >= share:
            return float(np.quantile(seen, quantile))
        return min(1.0, begin + scale * float(np.log(share / (1 - quantile))))

    return Reach(list(QUANTILES), np.maximum.accumulate([at(q) for q in QUANTILES]).tolist(), len(seen))


def measure_customers(embedding: Float32, seed: int, lives: Lives | None = None) -> Reach | None:
    """Of a population (N, D) as `fit_novelty` is told it; those of `lives` that count, where there are some, are its last rows."""
    if len(embedding) < FEWEST:
        return None
    fold, fold_of_lives = _folds(len(embedding), seed, lives)
    novelty = np.zeros(len(embedding), np.float32)
    for turn in range(FOLDS):
        held = fold == turn
        others = None if lives is None else lives.some(fold_of_lives != turn)
        scale = fit_novelty(embedding[~held], seed, others)
        novelty[held] = scale.score(scale.distance(embedding[held]))
    return reach_of(novelty)


def _folds(count: int, seed: int, lives: Lives | None) -> tuple[Int64, Int64]:
    """(N) a fold for each, and (L) for each moment of lives; all of one life are in one, for they are alike."""
    draws = np.random.default_rng(seed)
    fold = draws.permutation(count) % FOLDS
    if lives is None:
        return fold, np.zeros(0, np.int64)
    _, life = np.unique(lives.whose, return_inverse=True)
    of_lives: Int64 = (draws.permutation(int(life.max(initial=-1)) + 1) % FOLDS)[life]
    fold[count - int(lives.counts.sum()) :] = of_lives[lives.counts]
    return fold, of_lives
