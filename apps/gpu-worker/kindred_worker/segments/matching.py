"""Which segment of one model continues which of another, by the customers that both place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

Int64 = npt.NDArray[np.int64]

TOLD = 0.2  # overlaps of at least this share of either side are reported


@dataclass(frozen=True)
class Overlap:
    """A new segment and a champion's, as SegmentOverlap in worker.proto."""

    champion_index: int
    jaccard: float
    share_of_new: float
    share_of_champion: float
    matched: bool


def contingency(first: Int64, second: Int64, rows: int, columns: int) -> Int64:
    """(rows, columns) counts of customers in both; negative indexes (unseen) count nowhere."""
    known = (first >= 0) & (second >= 0)
    flat = np.bincount(first[known] * columns + second[known], minlength=rows * columns)
    return flat.reshape(rows, columns)


def jaccards(counts: Int64) -> npt.NDArray[np.float64]:
    """|both| / |either| for each pair of a contingency table."""
    either = counts.sum(axis=1, keepdims=True) + counts.sum(axis=0, keepdims=True) - counts
    return counts / np.maximum(either, 1)


def matched_pairs(counts: Int64) -> list[tuple[int, int]]:
    """The one-to-one matching (Hungarian) that keeps most customers; pairs without a common customer are left out."""
    rows, columns = linear_sum_assignment(counts, maximize=True)
    return [(int(r), int(c)) for r, c in zip(rows, columns, strict=True) if counts[r, c] > 0]


def relabelled(labels: Int64, reference: Int64, count: int) -> Int64:
    """`labels` renamed to the reference's `count` names by the best matching; -1 where they are more than it has."""
    own = max(count, int(labels.max(initial=-1)) + 1)
    rows, columns = linear_sum_assignment(contingency(labels, reference, own, count), maximize=True)
    names = np.full(own, -1, dtype=np.int64)
    names[rows] = columns
    return names[labels]


def overlaps_with_champion(new: Int64, champion: Int64, count: int) -> tuple[list[list[Overlap]], list[int]]:
    """Overlaps of each of `count` new segments, largest first, and the champion's segments that none continues.

    `new` and `champion` (M) are the segments of the customers that both models place, -1 for unseen.
    """
    champions = int(champion.max(initial=-1)) + 1
    if champions == 0:
        return [[] for _ in range(count)], []
    counts = contingency(new, champion, count, champions)
    similarity = jaccards(counts)
    of_new = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    of_champion = counts / np.maximum(counts.sum(axis=0, keepdims=True), 1)
    telling = np.maximum(of_new, of_champion) >= TOLD
    pairs = {pair for pair in matched_pairs(counts) if telling[pair]}
    told: list[list[Overlap]] = []
    for row in range(count):
        found = [
            Overlap(
                champion_index=column,
                jaccard=float(similarity[row, column]),
                share_of_new=float(of_new[row, column]),
                share_of_champion=float(of_champion[row, column]),
                matched=(row, column) in pairs,
            )
            for column in range(champions)
            if telling[row, column]
        ]
        told.append(sorted(found, key=lambda o: -o.jaccard))
    continued = {column for _, column in pairs}
    alive = set(np.unique(champion[champion >= 0]).tolist())
    return told, sorted(alive - continued)
