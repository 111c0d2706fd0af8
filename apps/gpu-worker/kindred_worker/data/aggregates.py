"""The rival: what analysts compute by hand from an event stream, at any cut (learning.md, "The rival, exactly").

`EventTable` holds the narrow columns of a snapshot in DuckDB (which spills to disk); `rfm`, `aggregates`, `outcome`
read it as it was at a cut. Population at a cut: customers with at least one main event before it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kindred_worker.data.arrow import pc
from kindred_worker.data.features import as_numbers
from kindred_worker.data.snapshot import Items, Snapshot

Float64 = npt.NDArray[np.float64]

DAY = 86_400_000_000  # microseconds
OTHER_NAMES = 12  # events beside the main ones that are counted apart
PRICE_FIELDS = ("price", "unit_price", "unitPrice", "amount")
QUANTITY_FIELDS = ("quantity", "qty", "count")
ITEM_ID_FIELDS = ("product_id", "productId", "sku", "item_id", "id", "name")


@dataclass(frozen=True)
class Table:
    """One row per customer."""

    customers: list[str]
    names: list[str]
    values: Float64  # (N, len(names))

    def aligned(self, customers: Sequence[str]) -> Float64:
        """Rows of `customers`, NaN for those without one: (len(customers), F)."""
        place = {customer: row for row, customer in enumerate(self.customers)}
        rows = np.array([place.get(c, -1) for c in customers], dtype=np.int64)
        out = self.values[rows] if len(self.values) else np.zeros((len(rows), len(self.names)))
        return np.where(rows[:, None] >= 0, out, np.nan)


class EventTable:
    """Events of a snapshot in DuckDB: `event` (customer, moment, name, main, value, lines, hour, weekday, month) and
    `item` (customer, moment, main, price, quantity, product); `moment` in microseconds, the calendar local to the workspace."""

    def __init__(
        self,
        snapshot: Snapshot,
        main_events: Sequence[str],
        value_property: str | None,
        check: Callable[[], None] = lambda: None,
        properties: Sequence[str] = (),
    ) -> None:
        manifest = snapshot.manifest
        self.main_events = list(main_events)
        self.names = [name for name, _ in manifest.names]
        self.first, self.now = manifest.first, snapshot.now
        self.properties = list(properties)
        self._spill = tempfile.TemporaryDirectory(prefix="kindred-aggregates-")
        self._db = duckdb.connect(f"{self._spill.name}/events.duckdb")
        self._db.execute("set threads = 1; set memory_limit = '1GB'; set preserve_insertion_order = false")
        items = manifest.items[0] if manifest.items else None
        known = {c.column for c in manifest.columns}
        value = f"p:{value_property}" if value_property and f"p:{value_property}" in known else None
        typed = [f"p:{p}" for p in self.properties]
        wanted = ["customer", "occurred_at", "name", *([value] if value else []), *([items.column] if items else []), *typed]
        rows = _narrow(snapshot, list(dict.fromkeys(wanted)), value, items, typed, manifest.timezone, check)
        self._db.register("incoming", rows)
        self._db.execute("create table raw as select * from incoming")
        self._db.unregister("incoming")
        listed = ", ".join(_text(name) for name in self.main_events) or "''"
        self._db.execute(f"create table event as select * exclude (items), name in ({listed}) as main from raw")
        self._db.execute(
            "create table item as select customer, moment, main, unnest(items, recursive := true) "
            f"from (select customer, moment, name in ({listed}) as main, items from raw where items is not null)"
            if items
            else "create table item (customer varchar, moment bigint, main boolean, price double, quantity double, product varchar)"
        )
        self._db.execute("drop table raw")

    def close(self) -> None:
        self._db.close()
        self._spill.cleanup()

    def __enter__(self) -> EventTable:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def columns(self, sql: str) -> dict[str, npt.NDArray[np.generic]]:
        """The result's columns as arrays."""
        return cast("dict[str, npt.NDArray[np.generic]]", self._db.execute(sql).fetchnumpy())

    def table(self, sql: str) -> Table:
        """A result whose first column is the customer and whose others are numbers."""
        columns = self.columns(sql)
        names = list(columns)
        customers = [str(c) for c in columns[names[0]]]
        values = [_plain(columns[name]) for name in names[1:]]
        return Table(customers, names[1:], np.stack(values, axis=1) if values else np.zeros((len(customers), 0)))


def rfm(events: EventTable, cut: int) -> Table:
    """RFM7 at `cut` (microseconds): days since last, tenure in days, count F, lines, spend, spend per line, tenure / F."""
    return events.table(
        f"{_spine(cut)} select customer, recency, tenure, baskets, lines, spend, "
        "spend / greatest(lines, 1) as spend_per_line, tenure / baskets as mean_cycle from rfm order by 1"
    )


def aggregates(events: EventTable, cut: int) -> Table:
    """The 34 aggregates of learning.md at `cut`, and the count of each frequent event beside the main ones.

    On Online Retail II the one other event is the cancellation: exactly the 34.
    """
    others = [name for name in events.names if name not in events.main_events][:OTHER_NAMES]
    counted = "".join(
        f", count(*) filter (name = {_text(n)}) as {_column('count:' + n)}"
        f", coalesce(sum(value) filter (name = {_text(n)}), 0) as {_column('value:' + n)}"
        for n in others
    )
    windows = "".join(
        f", count(*) filter (moment >= {cut} - {days} * {DAY}) as baskets_{days}"
        f", coalesce(sum(value) filter (moment >= {cut} - {days} * {DAY}), 0) as spend_{days}"
        for days in (30, 90, 180, 365)
    )
    year = 365 * DAY
    return events.table(f"""
      {_spine(cut)},
      basket as (
        select customer, avg(value) as basket_mean, stddev_pop(value) as basket_sd, arg_max(value, moment) as basket_last,
          avg(lines) as basket_lines, avg(hour) as hour_mean, count(distinct moment // {DAY}) as active_days,
          sum(lines) filter (weekday >= 4) / greatest(sum(lines), 1) as weekend_share,
          count(*) filter (moment >= {cut} - {year} and moment < {cut} - {year} + {90 * DAY}) as year_ago {windows}
        from bought group by customer),
      gap as (
        select customer, avg(days) as gap_mean, stddev_pop(days) as gap_sd, arg_max(days, moment) as gap_last from (
          select customer, moment, (moment - lag(moment) over (partition by customer order by moment)) / {DAY}::double as days from bought)
        where days is not null group by customer),
      article as (
        select customer, count(distinct product) as products, median(price) as price_median, median(quantity) as quantity_median,
          stddev_pop(price) as price_sd, stddev_pop(quantity) as quantity_sd
        from item where main and moment < {cut} group by customer),
      other as (select customer {counted} from event where moment < {cut} and not main group by customer)
      select r.customer, recency, tenure, baskets, r.lines, spend, spend / greatest(r.lines, 1) as spend_per_line,
        tenure / baskets as mean_cycle, recency / nullif(gap_mean, 0) as recency_in_gaps,
        basket.* exclude (customer), gap.* exclude (customer), article.* exclude (customer), other.* exclude (customer)
      from rfm r left join basket using (customer) left join gap using (customer)
        left join article using (customer) left join other using (customer) order by 1""")


def outcome(events: EventTable, begin: int, days: float) -> Table:
    """What happened in [begin, begin + days): `came` 0/1 and `value` log1p of the main events' value.

    Population: customers with a main event before `begin`.
    """
    end = begin + int(days * DAY)
    return events.table(f"""
      select customer, (max(moment) >= {begin})::int::double as came,
        ln(1 + greatest(coalesce(sum(value) filter (moment >= {begin}), 0), 0)) as value
      from event where main and moment < {end} group by customer having min(moment) < {begin} order by 1""")


def future(events: EventTable, begin: int, questions: Sequence[tuple[str, float, str]]) -> Table:
    """What came true from `begin` on, for each question (event, horizon in days, kind), as ForecastColumn has them:
    probability 0/1, value log1p of the sum, count log1p of the number, next 0/1. Customers with any event before.

    A customer without any later event has no next event: 0 for every kind.
    """
    asked = ", ".join(f"{_asked(event, begin, days, kind)} as q{at}" for at, (event, days, kind) in enumerate(questions))
    return events.table(f"""
      with known as (select customer from event where moment < {begin} group by customer),
      later as (select * from event where moment >= {begin}),
      upcoming as (select customer, arg_min(name, moment) as upcoming from later group by customer)
      select known.customer, {asked} from known left join later using (customer) left join upcoming using (customer)
      group by known.customer order by 1""")


def _asked(event: str, begin: int, days: float, kind: str) -> str:
    if kind == "next":
        return f"coalesce(max((upcoming = {_text(event)})::int), 0)::double"
    within = f"filter (name = {_text(event)} and moment < {begin + int(days * DAY)})"
    if kind == "value":
        return f"ln(1 + greatest(coalesce(sum(value) {within}, 0), 0))"
    count = f"count(*) {within}"
    return f"ln(1 + {count})" if kind == "count" else f"({count} > 0)::int::double"


def prepared(values: Float64) -> Float64:
    """Signed log1p, missing = 0, as learning.md feeds its classifiers."""
    return np.nan_to_num(np.sign(values) * np.log1p(np.abs(values)))


def _spine(cut: int) -> str:
    return f"""
      with bought as (select * from event where main and moment < {cut}),
      rfm as (
        select customer, ({cut} - max(moment)) / {DAY}::double as recency, ({cut} - min(moment)) / {DAY}::double as tenure,
          count(*)::double as baskets, sum(lines)::double as lines, coalesce(sum(value), 0) as spend
        from bought group by customer)"""


def _narrow(
    snapshot: Snapshot,
    wanted: list[str],
    value: str | None,
    items: Items | None,
    typed: list[str],
    timezone: str,
    check: Callable[[], None],
) -> pa.RecordBatchReader:
    """The snapshot's events with the calendar computed and the items reduced to price, quantity and product."""
    item = pa.list_(pa.struct([("price", pa.float64()), ("quantity", pa.float64()), ("product", pa.string())]))
    kinds = {c.column: c.kind for c in snapshot.manifest.columns}
    property_types = [(c, pa.string() if kinds.get(c) == "categorical" else pa.float64()) for c in typed]
    schema = pa.schema(
        [
            ("customer", pa.string()),
            ("moment", pa.int64()),
            ("name", pa.string()),
            ("value", pa.float64()),
            ("lines", pa.float64()),
            ("hour", pa.int64()),
            ("weekday", pa.int64()),
            ("month", pa.int64()),
            ("items", item),
            *property_types,
        ]
    )

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in snapshot.batches(wanted, check):
            occurred = batch.column("occurred_at").cast(pa.timestamp("us", tz="UTC"))
            local = occurred.cast(pa.timestamp("us", tz=timezone))
            rows, lists = batch.num_rows, batch.column(items.column) if items else None
            values = _numbers(batch.column(value)) if value else pa.nulls(rows, pa.float64())
            lines = pc.fill_null(pc.list_value_length(lists), 1) if lists is not None else pa.repeat(1, rows)
            yield pa.record_batch(
                [
                    batch.column("customer").cast(pa.string()),
                    occurred.cast(pa.int64()),
                    batch.column("name").cast(pa.string()),
                    values,
                    pc.max_element_wise(lines, 1).cast(pa.float64()),
                    pc.hour(local),
                    pc.day_of_week(local),
                    pc.month(local),
                    _items(lists, items, item, rows),
                    *(_numbers(batch.column(c)) if pa.types.is_floating(t) else batch.column(c).cast(t) for c, t in property_types),
                ],
                schema=schema,
            )

    return pa.RecordBatchReader.from_batches(schema, batches())


def _numbers(values: pa.Array) -> pa.Array:
    """As the encoder sees them, null where missing."""
    return pa.array(as_numbers(values), pa.float64(), from_pandas=True)


def _items(lists: pa.Array | None, items: Items | None, type_: pa.DataType, rows: int) -> pa.Array:
    if lists is None or items is None:
        return pa.nulls(rows, type_)
    fields = [name for name, _ in items.fields]
    flat = cast(pa.StructArray, pc.list_flatten(lists))

    def first(candidates: Sequence[str], into: pa.DataType) -> pa.Array:
        found = next((c for c in candidates if c in fields), None)
        if found is None:
            return pa.nulls(len(flat), into)
        values = pc.struct_field(flat, found)
        return _numbers(values) if pa.types.is_floating(into) else values.cast(into)

    reduced = pa.StructArray.from_arrays(
        [first(PRICE_FIELDS, pa.float64()), first(QUANTITY_FIELDS, pa.float64()), first(ITEM_ID_FIELDS, pa.string())],
        ["price", "quantity", "product"],
    )
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
    return pa.ListArray.from_arrays(offsets, reduced)


def _plain(column: npt.NDArray[np.generic]) -> Float64:
    """NaN where SQL has null."""
    if isinstance(column, np.ma.MaskedArray):
        return np.where(np.ma.getmaskarray(column), np.nan, np.ma.getdata(column).astype(np.float64))
    return np.asarray(column, dtype=np.float64)


def _text(value: str) -> str:
    """As a string in SQL."""
    return "'" + value.replace("'", "''") + "'"


def _column(name: str) -> str:
    """As an identifier in SQL."""
    return '"' + name.replace('"', '""') + '"'
