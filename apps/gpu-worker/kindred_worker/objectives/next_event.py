"""Next event: which kind comes next, after how long, and with what amount.

Time is a discrete hazard over bins of the data's own gaps; where no event follows before the data's end, the bins
that were waited through in vain still count (censoring).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from kindred_worker.data.features import Encoded, FeatureSpec
from kindred_worker.models.encoder import Sight
from kindred_worker.models.forecast_column import ForecastColumn
from kindred_worker.models.plan import Plan, event_codes
from kindred_worker.objectives.objective import Moments, OfAmounts, kinds, masked_mean

DAY = 86_400_000_000
OTHER = "(other)"


class NextEvent(OfAmounts):
    def __init__(self, features: FeatureSpec, plan: Plan) -> None:
        super().__init__()
        self.codes, self.events, self.mains = event_codes(features), features.events, len(features.main_events)
        self.edges = np.array(plan.hazard_days)
        self.kind = nn.Linear(plan.width, len(self.events) + 1)  # the last one: any other event
        self.hazard = nn.Linear(plan.width, len(self.edges))
        self.amount = nn.Linear(plan.width, 1)

    def targets(self, moments: Moments) -> dict[str, np.ndarray]:
        """kind (B, R) class, follows 0/1, waited (B, R, bins) 0/1 bins survived, hit (B, R, bins) 0/1 bin of the event,
        amount (B, R) log1p, has_amount 0/1."""
        events, position = moments.events, moments.position()
        follows = position < moments.offsets[1:][:, None]
        at = np.minimum(position, max(len(events.time) - 1, 0))
        gap = np.where(follows, events.time[at] - moments.at, moments.now - moments.at) / DAY
        bins = np.arange(len(self.edges))
        found = np.searchsorted(self.edges, gap)  # bin that the gap ends in
        hit = (found[..., None] == bins) & follows[..., None]
        waited = bins < found[..., None]
        amount = np.abs(events.value[at])
        return {
            "kind": kinds(events.name[at], self.codes),
            "follows": follows.astype(np.float32),
            "waited": waited.astype(np.float32),
            "hit": hit.astype(np.float32),
            "amount": np.log1p(amount).astype(np.float32),
            "has_amount": (follows & (amount > 0)).astype(np.float32),
        }

    def loss(self, embedding: Tensor, targets: dict[str, Tensor]) -> Tensor:
        kind = functional.cross_entropy(self.kind(embedding).flatten(0, -2), targets["kind"].flatten(), reduction="none")
        hazard = self.hazard(embedding) - 2.0
        time = targets["waited"] * functional.softplus(hazard) + targets["hit"] * functional.softplus(-hazard)
        said = self.amount(embedding).squeeze(-1)
        amount = functional.huber_loss(said, (targets["amount"] - self.center) / self.spread, reduction="none")
        return masked_mean(kind, targets["follows"].flatten()) + time.sum(-1).mean() + 0.5 * masked_mean(amount, targets["has_amount"])

    def surprise(self, embedding: Tensor, events: Encoded, gap_days: np.ndarray) -> Tensor:
        """(N) nats: how unlikely these N events were to states (N, D) read `gap_days` before each; NaN: only the kind is judged.

        The sum of -log P(kind), -log P(the gap ends in its bin) and, where the event carries an amount, half the squared
        error of its standardised log.
        """

        def told(array: np.ndarray) -> Tensor:
            return torch.from_numpy(array).to(embedding.device)

        kind = functional.cross_entropy(self.kind(embedding), told(kinds(events.name, self.codes)), reduction="none")
        hazard = self.hazard(embedding) - 2.0
        bins = np.arange(len(self.edges))
        found = np.searchsorted(self.edges, np.nan_to_num(gap_days))[:, None]
        waited, hit = told(bins < found), told(bins == found)
        time = (waited * functional.softplus(hazard) + hit * functional.softplus(-hazard)).sum(-1)
        amount = np.abs(events.value)
        standard = (told(np.log1p(amount)).float() - self.center) / self.spread
        much = 0.5 * (self.amount(embedding).squeeze(-1) - standard).square()
        return kind + time * told(~np.isnan(gap_days)) + much * told(amount > 0)

    def columns(self) -> list[ForecastColumn]:
        return [ForecastColumn(event, 0.0, "next", at < self.mains) for at, event in enumerate(self.events)]

    def forecast(self, sight: Sight) -> Tensor:
        return torch.softmax(self.kind(sight.embedding), dim=-1)[..., : len(self.events)]
