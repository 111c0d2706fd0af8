"""An order of customers, and draws for them and their events, that hang on what they did alone.

Ids are given at import and the shards of a snapshot follow them, so the same data imported twice lie in another order.
Every random choice about customers is made along this order instead: then the same behaviour gives the same model.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kindred_worker.data.arrays import EventArrays
from kindred_worker.data.features import Encoded, Float32, Int64

UInt64 = npt.NDArray[np.uint64]
PIECE = 1_000_000  # events that are hashed at once, unless a customer has more


def canonical_order(arrays: EventArrays) -> Int64:
    """(N) the customers, sorted by a hash of their events' times, names and values.

    Customers with the same hash did the same at the same microseconds: which of them comes first makes no difference.
    """
    return np.argsort(content_keys(arrays), kind="stable")


def content_keys(arrays: EventArrays) -> UInt64:
    """(N) a hash of all events of each customer; the order of events at the same moment does not count."""
    keys, begin = np.zeros(arrays.count, np.uint64), 0
    while begin < arrays.count:
        end = max(begin + 1, int(np.searchsorted(arrays.offsets, arrays.offsets[begin] + PIECE, side="right")) - 1)
        offsets = arrays.offsets[begin : end + 1]
        hashed = _hashed(arrays.events, slice(int(offsets[0]), int(offsets[-1])))
        # Sums modulo 2^64 of each customer's events, by differences of running sums: a customer without any has 0.
        running = np.concatenate([np.zeros(1, np.uint64), np.cumsum(hashed, dtype=np.uint64)])
        within = offsets - offsets[0]
        keys[begin:end] = running[within[1:]] - running[within[:-1]]
        begin = end
    return mixed(keys)


def beginning_keys(arrays: EventArrays) -> UInt64:
    """(N) a hash of each customer's first event: it stays the same as they go on, from one training to the next."""
    begins = np.minimum(arrays.offsets[:-1], max(0, len(arrays.events.time) - 1))
    return mixed(_hashed(arrays.events, begins)) if arrays.count else np.zeros(0, np.uint64)


def event_keys(arrays: EventArrays, customers: UInt64, first: int) -> UInt64:
    """(n) a hash of each event of neighbouring customers, the first of them at place `first`; `customers` are their content keys.

    Machines read at the same moments differ in these keys, for each event's key holds its customer's.
    """
    offsets = arrays.offsets[first : first + len(customers) + 1]
    return mixed(_hashed(arrays.events, slice(int(offsets[0]), int(offsets[-1]))) ^ np.repeat(customers, np.diff(offsets)))


def told_apart(keys: UInt64) -> UInt64:
    """(N) the keys; of several that are equal each but the first gets another one, by its turn among them.

    Machines all begin alike, and so do customers who came with one import: one draw must not be for all of them.
    """
    order = np.argsort(keys, kind="stable")
    begins = np.concatenate([[True], np.diff(keys[order]) != 0]) if len(keys) else np.zeros(0, bool)
    places = np.arange(len(keys))
    turn = np.empty(len(keys), np.uint64)
    turn[order] = places - np.maximum.accumulate(np.where(begins, places, 0))
    return np.where(turn == 0, keys, mixed(keys ^ turn))


def drawn(keys: UInt64, seed: int, turn: int) -> npt.NDArray[np.float64]:
    """(N) in [0, 1): each key's own draw of this seed and turn, the same wherever in the data its customer stands."""
    salt = int(np.random.SeedSequence([seed, turn]).generate_state(1, np.uint64)[0])
    return (mixed(keys ^ np.uint64(salt)) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def mixed(values: UInt64) -> UInt64:
    """The finaliser of SplitMix64 (Steele, Lea, Flood 2014): each bit of the result hangs on each bit given."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def order_of_rows(rows: Float32) -> Int64:
    """(N) the rows of (N, F), sorted by their numbers, the first column first."""
    return np.lexsort(rows.T[::-1])


def _hashed(events: Encoded, of: slice | Int64) -> UInt64:
    """A hash of each of these events."""
    hashed = mixed(np.ascontiguousarray(events.time[of], np.int64).view(np.uint64))
    hashed = mixed(hashed ^ events.name[of].astype(np.uint64))
    return mixed(hashed ^ np.ascontiguousarray(events.value[of], np.float32).view(np.uint32).astype(np.uint64))
