"""The interface of pretext tasks, and what they are asked about."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from kindred_worker.data.features import Encoded, Int32, Int64
from kindred_worker.models.batch import put
from kindred_worker.models.encoder import Sight
from kindred_worker.models.forecast_column import ForecastColumn


@dataclass(frozen=True)
class Moments:
    """R moments of each of B rows that are read, ascending, and the events around them.

    A row is a customer, or what a view (views.py) made of one: a slice, or a customer whose events are partly hidden.
    """

    events: Encoded  # (n) flat
    offsets: Int64  # (B + 1)
    at: Int64  # (B, R) microseconds
    now: int  # the data's end; later is unknown
    told: Mapping[str, np.ndarray] = field(default_factory=dict[str, np.ndarray])  # (B, R) each: what only the view knows

    @property
    def owner(self) -> Int64:
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))

    def position(self, shift_days: float = 0.0) -> Int64:
        """(B, R) index of the first event later than `shift_days` after each moment (end of the customer if none)."""
        # One sorted key over all customers makes this a single binary search.
        base = int(self.events.time.min(initial=self.now))
        shifted = np.minimum(self.at + round(shift_days * 86_400_000_000), self.now + 1)
        reach = self.now - base + 3
        latest = np.minimum(self.events.time, self.now + 1)  # clocks ahead of now still lie inside their customer
        key = self.owner * reach + (latest - base)
        wanted = np.arange(len(self.at))[:, None] * reach + np.clip(shifted - base, -1, reach - 1)
        return np.searchsorted(key, wanted.ravel(), side="right").reshape(self.at.shape)


class Objective(nn.Module, ABC):
    """A head on the embedding and its loss. It knows nothing of encoders or trainers. Made from (FeatureSpec, Plan)."""

    # What is read for it, a name in VIEWS; objectives with the same view share one reading.
    view: ClassVar[str] = "moments"

    def measure(self, events: Encoded) -> None:
        """Scales of the targets, from the events learned from; kept with the weights."""

    def targets(self, moments: Moments) -> dict[str, np.ndarray]:
        """What the loss is told: of each moment, as arrays (B, R, …), or which of them are meant. Made on the host: no array
        may have a size that `loss` would have to ask a device for."""
        return dict(moments.told)

    @abstractmethod
    def loss(self, embedding: Tensor, targets: dict[str, Tensor]) -> Tensor:
        """Mean loss; embedding (B, R, D). 0 where there is nothing to learn from."""

    def columns(self) -> list[ForecastColumn]:
        """What `forecast` says; nothing, where a task only shapes the embedding."""
        return []

    def forecast(self, sight: Sight) -> Tensor:
        """(N, F) of N customers."""
        return sight.embedding.new_zeros(*sight.embedding.shape[:-1], 0)

    def grouping(self, sight: Sight) -> Tensor:
        """(N, F) what customers are grouped by: the same columns, as two trainings say them more alike where a task can do that."""
        return self.forecast(sight)


class OfAmounts(Objective):
    """An objective that also says how much: of log amounts, standardised by those learned from."""

    center: Tensor
    spread: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("center", torch.zeros(()))
        self.register_buffer("spread", torch.ones(()))

    def measure(self, events: Encoded) -> None:
        """Centre and spread of the log amounts."""
        logs = np.log1p(np.abs(events.value[events.value != 0]))
        if len(logs):
            self.center.fill_(float(logs.mean()))
            self.spread.fill_(max(float(logs.std()), 0.1))


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean where mask is 1; 0 where it never is."""
    return (values * mask).sum() / mask.sum().clamp(min=1.0)


def kinds(name: Int32, codes: Int64) -> Int64:
    """Place of each name index among `codes`; len(codes) for any other event."""
    matches = name[..., None] == codes
    return np.where(matches.any(-1), matches.argmax(-1), len(codes)).astype(np.int64)


def as_tensors(targets: dict[str, np.ndarray], device: torch.device) -> dict[str, Tensor]:
    return {k: put(v, device) for k, v in targets.items()}
