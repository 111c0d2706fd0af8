"""Contrastive slices (CoLES: Babaev et al. 2022): slices of one customer lie near each other, those of others do not.

On the unit sphere, with the paper's loss: d^2 / 2 for every pair of slices of one customer, max(0, margin - d)^2 / 2 for
each slice and its HARD nearest slices of other customers; here the mean over all of these pairs.
It learns who a customer is: useful beside tasks that foresee, and misled by anything that is an id (learning.md).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from kindred_worker.data.features import FeatureSpec
from kindred_worker.models.plan import Plan
from kindred_worker.objectives.objective import Moments, Objective
from kindred_worker.objectives.pairing import known_slices

MARGIN, HARD = 0.5, 5


class Contrastive(Objective):
    view = "slices"

    def __init__(self, features: FeatureSpec, plan: Plan) -> None:
        super().__init__()

    def targets(self, moments: Moments) -> dict[str, np.ndarray]:
        """row and customer (K) of the slices of known customers; one and other (P): pairs of the K that are of one customer."""
        known = known_slices(moments)
        one, other = np.nonzero(np.triu(known["customer"][:, None] == known["customer"], 1))
        return {**known, "one": one, "other": other}

    def loss(self, embedding: Tensor, targets: dict[str, Tensor]) -> Tensor:
        customer = targets["customer"]
        points = functional.normalize(embedding.flatten(0, -2).index_select(0, targets["row"]), dim=-1)
        square = (2 - 2 * points @ points.T).clamp(min=1e-9)  # the root has no slope at 0
        near = square[targets["one"], targets["other"]] / 2
        same = customer.unsqueeze(0) == customer.unsqueeze(1)
        hard, _ = square.masked_fill(same, torch.inf).topk(min(HARD, len(customer)), largest=False)
        far = functional.relu(MARGIN - hard.sqrt()).square() / 2  # nothing, where there are fewer others
        return (near.sum() + far.sum()) / (len(near) + hard.isfinite().sum()).clamp(min=1)
