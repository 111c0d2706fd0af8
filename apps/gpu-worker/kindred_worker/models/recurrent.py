"""What encoders with a hidden state share: everything but the cell.

A cell sees the event's vector, the gap to the event before and the tenure; the readout sees the hidden state and the
time of reading, so a state can be read at any time. Sequences run side by side in buckets of like length: a bucket's
longest is at most sqrt(2) times its shortest, which keeps padding near a sixth of the work.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from kindred_worker.data.features import Int64
from kindred_worker.models.batch import put
from kindred_worker.models.encoder import Encoder, EventVectors, StateKind
from kindred_worker.models.packing import Packing
from kindred_worker.models.timing import EVENT_TIMES, TimedReadout, event_times, in_order, last_seen, owners, seen_by


@dataclass(frozen=True)
class HiddenState:
    """N customers, each as its last event left it."""

    hidden: Tensor  # (N, H)
    count: Tensor  # (N) int64 events
    first: Tensor  # (N) int64 microseconds, 0 without events
    last: Tensor  # (N) int64 microseconds, 0 without events


class Recurrent(Encoder[HiddenState]):
    """A late event would have changed everything after it: `update` asks for a rebuild."""

    kind: ClassVar[StateKind] = StateKind.RECURRENT

    def __init__(self, event_width: int, hidden: int, width: int, dropout: float) -> None:
        super().__init__()
        self.inputs, self.hidden, self.width = event_width + EVENT_TIMES, hidden, width
        self.readout = TimedReadout(hidden, width, hidden=192, dropout=dropout)
        self.packing = Packing(hidden=(hidden,))

    @abstractmethod
    def run(self, inputs: Tensor, hidden: Tensor) -> Tensor:
        """(T, C, inputs) of C sequences from the states (C, H) on -> (T, C, H), the state after each event."""

    def read_many(self, events: EventVectors, at: Tensor, seen: Tensor | None = None) -> Tensor:
        customers, reads = at.shape
        fresh = self.initial_state(customers)
        after, row = self.after_each(fresh, events)
        count = seen_by(events, at)
        index = (events.offsets[:-1].unsqueeze(1) + count - 1).clamp(min=0)
        held = torch.where(count > 0, torch.cat([row, row.new_zeros(1)])[index.clamp(max=len(row))], len(after) - 1)
        last, first = last_seen(events, count), last_seen(events, count.clamp(max=1))
        flat = after.index_select(0, held.flatten())
        return self.readout(flat, count.flatten(), first.flatten(), last.flatten(), at.flatten()).unflatten(0, (customers, reads))

    def initial_state(self, count: int) -> HiddenState:
        blank = next(self.parameters()).new_zeros(count, self.hidden)
        long = torch.zeros(count, dtype=torch.int64, device=blank.device)
        return HiddenState(blank, long, long, long)

    def update(self, state: HiddenState, events: EventVectors) -> tuple[HiddenState, Tensor]:
        events = in_order(events)
        lengths = events.offsets[1:] - events.offsets[:-1]
        some, known = lengths > 0, state.count > 0
        after, row = self.after_each(state, events)
        newest = torch.cat([row, row.new_zeros(1)])[torch.where(some, events.offsets[1:] - 1, len(row))]
        begin, end = last_seen(events, some.long().unsqueeze(1)).squeeze(1), last_seen(events, lengths.unsqueeze(1)).squeeze(1)
        late = some & known & (begin < state.last)
        return HiddenState(
            torch.where(some.unsqueeze(1), after[newest], state.hidden),
            state.count + lengths,
            torch.where(some & ~known, begin, state.first),
            torch.where(some, torch.where(known, torch.maximum(end, state.last), end), state.last),
        ), late

    def step(self, state: HiddenState, x: Tensor, time: Tensor) -> HiddenState:
        known = state.count > 0
        first = torch.where(known, state.first, time)
        inputs = torch.cat([x, event_times(time, state.last, known, first)], dim=1)
        return HiddenState(self.run(inputs.unsqueeze(0), state.hidden)[0], state.count + 1, first, time)

    def read(self, state: HiddenState, at: Tensor) -> Tensor:
        at = torch.where(state.count > 0, torch.maximum(at, state.last), at)
        return self.readout(state.hidden, state.count, state.first, state.last, at)

    def last_time(self, state: HiddenState) -> Tensor:
        return state.last

    def pack(self, state: HiddenState, stamp: int) -> list[bytes]:
        return self.packing.pack(stamp, state.count, state.first, state.last, hidden=state.hidden)

    def unpack(self, packed: Sequence[bytes], stamp: int) -> tuple[HiddenState, Tensor]:
        longs, fields, unreadable = self.packing.unpack(packed, stamp, next(self.parameters()).device)
        return HiddenState(fields["hidden"], *longs), unreadable

    def after_each(self, state: HiddenState, events: EventVectors) -> tuple[Tensor, Tensor]:
        """States after each event in an order of their own, zeros last; and (n) the row of each event in them."""
        inputs = self.inputs_of(state, events)
        device = inputs.device
        row = np.zeros(len(inputs), np.int64)
        parts: list[Tensor] = []
        base = 0
        for customers, rows, there in _buckets(events.offsets_on_host):
            padded = inputs.index_select(0, put(rows.ravel(), device)).unflatten(0, rows.shape)
            parts.append(self.run(padded, state.hidden.index_select(0, put(customers, device))).flatten(0, 1))
            row[rows[there]] = base + np.flatnonzero(there)
            base += rows.size
        return torch.cat([*parts, state.hidden.new_zeros(1, self.hidden)]), put(row, device)

    def inputs_of(self, state: HiddenState, events: EventVectors) -> Tensor:
        """(n, inputs) of events in order."""
        owner, place = owners(events.offsets, len(events.time))
        known = state.count[owner] > 0
        rows = torch.arange(len(owner), device=owner.device)
        before = torch.where(place > 0, events.time[(rows - 1).clamp(min=0)], state.last[owner])
        first = torch.where(known, state.first[owner], events.time[rows - place])
        return torch.cat([events.x, event_times(events.time, before, (place > 0) | known, first)], dim=1)


def _buckets(offsets: Int64) -> Iterator[tuple[Int64, Int64, npt.NDArray[np.bool_]]]:
    """Customers with events in buckets of like length: (C) who, (T, C) rows of their events, (T, C) which are real.

    What is not real lies behind a sequence's end, where nothing looks. On the host: sizes are asked of no device.
    """
    lengths = np.diff(offsets)
    order = np.argsort(-lengths, kind="stable")[: int((lengths > 0).sum())]
    if not len(order):
        return
    grades = np.ceil(2 * np.log2(lengths[order]))
    for customers in np.split(order, np.flatnonzero(np.diff(grades)) + 1):
        own = lengths[customers]
        step = np.arange(own[0])[:, None]
        there = step < own
        yield customers, np.where(there, offsets[:-1][customers] + step, 0), there
