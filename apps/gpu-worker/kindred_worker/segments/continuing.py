"""The champion's segments, carried over into the room of a new model, with those that are born and those that end.

The new model reads the customers as they were when the champion placed them. Where the champion's members then lie in
the new room, there the segment goes on: no weight, axis or centre has to mean the same in both. A segment is born where
more customers now lie far outside of every segment than did then, and close to each other: people who behave in a way
that nobody did. One that hardly anyone belongs to any more ends.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kindred_worker.segments.space import squared_distances

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

FAR = 0.99  # of the champion's members lie nearer to their centre, in radii of their segment
BORN = 0.02  # share of customers, beyond those that were as far already, that make a new segment
BORN_AT_MOST = 4
ENDED = 0.004  # share of customers below which a segment ends
SETTLING = 5  # turns in which a new centre finds its members
LOOKED_AT = 2_000  # customers among whom the middle of a new segment is looked for


@dataclass(frozen=True)
class Continued:
    centres: Float32  # (K, Q), the champion's first, in the champion's order
    champion: list[int]  # the champion's segment of each of the first centres
    born: int  # centres at the end that the champion did not have


def carry_over(points: Float32, then: Float32, labels: Int64) -> Continued | None:
    """`points` (N, Q) of everyone now; `then` (M, Q) where the champion's customers stood, `labels` (M) in its segments
    (-1: in none). None where nothing is left to carry over."""
    known = labels >= 0
    then, labels = then[known], labels[known]
    present = [s for s in range(int(labels.max(initial=-1)) + 1) if (labels == s).sum() >= 2]
    if not present:
        return None
    centres = np.stack([then[labels == s].mean(axis=0) for s in present]).astype(np.float32)
    nearest = squared_distances(points, centres).argmin(axis=1)
    alive = np.bincount(nearest, minlength=len(present)) >= ENDED * len(points)
    present, centres = [s for s, lives in zip(present, alive, strict=True) if lives], centres[alive]
    born = _births(points, then, centres)
    return Continued(np.concatenate([centres, born]).astype(np.float32), present, len(born))


def _births(points: Float32, then: Float32, centres: Float32) -> Float32:
    """(B, Q) centres of new segments."""
    found, radii = np.zeros((0, centres.shape[1]), np.float32), _radii(then, centres)
    usual = float(np.median(radii))
    while len(found) < BORN_AT_MOST:
        every = np.concatenate([centres, found])
        limit = float(np.quantile(_farness(then, every, radii), FAR))
        far = points[_farness(points, every, radii) > limit]
        if len(far) / len(points) - (1 - FAR) < BORN:
            break
        middle = _densest(far, usual)
        # Its members are those of the far ones that are nearer to it than to any other centre, wherever these draw it.
        own = _nearest_to(middle, far, every)
        for _ in range(SETTLING):
            middle = far[own].mean(axis=0) if own.any() else middle
            own = _nearest_to(middle, far, every)
        if own.sum() < BORN * len(points) / 2:
            break
        radius = float(np.sqrt(((far[own] - middle) ** 2).sum(axis=1).mean()))
        found, radii = np.concatenate([found, middle[None]]), np.append(radii, max(radius, usual / 4))
    return found


def _nearest_to(middle: Float32, points: Float32, others: Float32) -> npt.NDArray[np.bool_]:
    """(N) which points are nearer to `middle` than to any of the others."""
    return squared_distances(points, np.concatenate([others, middle[None]])).argmin(axis=1) == len(others)


def _radii(points: Float32, centres: Float32) -> Float64:
    """(K) root mean squared distance of the members; the median one where there are hardly any."""
    squared = squared_distances(points, centres)
    nearest, sizes = squared.argmin(axis=1), np.bincount(squared.argmin(axis=1), minlength=len(centres))
    radii = np.sqrt(np.bincount(nearest, squared.min(axis=1), minlength=len(centres)) / np.maximum(sizes, 1))
    usual = float(np.median(radii[sizes >= 2])) if (sizes >= 2).any() else 1.0
    return np.where(sizes >= 2, np.maximum(radii, 0.25 * usual), usual) + 1e-9


def _farness(points: Float32, centres: Float32, radii: Float64) -> Float64:
    """(N) distance to the nearest centre, in its segment's radii."""
    return np.sqrt(squared_distances(points, centres) / radii**2).min(axis=1)


def _densest(points: Float32, radius: float) -> Float32:
    """(Q) the mean of those around the point that most others are near to."""
    some = points[:: max(1, len(points) // LOOKED_AT)]
    near = squared_distances(some, some) < (2 * radius) ** 2
    best = int(near.sum(axis=1).argmax())
    return some[near[best]].mean(axis=0).astype(np.float32)
