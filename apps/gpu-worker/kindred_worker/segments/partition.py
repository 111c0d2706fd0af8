"""One partition of the customers, and how much of it comes back when it is found again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from kindred_worker.segments.matching import contingency, relabelled
from kindred_worker.segments.space import squared_distances

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]

LARGEST = 12_000  # customers that one fit looks at; more change centres less than a resample does


@dataclass(frozen=True)
class Partition:
    centres: Float32  # (K, Q), biggest segment first
    labels: Int64  # (N)
    inertia: float  # share of the spread that is left inside segments, 0..1


@dataclass(frozen=True)
class Refits:
    """What bootstrap refits say of a partition."""

    agreements: npt.NDArray[np.bool_]  # (R, N) the refit puts the customer into the matched segment
    adjusted_rand: npt.NDArray[np.float64]  # (R)
    jaccard: npt.NDArray[np.float64]  # (K) mean over refits of |both| / |either|, unmatched names by best matching


def fit_partition(points: Float32, count: int, seed: int, starts: int = 8) -> Partition:
    """k-means, `starts` starts; segments numbered by size, the biggest first."""
    draws = np.random.default_rng(seed)
    sample = points if len(points) <= LARGEST else points[draws.choice(len(points), LARGEST, replace=False)]
    centres = _k_means(sample, count, starts, seed)
    squared = squared_distances(points, centres)
    labels = squared.argmin(axis=1)
    order = np.argsort(-np.bincount(labels, minlength=count), kind="stable")
    place = np.empty(count, dtype=np.int64)
    place[order] = np.arange(count)
    total = float(((points - points.mean(axis=0)) ** 2).sum())
    return Partition(centres[order], place[labels], float(squared.min(axis=1).sum()) / max(total, 1e-12))


def _k_means(points: Float32, count: int, starts: int, seed: int) -> Float32:
    """(K, Q) centres; the best of `starts` starts."""
    # sklearn's stubs know n_init as "auto" only.
    model = KMeans(count, n_init=starts, random_state=seed)  # pyright: ignore[reportArgumentType]
    return model.fit(points).cluster_centers_.astype(np.float32)


def refit(
    points: Float32,
    partition: Partition,
    refits: int,
    seed: int,
    check: Callable[[], None] = lambda: None,
    starts: int = 3,
) -> Refits:
    """Finds the partition again on resamples of the customers (bootstrap) and names all customers by each."""
    count, total = len(partition.centres), len(points)
    agreements = np.zeros((refits, total), dtype=bool)
    rand, jaccard = np.zeros(refits), np.zeros((refits, count))
    sizes = np.bincount(partition.labels, minlength=count)
    for turn in range(refits):
        check()
        draws = np.random.default_rng((seed, turn))
        chosen = draws.integers(0, total, min(total, LARGEST))
        centres = _k_means(points[chosen], count, starts, int(draws.integers(2**31)))
        labels = squared_distances(points, centres).argmin(axis=1)
        rand[turn] = adjusted_rand_score(partition.labels, labels)
        named = relabelled(labels, partition.labels, count)
        agreements[turn] = named == partition.labels
        both = np.diag(contingency(named, partition.labels, count, count))
        jaccard[turn] = both / np.maximum(sizes + np.bincount(named, minlength=count) - both, 1)
    return Refits(agreements, rand, jaccard.mean(axis=0))
