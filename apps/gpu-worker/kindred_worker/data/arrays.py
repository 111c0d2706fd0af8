"""Everyone's events as flat arrays in the order of the snapshot: an offset per customer, no object per customer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kindred_worker.data.column import Column, Texts
from kindred_worker.data.features import (
    Encoded,
    EncodedItems,
    FeatureSpec,
    Float32,
    Int32,
    Int64,
    columns_read,
    encode,
)
from kindred_worker.data.snapshot import Snapshot

Array = TypeVar("Array", Int64, Int32, Float32)

PIECE = 1_000_000  # events that are looked at together, where everyone's are


@dataclass(frozen=True)
class EventArrays:
    """N customers with E events; events of customer i are offsets[i]..offsets[i + 1]."""

    customers: pa.StringArray  # (N)
    offsets: Int64  # (N + 1)
    events: Encoded  # (E)

    @property
    def count(self) -> int:
        return len(self.offsets) - 1

    @cached_property
    def item_offsets(self) -> tuple[Int64, ...]:
        """Per list feature, where the items of each event begin (E + 1); of many events in mapped files, as the columns."""
        return tuple(_begins(i.lengths) for i in self.events.items)


def load(snapshot: Snapshot, spec: FeatureSpec, check: Callable[[], None] = lambda: None) -> EventArrays:
    """The whole snapshot, encoded; columns, ids and offsets are mapped files (column.py)."""
    nobody = join([], spec)
    columns = [Column(column) for column in _columns(nobody)]
    customers, lengths = Texts(), Column(np.zeros(0, np.int64))
    for part in stream(snapshot, spec, check):
        customers.add(part.customers)
        lengths.add(np.diff(part.offsets))
        for column, rows in zip(columns, _columns(part.events), strict=True):
            column.add(rows)
    return EventArrays(
        customers=customers.read(),
        offsets=_begins(lengths.read()),
        events=_of_columns([column.read() for column in columns]),
    )


def _columns(events: Encoded) -> list[npt.NDArray[Any]]:
    items = [array for one in events.items for array in (one.lengths, one.categories, one.means)]
    return [events.time, events.name, events.categories, events.numbers, events.hour, events.weekday, events.value, *items]


def _of_columns(columns: Sequence[npt.NDArray[Any]]) -> Encoded:
    time, name, categories, numbers, hour, weekday, value, *rest = columns
    items = tuple(EncodedItems(*rest[at : at + 3]) for at in range(0, len(rest), 3))
    return Encoded(time, name, categories, numbers, hour, weekday, items, value)


def stream(snapshot: Snapshot, spec: FeatureSpec, check: Callable[[], None] = lambda: None) -> Iterator[EventArrays]:
    """The snapshot in pieces that hold whole customers, in order."""
    pending: list[tuple[pa.Array, Encoded]] = []
    for batch in snapshot.batches(["customer", *columns_read(spec)], check):
        customers = batch.column("customer").cast(pa.string())
        encoded = encode(spec, batch)
        codes = customers.dictionary_encode()
        begins = _run_begins(codes.indices.to_numpy(zero_copy_only=False))
        continues = bool(pending) and pending[-1][0][-1].as_py() == customers[0].as_py()
        if pending and not continues:
            yield _close(pending, spec)
            pending = []
        last = int(begins[-1])
        if last > 0:
            pending.append((customers.slice(0, last), take(encoded, 0, last)))
            yield _close(pending, spec)
            pending = []
        pending.append((customers.slice(last), take(encoded, last, len(customers))))
    if pending:
        yield _close(pending, spec)


def _run_begins(codes: npt.NDArray[np.integer]) -> Int64:
    return np.flatnonzero(np.append(True, codes[1:] != codes[:-1])).astype(np.int64)


def _close(pending: Sequence[tuple[pa.Array, Encoded]], spec: FeatureSpec) -> EventArrays:
    ids = pa.concat_arrays([p[0] for p in pending])
    begins = _run_begins(ids.dictionary_encode().indices.to_numpy(zero_copy_only=False))
    return EventArrays(
        customers=ids.take(pa.array(begins)),
        offsets=np.append(begins, len(ids)).astype(np.int64),
        events=join([p[1] for p in pending], spec),
    )


def _offsets(lengths: Int64) -> Int64:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)])


def _begins(lengths: Int64) -> Int64:
    """As `_offsets`; of more than a piece of events in a mapped file."""
    if len(lengths) <= PIECE:
        return _offsets(lengths)
    column, total = Column(np.zeros(0, np.int64)), 0
    column.add(np.zeros(1, np.int64))
    for begin in range(0, len(lengths), PIECE):
        ends = total + np.cumsum(lengths[begin : begin + PIECE], dtype=np.int64)
        column.add(ends)
        total = int(ends[-1])
    return column.read()


def events_until(time: Int64, moment: int) -> int:
    """How many of (E) times are not later."""
    return sum(int((time[begin : begin + PIECE] <= moment).sum()) for begin in range(0, len(time), PIECE))


def take(events: Encoded, begin: int, end: int) -> Encoded:
    """Events begin..end."""
    return pick(events, np.arange(begin, end))


def pick(events: Encoded, index: Int64) -> Encoded:
    """As `select`, of few events: where their items begin is counted anew."""
    return select(events, index, tuple(_offsets(i.lengths) for i in events.items))


def select(events: Encoded, index: Int64, item_offsets: tuple[Int64, ...]) -> Encoded:
    """The events at `index`, with their items."""
    items: list[EncodedItems] = []
    for one, starts in zip(events.items, item_offsets, strict=True):
        lengths = one.lengths[index]
        rows = spans(starts[index], lengths)
        items.append(EncodedItems(lengths, one.categories[rows], one.means[index]))
    return Encoded(
        events.time[index],
        events.name[index],
        events.categories[index],
        events.numbers[index],
        events.hour[index],
        events.weekday[index],
        tuple(items),
        events.value[index],
    )


def spans(starts: Int64, lengths: Int64) -> Int64:
    """starts[0], starts[0] + 1, … for each (start, length), one after the other."""
    total = int(lengths.sum())
    return np.repeat(starts - (np.cumsum(lengths) - lengths), lengths) + np.arange(total, dtype=np.int64)


def join(parts: Sequence[Encoded], spec: FeatureSpec) -> Encoded:
    """Events of all parts, in order."""
    if len(parts) == 1:
        return parts[0]
    none = np.zeros(0, np.int32)

    def over(arrays: list[Array], empty: Array) -> Array:
        return cast("Array", np.concatenate(arrays)) if arrays else empty

    items = tuple(
        EncodedItems(
            over([p.items[at].lengths for p in parts], np.zeros(0, np.int64)),
            over([p.items[at].categories for p in parts], np.zeros((0, len(f.categories)), np.int32)),
            over([p.items[at].means for p in parts], np.zeros((0, len(f.numbers)), np.float32)),
        )
        for at, f in enumerate(spec.items)
    )
    return Encoded(
        time=over([p.time for p in parts], np.zeros(0, np.int64)),
        name=over([p.name for p in parts], none),
        categories=over([p.categories for p in parts], np.zeros((0, len(spec.categories)), np.int32)),
        numbers=over([p.numbers for p in parts], np.zeros((0, len(spec.numbers)), np.float32)),
        hour=over([p.hour for p in parts], none),
        weekday=over([p.weekday for p in parts], none),
        items=items,
        value=over([p.value for p in parts], np.zeros(0, np.float32)),
    )
