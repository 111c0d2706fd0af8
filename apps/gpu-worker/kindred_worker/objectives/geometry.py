"""How embeddings of the same customers lie: whether they say who someone is, and how evenly they fill the sphere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Geometry:
    identity_recall: float  # share of rows whose nearest other row is the same customer's; by chance 1 / (2 N - 1)
    alignment: float  # mean squared distance of a customer's two rows on the unit sphere; 0: the same
    uniformity: float  # log of the mean of exp(-2 squared distance) over all pairs; lower: more evenly spread
    customers: int


def geometry(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> Geometry:
    """(N, D) and (N, D): two readings of the same N customers that share no event, in the same order; N > 1.

    Alignment and uniformity as in Wang & Isola 2020, with alpha 2 and t 2.
    """
    rows = np.concatenate([a, b]).astype(np.float64)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    square = np.maximum(2 - 2 * rows @ rows.T, 0)
    each = np.arange(len(rows))
    partner = (each + len(a)) % len(rows)
    potential = np.exp(-2 * square[np.triu_indices(len(rows), 1)]).mean()
    alignment = float(square[each, partner].mean())
    np.fill_diagonal(square, np.inf)
    recall = float((square.argmin(axis=1) == partner).mean())
    return Geometry(recall, alignment, float(np.log(potential)), len(a))
