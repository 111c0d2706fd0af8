"""The last events of each customer, kept in the state so that late ones find their neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from kindred_worker.models.encoder import EventVectors


@dataclass(frozen=True)
class KeptEvents:
    """Flat and in order."""

    x: Tensor  # (n, E)
    time: Tensor  # (n) int64 microseconds
    place: Tensor  # (n) kept events of the same customer before it

    @staticmethod
    def of(recent: Tensor, recent_time: Tensor, held: Tensor) -> KeptEvents:
        """Of (N, M, E) and (N, M), newest at the end, of which each customer holds `held` (N)."""
        kept = recent.shape[1]
        there = torch.arange(kept, device=held.device) >= (kept - held).unsqueeze(1)
        place = (torch.cumsum(there, dim=1) - 1)[there]
        return KeptEvents(recent[there], recent_time[there], place)


def merge(recent: Tensor, recent_time: Tensor, held: Tensor, events: EventVectors) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Kept and new events in order of time, kept ones first on ties: owner, x, time, is new, place in the customer."""
    everyone = torch.arange(len(held), device=held.device)
    lengths = events.offsets[1:] - events.offsets[:-1]
    kept = KeptEvents.of(recent, recent_time, held)
    owner = torch.cat([torch.repeat_interleave(everyone, held), torch.repeat_interleave(everyone, lengths)])
    x, time = torch.cat([kept.x, events.x]), torch.cat([kept.time, events.time])
    new = torch.arange(len(owner), device=held.device) >= len(kept.time)
    order = torch.argsort(time, stable=True)
    order = order[torch.argsort(owner[order], stable=True)]
    owner = owner[order]
    total = held + lengths
    place = torch.arange(len(owner), device=held.device) - (torch.cumsum(total, 0) - total)[owner]
    return owner, x[order], time[order], new[order], place


def newest(x: Tensor, time: Tensor, total: Tensor, kept: int) -> tuple[Tensor, Tensor]:
    """The last `kept` of each customer's `total` (N) flat events, newest at the end, zeros before: (N, M, E), (N, M)."""
    ends = torch.cumsum(total, 0)
    picks = ends.unsqueeze(1) - kept + torch.arange(kept, device=total.device)
    inside = picks >= (ends - total).unsqueeze(1)
    if not len(x):
        return x.new_zeros(len(total), kept, x.shape[1]), time.new_zeros(len(total), kept)
    safe = picks.clamp(min=0)
    return x[safe] * inside.unsqueeze(2), time[safe] * inside
