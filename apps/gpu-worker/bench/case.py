"""The data that learning is measured on, as snapshots: what is asked of each, and when."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import duckdb
import numpy as np
import pyarrow as pa

from kindred_worker.data.snapshot import Snapshot
from kindred_worker.spec import TrainingSpec
from tests.make_snapshot import ONLINE_RETAIL, from_ndjson, write_snapshot


@dataclass(frozen=True)
class Case:
    """One question: does a main event come within `days` of a cut?"""

    write: Callable[[Path, Path], Path]  # the source, and the folder where its snapshot goes
    cuts: tuple[str, ...]  # empty: `days` before the data's end
    main: tuple[str, ...] = ("Order Completed",)
    value: str = "revenue"
    days: float = 90.0
    # `days` is asked, so it is among the horizons; all else is the product's defaults.
    horizons: tuple[float, ...] = (30.0, 90.0, 180.0)

    def snapshot(self, source: Path, folder: Path) -> Snapshot:
        return Snapshot.open(self.write(source, folder / "snapshot").as_uri())

    def recipe(self, spec: TrainingSpec) -> TrainingSpec:
        return replace(spec, horizon_days=self.horizons)

    def moments(self, snapshot: Snapshot, asked: list[str]) -> dict[str, int]:
        """Cuts by name, in microseconds."""
        named = asked or self.cuts
        if not named:
            end = snapshot.manifest.last - round(self.days * 86_400_000_000)
            return {datetime.fromtimestamp(end / 1e6, UTC).date().isoformat(): end}
        return {cut: round(datetime.fromisoformat(cut).replace(tzinfo=UTC).timestamp()) * 1_000_000 for cut in named}


def baskets(source: Path) -> pa.Table:
    """Online Retail II with one event per basket."""
    return duckdb.sql(ONLINE_RETAIL.format(path=source)).to_arrow_table().drop_columns(["p:order_id"])


def write_retail(table: pa.Table, out: Path) -> Path:
    facts = {"mainEvents": ["Order Completed"], "valueProperty": "revenue", "timezone": "Europe/London", "currency": "GBP"}
    return write_snapshot(table, out, **facts)


def with_noise(table: pa.Table, seed: int = 0, step: float = 0.04) -> pa.Table:
    """Adds `p:noise`: a level of each customer's own that wanders a little from event to event, and means nothing."""
    table = table.sort_by([("customer", "ascending"), ("occurred_at", "ascending")])
    _, owner = np.unique(table.column("customer").to_numpy(), return_inverse=True)
    random = np.random.default_rng(seed)
    walk = np.cumsum(random.normal(0, step, len(owner)))
    begins = np.flatnonzero(np.append(True, owner[1:] != owner[:-1]))
    own = random.uniform(0, 6, len(begins))
    return table.append_column("p:noise", pa.array(np.exp(own[owner] + walk - walk[begins][owner])))


def _online_retail(source: Path, out: Path) -> Path:
    return write_retail(baskets(source), out)


def _cdnow(source: Path, out: Path) -> Path:
    rows = [line.split() for line in source.read_text().splitlines() if line.split() and line.split()[0].isdigit()]
    who, day, quantity, revenue = zip(*rows, strict=True)
    table = pa.table(
        {
            "customer": pa.array(who),
            "subject": pa.array(who),
            "occurred_at": pa.array([datetime.strptime(d, "%Y%m%d").replace(tzinfo=UTC) for d in day], pa.timestamp("us", tz="UTC")),
            "name": pa.array(["Order Completed"] * len(rows)),
            "p:revenue": pa.array(np.array(revenue, dtype=np.float64)),
            "p:quantity": pa.array(np.array(quantity, dtype=np.float64)),
        }
    )
    return write_snapshot(table, out, mainEvents=["Order Completed"], valueProperty="revenue")


def _simulated(source: Path, out: Path) -> Path:
    facts: dict[str, Any] = {"mainEvents": ["Order Completed"], "valueProperty": "revenue"}
    return from_ndjson(source, out, **facts)


CASES = {
    "online-retail": Case(_online_retail, ("2011-03-01", "2011-06-01", "2011-09-09")),
    "cdnow": Case(_cdnow, ("1998-01-01",)),
    "simulated-shop": Case(_simulated, ()),
}
