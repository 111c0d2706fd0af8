"""How good a head is beside its rivals: figures out of fold with bootstrap intervals, and a verdict.

Out of fold is not out of time: where a label is older than the end of what the model learned from, its encoder and its
forecast may have learned from the very outcome; such labels are counted (`foreknown`) and the verdict says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from kindred_worker.labels.comparison import Comparison, Folds, Standing, Verdict
from kindred_worker.labels.task import Task

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

HEAD = "head"
# What each rival is called in a sentence.
RIVALS = {
    "mean": "the labels’ mean",
    "forecast": "the forecast, which needs no label,",
    "rfm": "recency, frequency and monetary value",
    "aggregates": "hand-made aggregates",
    "aggregates, boosted": "boosted trees on hand-made aggregates",
}
RESAMPLES = 200
WITHIN = (2.5, 97.5)  # percentiles of the intervals


def judge(
    task: Task,
    targets: Float64,
    group: Int64,
    folds: Folds,
    head: Float64,
    rivals: Mapping[str, Float64],
    check: Callable[[], None],
    *,
    left_out: int,
    foreknown: int,
    tuned_epochs: int,
    seed: int = 0,
) -> Comparison:
    """`head` and `rivals` (N each) are scores out of fold; `group` (N) numbers the customers, whose labels stay together."""
    scores = {subject: task.bounded(one) for subject, one in {HEAD: head, **rivals}.items()}
    figures = {subject: task.figure(targets, score) for subject, score in scores.items()}
    whole = {subject: figure(np.ones(len(targets))) for subject, figure in figures.items()}
    drawn = _resampled(targets, group, figures, seed, check)
    sign = 1 if task.is_more_better else -1
    best = max(rivals, key=lambda subject: sign * whole[subject], default="")
    lead = sign * (whole[HEAD] - whole[best]) if best else 0.0
    low, high = (float(p) for p in np.percentile(sign * (drawn[HEAD] - drawn[best]), WITHIN)) if best else (0.0, 0.0)
    verdict: Verdict = "AHEAD" if low > 0 else "BEHIND" if high < 0 else "LEVEL"
    compared = Comparison(
        labels=len(targets),
        left_out=left_out,
        foreknown=foreknown,
        standings=[
            Standing(
                subject, whole[subject], float(draws.std()), *(float(p) for p in np.percentile(draws, WITHIN)), baseline=subject != HEAD
            )
            for subject, draws in drawn.items()
        ],
        verdict=verdict,
        sentence=_sentence(task, verdict, best, whole, (lead, low, high), foreknown),
        best_rival=best,
        lead=lead,
        lead_low=low,
        lead_high=high,
        tuned_epochs=tuned_epochs,
    )
    return task.evaluation(compared, scores[HEAD], targets, folds)


def _resampled(
    targets: Float64, group: Int64, figures: Mapping[str, Callable[[Float64], float]], seed: int, check: Callable[[], None]
) -> dict[str, Float64]:
    """Figures of every subject over the same resamples of the customers, so that their differences can be read."""
    random, count = np.random.default_rng(seed), int(group.max()) + 1
    drawn: dict[str, list[float]] = {subject: [] for subject in figures}
    for _ in range(RESAMPLES):
        check()
        weight = np.bincount(random.integers(0, count, count), minlength=count)[group].astype(np.float64)
        if np.ptp(targets[weight > 0]) == 0:
            continue
        for subject, figure in figures.items():
            drawn[subject].append(figure(weight))
    return {subject: np.array(figures) for subject, figures in drawn.items()}


def _sentence(
    task: Task, verdict: Verdict, best: str, figures: Mapping[str, float], lead: tuple[float, float, float], foreknown: int
) -> str:
    mine = f"The head foresees these labels with {task.measured(figures[HEAD])}"
    warning = (
        f" {foreknown} labels are older than the end of what the model learned from, so it may know their outcome, and looks better here "
        "than it is."
        if foreknown
        else ""
    )
    if not best:
        return f"{mine}; there is nothing to compare it with.{warning}"
    rival = f"{RIVALS.get(best, best)} with {task.briefly(figures[best])}"
    by, low, high = (task.difference(one) for one in lead)
    told = f"lead {by}, {low} to {high} in 95 % of resamples"
    match verdict:
        case "AHEAD":
            return f"{mine}, ahead of the best rival: {rival} ({told}).{warning}"
        case "BEHIND":
            return f"{mine}, behind the best rival: {rival} ({told}). Use that one, or add labels.{warning}"
        case _:
            return f"{mine}; the best rival is {rival}: these labels cannot tell them apart ({told}).{warning}"
