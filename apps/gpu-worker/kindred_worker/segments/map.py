"""The 2-D map of customers.

No linear projection to two dimensions keeps seven segments apart, so the map is a smooth blend of linear ones: the
segments' centres are laid out in the plane by their distances (metric scaling; square roots of distances, so that a
chain of segments bends into an arc instead of a line), and a customer lies near the centres of the segments it is near
to, moved by what sets it apart within them. Customers between two segments lie between them. A new customer's place
costs O(K Q), and nobody else moves when they come.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.manifold import MDS

from kindred_worker.segments.space import squared_distances

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

CLOUD = 0.3  # deviation of a segment's cloud, in distances to the nearest other centre
SHARPNESS = 1.0  # how soon a customer belongs wholly to the nearest centre, in mean squared radii


@dataclass(frozen=True)
class Map:
    layout: Float32  # (K, 2) centres in the plane
    axes: Float32  # (Q, 2) what sets customers of one segment apart
    softness: float  # squared distance over which belonging fades

    def place(self, points: Float32, centres: Float32) -> Float32:
        """(B, Q), (K, Q) -> (B, 2), about -1..1."""
        squared = squared_distances(points, centres)
        nearness = np.exp(-(squared - squared.min(axis=1, keepdims=True)) / self.softness)
        belonging = nearness / nearness.sum(axis=1, keepdims=True)
        apart = np.tanh((points - belonging @ centres) @ self.axes)
        return (belonging @ self.layout + apart).astype(np.float32)


def fit_map(points: Float32, centres: Float32, labels: Int64, seed: int) -> Map:
    """`points` (N, Q) of a population in segments `labels` (N) around `centres` (K, Q)."""
    radius = float(((points - centres[labels]) ** 2).sum(axis=1).mean())
    layout = _laid_out(centres, seed)
    gap = np.sqrt(squared_distances(layout, layout)) + 9 * np.eye(len(layout))
    within = (points - centres[labels]).astype(np.float64)
    variances, vectors = np.linalg.eigh(within.T @ within / max(len(within), 1))
    best = np.argsort(-variances)[:2]
    axes = np.zeros((points.shape[1], 2))
    spread = np.sqrt(np.maximum(variances[best], 1e-12))
    axes[:, : len(best)] = vectors[:, best] / spread * CLOUD * float(np.median(gap.min(axis=1)))
    # The sign of an eigenvector means nothing: fixed, so that a refit does not mirror the clouds.
    axes *= np.where(((within @ axes) ** 3).mean(axis=0) < 0, -1.0, 1.0)
    return Map(layout, axes.astype(np.float32), max(SHARPNESS * radius, 1e-9))


def _laid_out(centres: Float32, seed: int) -> Float32:
    """(K, 2) within -1..1, turned so that the first axis is the longest."""
    if len(centres) == 1:
        return np.zeros((1, 2), np.float32)
    distances = squared_distances(centres, centres).astype(np.float64) ** 0.25
    np.fill_diagonal(distances, 0)
    scaling = MDS(2, n_init=8, init="random", metric="precomputed", random_state=seed, normalized_stress="auto")
    found: Float64 = np.asarray(scaling.fit_transform((distances + distances.T) / 2), dtype=np.float64)
    centred = found - found.mean(axis=0)
    turned = centred @ np.linalg.svd(centred, full_matrices=False)[2].T
    turned *= np.where((turned**3).sum(axis=0) < 0, -1.0, 1.0)
    return (turned / max(float(np.abs(turned).max()), 1e-9)).astype(np.float32)
