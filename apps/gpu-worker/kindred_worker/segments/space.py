"""The room that customers are grouped in: one linear map of forecast and embedding, so that a live customer costs O(D)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Space:
    """place(x) = (concat(forecast, embedding) - mean) @ projection."""

    mean: Float32  # (F + D)
    projection: Float32  # (F + D, Q)

    @property
    def width(self) -> int:
        return int(self.projection.shape[1])

    def place(self, embedding: Float32, forecast: Float32) -> Float32:
        """(B, D), (B, F) -> (B, Q)."""
        both = np.concatenate([forecast, embedding], axis=1, dtype=np.float32)
        return (both - self.mean) @ self.projection


def squared_distances(points: Float32, centres: Float32) -> Float32:
    """(B, Q), (K, Q) -> (B, K), never below 0."""
    cross = points @ centres.T
    return np.maximum((points**2).sum(axis=1)[:, None] + (centres**2).sum(axis=1) - 2 * cross, 0)
