"""What pretext tasks read of customers. A view is made of the sampled moments and has the same form, so it is read in
the same way; what only the view knows (whose slice a row is, what was hidden) it tells in `told`.

moments   every customer with all events, at random times: the sampled moments themselves
slices    SLICES runs of neighbouring events of each customer, each read at its last event (CoLES, algorithm 1)
shuffled  a run of neighbouring events, and the same events in another order at the same times
hidden    every customer without some of the events, read a little after each hidden one
halves    the earlier and the later half of each customer, with no event in common (for validation)

Every view keeps every customer, so that batches keep their size; who has fewer than ENOUGH events is told as unknown.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from kindred_worker.data.arrays import pick, spans
from kindred_worker.data.features import MICROS_PER_DAY, Int64
from kindred_worker.objectives.objective import Moments

ENOUGH = 4  # events of a customer
SLICES = 4  # of each customer; even, for tasks that want pairs
SHORTEST, LONGEST = 0.25, 0.75  # length of a slice, as a share of the customer's events
MOST = 200  # events in a slice
HIDDEN = 4  # questions per customer, each about one hidden event
LATEST = 6  # events that may follow a hidden one before the reading
UNKNOWN = -1

View = Callable[[Moments, np.random.Generator], Moments]


def whole(moments: Moments, random: np.random.Generator) -> Moments:
    return moments


def slices(moments: Moments, random: np.random.Generator) -> Moments:
    """Row b * SLICES + k is the kth slice of customer b. Tells `customer` (B * SLICES, 1), or UNKNOWN."""
    begin, size = _runs(moments, SLICES, random)
    return _cut(moments, begin, size, {"customer": _customers(moments, SLICES)})


def halves(moments: Moments, random: np.random.Generator) -> Moments:
    """Row 2 b is the earlier half of customer b, the next row the later one. Tells `customer` (2 B, 1), or UNKNOWN."""
    begin, length = moments.offsets[:-1], np.diff(moments.offsets)
    half = length // 2
    begins = np.stack([begin, begin + half], axis=1).ravel()
    sizes = np.stack([np.maximum(half, 1), length - half], axis=1).ravel()
    return _cut(moments, begins, sizes, {"customer": _customers(moments, 2)})


def shuffled(moments: Moments, random: np.random.Generator) -> Moments:
    """Row 2 b is a run of customer b as it was, the next row the same events in a random order; times, hours and weekdays
    stay where they were. Tells `genuine` (2 B, 1) 0/1 and `known` 0/1: there is an order, and it was changed."""
    begin, size = _runs(moments, 1, random)
    run = np.repeat(np.arange(len(size)), size)
    keys = random.random(len(run))
    order = np.lexsort((keys, run))  # a permutation inside every run
    moved = np.bincount(run[order != np.arange(len(run))], minlength=len(size)) > 0
    genuine = _cut(moments, np.repeat(begin, 2), np.repeat(size, 2), {})
    # Rows (as it was, changed) alternate; the changed row of each run takes its contents in the new order.
    index = np.arange(len(genuine.events.time))
    starts = genuine.offsets[:-1][1::2]
    index[spans(starts, size)] = np.repeat(starts - (np.cumsum(size) - size), size) + order
    mixed = pick(genuine.events, index)
    events = replace(mixed, time=genuine.events.time, hour=genuine.events.hour, weekday=genuine.events.weekday)
    known = (moved & (np.diff(moments.offsets) >= ENOUGH)).repeat(2)[:, None]
    told = {"genuine": np.tile([1.0, 0.0], len(size))[:, None].astype(np.float32), "known": known.astype(np.float32)}
    return replace(genuine, events=events, told=told)


def hidden(moments: Moments, random: np.random.Generator) -> Moments:
    """Row b is customer b without up to HIDDEN of the events. Tells of each hidden event, (B, HIDDEN): `days` before the
    reading that it happened, `name` and `value` as encoded, and `known` 0/1."""
    lengths = np.diff(moments.offsets)
    first, last = moments.offsets[:-1][:, None], moments.offsets[1:][:, None] - 1
    place = np.sort((random.random((len(lengths), HIDDEN)) * lengths[:, None]).astype(np.int64), axis=1) + first
    # The same lag for all of a customer, so that readings ascend as the hidden events do.
    lag = random.integers(0, LATEST + 1, (len(lengths), 1))
    time = moments.events.time
    at = time[np.minimum(place + lag, last)]
    enough = lengths >= ENOUGH
    kept = np.ones(len(time), bool)
    kept[place[enough]] = False  # of the others nothing is hidden, for they might have nothing left
    told = {
        "days": ((at - time[place]) / MICROS_PER_DAY).astype(np.float32),
        "name": moments.events.name[place],
        "value": moments.events.value[place],
        "known": np.broadcast_to(enough[:, None], place.shape).astype(np.float32),
    }
    left = np.concatenate([np.zeros(1, np.int64), np.cumsum(kept)])[moments.offsets]
    return Moments(pick(moments.events, np.flatnonzero(kept)), left, at, moments.now, told)


VIEWS: dict[str, View] = {"moments": whole, "slices": slices, "shuffled": shuffled, "hidden": hidden, "halves": halves}


def _runs(moments: Moments, count: int, random: np.random.Generator) -> tuple[Int64, Int64]:
    """(B * count) where runs of neighbouring events begin and how many they are, of random length and place."""
    length = np.repeat(np.diff(moments.offsets), count)
    wanted = np.rint(random.uniform(SHORTEST, LONGEST, len(length)) * length)
    size = np.clip(wanted, np.minimum(length, 2), MOST).astype(np.int64)
    begin = np.repeat(moments.offsets[:-1], count) + (random.random(len(length)) * (length - size + 1)).astype(np.int64)
    return begin, size


def _cut(moments: Moments, begin: Int64, size: Int64, told: dict[str, np.ndarray]) -> Moments:
    """A row for each run, read at its last event."""
    events = pick(moments.events, spans(begin, size))
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(size)])
    return Moments(events, offsets, events.time[offsets[1:] - 1][:, None], moments.now, told)


def _customers(moments: Moments, rows: int) -> Int64:
    lengths = np.diff(moments.offsets)
    return np.where(lengths >= ENOUGH, np.arange(len(lengths)), UNKNOWN).repeat(rows)[:, None]
