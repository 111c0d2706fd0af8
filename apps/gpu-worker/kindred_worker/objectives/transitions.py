"""Transitions: which event will follow which, over everything that is still to come.

What comes next depends on where in a visit the customer stands; how their events follow one another does not. The
head gives one distribution over pairs (a, b) of neighbouring events; the teacher is the share of each pair among the
pairs that begin after the moment and end within the longest horizon. Two customers with the same counts in another
order differ here and nowhere else.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from kindred_worker.data.features import FeatureSpec
from kindred_worker.models.encoder import Sight
from kindred_worker.models.forecast_column import ForecastColumn
from kindred_worker.models.plan import Plan, event_codes
from kindred_worker.objectives.objective import Moments, Objective, kinds, masked_mean

OTHER = "(other)"


class Transitions(Objective):
    def __init__(self, features: FeatureSpec, plan: Plan) -> None:
        super().__init__()
        self.codes, self.days = event_codes(features), plan.horizon_days[-1]
        self.names = (*features.events, OTHER)
        self.mains = len(features.main_events)
        self.head = nn.Linear(plan.width, len(self.names) ** 2)

    def targets(self, moments: Moments) -> dict[str, np.ndarray]:
        """share (B, R, K K) of each pair, some (B, R) 0/1: there is a pair at all."""
        many = len(self.names)
        kind = kinds(moments.events.name, self.codes)
        pair = np.zeros((len(kind), many * many), dtype=np.int32)  # row i: the pair (i, i + 1)
        pair[np.arange(len(kind) - 1), kind[:-1] * many + kind[1:]] = 1
        total = np.concatenate([np.zeros((1, many * many), np.int32), np.cumsum(pair, axis=0, dtype=np.int32)])
        begin = moments.position()
        # The last pair begins one event before the last one.
        end = np.maximum(moments.position(self.days) - 1, begin)
        counts = (total[end] - total[begin]).astype(np.float32)
        number = counts.sum(axis=-1)
        return {"share": counts / np.maximum(number, 1)[..., None], "some": (number > 0).astype(np.float32)}

    def loss(self, embedding: Tensor, targets: dict[str, Tensor]) -> Tensor:
        said = torch.log_softmax(self.head(embedding), dim=-1)
        return masked_mean(-(targets["share"] * said).sum(-1), targets["some"])

    def columns(self) -> list[ForecastColumn]:
        return [ForecastColumn(a, self.days, "pair", at < self.mains, then=b) for at, a in enumerate(self.names) for b in self.names]

    def forecast(self, sight: Sight) -> Tensor:
        return torch.softmax(self.head(sight.embedding), dim=-1)
