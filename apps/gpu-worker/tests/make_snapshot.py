"""Snapshots for tests and benchmarks, from Online Retail II or from Segment events as NDJSON.

    python tests/make_snapshot.py online-retail PARQUET OUT_DIR
    python tests/make_snapshot.py ndjson EVENTS.ndjson OUT_DIR

Ingestion writes the real ones; this one exists so that the worker can be tried alone.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

ONLINE_RETAIL = """
with line as (
  select *, case when starts_with(InvoiceNo, 'C') then 'Order Cancelled' else 'Order Completed' end as name
  from read_parquet('{path}') where CustomerID is not null
)
select cast(cast(CustomerID as bigint) as varchar) as customer,
       cast(cast(CustomerID as bigint) as varchar) as subject,
       cast(min(InvoiceDate) as timestamp) as occurred_at, name,
       sum(Quantity * UnitPrice) as "p:revenue", any_value(Country) as "p:country",
       cast(count(*) as double) as "p:items", InvoiceNo as "p:order_id",
       list(struct_pack(product_id := StockCode, price := UnitPrice, quantity := cast(Quantity as double))
            order by StockCode) as "i:products"
from line group by CustomerID, InvoiceNo, name
order by customer, occurred_at, InvoiceNo
"""


def kind_of(type_: pa.DataType) -> str:
    if pa.types.is_boolean(type_):
        return "boolean"
    if pa.types.is_integer(type_) or pa.types.is_floating(type_):
        return "numeric"
    return "time" if pa.types.is_timestamp(type_) else "categorical"


def write_snapshot(table: pa.Table, out: Path, shards: int = 2, **facts: Any) -> Path:
    """Writes `table` (customer, subject, occurred_at, name, p:…, i:…) as a snapshot; `facts` go into the manifest."""
    out.mkdir(parents=True, exist_ok=True)
    utc = pa.timestamp("us", tz="UTC")
    occurred = table.column("occurred_at").cast(pa.timestamp("us")).cast(utc)
    table = table.set_column(table.schema.get_field_index("occurred_at"), "occurred_at", occurred)
    table = table.append_column("received_at", occurred).append_column("sequence", pa.array(range(table.num_rows)))
    table = table.sort_by([("customer", "ascending"), ("occurred_at", "ascending"), ("sequence", "ascending")])
    if "rest" not in table.column_names:
        table = table.append_column("rest", pa.nulls(table.num_rows, pa.string()))
    fixed = ["customer", "subject", "occurred_at", "received_at", "sequence", "name"]
    extra = [c for c in table.column_names if c not in fixed and c != "rest"]
    table = table.select([*fixed, *extra, "rest"])
    ids = table.column("customer").to_pylist()
    shard_of = [int(hashlib.md5(i.encode()).hexdigest(), 16) % shards for i in ids]
    written: list[dict[str, Any]] = []
    for shard in range(shards):
        part = table.filter(pa.array([s == shard for s in shard_of]))
        path = out / f"events-{shard:03d}.parquet"
        pq.write_table(part, path)
        written.append(
            {
                "path": path.name,
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                "rows": part.num_rows,
                "customers": len(set(part.column("customer").to_pylist())),
            }
        )
    micros: list[int] = occurred.cast(pa.int64()).to_pylist()
    last = max(micros)
    names = Counter(table.column("name").to_pylist())
    manifest: dict[str, Any] = {
        "format": "kindred.snapshot/1",
        "workspaceId": "w",
        "snapshotId": "s",
        "position": {"horizon": "0", "sequence": str(table.num_rows)},
        "now": last,
        "clock": "DATA",
        "timezone": "UTC",
        "currency": None,
        "mainEvents": [],
        "valueProperty": None,
        "events": table.num_rows,
        "customers": len(set(ids)),
        "firstOccurredAt": min(micros),
        "lastOccurredAt": last,
        "columns": [
            {
                "column": f.name,
                "property": f.name[2:],
                "kind": kind_of(f.type),
                "present": 1 - table.column(f.name).null_count / max(1, table.num_rows),
            }
            for f in table.schema
            if f.name.startswith("p:")
        ],
        "items": [
            {"column": f.name, "property": f.name[2:], "fields": [{"name": s.name, "kind": kind_of(s.type)} for s in f.type.value_type]}
            for f in table.schema
            if f.name.startswith("i:")
        ],
        "names": [{"name": n, "events": c} for n, c in names.most_common()],
        "shards": written,
        "contentHash": hashlib.sha256("".join(w["sha256"] for w in written).encode()).hexdigest(),
        **facts,
    }
    (out / "manifest.json").write_text(json.dumps(manifest, indent=1))
    return out


def from_ndjson(path: Path, out: Path, **facts: Any) -> Path:
    """Segment track and page events, one a line; property types are taken from what the values are."""
    rows: list[dict[str, Any]] = []
    properties: list[dict[str, Any]] = []
    with path.open() as lines:
        for line in lines:
            event = json.loads(line)
            named = {"track": event.get("event"), "page": "Page Viewed", "screen": "Screen Viewed"}.get(event["type"])
            if named is None:
                continue
            who = event.get("userId") or event.get("anonymousId")
            rows.append({"customer": who, "subject": who, "occurred_at": event["timestamp"], "name": named})
            properties.append(event.get("properties") or {})
    columns: dict[str, Any] = {k: [r[k] for r in rows] for k in ("customer", "subject", "name")}
    stamps = pa.array([r["occurred_at"].replace("Z", "+00:00") for r in rows])
    columns["occurred_at"] = pc.cast(stamps, pa.timestamp("us", tz="UTC"))
    for name, _ in Counter(k for p in properties for k in p).most_common(64):
        values = [p.get(name) for p in properties]
        present = [v for v in values if v is not None]
        if all(isinstance(v, bool) for v in present):
            columns[f"p:{name}"] = pa.array(values, pa.bool_())
        elif all(isinstance(v, int | float) for v in present):
            columns[f"p:{name}"] = pa.array([None if v is None else float(v) for v in values], pa.float64())
        elif all(isinstance(v, list) for v in present):
            columns[f"i:{name}"] = pa.array(values)
        else:
            columns[f"p:{name}"] = pa.array([None if v is None else str(v) for v in values], pa.string())
    return write_snapshot(pa.table(columns), out, **facts)


def from_online_retail(path: Path, out: Path, **facts: Any) -> Path:
    baskets = duckdb.sql(ONLINE_RETAIL.format(path=path))
    assert baskets is not None
    told: dict[str, Any] = {"currency": "GBP", "mainEvents": ["Order Completed"], "valueProperty": "revenue", **facts}
    return write_snapshot(baskets.to_arrow_table(), out, **told)


if __name__ == "__main__":
    source, given, target = sys.argv[1:4]
    make = {"online-retail": from_online_retail, "ndjson": from_ndjson}[source]
    print(make(Path(given), Path(target)))
