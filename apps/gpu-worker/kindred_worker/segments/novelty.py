"""How unlike everyone that the model learned from a customer is.

Where lives have ended (machines), each is compared with others as old: what is usual at its age is taken from the embedding
first. The embedding itself tells the age. Else the first moments of a life, which are few and unlike all later ones, would
be stranger than its last ones, of which there are as many as of any.

Distance: embeddings are whitened by the population's principal components; to the mean distance to the nearest
landmarks (a sample of the population) comes the part of the embedding that those components do not span.
Scale: novelty is the order of magnitude of rarity, one fifth per factor of ten: the median customer reads .06, one in
ten .2, one in a thousand .6, one in 100,000 and rarer 1. Beyond the data the tail is exponential in the distance
(peaks over threshold, Pickands 1975), so ordinary people never pile up at 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import Ridge

from kindred_worker.segments.space import squared_distances

Float32 = npt.NDArray[np.float32]

LANDMARKS = 256
NEIGHBOURS = 3
SPANNED = 0.98  # of the embedding's variance
MAX_COMPONENTS = 24
DECADES = 5.0  # factors of ten of rarity until novelty reads 1
TAIL = 0.05  # share of the population that the tail is fitted on
AGES, FEWEST_OF_AN_AGE = 16, 20  # knots of what is usual at an age, and moments that each is the mean of
YOUNG = 100.0  # ages of less than the median over this are hardly told apart
MARGIN = 1.25  # unseen: this much further out than anyone the model learned from


@dataclass(frozen=True)
class Lives:
    """Moments of lives that have ended: by all of them ages and differences are measured, and some are of the population."""

    embedding: Float32  # (L, D)
    age: npt.NDArray[np.float64]  # (L) days since their first event
    whose: npt.NDArray[np.uint64]  # (L) tells lives apart
    counts: npt.NDArray[np.bool_]  # (L) of the population

    def __len__(self) -> int:
        return len(self.age)

    @property
    def ordinary(self) -> Float32:
        """(P, D) those of the population."""
        return self.embedding[self.counts]

    def some(self, rows: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> Lives:
        return Lives(self.embedding[rows], self.age[rows], self.whose[rows], self.counts[rows])


@dataclass(frozen=True)
class Ageing:
    """What is usual at an age, which the embedding tells; a single knot: the same at every age."""

    direction: Float32  # (D) embedding @ direction rises with the logarithm of the age
    knots: Float32  # (T) of that, rising
    usual: Float32  # (T, D) mean embedding at each knot

    def of(self, embedding: Float32) -> Float32:
        """(B, D) what is usual at their ages."""
        if len(self.knots) == 1:
            return self.usual
        told = (embedding @ self.direction)[:, None]
        share = np.clip((told - self.knots[:-1]) / np.diff(self.knots), 0, 1)
        return self.usual[0] + share @ np.diff(self.usual, axis=0)


@dataclass(frozen=True)
class Novelty:
    ageing: Ageing
    whitening: Float32  # (D, C) principal directions over their standard deviations
    directions: Float32  # (D, C) orthonormal
    residual_scale: float  # what one unit of distance is outside of the spanned part
    landmarks: Float32  # (L, C)
    knots: Float32  # (T) distances at which rarity is known, rising
    decades: Float32  # (T) -log10 of the share of the population beyond each knot
    slope: float  # decades per unit of distance beyond the last knot
    farthest: float  # largest distance in the population

    def distance(self, embedding: Float32) -> Float32:
        """(B, D) -> (B)."""
        centred = (embedding - self.ageing.of(embedding)).astype(np.float32)
        return _nearest(squared_distances(centred @ self.whitening, self.landmarks)) + self.residual(centred)

    def score(self, distance: Float32) -> Float32:
        """(B) distances -> (B) novelty, 0..1."""
        inside = np.interp(distance, self.knots, self.decades)
        beyond = np.maximum(distance - self.knots[-1], 0) * self.slope
        return np.clip((inside + beyond) / DECADES, 0, 1).astype(np.float32)

    def unseen(self, distance: Float32) -> npt.NDArray[np.bool_]:
        """Further than anyone in the population by a margin, and rarer than the scale can say."""
        return (distance > MARGIN * self.farthest) & (self.score(distance) >= 1)

    def residual(self, centred: Float32) -> Float32:
        """(B, D) about what is usual -> (B) how far outside of the spanned part."""
        outside = (centred**2).sum(axis=1) - ((centred @ self.directions) ** 2).sum(axis=1)
        return np.sqrt(np.maximum(outside, 0)) / self.residual_scale


def fit_novelty(embedding: Float32, seed: int, lives: Lives | None = None) -> Novelty:
    """Learns what is ordinary from a population, (N, D).

    lives: where they have ended, by which ages and differences are measured; unset: by the population. Where most are long silent,
    how long they have been would otherwise be the largest difference by far, and hide what tells running lives apart.
    """
    draws = np.random.default_rng(seed)
    ageing = _ageless(embedding) if lives is None else _ageing(lives)
    centred = (embedding - ageing.of(embedding)).astype(np.float32)
    measured = centred if lives is None else lives.embedding - ageing.of(lives.embedding)
    variances, vectors = np.linalg.eigh(np.cov(measured.astype(np.float64), rowvar=False) + 1e-12 * np.eye(embedding.shape[1]))
    variances, vectors = np.maximum(variances[::-1], 1e-12), vectors[:, ::-1]
    spanned = int(np.searchsorted(np.cumsum(variances) / variances.sum(), SPANNED)) + 1
    kept = min(spanned, MAX_COMPONENTS, embedding.shape[1])
    directions = vectors[:, :kept].astype(np.float32)
    # Weak directions are not blown up to the size of strong ones: what hardly varies says little.
    floor = 0.05 * variances[0]
    whitening = directions / np.sqrt(np.maximum(variances[:kept], floor)).astype(np.float32)
    rest = max(float(variances[kept:].sum()), floor)
    chosen = draws.choice(len(centred), min(LANDMARKS, len(centred)), replace=False)
    white = (centred @ whitening).astype(np.float32)
    blank = Novelty(
        ageing=ageing,
        whitening=whitening,
        directions=directions,
        residual_scale=float(np.sqrt(rest)),
        landmarks=white[chosen],
        knots=np.zeros(1, np.float32),
        decades=np.zeros(1, np.float32),
        slope=0.0,
        farthest=0.0,
    )
    return _calibrated(blank, _distances_without_self(blank, embedding, chosen))


def _ageless(embedding: Float32) -> Ageing:
    mean = embedding.mean(axis=0, keepdims=True).astype(np.float32)
    return Ageing(np.zeros(embedding.shape[1], np.float32), np.zeros(1, np.float32), mean)


def _ageing(lives: Lives) -> Ageing:
    """The embedding's ridge regression on the logarithm of the age, and means along equal steps of what it says."""
    embedding = lives.embedding.astype(np.float64)
    age = np.log(lives.age + max(float(np.median(lives.age)), 1e-9) / YOUNG)
    scale = np.maximum(embedding.std(axis=0), 1e-6)
    direction = np.asarray(Ridge(alpha=1.0).fit(embedding / scale, age).coef_, np.float64) / scale
    told = embedding @ direction
    order = np.argsort(told, kind="stable")
    cuts = [0]
    for cut in np.searchsorted(told[order], np.linspace(told.min(), told.max(), AGES + 1)[1:-1]):
        if min(cut - cuts[-1], len(told) - cut) >= FEWEST_OF_AN_AGE:
            cuts.append(int(cut))
    groups = np.split(order, cuts[1:])
    knots, usual = (np.stack([values[group].mean(axis=0) for group in groups]) for values in (told, embedding))
    return Ageing(direction.astype(np.float32), knots.astype(np.float32), usual.astype(np.float32))


def _nearest(squared: Float32) -> Float32:
    """(B, L) squared distances -> (B) mean distance to the nearest few."""
    count = min(NEIGHBOURS, squared.shape[1])
    return np.sqrt(np.partition(squared, count - 1, axis=1)[:, :count]).mean(axis=1).astype(np.float32)


def _distances_without_self(novelty: Novelty, embedding: Float32, chosen: npt.NDArray[np.int64]) -> Float32:
    """Distances of the population, where a landmark does not count as its own neighbour."""
    distances = np.concatenate([novelty.distance(part) for part in np.array_split(embedding, len(embedding) // 4096 + 1)])
    centred = (embedding[chosen] - novelty.ageing.of(embedding[chosen])).astype(np.float32)
    squared = squared_distances(centred @ novelty.whitening, novelty.landmarks)
    np.fill_diagonal(squared, np.float32(np.finfo(np.float32).max))
    distances[chosen] = _nearest(squared) + novelty.residual(centred)
    return distances[distances < np.sqrt(np.finfo(np.float32).max) / NEIGHBOURS]


def _calibrated(novelty: Novelty, distances: Float32) -> Novelty:
    """Rarity at quantiles of the population's distances, and the exponential tail beyond."""
    body = np.linspace(0, 1 - TAIL, 40)
    knots = np.maximum.accumulate(np.quantile(distances, body)) + np.arange(len(body)) * 1e-7
    excess = distances[distances > knots[-1]] - knots[-1]
    scale = max(float(excess.mean()) if len(excess) else 0.0, 1e-3 * float(knots[-1]) + 1e-9)
    return replace(
        novelty,
        knots=knots.astype(np.float32),
        decades=(-np.log10(1 - body)).astype(np.float32),
        slope=float(1 / (np.log(10) * scale)),
        farthest=float(distances.max()),
    )
