"""The room that customers are grouped in: what they are expected to do, in units of how much of it can be foreseen.

Each column of the forecast becomes one axis whose spread is the share of the outcome's variance that the forecast
explains (a column that foresees nothing shrinks to nothing, whatever its own spread), so nothing has to be known of
which columns matter in this data. Chances and amounts within horizons are turned into ranks first: heavy tails
would else make segments of a handful of extreme customers. The chances of what comes next and of what follows what
stay as they are: they come in lumps when people behave in distinct ways, and ranks would smear the lumps.

A live customer costs O(F): piecewise linear, then one matrix.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from kindred_worker.models.forecast_column import ForecastColumn

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

PIECES = 16  # of each column's piecewise linear map
TRIMMED = 0.01  # of either tail is clipped
# How much a question counts beside "will the main event come, and how much of it, within the horizons".
NEXT_WEIGHT = 0.5  # "what comes next" looks one event ahead only
PAIR_WEIGHT = 0.5  # "what follows what"
LUMPY = ("next", "pair")  # kinds whose columns are one distribution
OTHER_WEIGHT = 0.3  # events that are not the workspace's main ones
KEPT = 0.999  # of the variance, by the principal components that make up the space
COMPONENTS = 16  # of the embedding, where a model makes no forecast


@dataclass(frozen=True)
class Space:
    """place(x) = pieces(forecast) @ projection + (embedding - mean) @ embedding_projection."""

    knots: Float32  # (F, PIECES + 1) rising
    slopes: Float32  # (F, PIECES)
    projection: Float32  # (F, Q)
    mean: Float32  # (D)
    embedding_projection: Float32  # (D, Q); zeros where the forecast says it all

    @cached_property
    def _widths(self) -> Float32:
        """(F, PIECES)"""
        return np.diff(self.knots, axis=1)

    def place(self, embedding: Float32, forecast: Float32) -> Float32:
        """(B, D), (B, F) -> (B, Q)."""
        points = np.zeros((len(embedding), self.projection.shape[1]), np.float32)
        if len(self.knots):
            within = np.clip(forecast[:, :, None] - self.knots[:, :-1], 0, self._widths)
            points += np.einsum("bfp,fp->bf", within, self.slopes) @ self.projection
        if self.embedding_projection.any():
            points += (embedding - self.mean) @ self.embedding_projection
        return points


def fit_space(embedding: Float32, forecast: Float32, columns: Sequence[ForecastColumn]) -> Space:
    """The space of a population, (N, D) and (N, F); `columns` (F) say what the forecast says."""
    telling = [bool(np.ptp(forecast[:, at]) > 1e-6) for at in range(len(columns))]
    if not any(telling):
        return _embedding_space(embedding, len(columns))
    knots = np.zeros((len(columns), PIECES + 1))
    slopes = np.zeros((len(columns), PIECES))
    weights = column_weights(forecast, columns)
    for at, column in enumerate(columns):
        if not telling[at]:
            knots[at] = np.arange(PIECES + 1)
            continue
        values = forecast[:, at].astype(np.float64)
        low, high = np.quantile(values, (TRIMMED, 1 - TRIMMED))
        if column.kind in LUMPY:
            edges, heights = np.linspace(low, high, PIECES + 1), np.linspace(low, high, PIECES + 1)
        else:
            levels = np.linspace(0, 1, PIECES + 1)
            edges, heights = np.quantile(values, np.clip(levels, TRIMMED, 1 - TRIMMED)), levels
        knots[at] = np.maximum.accumulate(edges)  # the same value twice where many customers share it
        widths = np.diff(knots[at])
        slopes[at] = np.where(widths > 1e-9, np.diff(heights) / np.maximum(widths, 1e-9), 0)
        mapped = (np.clip(values[:, None] - knots[at, :-1], 0, widths) * slopes[at]).sum(axis=1)
        slopes[at] *= weights[at] / max(float(mapped.std()), 1e-9)
    width = embedding.shape[1]
    whole = Space(
        knots=knots.astype(np.float32),
        slopes=slopes.astype(np.float32),
        projection=np.eye(len(columns), dtype=np.float32),
        mean=np.zeros(width, np.float32),
        embedding_projection=np.zeros((width, len(columns)), np.float32),
    )
    axes = _principal(np.concatenate([whole.place(e, f) for e, f in _parts(embedding, forecast)]))
    return replace(whole, projection=axes, embedding_projection=np.zeros((width, axes.shape[1]), np.float32))


def _parts(*arrays: Float32, size: int = 4096) -> Iterator[tuple[Float32, ...]]:
    for begin in range(0, len(arrays[0]), size):
        yield tuple(a[begin : begin + size] for a in arrays)


def _principal(points: Float32) -> Float32:
    """(F, Q): the fewest directions that hold nearly all of the variance; the distances stay what they are."""
    variances, vectors = np.linalg.eigh(np.cov(points.astype(np.float64), rowvar=False).reshape(points.shape[1], -1))
    variances, vectors = np.maximum(variances[::-1], 0), vectors[:, ::-1]
    kept = int(np.searchsorted(np.cumsum(variances) / variances.sum(), KEPT)) + 1
    return vectors[:, :kept].astype(np.float32)


def column_weights(forecast: Float32, columns: Sequence[ForecastColumn]) -> Float64:
    """(F) the spread that each column gets: the explained share of the variance, times what its question counts,
    shared out over the columns that ask the same question.

    What comes next depends on where in a visit a customer stands: with it in the space, most customers of the simulated
    shop leave their segment right after an event (16 % stay) and come back later. What follows what tells the same
    people apart and lasts (97 % stay), so the next event only counts where a model does not foresee pairs.
    """
    lasting = any(column.kind == "pair" for column in columns)
    passing = np.array([lasting and column.kind == "next" for column in columns], dtype=bool)
    return np.where(passing, 0, explained(forecast, columns) * question_weights(columns))


def question_weights(columns: Sequence[ForecastColumn]) -> Float64:
    """(F) what each column's question counts; the squares of the columns of one question add up to it."""
    within = Counter(column.event for column in columns if column.kind not in LUMPY)
    of_kind = Counter(column.kind for column in columns)
    weights = np.zeros(len(columns))
    for at, column in enumerate(columns):
        if column.kind in LUMPY:
            # Of m chances that add up to 1, m - 1 are free.
            free = (of_kind[column.kind] - 1) / of_kind[column.kind]
            weights[at] = (NEXT_WEIGHT if column.kind == "next" else PAIR_WEIGHT) * np.sqrt(free)
        else:
            weights[at] = (1.0 if column.main else OTHER_WEIGHT) / np.sqrt(within[column.event])
    return weights


def explained(forecast: Float32, columns: Sequence[ForecastColumn]) -> Float64:
    """(F) share of each outcome's variance that its forecast explains, 0..1.

    The heads are fitted by log loss, so their chances are calibrated: var(p) / (mean(p) (1 - mean(p))) is that share
    for a chance. An amount or a count is as foreseeable as the chance of the same event within the same horizon.
    """
    out = np.zeros(len(columns))
    by_question: dict[tuple[str, float], float] = {}
    for at, column in enumerate(columns):
        if column.kind in ("probability", *LUMPY):
            mean = float(forecast[:, at].mean())
            out[at] = float(forecast[:, at].var()) / max(mean * (1 - mean), 1e-3)
        if column.kind == "probability":
            by_question[column.event, column.horizon_days] = out[at]
    for at, column in enumerate(columns):
        if column.kind in ("value", "count"):
            out[at] = by_question.get((column.event, column.horizon_days), 0.1)
    return np.minimum(out, 1.0)


def _embedding_space(embedding: Float32, columns: int) -> Space:
    """Without a forecast: the embedding's principal components, each of them counting by the root of its spread."""
    mean = embedding.mean(axis=0)
    centred = (embedding - mean).astype(np.float64)
    variances, vectors = np.linalg.eigh(centred.T @ centred / max(len(centred), 1))
    order = np.argsort(-variances)[: min(COMPONENTS, embedding.shape[1])]
    scale = np.maximum(variances[order], 1e-12) ** -0.25
    count = len(order)
    return Space(
        knots=np.tile(np.arange(PIECES + 1, dtype=np.float32), (columns, 1)),
        slopes=np.zeros((columns, PIECES), np.float32),
        projection=np.zeros((columns, count), np.float32),
        mean=mean.astype(np.float32),
        embedding_projection=(vectors[:, order] * scale).astype(np.float32),
    )


def squared_distances(points: Float32, centres: Float32) -> Float32:
    """(B, Q), (K, Q) -> (B, K), never below 0."""
    cross = points @ centres.T
    return np.maximum((points**2).sum(axis=1)[:, None] + (centres**2).sum(axis=1) - 2 * cross, 0)
