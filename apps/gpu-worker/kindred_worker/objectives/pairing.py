"""What tasks about slices share: which slices are whose; and two slices of each customer, seen through a wider space that only
the loss uses (VICReg and Barlow twins)."""

from __future__ import annotations

import numpy as np
from torch import Tensor, nn

from kindred_worker.models.plan import Plan
from kindred_worker.objectives.objective import Moments

WIDER = 2  # times the embedding


def expander(plan: Plan) -> nn.Sequential:
    """(N, D) -> (N, WIDER D). Without it the loss would press the embedding itself, and both papers lose by that."""
    wide = WIDER * plan.width
    return nn.Sequential(nn.Linear(plan.width, wide), nn.BatchNorm1d(wide), nn.ReLU(), nn.Linear(wide, wide))


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
