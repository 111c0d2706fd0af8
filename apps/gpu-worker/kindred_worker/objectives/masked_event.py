"""Masked event (after BERT: Devlin et al. 2019): which event, and of what amount, was hidden so many days ago?

The customer is read a few events later, so what stood before the hidden event and what followed both speak. Kind by
cross-entropy, log amount by half a Huber loss where the event has one.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from kindred_worker.data.features import FeatureSpec
from kindred_worker.models.plan import Plan, event_codes
from kindred_worker.objectives.objective import Moments, OfAmounts, kinds, masked_mean

MINUTES = 1440  # a day


class MaskedEvent(OfAmounts):
    view = "hidden"

    def __init__(self, features: FeatureSpec, plan: Plan) -> None:
        super().__init__()
        self.codes = event_codes(features)
        self.mix = nn.Sequential(nn.Linear(plan.width + 2, plan.width), nn.GELU())
        self.kind = nn.Linear(plan.width, len(self.codes) + 1)  # the last one: any other event
        self.amount = nn.Linear(plan.width, 1)

    def targets(self, moments: Moments) -> dict[str, np.ndarray]:
        """days (B, R) since the hidden event, kind (B, R) class, amount (B, R) log1p, has_amount and known (B, R) 0/1."""
        told = moments.told
        amount = np.abs(told["value"])
        return {
            "days": told["days"],
            "kind": kinds(told["name"], self.codes),
            "amount": np.log1p(amount).astype(np.float32),
            "has_amount": told["known"] * (amount > 0),
            "known": told["known"],
        }

    def loss(self, embedding: Tensor, targets: dict[str, Tensor]) -> Tensor:
        kind, amount = self.said(embedding, targets["days"])
        wrong = functional.cross_entropy(kind.flatten(0, -2), targets["kind"].flatten(), reduction="none")
        much = functional.huber_loss(amount, (targets["amount"] - self.center) / self.spread, reduction="none")
        return masked_mean(wrong, targets["known"].flatten()) + 0.5 * masked_mean(much, targets["has_amount"])

    def said(self, embedding: Tensor, days: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (…, K + 1) and standardised log amount (…) of the event `days` (…) before each reading."""
        since = torch.stack([torch.log1p(days), torch.log1p(days * MINUTES) / math.log(MINUTES)], dim=-1)
        mixed = self.mix(torch.cat([embedding, since], dim=-1))
        return self.kind(mixed), self.amount(mixed).squeeze(-1)
