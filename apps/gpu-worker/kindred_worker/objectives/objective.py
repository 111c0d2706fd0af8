"""The interface of pretext tasks, and what they are asked about."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from kindred_worker.data.features import Encoded, Int64
from kindred_worker.models.reading import ForecastColumn


@dataclass(frozen=True)
class Moments:
    """R moments of each of B customers whose future is asked for, ascending, and the events around them."""

    events: Encoded  # (n) flat
    offsets: Int64  # (B + 1)
    at: Int64  # (B, R) microseconds
    now: int  # the data's end; later is unknown

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
    """A head on the embedding and its loss. It knows nothing of encoders or trainers."""

    @abstractmethod
    def measure(self, events: Encoded) -> None:
        """Scales of the targets, from the events learned from; kept with the weights."""

    @abstractmethod
    def targets(self, moments: Moments) -> dict[str, np.ndarray]:
        """What came after each moment, as arrays (B, R, …)."""

    @abstractmethod
    def loss(self, embedding: Tensor, targets: dict[str, Tensor]) -> Tensor:
        """Mean loss; embedding (B, R, D)."""

    @abstractmethod
    def columns(self) -> list[ForecastColumn]:
        """What `forecast` says."""

    @abstractmethod
    def forecast(self, embedding: Tensor) -> Tensor:
        """(N, D) -> (N, F)."""


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean where mask is 1; 0 where it never is."""
    return (values * mask).sum() / mask.sum().clamp(min=1.0)


def as_tensors(targets: dict[str, np.ndarray], device: torch.device) -> dict[str, Tensor]:
    return {k: torch.from_numpy(np.ascontiguousarray(v)).to(device, non_blocking=True) for k, v in targets.items()}
