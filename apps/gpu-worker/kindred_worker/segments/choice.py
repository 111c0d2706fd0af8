"""How many segments: as many as come back when they are found again, and as tell something about the future.

For each candidate count the partition is refitted on resamples (stability: mean adjusted Rand of the refits) and the
same map, applied to the customers as they were one horizon ago, is asked how much of what they then did it explains
(foresight: explained variance of the realised outcomes by membership alone, over what the forecast itself explains).
Stability alone always prefers two segments, foresight alone always prefers more; their product has its top where
further segments stop telling something new. A count counts for less as soon as one of its segments is not found again
(Jaccard below .6, Hennig 2007), however well the others are: what cuts a group of people along a line that lies
elsewhere next time tells of the future and is no segment. Of the counts that are as good as the best, up to the
tolerance, the smallest is taken: one more segment has to earn its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from kindred_worker.report import Report
from kindred_worker.segments.partition import Partition, drawn_anew, fit_partition, refit

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

FEWEST, MOST = 3, 12
SMALLEST = 0.015  # share of customers that a segment needs to be of use to anyone
UNSTABLE = 0.6  # mean Jaccard over refits below which a segment is not found again
REFITS = 8
REFIT_STARTS = 4
TOLERANCE = 0.015
SAMPLE = 6_000  # customers looked at while counts are compared


@dataclass(frozen=True)
class Candidate:
    """One number of segments and its merits."""

    count: int
    stability: float  # mean adjusted Rand of bootstrap refits
    weakest: float  # lowest mean Jaccard of a segment over the refits
    foresight: float  # share of the foreseeable that membership alone tells, 0..1
    smallest_share: float
    score: float


@dataclass(frozen=True)
class Choice:
    count: int
    reason: str
    candidates: list[Candidate]

    def to_json(self) -> dict[str, object]:
        return {"count": self.count, "reason": self.reason, "candidates": [asdict(c) for c in self.candidates]}


@dataclass(frozen=True)
class Past:
    """The same customers one horizon ago, and what they then did."""

    points: Float32  # (M, Q) in the same space
    outcomes: Float64  # (M, T) realised, in the order of the forecast's columns
    forecast: Float64  # (M, T) foreseen then
    weights: Float64  # (T) how much each question counts


def choose_count(points: Float32, past: Past | None, seed: int, report: Report) -> Choice:
    """The number of segments for a population (N, Q)."""
    draws = np.random.default_rng(seed)
    sample = points if len(points) <= SAMPLE else points[draws.choice(len(points), SAMPLE, replace=False)]
    most = max(FEWEST, min(MOST, len(sample) // 50))
    counts = range(FEWEST, most + 1)
    candidates: list[Candidate] = []
    for at, count in enumerate(counts):
        report.progress(at / len(counts), f"trying {count} segments")
        partition = fit_partition(sample, count, seed, starts=8)
        refits = refit(sample, partition, drawn_anew(count, REFIT_STARTS), REFITS, seed, report.check)
        stability = float(refits.adjusted_rand.mean())
        told = foresight(partition, past) if past is not None else 1.0 - partition.inertia
        weakest = float(refits.jaccard.min())
        smallest = float(np.bincount(partition.labels, minlength=count).min() / len(sample))
        score = stability * told * min(1.0, weakest / UNSTABLE) * min(1.0, smallest / SMALLEST)
        candidates.append(Candidate(count, stability, weakest, told, smallest, score))
    best = max(c.score for c in candidates)
    taken = next(c for c in candidates if c.score >= best - TOLERANCE)
    return Choice(taken.count, _reason(taken, candidates, past is not None), candidates)


def foresight(partition: Partition, past: Past) -> float:
    """Share of what the forecast explains that membership alone explains, over the realised outcomes."""
    squared = ((past.points[:, None, :] - partition.centres[None]) ** 2).sum(axis=2)
    labels = squared.argmin(axis=1)
    of_segments = explained_by(labels, past.outcomes, len(partition.centres))
    of_forecast = np.array([_correlation(past.forecast[:, at], past.outcomes[:, at]) ** 2 for at in range(past.outcomes.shape[1])])
    total = float((past.weights * of_forecast).sum())
    return float(np.clip((past.weights * of_segments).sum() / max(total, 1e-9), 0, 1.2))


def explained_by(labels: Int64, outcomes: Float64, count: int) -> Float64:
    """(T) adjusted share of each outcome's variance that group membership explains (omega squared), at least 0."""
    sizes = np.maximum(np.bincount(labels, minlength=count), 1)
    total = outcomes.var(axis=0)
    within = np.zeros(outcomes.shape[1])
    for column in range(outcomes.shape[1]):
        means = np.bincount(labels, outcomes[:, column], minlength=count) / sizes
        within[column] = ((outcomes[:, column] - means[labels]) ** 2).mean()
    free = max(len(labels) - count, 1)
    share = 1 - (within * len(labels) / free) / np.maximum(total, 1e-12)
    return np.where(total > 1e-9, np.maximum(share, 0), 0)


def _correlation(a: Float64, b: Float64) -> float:
    if a.std() < 1e-9 or b.std() < 1e-9:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def _reason(taken: Candidate, candidates: Sequence[Candidate], has_past: bool) -> str:
    """Why this count, for a person."""
    by_count = {c.count: c for c in candidates}
    what = "of what can be foreseen of the customers' next horizon" if has_past else "of the differences between forecasts"
    said = [
        f"{taken.count} segments come back at an adjusted Rand of {taken.stability:.2f} when they are found again on "
        f"resampled customers, and membership alone tells {taken.foresight:.0%} {what}."
    ]
    for other, words in ((by_count.get(taken.count - 1), "one fewer"), (by_count.get(taken.count + 1), "one more")):
        if other is not None:
            said.append(f"With {words}: {other.stability:.2f} and {other.foresight:.0%}.")
    return " ".join(said)
