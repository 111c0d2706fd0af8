"""Contrastive slices (CoLES: Babaev et al. 2022): slices of one customer lie near each other, those of others do not.

On the unit sphere, with the paper's loss: d^2 / 2 for every pair of slices of one customer, max(0, margin - d)^2 / 2 for
each slice and its HARD nearest slices of other customers; here the mean over all of these pairs.
It learns who a customer is: useful beside tasks that foresee, and misled by anything that is an id (learning.md).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from kindred_worker.data.features import FeatureSpec
from kindred_worker.models.plan import Plan
from kindred_worker.objectives.objective import Objective

MARGIN, HARD = 0.5, 5


class Contrastive(Objective):
    view = "slices"

    def __init__(self, features: FeatureSpec, plan: Plan) -> None:
        super().__init__()

    def loss(self, embedding: Tensor, targets: dict[str, Tensor]) -> Tensor:
        customer = targets["customer"].flatten()
        known = customer >= 0
        customer = customer[known]
        points = functional.normalize(embedding.flatten(0, -2)[known], dim=-1)
        square = (2 - 2 * points @ points.T).clamp(min=1e-9)  # the root has no slope at 0
        same = customer.unsqueeze(0) == customer.unsqueeze(1)
        near = square[same.triu(diagonal=1)] / 2
        hard, _ = square.masked_fill(same, torch.inf).topk(min(HARD, len(customer)), largest=False)
        far = functional.relu(MARGIN - hard[hard.isfinite()].sqrt()).square() / 2
        return (near.sum() + far.sum()) / max(1, len(near) + len(far))
