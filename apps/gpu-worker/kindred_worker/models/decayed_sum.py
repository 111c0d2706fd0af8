"""Decayed sums: a diagonal linear state space in continuous time, the default encoder.

Event i has values v_i = softplus(f(x_i, the few events before it, the gaps to them)). Channel k keeps
    S_k(t) = sum_i 2^(-(t - t_i) / halflife_k) v_i,
one with an infinite half-life counts for ever, and rotating channels also turn with a period, so that they know
the season of each event relative to the time of reading. The readout sees log1p(S) and the time since the last and
the first event. Nothing else depends on the past: so one event updates a state in O(1), a state can be read at
any time, and a late event is added exactly as long as its neighbours are still kept. Beside the sums that are learned
stands the tally (tally.py), whose sums are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from kindred_worker.models.encoder import Encoder, EventVectors, StateKind
from kindred_worker.models.kept import KeptEvents, merge, newest
from kindred_worker.models.packing import Packing
from kindred_worker.models.plan import Plan
from kindred_worker.models.tally import Tallies, Tally
from kindred_worker.models.turning import Turning

MICROS_PER_DAY = 86_400_000_000.0


@dataclass(frozen=True)
class Shape:
    """Everything that fixes the sizes of weights and states."""

    event_width: int  # E
    width: int  # D
    half_life_days: tuple[float, ...]  # K finite ones; an infinite channel is always there
    period_days: tuple[float, ...]  # P rotating ones
    values: int = 16  # V per half-life
    turning_values: int = 8  # per period
    counted: int = 0  # M events that the tally counts; their columns stand behind the E of each event
    silent: bool = False  # whether the tally is read with silences
    context: int = 3  # previous events that an event's values look at
    kept: int = 6  # last events in the state: context + how many places late an event may come
    hidden: int = 96
    readout: int = 192
    dropout: float = 0.2


@dataclass(frozen=True)
class SumState:
    """N customers. Sums stand at the time of the last event."""

    sums: Tensor  # (N, (K + 1) V)
    turning: Tensor  # (N, 2, P W): cosine and sine part
    count: Tensor  # (N) int64 events
    first: Tensor  # (N) int64 microseconds, 0 without events
    last: Tensor  # (N) int64 microseconds, 0 without events
    recent: Tensor  # (N, M, E) the last events, newest at the end
    recent_time: Tensor  # (N, M) int64


@dataclass(frozen=True)
class TalliedState(SumState):
    """With the tally, whose sums stand at the time of the last event too."""

    tally: Tensor  # (N, (K + 1) 2 M)
    met_first: Tensor  # (N, M) int64 microseconds, 0 where that event never came
    met_last: Tensor  # (N, M)

    @property
    def tallies(self) -> Tallies:
        return Tallies(self.tally, self.met_first, self.met_last)


OF_THE_TALLY = fields(TalliedState)[len(fields(SumState)) :]


class DecayedSum(Encoder[SumState]):
    kind: ClassVar[StateKind] = StateKind.ADDITIVE

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape, self.width = shape, shape.width
        k, p = len(shape.half_life_days) + 1, len(shape.period_days)
        self.real, self.turn = k * shape.values, p * shape.turning_values
        rates = [1.0 / h for h in shape.half_life_days] + [0.0]
        # Of channels, each of which holds several values that fade together.
        self.rate: Tensor  # (K + 1) halvings per day
        self.register_buffer("rate", torch.tensor(rates), persistent=False)
        self.rotation = Turning(shape.period_days, shape.half_life_days, shape.turning_values)
        self.mix = nn.Linear(shape.event_width * (1 + shape.context) + 3 * shape.context, shape.hidden)
        self.value = nn.Linear(shape.hidden, self.real + self.turn)
        inputs = self.real + 2 * self.turn + 6
        self.normalise = nn.BatchNorm1d(inputs, affine=False, momentum=0.05)
        self.readout = nn.Sequential(
            nn.Dropout(shape.dropout), nn.Linear(inputs, shape.readout), nn.GELU(), nn.Linear(shape.readout, shape.width)
        )
        self.tally = Tally(shape.counted, self.rate, shape.silent) if shape.counted else None
        arrays: dict[str, tuple[int, ...]] = {"sums": (self.real,), "turning": (2, self.turn)}
        arrays |= {"recent": (shape.kept, shape.event_width), "recent_time": (shape.kept,)}
        if self.tally:
            self.tally_width = self.tally.width
            arrays |= {"tally": (self.tally.size,), "met_first": (shape.counted,), "met_last": (shape.counted,)}
        self.packing = Packing(**arrays)

    @classmethod
    def of(cls, plan: Plan) -> DecayedSum:
        widths, times = (plan.event_width, plan.width), (plan.half_life_days, plan.period_days)
        return cls(Shape(*widths, *times, counted=plan.counted, silent=plan.silent, dropout=plan.dropout))

    # What of an event is learned from, and what is only counted

    def _learned(self, events: EventVectors) -> EventVectors:
        return replace(events, x=events.x[:, : self.shape.event_width]) if self.tally else events

    def _counted(self, events: EventVectors) -> EventVectors:
        return replace(events, x=events.x[:, self.shape.event_width :])

    # Values of events

    def values(self, x: Tensor, time: Tensor, place: Tensor, chosen: Tensor | None = None) -> Tensor:
        """(n, real + turn) of events (or the chosen ones); `place` (n) counts the events before, in the same customer."""
        rows = torch.arange(len(x), device=x.device) if chosen is None else chosen
        parts = [x.index_select(0, rows)]
        for back in range(1, self.shape.context + 1):
            there = (place[rows] >= back).to(x.dtype).unsqueeze(1)
            before = (rows - back).clamp(min=0)
            days = ((time[rows] - time[before]).double() / MICROS_PER_DAY).to(x.dtype).clamp(min=0).unsqueeze(1)
            gaps = torch.cat([torch.log1p(days), torch.log1p(days * 1440) / 5], dim=1)
            parts += [x.index_select(0, before) * there, gaps * there, there]
        # What is summed over a life must keep its digits, whatever the products were computed in.
        return functional.softplus(self.value(functional.gelu(self.mix(torch.cat(parts, dim=1)))).float())

    def _weigh(self, values: Tensor, days: Tensor) -> tuple[Tensor, Tensor]:
        """Values (n, real + turn) `days` (n) later: (n, real) and (n, 2, turn)."""
        real, turn = values.split([self.real, self.turn], dim=1)
        return self._fade(real, days), self.rotation.of(turn, days)

    def _later(self, sums: Tensor, turning: Tensor, days: Tensor) -> tuple[Tensor, Tensor]:
        """Sums (N, real), (N, 2, turn) `days` (N) later."""
        return self._fade(sums, days), self.rotation.later(turning, days)

    def _fade(self, sums: Tensor, days: Tensor) -> Tensor:
        """(n, real) `days` (n) later."""
        share = torch.exp2(-days.unsqueeze(1) * self.rate).unsqueeze(2)
        return (sums.unflatten(1, (-1, self.shape.values)) * share).flatten(1)

    def _embed(self, sums: Tensor, turning: Tensor, count: Tensor, first: Tensor, last: Tensor, at: Tensor) -> Tensor:
        """All of (N, …) -> (N, D)."""
        some = (count > 0).to(sums.dtype)
        since_last = ((at - last).double() / MICROS_PER_DAY).to(sums.dtype).clamp(min=0) * some
        since_first = ((at - first).double() / MICROS_PER_DAY).to(sums.dtype).clamp(min=0) * some
        times = torch.stack(
            [
                torch.log1p(since_last),
                torch.log1p(since_first),
                torch.log1p(since_last * 1440),
                torch.log1p(since_first * 1440),
                torch.log1p(count.to(sums.dtype)),
                some,
            ],
            dim=1,
        )
        flat = turning.flatten(1)
        inputs = torch.cat([torch.log1p(sums.clamp(min=0)), torch.sign(flat) * torch.log1p(flat.abs()), times], dim=1)
        return self.readout(self.normalise(inputs))

    # Training form

    def read_many(self, events: EventVectors, at: Tensor, seen: Tensor | None = None) -> Tensor:
        customers, reads = at.shape
        events = self._learned(events)
        lengths = events.offsets[1:] - events.offsets[:-1]
        # (n); n is in `lengths` too, but told apart a GPU need not be waited for.
        owner = torch.repeat_interleave(torch.arange(customers, device=at.device), lengths, output_size=len(events.time))
        place = torch.arange(len(owner), device=at.device) - events.offsets[:-1][owner]
        # Each event is added at the first reading that sees it; a reading then hands on to the next.
        slot = (at[owner] < events.time.unsqueeze(1)).sum(dim=1)  # (n) 0..R, R: later than every reading
        seen = (slot < reads).nonzero().squeeze(1) if seen is None else seen
        values = self.values(events.x, events.time, place, seen)
        owner, slot = owner[seen], slot[seen]
        days = ((at[owner, slot] - events.time[seen]).double() / MICROS_PER_DAY).to(values.dtype)
        cell = owner * reads + slot
        real, turn = self._weigh(values, days)
        added = real.new_zeros(customers * reads, self.real).index_add(0, cell, real).view(customers, reads, self.real)
        turned = turn.new_zeros(customers * reads, 2, self.turn).index_add(0, cell, turn).view(customers, reads, 2, self.turn)
        step = ((at[:, 1:] - at[:, :-1]).double() / MICROS_PER_DAY).to(values.dtype)
        sums, turning = [added[:, 0]], [turned[:, 0]]
        for r in range(1, reads):
            faded, rotated = self._later(sums[-1], turning[-1], step[:, r - 1])
            sums.append(faded + added[:, r])
            turning.append(rotated + turned[:, r])
        many = torch.zeros(customers * reads, dtype=torch.int64, device=at.device).index_add(0, cell, torch.ones_like(cell))
        count = many.view(customers, reads).cumsum(dim=1)
        last = _latest(events.time, events.offsets, count)
        first = _latest(events.time, events.offsets, count.clamp(max=1))
        embedding = self._embed(
            torch.stack(sums, dim=1).flatten(0, 1),
            torch.stack(turning, dim=1).flatten(0, 1),
            count.flatten(),
            first.flatten(),
            last.flatten(),
            at.flatten(),
        )
        return embedding.unflatten(0, (customers, reads))

    def tally_many(self, events: EventVectors, at: Tensor) -> Tensor:
        return self.tally.read_many(self._counted(events), at) if self.tally else super().tally_many(events, at)

    # Step form

    def initial_state(self, count: int) -> SumState:
        like = self.rate
        long = torch.zeros(count, dtype=torch.int64, device=like.device)
        state = SumState(
            like.new_zeros(count, self.real),
            like.new_zeros(count, 2, self.turn),
            long,
            long,
            long,
            like.new_zeros(count, self.shape.kept, self.shape.event_width),
            long.unsqueeze(1).expand(-1, self.shape.kept),
        )
        return _tallied(state, self.tally.blank(count)) if self.tally else state

    def last_time(self, state: SumState) -> Tensor:
        return state.last

    def read(self, state: SumState, at: Tensor) -> Tensor:
        at, days = _not_before_last(state, at)
        sums, turning = self._later(state.sums, state.turning, days)
        return self._embed(sums, turning, state.count, state.first, state.last, at)

    def tally_of(self, state: SumState, at: Tensor) -> Tensor:
        if not self.tally:
            return super().tally_of(state, at)
        assert isinstance(state, TalliedState)
        at, days = _not_before_last(state, at)
        return self.tally.read(state.tallies, days, at)

    def update(self, state: SumState, events: EventVectors) -> tuple[SumState, Tensor]:
        customers, kept = len(state.count), self.shape.kept
        all_of_them, events = events, self._learned(events)
        device = state.sums.device
        lengths = events.offsets[1:] - events.offsets[:-1]
        old = state.count.clamp(max=kept)  # (N) events still kept
        owner, x, time, new, place = merge(state.recent, state.recent_time, old, events)
        # From the first new event on, values are (re)computed; they need `context` events before them.
        begin = torch.full((customers,), 1 << 30, device=device).scatter_reduce(0, owner[new], place[new], "amin")
        rebuild = (lengths > 0) & (begin < self.shape.context) & (state.count > old)
        affected = (place >= begin[owner]).nonzero().squeeze(1)
        last = state.last.scatter_reduce(0, owner[affected], time[affected], "amax")
        last = torch.where(state.count > 0, last, _owners_max(owner, time, customers, last))
        gap = torch.where(state.count > 0, (last - state.last).double() / MICROS_PER_DAY, 0.0).to(x.dtype)
        sums, turning = self._later(state.sums, state.turning, gap)
        sums, turning = self._add(sums, turning, self.values(x, time, place, affected), owner[affected], time[affected], last, 1)
        moved = (~new[affected]).nonzero().squeeze(1)
        if len(moved):  # kept events behind a late one: take out what they were with their old neighbours
            first_kept = (torch.cumsum(old, 0) - old)[owner[affected][moved]]
            before = KeptEvents.of(state.recent, state.recent_time, old)
            rows = first_kept + (place[affected][moved] - _news_before(new, owner, place, affected[moved]))
            values = self.values(before.x, before.time, before.place, rows)
            sums, turning = self._add(sums, turning, values, owner[affected][moved], time[affected][moved], last, -1)
        recent, recent_time = newest(x, time, old + lengths, kept)
        earliest = _owners_min(owner, time, customers, state.first, state.count > old)
        after = replace(
            state,
            sums=sums.clamp(min=0),
            turning=turning,
            count=state.count + lengths,
            first=earliest,
            last=last,
            recent=recent,
            recent_time=recent_time,
        )
        if self.tally and isinstance(state, TalliedState):
            after = _tallied(after, self.tally.add(state.tallies, self._counted(all_of_them), gap, last))
        return after, rebuild

    def step(self, state: SumState, x: Tensor, time: Tensor) -> SumState:
        context, known = self.shape.context, state.count > 0
        counted, x = x[:, self.shape.event_width :], x[:, : self.shape.event_width]
        recent = torch.cat([state.recent[:, 1:], x.unsqueeze(1)], dim=1)
        recent_time = torch.cat([state.recent_time[:, 1:], time.unsqueeze(1)], dim=1)
        # Each customer's context and its event, flat: the last of every context + 1 rows is the event. (Sizes come from
        # `shape`: `len` would fix them in an export.)
        seen = slice(self.shape.kept - context - 1, None)
        place = state.count.clamp(max=context).repeat_interleave(context + 1)
        events = torch.arange(context, place.shape[0], context + 1, device=x.device)
        values = self.values(recent[:, seen].flatten(0, 1), recent_time[:, seen].flatten(), place, events)
        gap = torch.where(known, (time - state.last).double() / MICROS_PER_DAY, 0.0).to(x.dtype)
        sums, turning = self._later(state.sums, state.turning, gap)
        real, turn = self._weigh(values, torch.zeros_like(gap))
        first = torch.where(known, state.first, time)
        after = SumState(sums + real, turning + turn, state.count + 1, first, time, recent, recent_time)
        if self.tally and isinstance(state, TalliedState):
            return _tallied(after, self.tally.step(state.tallies, counted, time, gap))
        return after

    def _add(
        self, sums: Tensor, turning: Tensor, values: Tensor, owner: Tensor, time: Tensor, at: Tensor, sign: int
    ) -> tuple[Tensor, Tensor]:
        days = ((at[owner] - time).double() / MICROS_PER_DAY).to(values.dtype)
        real, turn = self._weigh(values, days)
        return sums.index_add(0, owner, real, alpha=sign), turning.index_add(0, owner, turn, alpha=sign)

    def pack(self, state: SumState, stamp: int) -> list[bytes]:
        return self.packing.pack(
            stamp,
            state.count,
            state.first,
            state.last,
            sums=state.sums,
            turning=state.turning,
            recent=state.recent,
            recent_time=state.recent_time,
            **({f.name: getattr(state, f.name) for f in OF_THE_TALLY} if isinstance(state, TalliedState) else {}),
        )

    def unpack(self, packed: Sequence[bytes], stamp: int) -> tuple[SumState, Tensor]:
        counts, arrays, unreadable = self.packing.unpack(packed, stamp, self.rate.device)
        state = SumState(arrays["sums"], arrays["turning"], counts[0], counts[1], counts[2], arrays["recent"], arrays["recent_time"])
        if self.tally:
            state = _tallied(state, Tallies(arrays["tally"], arrays["met_first"], arrays["met_last"]))
        return state, unreadable


def _not_before_last(state: SumState, at: Tensor) -> tuple[Tensor, Tensor]:
    """Times (N), and how many days after what the sums stand at."""
    at = torch.where(state.count > 0, torch.maximum(at, state.last), at)
    return at, torch.where(state.count > 0, (at - state.last).double() / MICROS_PER_DAY, 0.0).to(state.sums.dtype)


def _tallied(state: SumState, tallies: Tallies) -> TalliedState:
    own = {f.name: getattr(state, f.name) for f in fields(SumState)}
    return TalliedState(**own, tally=tallies.sums, met_first=tallies.first, met_last=tallies.last)


def _news_before(new: Tensor, owner: Tensor, place: Tensor, rows: Tensor) -> Tensor:
    """How many new events of the same customer stand before each of these rows."""
    running = torch.cumsum(new, 0) - new.long()
    return running[rows] - running[rows - place[rows]]


def _owners_max(owner: Tensor, time: Tensor, customers: int, otherwise: Tensor) -> Tensor:
    least = torch.iinfo(torch.int64).min
    found = torch.full((customers,), least, dtype=torch.int64, device=time.device).scatter_reduce(0, owner, time, "amax")
    return torch.where(found == least, otherwise, found)


def _owners_min(owner: Tensor, time: Tensor, customers: int, known: Tensor, has_more: Tensor) -> Tensor:
    """The earliest time of each customer; `known` counts where the state holds more events than it keeps."""
    most = torch.iinfo(torch.int64).max
    start = torch.where(has_more, known, most)
    found = start.scatter_reduce(0, owner, time, "amin")
    return torch.where(found == most, known, found)


def _latest(time: Tensor, offsets: Tensor, count: Tensor) -> Tensor:
    """(B, R) time of the last of the first `count` events of each customer, 0 where none."""
    if not len(time):
        return torch.zeros_like(count)
    at = (offsets[:-1].unsqueeze(1) + count - 1).clamp(min=0, max=len(time) - 1)
    return torch.where(count > 0, time[at], 0)
