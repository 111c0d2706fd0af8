"""What VICReg and Barlow twins share: two slices of each customer, seen through a wider space that only the loss uses."""

from __future__ import annotations

from torch import Tensor, nn

from kindred_worker.models.plan import Plan

WIDER = 2  # times the embedding


def expander(plan: Plan) -> nn.Sequential:
    """(N, D) -> (N, WIDER D). Without it the loss would press the embedding itself, and both papers lose by that."""
    wide = WIDER * plan.width
    return nn.Sequential(nn.Linear(plan.width, wide), nn.BatchNorm1d(wide), nn.ReLU(), nn.Linear(wide, wide))


def pairs(embedding: Tensor, customer: Tensor) -> tuple[Tensor, Tensor]:
    """(V, 1, D) slices -> two of (P, D): neighbouring slices of one customer, of those customers that are known."""
    known = customer.flatten()[::2] >= 0
    flat = embedding.flatten(0, -2)
    return flat[::2][known], flat[1::2][known]
