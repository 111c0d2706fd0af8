"""Finds the segments of a population: space, number of segments, partition, strength, novelty, map."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from kindred_worker.data.order import order_of_rows
from kindred_worker.report import Report
from kindred_worker.segments.assignment import SegmentModel
from kindred_worker.segments.choice import Choice, Past, choose_count, foresight
from kindred_worker.segments.continuing import carry_over
from kindred_worker.segments.hierarchy import without_family
from kindred_worker.segments.map import fit_map
from kindred_worker.segments.novelty import Lives, fit_novelty
from kindred_worker.segments.ordinary import measure_customers
from kindred_worker.segments.partition import Draw, Partition, Refits, drawn_anew, fit_partition, keep_partition, refit
from kindred_worker.segments.space import Space, fit_space, question_weights, squared_distances
from kindred_worker.segments.strength import Strength, expected_calibration_error, fit_strength, gaps_between

if TYPE_CHECKING:
    from kindred_worker.models.forecast_column import ForecastColumn
    from kindred_worker.models.reading import Reading

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

# Of the foresight that as many new segments would have: below it the champion's are not kept.
WORTH_KEEPING = 0.95
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
class Champion:
    """The same customers as the new model reads them at the time when the champion placed them."""

    reading: Reading
    labels: Int64  # (N) the champion's segments, in the order of `reading`; -1 where it had none


@dataclass(frozen=True)
class Found:
    model: SegmentModel  # without its family and its story
    points: Float32  # (N, Q)
    partition: Partition
    refits: Refits
    choice: Choice | None  # None where the number was asked for
    continued: int  # segments that go on from the champion's
    strength_error: float  # expected calibration error, on refits and customers that the strength had not seen


def find_segments(
    now: Reading,
    history: History | None,
    count: int,
    seed: int,
    report: Report,
    refits: int = REFITS,
    newcomers: Float32 | None = None,
    lives: Lives | None = None,
    champion: Champion | None = None,
) -> Found:
    """`count` 0 chooses the number of segments (choice.py). `newcomers` (M, D): what else is ordinary, beside everyone now;
    `lives` as well, where lives have ended (past.py).

    The champion's segments go on where there is one, unless another number is asked for or they have come to tell less
    than new ones would. The order of the customers makes no difference.
    """
    order = order_of_rows(np.concatenate([now.forecast, now.embedding], axis=1))
    embedding, forecast = now.embedding[order], now.forecast[order]
    space = fit_space(embedding, forecast, now.columns)
    points = np.concatenate([space.place(embedding[a : a + 4096], forecast[a : a + 4096]) for a in range(0, len(order), 4096)])
    past = None if history is None else _past(history, space.place(history.reading.embedding, history.reading.forecast))
    kept = _continuing(points, space, past, count, seed, champion) if champion is not None else None
    choice, continued = None, 0
    if kept is not None:
        partition, continued, draw = kept
    else:
        choice = choose_count(points, past, seed, report.part(0, 0.7)) if count == 0 else None
        chosen = choice.count if choice is not None else min(count, len(points))
        report.progress(0.7, f"drawing {chosen} segments")
        partition, draw = fit_partition(points, chosen, seed, STARTS), drawn_anew(chosen, REFIT_STARTS)
    report.progress(0.75, "finding them again on resampled customers")
    again = refit(points, partition, draw, refits, seed + 1, report.check)
    report.progress(0.95, "measuring how strongly customers belong")
    some = np.random.default_rng(seed).permutation(len(points))[:LEARNED_FROM]
    ordinary = embedding[np.sort(some)]
    if newcomers is not None:
        ordinary = np.concatenate([ordinary, newcomers[order_of_rows(newcomers)]])
    if lives is not None:
        turn = order_of_rows(lives.embedding)
        lives = lives.some(turn)
        ordinary = np.concatenate([ordinary, lives.ordinary])
    strength, error = _strength(points[some], partition, again, some)
    model = SegmentModel(
        space=space,
        centres=partition.centres,
        strength=strength,
        novelty=fit_novelty(ordinary, seed, lives),
        map=fit_map(points[some], partition.centres, partition.labels[some], seed),
        family=without_family(*partition.centres.shape),
        ordinary=measure_customers(ordinary, seed, lives),
    )
    given = np.argsort(order)  # back to the order of `now`
    return Found(
        model,
        points[given],
        replace(partition, labels=partition.labels[given]),
        replace(again, agreements=again.agreements[:, given]),
        choice,
        continued,
        error,
    )


def _continuing(
    points: Float32, space: Space, past: Past | None, count: int, seed: int, champion: Champion
) -> tuple[Partition, int, Draw] | None:
    """The champion's segments in this room, how many of them go on, and how the same is done again with other customers;
    None where new ones are to be drawn."""
    then = space.place(champion.reading.embedding, champion.reading.forecast)
    carried = carry_over(points, then, champion.labels)
    if carried is None or (count and count != len(carried.centres) - carried.born):
        return None
    kept = keep_partition(points, carried.centres)
    if past is not None and not carried.born:
        anew = foresight(fit_partition(points, len(kept.centres), seed), past)
        if foresight(kept, past) < WORTH_KEEPING * anew:
            return None

    def again(some: Float32, chance: int) -> Float32:
        rows = np.random.default_rng(chance).integers(0, len(then), len(then))
        found = carry_over(some, then[rows], champion.labels[rows])
        return carried.centres if found is None else found.centres

    return kept, len(carried.champion), again


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


def _strength(points: Float32, partition: Partition, again: Refits, some: Int64) -> tuple[Strength, float]:
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
