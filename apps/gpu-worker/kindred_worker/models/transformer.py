"""A causal transformer over the last events, aware of time: the state is those events themselves, WINDOW(n).

Each event looks at itself and the `reach` - 1 events before it, layer after layer; a reading looks at the last `reach`
events with a query made of the last one and the time of reading. How much an event is looked at falls or grows with how
long ago it was, in logs of days and minutes, and in places (ALiBi, Press et al. 2022, in time). Nothing further back than
the window can matter, so a late event is put where it belongs and changes what it would have changed.

Attention runs in blocks of `reach` rows over the flat events of everyone: a block looks at itself and the block before.
Work is linear in events, and no customer is padded to the length of another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from kindred_worker.models.encoder import Encoder, EventVectors, StateKind
from kindred_worker.models.kept import KeptEvents, merge, newest
from kindred_worker.models.packing import Packing
from kindred_worker.models.plan import Plan
from kindred_worker.models.timing import (
    EVENT_TIMES,
    READ_TIMES,
    TimedReadout,
    days_between,
    event_times,
    last_seen,
    logs,
    owners,
    read_times,
    seen_by,
)

NEVER = float("-inf")


@dataclass(frozen=True)
class WindowState:
    count: Tensor  # (N) int64 events, forgotten ones included
    first: Tensor  # (N) int64 microseconds, 0 without events
    last: Tensor  # (N) int64 microseconds, 0 without events
    recent: Tensor  # (N, n, E) the last events, newest at the end
    recent_time: Tensor  # (N, n) int64


class Transformer(Encoder[WindowState]):
    kind: ClassVar[StateKind] = StateKind.WINDOW

    def __init__(
        self, event_width: int, width: int, hidden: int = 64, heads: int = 4, layers: int = 2, reach: int = 21, dropout: float = 0.2
    ) -> None:
        super().__init__()
        self.event_width, self.width, self.reach, self.heads = event_width, width, reach, heads
        # What a reading depends on, and one event more: the gap to it is seen by the first of them.
        self.window = (layers + 1) * (reach - 1) + 2
        self.enter = nn.Linear(event_width + EVENT_TIMES, hidden)
        self.layers = nn.ModuleList(_Layer(hidden, heads) for _ in range(layers))
        self.leave = nn.LayerNorm(hidden)
        self.ask = nn.Linear(hidden + READ_TIMES, hidden)
        self.offer = nn.Linear(hidden, 2 * hidden)
        self.fading = nn.Linear(3, heads, bias=False)
        self.readout = TimedReadout(2 * hidden, width, hidden=192, dropout=dropout)
        self.packing = Packing(recent=(self.window, event_width), recent_time=(self.window,))

    @classmethod
    def of(cls, plan: Plan) -> Transformer:
        return cls(plan.event_width, plan.width, dropout=plan.dropout)

    # Training form

    def read_many(self, events: EventVectors, at: Tensor, seen: Tensor | None = None) -> Tensor:
        owner, place = owners(events.offsets, len(events.time))
        count = seen_by(events, at)
        last = last_seen(events, count).flatten()
        # Tenure counts from the first event, which every reading that sees any event has seen.
        first = last_seen(events, (events.offsets[1:] - events.offsets[:-1]).clamp(max=1).unsqueeze(1)).squeeze(1)
        told = self._tell(events.x, events.time, place, first[owner])
        ends = (events.offsets[:-1].unsqueeze(1) + count).flatten()
        tenure = torch.where(count > 0, first.unsqueeze(1), 0).flatten()
        return self._embed(told, events.time, ends, count.flatten(), count.flatten(), tenure, last, at.flatten()).unflatten(0, at.shape)

    def _tell(self, x: Tensor, time: Tensor, place: Tensor, first: Tensor) -> Tensor:
        """What each of n flat events says after all layers, and zeros behind: (n + 1 or more, hidden)."""
        before = torch.cat([time[:1], time[:-1]])
        told = self.enter(torch.cat([x, event_times(time, before, place > 0, first)], dim=1))
        # Whole blocks, with a row to spare for "no event"; a row that is padding sees itself alone.
        rows = (len(x) // self.reach + 1) * self.reach
        spare = rows - len(x)
        blocks = functional.pad(told, (0, 0, 0, spare)).unflatten(0, (-1, self.reach))
        age, allowed = self._ages(functional.pad(time, (0, spare)), functional.pad(place, (0, spare)))
        for layer in self.layers:
            blocks = layer(blocks, age, allowed)
        return self.leave(blocks.flatten(0, 1))

    def _ages(self, time: Tensor, place: Tensor) -> tuple[Tensor, Tensor]:
        """Of each row and each row it may look at, by blocks: (blocks, reach, 2 reach, 3) how long ago, and whether it may."""
        reach = self.reach
        step = torch.arange(reach, device=time.device)
        back = step.unsqueeze(1) + reach - torch.arange(2 * reach, device=time.device)  # places between the two
        time, place = time.view(-1, reach), place.view(-1, reach)
        days = days_between(_with_previous(time).unsqueeze(1), time.unsqueeze(2))
        allowed = (back >= 0) & (back < reach) & (back <= place.unsqueeze(2))
        return _age(days, back.clamp(min=0)), allowed

    def _embed(
        self, told: Tensor, time: Tensor, ends: Tensor, held: Tensor, count: Tensor, first: Tensor, last: Tensor, at: Tensor
    ) -> Tensor:
        """N readings, each of the `held` events before row `ends` of `told`; the rest as for `read_times` -> (N, width)."""
        back = torch.arange(self.reach, device=ends.device)
        there = back < held.unsqueeze(1)
        rows = torch.where(there, ends.unsqueeze(1) - 1 - back, len(told) - 1)  # (N, reach), the newest first
        some = there[:, :1].float()
        newest_told = told.index_select(0, rows[:, 0]) * some
        query = self.ask(torch.cat([newest_told, read_times(count, first, last, at)], dim=1)).unflatten(1, (self.heads, -1))
        keys, values = self.offer(told).unflatten(1, (2, self.heads, -1)).unbind(1)
        time = functional.pad(time, (0, len(told) - len(time)))
        bias = self.fading(_age(days_between(time[rows], at.unsqueeze(1)), back)).transpose(1, 2)
        score = torch.einsum("nhd,nkhd->nhk", query, keys[rows]) * query.shape[-1] ** -0.5 + bias
        share = torch.softmax(score.float().masked_fill(~(there | (back == 0)).unsqueeze(1), NEVER), dim=2)
        pooled = torch.einsum("nhk,nkhd->nhd", share, values[rows]).flatten(1) * some
        return self.readout(torch.cat([newest_told, pooled], dim=1), count, first, last, at)

    # Step form

    def initial_state(self, count: int) -> WindowState:
        weight = self.enter.weight
        long = torch.zeros(count, dtype=torch.int64, device=weight.device)
        recent = weight.new_zeros(count, self.window, self.event_width)
        return WindowState(long, long, long, recent, long.unsqueeze(1).expand(-1, self.window))

    def update(self, state: WindowState, events: EventVectors) -> tuple[WindowState, Tensor]:
        held = state.count.clamp(max=self.window)
        lengths = events.offsets[1:] - events.offsets[:-1]
        _, x, time, _, _ = merge(state.recent, state.recent_time, held, events)
        total = held + lengths
        recent, recent_time = newest(x, time, total, self.window)
        merged = EventVectors(functional.pad(torch.cumsum(total, 0), (1, 0)), time, x)
        oldest = last_seen(merged, total.clamp(max=1).unsqueeze(1)).squeeze(1)
        return WindowState(
            state.count + lengths,
            torch.where(state.count > held, torch.minimum(state.first, oldest), oldest),
            recent_time[:, -1],
            recent,
            recent_time,
        ), torch.zeros_like(lengths, dtype=torch.bool)

    def step(self, state: WindowState, x: Tensor, time: Tensor) -> WindowState:
        return WindowState(
            state.count + 1,
            torch.where(state.count > 0, state.first, time),
            time,
            torch.cat([state.recent[:, 1:], x.unsqueeze(1)], dim=1),
            torch.cat([state.recent_time[:, 1:], time.unsqueeze(1)], dim=1),
        )

    def read(self, state: WindowState, at: Tensor) -> Tensor:
        at = torch.where(state.count > 0, torch.maximum(at, state.last), at)
        held = state.count.clamp(max=self.window)
        kept = KeptEvents.of(state.recent, state.recent_time, held)
        told = self._tell(kept.x, kept.time, kept.place, torch.repeat_interleave(state.first, held))
        return self._embed(told, kept.time, torch.cumsum(held, 0), held, state.count, state.first, state.last, at)

    def last_time(self, state: WindowState) -> Tensor:
        return state.last

    def pack(self, state: WindowState, stamp: int) -> list[bytes]:
        return self.packing.pack(stamp, state.count, state.first, state.last, recent=state.recent, recent_time=state.recent_time)

    def unpack(self, packed: Sequence[bytes], stamp: int) -> tuple[WindowState, Tensor]:
        longs, fields, unreadable = self.packing.unpack(packed, stamp, self.enter.weight.device)
        return WindowState(*longs, fields["recent"], fields["recent_time"]), unreadable


class _Layer(nn.Module):
    """Attention within reach, then two linear maps; norms come first (Xiong et al. 2020)."""

    def __init__(self, hidden: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attend_norm, self.mix_norm = nn.LayerNorm(hidden), nn.LayerNorm(hidden)
        self.project, self.join = nn.Linear(hidden, 3 * hidden), nn.Linear(hidden, hidden)
        self.fading = nn.Linear(3, heads, bias=False)
        self.mix = nn.Sequential(nn.Linear(hidden, 2 * hidden), nn.GELU(), nn.Linear(2 * hidden, hidden))

    def forward(self, blocks: Tensor, age: Tensor, allowed: Tensor) -> Tensor:
        """(blocks, reach, hidden), and as `_ages` gives -> (blocks, reach, hidden)."""
        queries, keys, values = self.project(self.attend_norm(blocks)).chunk(3, dim=-1)
        queries = queries.unflatten(-1, (self.heads, -1)).transpose(1, 2)
        keys, values = (_with_previous(part).unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in (keys, values))
        bias = self.fading(age).permute(0, 3, 1, 2)
        score = queries @ keys.transpose(-1, -2) * queries.shape[-1] ** -0.5 + bias
        share = torch.softmax(score.float().masked_fill(~allowed.unsqueeze(1), NEVER), dim=-1)
        blocks = blocks + self.join((share @ values).transpose(1, 2).flatten(2))
        return blocks + self.mix(self.mix_norm(blocks))


def _with_previous(blocks: Tensor) -> Tensor:
    """(blocks, reach, …) -> (blocks, 2 reach, …): the block before, zeros before the first one, and the block."""
    return torch.cat([torch.cat([torch.zeros_like(blocks[:1]), blocks[:-1]]), blocks], dim=1)


def _age(days: Tensor, back: Tensor) -> Tensor:
    """(…) days and places between two moments -> (…, 3) of about one size."""
    places = torch.log1p(back.float()).expand_as(days).unsqueeze(-1)
    return torch.cat([logs(days), places], dim=-1)
