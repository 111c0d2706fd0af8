"""What tasks about slices share: which slices are whose; and two slices of each customer, seen through a wider space that only
the loss uses (VICReg and Barlow twins)."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
import torch
from torch import Tensor, nn

from kindred_worker.data.features import FeatureSpec
from kindred_worker.models.plan import Plan
from kindred_worker.objectives.objective import Moments, Objective

WIDER = 2  # times the embedding


class PairOfSlices(Objective):
    """Compares two slices of each customer. Without the expander the loss would press the embedding itself, and both papers
    lose by that."""

    view = "slices"

    def __init__(self, features: FeatureSpec, plan: Plan) -> None:
        super().__init__()
        wide = WIDER * plan.width
        self.expander = nn.Sequential(nn.Linear(plan.width, wide), nn.BatchNorm1d(wide), nn.ReLU(), nn.Linear(wide, wide))

    def targets(self, moments: Moments) -> dict[str, np.ndarray]:
        """row (K) of the slices of known customers."""
        return {"row": known_slices(moments)["row"]}

    def loss(self, embedding: Tensor, targets: dict[str, Tensor]) -> Tensor:
        a, b = pairs(embedding, targets["row"])
        if len(a) < 2:
            return embedding.sum() * 0
        a, b = self.expander(torch.cat([a, b])).chunk(2)
        return self.between(a, b)

    @abstractmethod
    def between(self, a: Tensor, b: Tensor) -> Tensor:
        """The loss of (N, WIDER D) two slices of N customers, N > 1."""


def known_slices(moments: Moments) -> dict[str, np.ndarray]:
    """row (K): places of the slices of known customers; customer (K): whose they are. Chosen here, on the host, for how many
    there are a device would have to be asked, and waited for."""
    customer = moments.told["customer"].ravel()
    row = np.flatnonzero(customer >= 0)
    return {"row": row, "customer": customer[row]}


def pairs(embedding: Tensor, row: Tensor) -> tuple[Tensor, Tensor]:
    """(V, 1, D) slices and `row` of `known_slices` -> two of (P, D): neighbouring slices of one customer."""
    known = embedding.flatten(0, -2).index_select(0, row)
    return known[::2], known[1::2]
