"""Barlow twins (Zbontar et al. 2021): the correlation of two slices' dimensions, over customers, is the identity.

sum_i (1 - C_ii)^2 + 0.005 sum_(i != j) C_ij^2, divided by the number of dimensions so that a weight of 1 is like
another task's.
"""

from __future__ import annotations

import torch
from torch import Tensor

from kindred_worker.objectives.pairing import PairOfSlices

REDUNDANCY, EPSILON = 0.005, 1e-5


class BarlowTwins(PairOfSlices):
    def between(self, a: Tensor, b: Tensor) -> Tensor:
        return barlow_twins(a, b)


def barlow_twins(a: Tensor, b: Tensor) -> Tensor:
    """(N, D) two views, N > 1."""
    correlation = _standardised(a).T @ _standardised(b) / len(a)
    diagonal = torch.diagonal(correlation)
    same = (1 - diagonal).square().sum()
    others = correlation.square().sum() - diagonal.square().sum()
    return (same + REDUNDANCY * others) / a.shape[1]


def _standardised(z: Tensor) -> Tensor:
    return (z - z.mean(dim=0)) / torch.sqrt(z.var(dim=0, correction=0) + EPSILON)
