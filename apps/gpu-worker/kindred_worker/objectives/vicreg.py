"""VICReg (Bardes, Ponce & LeCun 2022): two slices of a customer agree, every dimension varies, none repeats another.

invariance + variance + covariance / 25: the paper's 25 : 25 : 1, divided by 25 so that a weight of 1 is like another
task's. The invariance is the mean over dimensions too, as in the authors' code.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from kindred_worker.objectives.pairing import PairOfSlices

SPREAD, EPSILON = 1.0, 1e-4
COVARIANCE = 1 / 25


class VicReg(PairOfSlices):
    def between(self, a: Tensor, b: Tensor) -> Tensor:
        return vicreg(a, b)


def vicreg(a: Tensor, b: Tensor) -> Tensor:
    """(N, D) two views, N > 1."""
    invariance = functional.mse_loss(a, b)
    variance = torch.stack([functional.relu(SPREAD - torch.sqrt(z.var(dim=0) + EPSILON)).mean() for z in (a, b)]).mean()
    covariance = torch.stack([_off_diagonal(_covariance(z)).square().sum() / z.shape[1] for z in (a, b)]).sum()
    return invariance + variance + COVARIANCE * covariance


def _covariance(z: Tensor) -> Tensor:
    """(N, D) -> (D, D), as torch.cov, which asks the device whether there is more than one row."""
    centred = z.T - z.T.mean(dim=1, keepdim=True)
    return centred @ centred.T / (len(z) - 1)


def _off_diagonal(matrix: Tensor) -> Tensor:
    return matrix - torch.diag(torch.diagonal(matrix))
