"""Times as encoders read them: where events stand, what a reading sees of them, and gaps as numbers of either scale.

Nothing here knows an absolute time: only differences are seen, in days and (for what happens within a visit) minutes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kindred_worker.models.encoder import EventVectors

MICROS_PER_DAY = 86_400_000_000.0
MINUTES_PER_DAY = 1440
EVENT_TIMES = 5  # numbers that `event_times` gives
READ_TIMES = 6  # numbers that `read_times` gives


def days_between(earlier: Tensor, later: Tensor) -> Tensor:
    """int64 microseconds -> float32 days, never below 0."""
    return ((later - earlier).double() / MICROS_PER_DAY).clamp(min=0).float()


def logs(days: Tensor) -> Tensor:
    """(…) -> (…, 2): coarse and fine."""
    return torch.stack([torch.log1p(days), torch.log1p(days * MINUTES_PER_DAY) / 5], dim=-1)


def owners(offsets: Tensor, events: int) -> tuple[Tensor, Tensor]:
    """(B + 1) offsets of n `events` -> (n) customer of each, and (n) how many of their events come before.

    n is in the offsets too; told apart, a GPU need not be waited for.
    """
    lengths = offsets[1:] - offsets[:-1]
    everyone = torch.arange(len(lengths), device=offsets.device)
    owner = torch.repeat_interleave(everyone, lengths, output_size=events)
    return owner, torch.arange(len(owner), device=offsets.device) - offsets[:-1][owner]


def in_order(events: EventVectors) -> EventVectors:
    """Each customer's events by time; those of the same time stay as they came."""
    owner, place = owners(events.offsets, len(events.time))
    if not ((events.time[1:] < events.time[:-1]) & (place[1:] > 0)).any():
        return events
    order = torch.argsort(events.time, stable=True)
    order = order[torch.argsort(owner[order], stable=True)]
    return EventVectors(events.offsets, events.time[order], events.x[order], events.known_offsets)


def seen_by(events: EventVectors, at: Tensor) -> Tensor:
    """(B, R) how many events of each customer lie at or before each of its ascending times."""
    owner, _ = owners(events.offsets, len(events.time))
    customers, reads = at.shape
    slot = (at[owner] < events.time.unsqueeze(1)).sum(dim=1)  # first reading that sees the event; R: none
    many = torch.zeros(customers * (reads + 1), dtype=torch.int64, device=at.device)
    many = many.index_add(0, owner * (reads + 1) + slot, torch.ones_like(slot))
    return many.view(customers, reads + 1)[:, :reads].cumsum(dim=1)


def last_seen(events: EventVectors, count: Tensor) -> Tensor:
    """(B, R) time of the last of the first `count` events of each customer, 0 where there is none."""
    if not len(events.time):
        return torch.zeros_like(count)
    row = (events.offsets[:-1].unsqueeze(1) + count - 1).clamp(min=0, max=len(events.time) - 1)
    return torch.where(count > 0, events.time[row], 0)


def event_times(time: Tensor, before: Tensor, has_before: Tensor, first: Tensor) -> Tensor:
    """(n) each: an event's time, that of the one before it, whether there is one, the customer's first -> (n, EVENT_TIMES)."""
    there = has_before.float().unsqueeze(1)
    return torch.cat([logs(days_between(before, time)) * there, there, logs(days_between(first, time))], dim=1)


def read_times(count: Tensor, first: Tensor, last: Tensor, at: Tensor) -> Tensor:
    """(N) each -> (N, READ_TIMES): time since the last event, tenure, number of events, whether there is any."""
    some = (count > 0).float()
    since_last, tenure = days_between(last, at) * some, days_between(first, at) * some
    return torch.cat([logs(since_last), logs(tenure), torch.stack([torch.log1p(count.float()), some], dim=1)], dim=1)


class TimedReadout(nn.Module):
    """What an encoder holds of a customer, and the time of reading -> the embedding."""

    def __init__(self, inputs: int, width: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.normalise = nn.BatchNorm1d(inputs + READ_TIMES, affine=False, momentum=0.05)
        self.mix = nn.Sequential(nn.Dropout(dropout), nn.Linear(inputs + READ_TIMES, hidden), nn.GELU(), nn.Linear(hidden, width))

    def forward(self, held: Tensor, count: Tensor, first: Tensor, last: Tensor, at: Tensor) -> Tensor:
        """(N, inputs) and (N) each -> (N, width)."""
        return self.mix(self.normalise(torch.cat([held, read_times(count, first, last, at)], dim=1)))
