"""How good a head is beside its rivals: areas under the ROC curve out of fold with bootstrap intervals, calibration, a verdict.

Out of fold is not out of time: where a label is older than the end of what the model learned from, its encoder and its
forecast may have learned from the very outcome; such labels are counted (`foreknown`) and the verdict says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score

from kindred_worker.labels.calibration import out_of_fold
from kindred_worker.segments.probe import reliability

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
Folds: TypeAlias = list[tuple[Int64, Int64]]
Verdict: TypeAlias = Literal["AHEAD", "LEVEL", "BEHIND"]

HEAD = "head"
# What each rival is called in a sentence.
RIVALS = {
    "forecast": "the forecast, which needs no label,",
    "rfm": "recency, frequency and monetary value",
    "aggregates": "hand-made aggregates",
    "aggregates, boosted": "boosted trees on hand-made aggregates",
}
RESAMPLES = 200
WITHIN = (2.5, 97.5)  # percentiles of the intervals


@dataclass(frozen=True)
class Standing:
    """Area under the ROC curve, out of fold, with its deviation and 95 % interval over resamples of the customers."""

    subject: str
    auc: float
    deviation: float
    low: float
    high: float
    baseline: bool


@dataclass(frozen=True)
class Evaluation:
    labels: int  # learned from
    positives: int
    left_out: int  # labels of customers without an event before
    foreknown: int  # labels older than the end of what the model learned from
    standings: list[Standing]  # the head first
    calibration_error: float
    calibration: list[dict[str, float]]
    verdict: Verdict
    sentence: str
    best_rival: str
    lead: float  # of the head before the best rival, with its interval
    lead_low: float
    lead_high: float
    tuned_epochs: int  # 0: the encoder is as it was


def judge(
    values: Float64,
    group: Int64,
    folds: Folds,
    log_odds: Float64,
    rivals: Mapping[str, Float64],
    check: Callable[[], None],
    *,
    left_out: int,
    foreknown: int,
    tuned_epochs: int,
    seed: int = 0,
) -> Evaluation:
    """`log_odds` and `rivals` (N each) are out of fold; `group` (N) numbers the customers, whose labels stay together."""
    scores = {HEAD: log_odds, **rivals}
    areas = {subject: float(roc_auc_score(values, score)) for subject, score in scores.items()}
    drawn = _resampled(values, group, scores, seed, check)
    standings = [
        Standing(subject, areas[subject], float(draws.std()), *(float(p) for p in np.percentile(draws, WITHIN)), baseline=subject != HEAD)
        for subject, draws in drawn.items()
    ]
    best = max(rivals, key=lambda subject: areas[subject], default="")
    lead = areas[HEAD] - areas[best] if best else 0.0
    low, high = (float(p) for p in np.percentile(drawn[HEAD] - drawn[best], WITHIN)) if best else (0.0, 0.0)
    verdict: Verdict = "AHEAD" if low > 0 else "BEHIND" if high < 0 else "LEVEL"
    probability = out_of_fold(log_odds, values, folds)
    bins = reliability(probability, values)
    return Evaluation(
        labels=len(values),
        positives=int(values.sum()),
        left_out=left_out,
        foreknown=foreknown,
        standings=standings,
        calibration_error=sum(b["customers"] * abs(b["claimed"] - b["happened"]) for b in bins) / len(values),
        calibration=bins,
        verdict=verdict,
        sentence=_sentence(verdict, best, areas, (low, high), foreknown),
        best_rival=best,
        lead=lead,
        lead_low=low,
        lead_high=high,
        tuned_epochs=tuned_epochs,
    )


def _resampled(values: Float64, group: Int64, scores: Mapping[str, Float64], seed: int, check: Callable[[], None]) -> dict[str, Float64]:
    """Areas of every subject over the same resamples of the customers, so that their differences can be read."""
    random, count = np.random.default_rng(seed), int(group.max()) + 1
    drawn: dict[str, list[float]] = {subject: [] for subject in scores}
    for _ in range(RESAMPLES):
        check()
        weight = np.bincount(random.integers(0, count, count), minlength=count)[group].astype(np.float64)
        if not 0 < float(weight @ values) < weight.sum():
            continue
        for subject, score in scores.items():
            drawn[subject].append(float(roc_auc_score(values, score, sample_weight=weight)))
    return {subject: np.array(areas) for subject, areas in drawn.items()}


def _sentence(verdict: Verdict, best: str, areas: Mapping[str, float], interval: tuple[float, float], foreknown: int) -> str:
    mine = f"The head foresees these labels with an area under the ROC curve of {areas[HEAD]:.3f}"
    warning = (
        f" {foreknown} labels are older than the end of what the model learned from, so it may know their outcome, and looks better here "
        "than it is."
        if foreknown
        else ""
    )
    if not best:
        return f"{mine}; there is nothing to compare it with.{warning}"
    rival = f"{RIVALS.get(best, best)} {'do' if best in ('aggregates', 'aggregates, boosted') else 'does'} with {areas[best]:.3f}"
    lead = f"lead {areas[HEAD] - areas[best]:+.3f}, {interval[0]:+.3f} to {interval[1]:+.3f} in 95 % of resamples"
    match verdict:
        case "AHEAD":
            return f"{mine}, ahead of the best rival: {rival} ({lead}).{warning}"
        case "BEHIND":
            return f"{mine}, behind the best rival: {rival} ({lead}). Use that one, or add labels.{warning}"
        case _:
            return f"{mine}; the best rival, {rival}: these labels cannot tell them apart ({lead}).{warning}"
