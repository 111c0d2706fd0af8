"""One partition of the customers, and how much of it comes back when it is found again."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score

from kindred_worker.segments.matching import relabelled
from kindred_worker.segments.space import squared_distances

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]

# The room of the forecasts is long and thin: along its length many cuts are nearly as good as each other, and k-means
# ends now in one, now in another. A grid of equal groups along the longest axis, settled for a turn, is the same cut each
# time; it is taken where it explains hardly less of what customers differ in than the best of many starts does.
SETTLING = 1  # turns of Lloyd's algorithm
WORTH = 0.99  # of the share of the spread that the best explains
LARGEST = 12_000  # customers that one fit looks at; more change centres less than a resample does


# How a partition was drawn: the settled grid, the best of many starts, or around centres that it was told to keep.
Way = Literal["grid", "best", "kept"]
Draw = Callable[[Float32, int], Float32]  # some customers (M, Q) and a seed -> centres (K, Q)


@dataclass(frozen=True)
class Partition:
    centres: Float32  # (K, Q), biggest segment first
    labels: Int64  # (N)
    inertia: float  # share of the spread that is left inside segments, 0..1
    way: Way = "best"


@dataclass(frozen=True)
class Refits:
    """What bootstrap refits say of a partition."""

    agreements: npt.NDArray[np.bool_]  # (R, N) the refit puts the customer into the matched segment
    adjusted_rand: npt.NDArray[np.float64]  # (R)
    jaccard: npt.NDArray[np.float64]  # (K) mean over refits of |both| / |either|, unmatched names by best matching


def fit_partition(points: Float32, count: int, seed: int, starts: int = 8) -> Partition:
    """`count` segments, numbered by size, the biggest first: the settled grid where it is good enough, else k-means."""
    draws = np.random.default_rng(seed)
    sample = points if len(points) <= LARGEST else points[draws.choice(len(points), LARGEST, replace=False)]
    centres, way = _drawn(sample, count, starts, seed)
    return _numbered(points, centres, way)


def keep_partition(points: Float32, centres: Float32) -> Partition:
    """The segments around these very centres, numbered by size."""
    return _numbered(points, centres, "kept")


def drawn_anew(count: int, starts: int) -> Draw:
    """Draws `count` segments as fit_partition does, the choice between its two ways included."""
    return lambda points, seed: _drawn(points, count, starts, seed)[0]


def _drawn(points: Float32, count: int, starts: int, seed: int) -> tuple[Float32, Way]:
    """(K, Q) centres."""
    best, grid = _best(points, count, starts, seed), settled(points, _grid(points, count))
    left = [float(squared_distances(points, centres).min(axis=1).sum()) for centres in (best, grid)]
    total = float(((points - points.mean(axis=0)) ** 2).sum())
    return (grid, "grid") if total - left[1] >= WORTH * (total - left[0]) else (best, "best")


def _numbered(points: Float32, centres: Float32, way: Way) -> Partition:
    count = len(centres)
    squared = squared_distances(points, centres)
    labels = squared.argmin(axis=1)
    order = np.argsort(-np.bincount(labels, minlength=count), kind="stable")
    place = np.empty(count, dtype=np.int64)
    place[order] = np.arange(count)
    total = float(((points - points.mean(axis=0)) ** 2).sum())
    return Partition(centres[order], place[labels], float(squared.min(axis=1).sum()) / max(total, 1e-12), way)


def _best(points: Float32, count: int, starts: int, seed: int) -> Float32:
    """(K, Q) centres; the best of `starts` starts of k-means."""
    # sklearn's stubs know n_init as "auto" only.
    model = KMeans(count, n_init=starts, random_state=seed)  # pyright: ignore[reportArgumentType]
    return model.fit(points).cluster_centers_.astype(np.float32)


def settled(points: Float32, centres: Float32) -> Float32:
    """(K, Q) moved a little to where the points around them are."""
    # sklearn's stubs know neither centres to begin with nor a number of starts.
    model = KMeans(len(centres), init=centres, n_init=1, max_iter=SETTLING, tol=0)  # pyright: ignore[reportArgumentType]
    with warnings.catch_warnings():
        # A grid laid over lumps has groups that nobody is nearest to. It is not taken then, for it explains too little.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(points).cluster_centers_.astype(np.float32)


def _grid(points: Float32, count: int) -> Float32:
    """(K, Q) means of `count` equal groups along the longest axis."""
    longest = np.linalg.eigh(np.cov(points.astype(np.float64), rowvar=False).reshape(points.shape[1], -1))[1][:, -1]
    longest = longest * np.sign(longest[np.abs(longest).argmax()])  # the sign of an eigenvector means nothing
    along = np.argsort(points @ longest, kind="stable")
    return np.stack([points[group].mean(axis=0) for group in np.array_split(along, count)]).astype(np.float32)


def refit(points: Float32, partition: Partition, draw: Draw, refits: int, seed: int, check: Callable[[], None] = lambda: None) -> Refits:
    """Draws the partition again on resamples of the customers (bootstrap) and names all customers by each.

    `draw` is what the partition itself was made by. Where it finds another number of segments, those that match none of
    the partition's are nobody's.
    """
    count, total = len(partition.centres), len(points)
    agreements = np.zeros((refits, total), dtype=bool)
    rand, jaccard = np.zeros(refits), np.zeros((refits, count))
    sizes = np.bincount(partition.labels, minlength=count)
    for turn in range(refits):
        check()
        draws = np.random.default_rng((seed, turn))
        chosen = draws.integers(0, total, min(total, LARGEST))
        centres = draw(points[chosen], int(draws.integers(2**31)))
        labels = squared_distances(points, centres).argmin(axis=1)
        rand[turn] = adjusted_rand_score(partition.labels, labels)
        named = relabelled(labels, partition.labels, count)
        agreements[turn] = named == partition.labels
        both = np.bincount(partition.labels[agreements[turn]], minlength=count)
        jaccard[turn] = both / np.maximum(sizes + np.bincount(named[named >= 0], minlength=count) - both, 1)
    return Refits(agreements, rand, jaccard.mean(axis=0))
