"""Finds the segments of a population: space, number of segments, partition, strength, novelty, map."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from kindred_worker.report import Report
from kindred_worker.segments.assignment import SegmentModel
from kindred_worker.segments.choice import Choice, Past, choose_count
from kindred_worker.segments.hierarchy import without_family
from kindred_worker.segments.map import fit_map
from kindred_worker.segments.novelty import fit_novelty
from kindred_worker.segments.partition import Partition, Refits, fit_partition, refit
from kindred_worker.segments.space import fit_space, question_weights, squared_distances
from kindred_worker.segments.strength import Strength, expected_calibration_error, fit_strength, gaps_between

if TYPE_CHECKING:
    from kindred_worker.models.reading import ForecastColumn, Reading

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

STARTS = 16
REFITS = 20
REFIT_STARTS = 4
CALIBRATED_ON = 0.6  # of the refits; the rest measure the calibration
LEARNED_FROM = 20_000  # customers that strength, novelty and map are fitted on


@dataclass(frozen=True)
class History:
    """The same customers one horizon ago, and what they did since."""

    reading: Reading  # as they were then
    questions: list[int]  # columns of the forecast that have been answered since
    outcomes: Float64  # (N, questions) in the order of `reading`; NaN where a customer was not yet known


@dataclass(frozen=True)
class Found:
    model: SegmentModel  # without its family and its story
    points: Float32  # (N, Q)
    partition: Partition
    refits: Refits
    choice: Choice | None  # None where the number was asked for
    strength_error: float  # expected calibration error, on refits and customers that the strength had not seen


def find_segments(
    now: Reading,
    history: History | None,
    count: int,
    seed: int,
    report: Report,
    refits: int = REFITS,
    newcomers: Float32 | None = None,
) -> Found:
    """`count` 0 chooses the number of segments (choice.py). `newcomers` (M, D): what else is ordinary, beside everyone now."""
    space = fit_space(now.embedding, now.forecast, now.columns)
    points = np.concatenate(
        [space.place(now.embedding[a : a + 4096], now.forecast[a : a + 4096]) for a in range(0, len(now.customers), 4096)]
    )
    past = None if history is None else _past(history, space.place(history.reading.embedding, history.reading.forecast))
    choice = choose_count(points, past, seed, report.part(0, 0.7)) if count == 0 else None
    chosen = choice.count if choice is not None else min(count, len(points))
    report.progress(0.7, f"drawing {chosen} segments")
    partition = fit_partition(points, chosen, seed, STARTS)
    report.progress(0.75, "finding them again on resampled customers")
    again = refit(points, partition, refits, seed + 1, report.check, REFIT_STARTS)
    report.progress(0.95, "measuring how strongly customers belong")
    some = np.random.default_rng(seed).permutation(len(points))[:LEARNED_FROM]
    ordinary = now.embedding[np.sort(some)] if newcomers is None else np.concatenate([now.embedding[np.sort(some)], newcomers])
    strength, error = _strength(points[some], partition, again, some)
    model = SegmentModel(
        space=space,
        centres=partition.centres,
        strength=strength,
        novelty=fit_novelty(ordinary, seed),
        map=fit_map(points[some], partition.centres, partition.labels[some], seed),
        family=without_family(*partition.centres.shape),
    )
    return Found(model, points, partition, again, choice, error)


def told(model: SegmentModel, story: dict[str, Any]) -> SegmentModel:
    """The same segments with their story."""
    return replace(model, story=story)


def _past(history: History, points: Float32) -> Past | None:
    known = np.isfinite(history.outcomes).all(axis=1)
    if known.sum() < 100 or not history.questions:
        return None
    columns: list[ForecastColumn] = history.reading.columns
    return Past(
        points=points[known],
        outcomes=history.outcomes[known],
        forecast=history.reading.forecast[known][:, history.questions].astype(np.float64),
        weights=question_weights(columns)[history.questions] ** 2,
    )


def _strength(points: Float32, partition: Partition, again: Refits, some: npt.NDArray[np.int64]) -> tuple[Strength, float]:
    """The strength, learned from all refits, and its error where it is learned from some and tested on the others."""
    labels, agreements = partition.labels[some], again.agreements[:, some]
    half = np.arange(len(some)) % 2 == 0
    split = max(1, round(CALIBRATED_ON * len(agreements)))
    learn, test = agreements[:split], agreements[split:]
    error = float("nan")
    if len(test):
        trial = fit_strength(points[half], partition.centres, labels[half], learn[:, half].mean(axis=0), len(learn))
        squared = squared_distances(points[~half], partition.centres)
        claimed = trial.of(squared, gaps_between(partition.centres), labels[~half])
        error = expected_calibration_error(claimed, test[:, ~half].mean(axis=0))
    final = fit_strength(points, partition.centres, labels, agreements.mean(axis=0), len(agreements))
    return final, error
