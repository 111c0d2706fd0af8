"""Time and memory of a training from a snapshot of so many generated events: one JSON line.

    python bench/training_scale.py EVENTS FOLDER

Customers of about 20 events each, written customer by customer as ingestion writes a snapshot, without ever holding more than a
piece of it. Then the product's own `learn`: features, columns, one epoch. Memory is what the process holds for itself (RssAnon,
sampled); what is mapped from files is told apart, because the system takes it back when it needs room.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import threading
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from kindred_worker.data.snapshot import Snapshot
from kindred_worker.data.storage import Folder
from kindred_worker.learn import learn
from kindred_worker.report import Report
from kindred_worker.spec import TrainingSpec

DAY = 86_400_000_000
BEGIN, DAYS = 1_700_000_000_000_000, 500
PIECE, SHARD = 20_000, 500_000  # customers
MEAN = 20  # events of a customer
NAMES = ("Product Viewed", "Product Added", "Order Completed", "Order Refunded")
UTC = pa.timestamp("us", tz="UTC")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("events", type=int)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    began = perf_counter()
    snapshot = Snapshot.open(written(given.events, given.folder / "snapshot").as_uri())
    generating = perf_counter() - began
    with Memory() as memory:
        report = Stages(memory)
        began = perf_counter()
        learned = learn(TrainingSpec(epochs=1), snapshot, Folder((given.folder / "model").as_uri()), report)
        seconds = perf_counter() - began
    told = {"events": learned.events, "customers": learned.customers, "generating": generating, "seconds": seconds}
    print(json.dumps({**told, "own_mib": memory.own, "mapped_mib": memory.mapped, "stages": report.seconds()}))


class Memory:
    """Peaks in MiB while it is open."""

    def __init__(self) -> None:
        self.own = self.mapped = 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._done.wait(0.1):
            said = {k: int(v) / 1024 for k, v in re.findall(r"(RssAnon|RssFile):\s+(\d+)", Path("/proc/self/status").read_text())}
            self.own, self.mapped = max(self.own, said["RssAnon"]), max(self.mapped, said["RssFile"])


class Stages(Report):
    """When each stage began, and the peak of memory until then."""

    def __init__(self, memory: Memory) -> None:
        super().__init__()
        self._memory, self._began = memory, list[tuple[str, float, float]]()

    def progress(self, fraction: float, step: str, rate: float = 0.0, unit: str = "") -> None:
        stage = "training" if step.startswith("epoch") else step
        if not self._began or self._began[-1][0] != stage:
            self._began.append((stage, perf_counter(), self._memory.own))

    def seconds(self) -> list[dict[str, Any]]:
        return [{"stage": a[0], "seconds": b[1] - a[1], "own_mib": b[2]} for a, b in pairwise(self._began)]


def written(events: int, out: Path) -> Path:
    out.mkdir(parents=True, exist_ok=True)
    customers = max(100, events // MEAN)
    shards: list[dict[str, Any]] = []
    names = np.zeros(len(NAMES), np.int64)
    for begin in range(0, customers, SHARD):
        path = out / f"events-{len(shards):03d}.parquet"
        rows, end = 0, min(begin + SHARD, customers)
        with pq.ParquetWriter(path, piece(0, 0)[0].schema) as writer:
            for at in range(begin, end, PIECE):
                table, counted = piece(at, min(at + PIECE, end))
                writer.write_table(table, row_group_size=200_000)
                rows, names = rows + table.num_rows, names + counted
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        shards.append({"path": path.name, "sha256": digest, "rows": rows, "customers": end - begin})
    kinds = {"product": "categorical", "price": "numeric", "revenue": "numeric"}
    manifest = {
        "format": "kindred.snapshot/1",
        "workspaceId": "w",
        "snapshotId": "s",
        "now": BEGIN + DAYS * DAY,
        "timezone": "UTC",
        "mainEvents": ["Order Completed"],
        "valueProperty": "revenue",
        "events": int(names.sum()),
        "customers": customers,
        "firstOccurredAt": BEGIN,
        "lastOccurredAt": BEGIN + DAYS * DAY,
        "columns": [{"column": f"p:{name}", "property": name, "kind": kind} for name, kind in kinds.items()],
        "items": [],
        "names": [{"name": n, "events": int(c)} for n, c in zip(NAMES, names, strict=True)],
        "shards": shards,
        "contentHash": hashlib.sha256("".join(s["sha256"] for s in shards).encode()).hexdigest(),
    }
    (out / "manifest.json").write_text(json.dumps(manifest))
    return out


def piece(begin: int, end: int) -> tuple[pa.Table, np.ndarray]:
    """Events of customers begin..end, in the order of a snapshot, and how many there are of each name."""
    random = np.random.default_rng(begin)
    lengths = 1 + random.poisson(MEAN - 1, end - begin)
    owner = np.repeat(np.arange(begin, end), lengths)
    time = BEGIN + (random.random(len(owner)) * DAYS * DAY).astype(np.int64)
    time = time[np.lexsort((time, owner))]
    name = random.choice(len(NAMES), len(owner), p=(0.6, 0.25, 0.13, 0.02))
    price = np.exp(random.normal(3, 1, len(owner)))
    customer = pa.DictionaryArray.from_arrays(owner - begin, pa.array([f"customer-{c:09d}" for c in range(begin, end)], pa.string()))
    table = pa.table(
        {
            "customer": customer.cast(pa.string()),
            "occurred_at": pa.array(time, UTC),
            "name": pa.DictionaryArray.from_arrays(name, pa.array(NAMES)).cast(pa.string()),
            "p:product": pa.array(np.char.add("sku-", random.zipf(1.3, len(owner)).clip(max=5000).astype(str)), pa.string()),
            "p:price": pa.array(price),
            "p:revenue": pa.array(np.where(name == 2, price, np.nan), from_pandas=True),
        }
    )
    return table, np.bincount(name, minlength=len(NAMES))


if __name__ == "__main__":
    main()
