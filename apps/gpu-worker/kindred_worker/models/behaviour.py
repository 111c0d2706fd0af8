"""The whole model: features, event embedder, encoder and the heads of its pretext tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from kindred_worker.data.features import FeatureSpec
from kindred_worker.models.batch import EventBatch
from kindred_worker.models.embedder import EventEmbedder
from kindred_worker.models.encoder import Encoder, EventVectors, Sight
from kindred_worker.models.encoders import ENCODERS, check_encoder
from kindred_worker.models.forecast_column import ForecastColumn
from kindred_worker.models.plan import Plan
from kindred_worker.objectives import Horizon, NextEvent, Objective, made


@dataclass(frozen=True)
class MainForecast:
    """Of N customers: the main events' probabilities and expected values."""

    events: list[tuple[str, float]]  # (event, horizon in days) of each column
    probability: Tensor  # (N, M H)
    expected_value: Tensor  # (N, M H)


class BehaviourModel(nn.Module):
    """Made by `create` (fresh weights) or read from a bundle (models/bundle.py)."""

    def __init__(self, features: FeatureSpec, plan: Plan) -> None:
        super().__init__()
        self.features, self.plan = features, plan
        self.embedder = EventEmbedder(features, plan.event_width, plan.item_dropout, plan.counted > 0)
        self.encoder = _encoder(plan)
        self.heads = nn.ModuleDict(made(features, plan))
        self.stamp = 0  # names the weights in packed states; set when they come from a file

    @staticmethod
    def create(features: FeatureSpec, plan: Plan, seed: int) -> BehaviourModel:
        """Untrained; the same seed gives the same weights."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return BehaviourModel(features, plan)

    @property
    def device(self) -> torch.device:
        return self.embedder.mix.weight.device

    @property
    def width(self) -> int:
        return self.encoder.width

    @property
    def columns(self) -> list[ForecastColumn]:
        return [c for head in self.objectives.values() for c in head.columns()]

    def vectors(self, batch: EventBatch) -> EventVectors:
        return EventVectors(batch.offsets, batch.time, self.embedder(batch), batch.known_offsets)

    def read(self, state: Any, at: Tensor) -> Sight:
        """N customers at times (N), not before each state's last event."""
        return Sight(self.encoder.read(state, at), self.encoder.tally_of(state, at))

    def read_many(self, events: EventVectors, at: Tensor) -> Sight:
        """B customers at ascending times (B, R), each from the events up to it."""
        return Sight(self.encoder.read_many(events, at), self.encoder.tally_many(events, at))

    def forecast(self, sight: Sight) -> Tensor:
        """(N, F), as `columns` says."""
        return torch.cat([head.forecast(sight) for head in self.objectives.values()], dim=-1)

    def grouping(self, sight: Sight) -> Tensor:
        """(N, F), as `columns` says: what customers are grouped by."""
        return torch.cat([head.grouping(sight) for head in self.objectives.values()], dim=-1)

    @property
    def groups_apart(self) -> bool:
        """Whether `grouping` says anything else than `forecast`."""
        head = self.horizon
        return head is not None and bool(head.grouped_by.share != head.foreseen_by.share)

    @property
    def main_events(self) -> list[tuple[str, float]]:
        """(event, horizon in days) of each column of `main_forecast`; none without a horizon objective."""
        head = self.horizon
        return [] if head is None else [(event, days) for event in head.events[: head.mains] for days in head.days]

    def main_forecast(self, sight: Sight) -> MainForecast:
        """What the main events' forecast says to people; empty without a horizon objective."""
        head = self.horizon
        if head is None:
            none = sight.embedding.new_zeros(sight.embedding.shape[0], 0)  # len() would fix the number in an export
            return MainForecast([], none, none)
        size = head.mains * len(head.days)
        said = head.forecast(sight).unflatten(-1, (len(head.events), 2, len(head.days)))
        return MainForecast(
            self.main_events,
            said[:, : head.mains, 0].reshape(-1, size),
            head.amounts(sight)[:, : head.mains].reshape(-1, size),
        )

    def losses(self, embeddings: dict[str, Tensor], targets: dict[str, dict[str, Tensor]]) -> dict[str, Tensor]:
        """Loss of each pretext task, not weighted; `embeddings` by view, `targets` by task."""
        return {name: head.loss(embeddings[head.view], targets[name]) for name, head in self.objectives.items()}

    @property
    def objectives(self) -> dict[str, Objective]:
        """The heads, in their order."""
        return {name: head for name, head in self.heads.items() if isinstance(head, Objective)}

    @property
    def horizon(self) -> Horizon | None:
        head = self.objectives.get("horizon")
        return head if isinstance(head, Horizon) else None

    @property
    def next_event(self) -> NextEvent | None:
        head = self.objectives.get("next_event")
        return head if isinstance(head, NextEvent) else None


def _encoder(plan: Plan) -> Encoder[Any]:
    check_encoder(plan.encoder)
    return ENCODERS[plan.encoder].of(plan)
