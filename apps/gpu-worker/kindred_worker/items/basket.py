"""Baskets: the events that carry a list of items, and which items those are.

Which list and field are meant is the spec's to say ("products.product_id"); else the field with the most words. An item
counts once per basket, whatever its quantity. Only words with an index of their own can be recommended, the most frequent
MOST_ITEMS of them; places 0..W-1 are theirs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kindred_worker.data.arrays import EventArrays, spans
from kindred_worker.data.features import FeatureSpec, Int64
from kindred_worker.report import InvalidInput

MOST_ITEMS = 8_192
FEWEST_ITEMS = 2  # below there is nothing to choose from

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
    carrying = set(arrays.events.name[arrays.events.items[field.list_at].lengths > 0].tolist())
    known = {name: at + 1 for at, name in enumerate(features.names.words)}
    mains = tuple(n for n in features.main_events if known.get(n) in carrying)
    return mains or tuple(n for n in features.names.words if known[n] in carrying)


def baskets_of(features: FeatureSpec, arrays: EventArrays, field: ItemField, names: tuple[str, ...]) -> Baskets:
    """Of everyone; events without a known item are no baskets."""
    known = {name: at + 1 for at, name in enumerate(features.names.words)}
    events, items = arrays.events, arrays.events.items[field.list_at]
    codes = items.categories[:, field.field_at].astype(np.int64) - 1
    event = np.repeat(np.arange(len(events.time)), items.lengths)
    kept = (codes >= 0) & (codes < len(field.words)) & np.isin(events.name, [known[n] for n in names if n in known])[event]
    pairs = np.unique(event[kept] * len(field.words) + codes[kept])
    event, item = pairs // len(field.words), pairs % len(field.words)
    rows, lengths = np.unique(event, return_counts=True)
    owner = np.repeat(np.arange(arrays.count), np.diff(arrays.offsets))
    return Baskets(owner[rows], events.time[rows], np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)]), item)
