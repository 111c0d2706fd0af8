"""Time and memory of a training from a snapshot of so many generated events: one JSON line.

    python bench/training_scale.py EVENTS FOLDER

Customers of about 20 events each, written customer by customer as ingestion writes a snapshot, without ever holding more than a
piece of it; orders carry lists of items. Then the product's own `learn` (features, columns, one epoch, recommendations) and its
`discover` (segments, their rules and the live form). Memory is what the process holds for itself (RssAnon,
sampled); what is mapped from files is told apart, because the system takes it back when it needs room.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import threading
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
from kindred_worker.discover import discover
from kindred_worker.learn import learn
from kindred_worker.models.bundle import load_model
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
        spec, output = TrainingSpec(epochs=1), Folder((given.folder / "model").as_uri())
        learned = learn(spec, snapshot, output, report)
        discover(spec, snapshot, load_model(output), output, "", report)
        seconds = perf_counter() - began
    told = {"events": learned.events, "customers": learned.customers, "generating": generating, "seconds": seconds}
    print(json.dumps({**told, "own_mib": memory.own, "mapped_mib": memory.mapped, "stages": report.end()}))


class Memory:
    """Peaks in MiB while it is open."""

    def __init__(self) -> None:
        self.own = self.mapped = self._since = 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def since_last(self) -> float:
        """Peak of its own since it was last asked."""
        self._sample()
        since, self._since = self._since, 0.0
        return since

    def _watch(self) -> None:
        while not self._done.wait(0.1):
            self._sample()

    def _sample(self) -> None:
        said = {k: int(v) / 1024 for k, v in re.findall(r"(RssAnon|RssFile):\s+(\d+)", Path("/proc/self/status").read_text())}
        self.own, self.mapped = max(self.own, said["RssAnon"]), max(self.mapped, said["RssFile"])
        self._since = max(self._since, said["RssAnon"])


class Stages(Report):
    """Seconds and the peak of memory in each stage, those that come again together."""

    def __init__(self, memory: Memory) -> None:
        super().__init__()
        self._memory, self._name, self._began = memory, "", perf_counter()
        self._seen = dict[str, dict[str, Any]]()

    def progress(self, fraction: float, step: str, rate: float = 0.0, unit: str = "") -> None:
        name = "training" if step.startswith("epoch") else re.sub(r"\d+ ", "", step)
        if name != self._name:
            self.end()
            self._name, self._began = name, perf_counter()

    def end(self) -> list[dict[str, Any]]:
        if self._name:
            stage = self._seen.setdefault(self._name, {"stage": self._name, "seconds": 0.0, "own_mib": 0.0})
            stage["seconds"] += perf_counter() - self._began
            stage["own_mib"] = max(stage["own_mib"], self._memory.since_last())
        return list(self._seen.values())


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
        "items": [{"column": "i:products", "property": "products", "fields": [{"name": "product_id", "kind": "categorical"}]}],
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
    bought = np.where(name == 2, 1 + random.poisson(1, len(owner)), 0)  # items of each event
    ids = pa.array(np.char.add("sku-", random.zipf(1.3, bought.sum()).clip(max=5000).astype(str)), pa.string())
    products = pa.StructArray.from_arrays([ids], ["product_id"])
    customer = pa.DictionaryArray.from_arrays(owner - begin, pa.array([f"customer-{c:09d}" for c in range(begin, end)], pa.string()))
    table = pa.table(
        {
            "customer": customer.cast(pa.string()),
            "occurred_at": pa.array(time, UTC),
            "name": pa.DictionaryArray.from_arrays(name, pa.array(NAMES)).cast(pa.string()),
            "p:product": pa.array(np.char.add("sku-", random.zipf(1.3, len(owner)).clip(max=5000).astype(str)), pa.string()),
            "p:price": pa.array(price),
            "p:revenue": pa.array(np.where(name == 2, price, np.nan), from_pandas=True),
            "i:products": pa.ListArray.from_arrays(pa.array(np.append(0, np.cumsum(bought)), pa.int32()), products),
        }
    )
    return table, np.bincount(name, minlength=len(NAMES))


if __name__ == "__main__":
    main()
