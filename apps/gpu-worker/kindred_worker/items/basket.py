"""Baskets: the events that carry a list of items, and which items those are.

Which list and field are meant is the spec's to say ("products.product_id"); else the field with the most words. An item
counts once per basket, whatever its quantity. Only words with an index of their own can be recommended, the most frequent
MOST_ITEMS of them; places 0..W-1 are theirs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kindred_worker.data.arrays import EventArrays, spans
from kindred_worker.data.features import FeatureSpec, Int64
from kindred_worker.data.order import content_keys, drawn, told_apart
from kindred_worker.models.reading import pieces
from kindred_worker.report import InvalidInput

MOST_ITEMS = 8_192
FEWEST_ITEMS = 2  # below there is nothing to choose from
PIECE = 1_000_000  # events that are looked at together
SAMPLED = 30  # the turn of the draw that leaves customers out

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class ItemField:
    list_at: int  # place in FeatureSpec.items
    field_at: int  # place in its categories
    property: str
    field: str
    words: tuple[str, ...]  # (W)


@dataclass(frozen=True)
class Baskets:
    """M baskets in order of customer and time; items of basket m are item[offsets[m]..offsets[m + 1]], each once, ascending."""

    owner: Int64  # (M) place of the customer
    time: Int64  # (M) microseconds
    offsets: Int64  # (M + 1)
    item: Int64  # (L)

    def __len__(self) -> int:
        return len(self.time)

    def chosen(self, rows: Int64) -> Baskets:
        lengths = np.diff(self.offsets)[rows]
        items = self.item[spans(self.offsets[:-1][rows], lengths)]
        return Baskets(self.owner[rows], self.time[rows], np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)]), items)

    def before(self, moment: int) -> Baskets:
        return self.chosen(np.flatnonzero(self.time < moment))

    @property
    def row(self) -> Int64:
        """(L) basket of each item."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))


def item_field(features: FeatureSpec, asked: str = "") -> ItemField | None:
    """The field that names items; None where no event has a list with words. Raises InvalidInput where `asked` is no such field."""
    found = [
        ItemField(at, place, one.name, field.name, field.vocabulary.words[:MOST_ITEMS])
        for at, one in enumerate(features.items)
        for place, field in enumerate(one.categories)
        if field.kind == "categorical" and len(field.vocabulary.words) >= FEWEST_ITEMS
    ]
    if not asked:
        return max(found, key=lambda f: len(f.words), default=None)
    for field in found:
        if asked == f"{field.property}.{field.field}":
            return field
    there = ", ".join(f"{f.property}.{f.field}" for f in found) or "none in this data"
    raise InvalidInput(f"itemField {asked!r} is no list of items with words; there are: {there}")


def item_events(features: FeatureSpec, arrays: EventArrays, field: ItemField) -> tuple[str, ...]:
    """Names of the events that make baskets: the main events that carry items, else every known event that does."""
    carrying = {int(code) for rows in _with_items(arrays, field) for code in np.unique(arrays.events.name[rows])}
    known = {name: at + 1 for at, name in enumerate(features.names.words)}
    mains = tuple(n for n in features.main_events if known.get(n) in carrying)
    return mains or tuple(n for n in features.names.words if known[n] in carrying)


def baskets_of(features: FeatureSpec, arrays: EventArrays, field: ItemField, names: tuple[str, ...], most: int = 0) -> Baskets:
    """Of everyone, or of as many customers as have about `most` items; events without a known item are no baskets.

    Who is left out hangs on what they did alone (data/order.py). Read piece by piece: what is held is the baskets.
    """
    known = {name: at + 1 for at, name in enumerate(features.names.words)}
    codes = [known[n] for n in names if n in known]
    customers = _some(arrays, field, most)
    parts: list[Baskets] = []
    for piece in pieces(np.diff(arrays.offsets)[customers], len(customers), PIECE):
        parts.append(_baskets(arrays, customers[piece], field, codes))
    return _joined(parts)


def _with_items(arrays: EventArrays, field: ItemField) -> Iterator[Int64]:
    """Rows of the events that carry items, piece by piece."""
    lengths = arrays.events.items[field.list_at].lengths
    for begin in range(0, len(lengths), PIECE):
        yield begin + np.flatnonzero(lengths[begin : begin + PIECE])


def _some(arrays: EventArrays, field: ItemField, most: int) -> Int64:
    """Places of the customers, ascending."""
    everyone = np.arange(arrays.count)
    items = len(arrays.events.items[field.list_at].categories)
    if not most or items <= most:
        return everyone
    return everyone[drawn(told_apart(content_keys(arrays)), 0, SAMPLED) < most / items]


def _baskets(arrays: EventArrays, customers: Int64, field: ItemField, codes: list[int]) -> Baskets:
    """Of these customers."""
    lengths = np.diff(arrays.offsets)[customers]
    rows, owner = spans(arrays.offsets[:-1][customers], lengths), np.repeat(customers, lengths)
    named = np.isin(arrays.events.name[rows], codes)
    rows, owner = rows[named], owner[named]
    items = arrays.events.items[field.list_at]
    sizes = items.lengths[rows]
    words = items.categories[spans(arrays.item_offsets[field.list_at][rows], sizes), field.field_at].astype(np.int64) - 1
    kept = (words >= 0) & (words < len(field.words))
    pairs = np.unique(np.repeat(np.arange(len(rows)), sizes)[kept] * len(field.words) + words[kept])
    event, item = pairs // len(field.words), pairs % len(field.words)
    there, counts = np.unique(event, return_counts=True)
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    return Baskets(owner[there], arrays.events.time[rows[there]], offsets, item)


def _joined(parts: list[Baskets]) -> Baskets:
    none = np.zeros(0, np.int64)
    sizes = np.concatenate([none, *(np.diff(part.offsets) for part in parts)])
    return Baskets(
        np.concatenate([none, *(part.owner for part in parts)]),
        np.concatenate([none, *(part.time for part in parts)]),
        np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)]),
        np.concatenate([none, *(part.item for part in parts)]),
    )
