"""Chooses the features from the data: what is kept, which words and scales, what the main events are.

What is kept is judged property by property (profile.py, the leak guard) and written down (quality.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from kindred_worker.data.arrow import pc
from kindred_worker.data.features import (
    CategoryFeature,
    Dropped,
    FeatureSpec,
    Int64,
    ItemFeature,
    NumberFeature,
    Vocabulary,
    as_numbers,
    as_words,
    days_until,
)
from kindred_worker.data.profile import Bools, NumberProfile, WordProfile
from kindred_worker.data.quality import PropertyQuality, Quality
from kindred_worker.data.snapshot import Items, Kind, Manifest, Snapshot
from kindred_worker.report import InvalidInput, TooLittleData
from kindred_worker.spec import TrainingSpec

SEEN = 5  # times a word must be seen to get an index of its own
MOST_WORDS = 20_000  # words with an index of their own, per property
MAIN_EVENTS, EVENTS_FORESEEN = 8, 12
NEEDED_CUSTOMERS, NEEDED_EVENTS = 50, 500
# What shops and subscriptions call money, the likeliest first.
VALUE_NAMES = ("revenue", "total", "value", "amount", "order_value", "total_price", "price", "spend", "sales")


@dataclass(frozen=True)
class Fitted:
    features: FeatureSpec
    quality: Quality


@dataclass(frozen=True)
class _Profiled:
    names: WordProfile
    columns: dict[str, WordProfile | NumberProfile]
    valued: dict[str, dict[str, int]]  # property -> event name -> events that carry it
    events: int
    customers: int


def fit(
    snapshot: Snapshot,
    main_events: Sequence[str] = (),
    value_property: str = "",
    check: Callable[[], None] = lambda: None,
) -> FeatureSpec:
    """Features of a snapshot (of nothing later than its `until`). What is given is kept, the rest is guessed."""
    return examine(snapshot, TrainingSpec(main_events=tuple(main_events), value_property=value_property), check).features


def examine(snapshot: Snapshot, spec: TrainingSpec, check: Callable[[], None] = lambda: None, earlier: bool = False) -> Fitted:
    """As `fit`, by what a spec asks for (main events, value, what the encoder is to see), with what was found of each property.
    Raises InvalidInput at names that the data do not have.

    earlier: the data are an earlier part of those that the main events were chosen from; what had not come yet is left out.
    """
    manifest, main_events, value_property = snapshot.manifest, spec.main_events, spec.value_property
    _check_names(spec, manifest)
    found = _profile(snapshot, check)
    if found.customers < NEEDED_CUSTOMERS or found.events < NEEDED_EVENTS:
        raise TooLittleData(
            "There is too little data to learn from",
            needed=f"{NEEDED_CUSTOMERS} customers and {NEEDED_EVENTS} events",
            found=f"{found.customers} customers and {found.events} events",
        )
    value = value_property or manifest.value_property or _guess_value(found, spec)
    if value is not None and value not in {c.property for c in manifest.columns if c.kind == "numeric"}:
        if value_property:
            raise InvalidInput(f"valueProperty {value_property!r} is no numeric property of these events")
        value = None
    if value is not None and spec.asked_of(value) == "leave_out":
        raise InvalidInput(f"leaveOutProperties: {value!r} carries the value that is foreseen; name another as valueProperty, or keep it")
    known = set(found.names.words)
    given = [n for n in (main_events or manifest.main_events) if n in known]
    if main_events and len(given) < len(main_events) and not earlier:
        missing = ", ".join(repr(n) for n in main_events if n not in known)
        raise InvalidInput(f"mainEvents: no event is named {missing}")
    mains = tuple(given[:MAIN_EVENTS]) if given else _guess_main(found, value)
    others = [
        n
        for n, c in sorted(found.names.words.items(), key=lambda pair: (-pair[1], pair[0]))
        if n not in mains and c >= max(50, 0.002 * found.events)
    ]
    guard, judged = spec.leak_guard, dict[str, PropertyQuality]()
    for c in manifest.columns:
        asked = spec.asked_of(c.property)
        judged[c.column] = PropertyQuality.of(c.property, c.kind, found.columns[c.column], c.property == value, guard, asked)
    for one in manifest.items:
        for name, kind in one.fields:
            column, full = f"{one.column}.{name}", f"{one.property}.{name}"
            judged[column] = PropertyQuality.of(full, kind, found.columns[column], False, guard, spec.asked_of(full, one.property))
    kept = [_feature(c.property, c.column, c.kind, found.columns[c.column]) for c in manifest.columns if judged[c.column].kept]
    items = [feature for one in manifest.items if (feature := _item_feature(one, found, judged)) is not None]
    quality = Quality(found.events, found.customers, guard, tuple(judged.values()))
    features = FeatureSpec(
        timezone=_checked_timezone(manifest.timezone),
        names=_vocabulary(found.names, buckets=8),
        categories=tuple(f for f in kept if isinstance(f, CategoryFeature)),
        numbers=tuple(f for f in kept if isinstance(f, NumberFeature)),
        items=tuple(items),
        main_events=mains,
        other_events=tuple(others[: max(0, EVENTS_FORESEEN - len(mains))]),
        value_property=value,
        currency=manifest.currency,
        dropped=tuple(Dropped(one.property, one.reason) for one in quality.left_out),
    )
    return Fitted(features, quality)


def _check_names(spec: TrainingSpec, manifest: Manifest) -> None:
    lists = [name for one in manifest.items for name in (one.property, *(f"{one.property}.{field}" for field, _ in one.fields))]
    known = {c.property for c in manifest.columns} | set(lists)
    for told, names in (("keepProperties", spec.keep_properties), ("leaveOutProperties", spec.leave_out_properties)):
        missing = ", ".join(repr(name) for name in names if name not in known)
        if missing:
            raise InvalidInput(
                f"{told}: no property is named {missing}; quality.json of a model names all, those of items as products.price"
            )


def _profile(snapshot: Snapshot, check: Callable[[], None]) -> _Profiled:
    manifest = snapshot.manifest
    columns: dict[str, WordProfile | NumberProfile] = {c.column: _fresh(c.kind) for c in manifest.columns}
    for one in manifest.items:
        columns.update({f"{one.column}.{name}": _fresh(kind) for name, kind in one.fields})
    money = [c for c in manifest.columns if c.kind == "numeric"]
    valued: dict[str, dict[str, int]] = {c.property: {} for c in money}
    wanted = [c.column for c in manifest.columns] + [i.column for i in manifest.items]
    names, events, customers, previous = WordProfile(), 0, 0, None
    middle = (manifest.first + snapshot.now) // 2
    for batch in snapshot.batches(["customer", "occurred_at", "name", *wanted], check):
        ids = batch.column("customer").dictionary_encode()
        customer = ids.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        time = batch.column("occurred_at").cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_numpy()
        events += batch.num_rows
        first = batch.column("customer")[0].as_py()
        customers += len(ids.dictionary) - (1 if first == previous else 0)
        previous = batch.column("customer")[-1].as_py()
        late = time >= middle
        names.add(batch.column("name"), customer, late)
        for column in manifest.columns:
            _add(columns[column.column], batch.column(column.column), column.kind, customer, time, late)
        for column in money:
            with_value = batch.column("name").filter(pc.is_valid(batch.column(column.column)))
            for pair in pc.value_counts(with_value).to_pylist():
                seen = valued[column.property]
                seen[pair["values"]] = seen.get(pair["values"], 0) + pair["counts"]
        for one in manifest.items:
            _add_items(columns, one, batch.column(one.column), customer, time, late)
    return _Profiled(names, columns, valued, events, customers)


def _add_items(
    columns: dict[str, WordProfile | NumberProfile],
    items: Items,
    lists: pa.Array,
    customer: Int64,
    time: Int64,
    late: Bools,
) -> None:
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    flat = pc.list_flatten(lists)
    for name, kind in items.fields:
        values = pc.struct_field(flat, name)
        column = columns[f"{items.column}.{name}"]
        _add(column, values, kind, np.repeat(customer, lengths), np.repeat(time, lengths), np.repeat(late, lengths))


def _fresh(kind: Kind) -> WordProfile | NumberProfile:
    return WordProfile() if kind in ("categorical", "boolean") else NumberProfile()


def _add(profile: WordProfile | NumberProfile, values: pa.Array, kind: Kind, customer: Int64, time: Int64, late: Bools) -> None:
    if isinstance(profile, WordProfile):
        profile.add(as_words(values), customer, late)
    else:
        profile.add(days_until(values, time) if kind == "time" else as_numbers(values), customer, late)


def _item_feature(items: Items, found: _Profiled, judged: dict[str, PropertyQuality]) -> ItemFeature | None:
    kept = [
        _feature(name, name, kind, found.columns[column])
        for name, kind in items.fields
        for column in [f"{items.column}.{name}"]
        if judged[column].kept
    ]
    feature = ItemFeature(
        items.property,
        items.column,
        tuple(f for f in kept if isinstance(f, CategoryFeature)),
        tuple(f for f in kept if isinstance(f, NumberFeature)),
    )
    return feature if kept else None


def _feature(name: str, column: str, kind: Kind, profile: WordProfile | NumberProfile) -> CategoryFeature | NumberFeature:
    if isinstance(profile, WordProfile):
        boolean = kind == "boolean"
        words = Vocabulary(("false", "true"), 0) if boolean else _vocabulary(profile, buckets=16)
        return CategoryFeature(name, column, "boolean" if boolean else "categorical", words)
    number_kind = "time" if kind == "time" else "numeric"
    return NumberFeature(name, column, number_kind, round(profile.mean, 6), round(profile.deviation, 6))


def _vocabulary(profile: WordProfile, buckets: int) -> Vocabulary:
    seen = [(w, c) for w, c in profile.words.items() if c >= SEEN]
    seen.sort(key=lambda pair: (-pair[1], pair[0]))
    return Vocabulary(tuple(w for w, _ in seen[:MOST_WORDS]), buckets)


def _guess_value(found: _Profiled, spec: TrainingSpec) -> str | None:
    """A numeric property that is named like money and carried by at least 20 events."""
    seen = {name for name, seen in found.valued.items() if sum(seen.values()) >= 20 and spec.asked_of(name) != "leave_out"}
    by_name = {name.lower(): name for name in seen}
    return next((by_name[n] for n in VALUE_NAMES if n in by_name), None)


def _guess_main(found: _Profiled, value: str | None) -> tuple[str, ...]:
    """Frequent names; those that carry the value first, then the rarer (more telling) of the frequent ones."""
    floor = max(50, 0.005 * found.events)
    carried = found.valued.get(value, {}) if value else {}
    frequent = [(n, c) for n, c in found.names.words.items() if c >= floor] or found.names.words.most_common(1)

    def telling(pair: tuple[str, int]) -> tuple[bool, float, str]:
        name, count = pair
        return (carried.get(name, 0) < 0.5 * count, math.log(count), name)

    return tuple(n for n, _ in sorted(frequent, key=telling)[:MAIN_EVENTS])


def _checked_timezone(name: str) -> str:
    try:
        pc.hour(pa.array([0], pa.timestamp("us", tz=name)))
    except (pa.ArrowInvalid, pa.ArrowKeyError, ValueError) as error:
        raise InvalidInput(f"timezone {name!r} is unknown") from error
    return name
