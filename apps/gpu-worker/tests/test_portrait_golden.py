"""What is counted of customers, on worked lives that serving is held to as well (libs/contracts/golden/portrait.json)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from kindred_worker.data.aggregates import EventTable
from kindred_worker.data.portrait import pause_between_visits, portrait
from kindred_worker.data.snapshot import Snapshot
from tests.make_snapshot import write_snapshot

GOLDEN = json.loads((Path(__file__).resolve().parents[3] / "libs/contracts/golden/portrait.json").read_text())


def counted(golden: dict[str, Any], folder: Path) -> tuple[int | None, dict[str, list[float | None]]]:
    """The pause between visits in microseconds, and one figure per customer by each key; None where it does not apply."""
    rows = [(f"c{i}", name, at * 1_000_000) for i, life in enumerate(golden["lives"]) for name, at in life]
    table = pa.table(
        {
            "customer": [r[0] for r in rows],
            "subject": [r[0] for r in rows],
            "occurred_at": pa.array([r[2] for r in rows], pa.timestamp("us", tz="UTC")),
            "name": [r[1] for r in rows],
        }
    )
    cut = golden["readAt"] * 1_000_000
    snapshot = Snapshot.open(write_snapshot(table, folder, timezone=golden["timezone"]).as_uri())
    with EventTable(snapshot, golden["mainEvents"], None) as events:
        features = portrait(events, [f"c{i}" for i in range(len(golden["lives"]))], cut, None)
        kept = {f.key: f.values for f in features if f.key.partition(":")[0] in golden["kinds"]}
        return pause_between_visits(events, cut), {
            k: [round(float(v), 6) if np.isfinite(v) else None for v in values] for k, values in kept.items()
        }


def test_customers_are_counted_as_worked_out(tmp_path: Path) -> None:
    pause, figures = counted(GOLDEN, tmp_path)
    assert pause == GOLDEN["pause"]
    assert figures == GOLDEN["figures"]
