"""A small shop whose customers browse, cart and buy, as a snapshot on disk; and models made from it."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

from kindred_worker.data.arrays import EventArrays, load
from kindred_worker.data.features import FeatureSpec
from kindred_worker.data.fit import fit
from kindred_worker.data.snapshot import Snapshot
from kindred_worker.models.batch import choose
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.plan import resolve
from kindred_worker.report import Cancelled, Report
from kindred_worker.spec import TrainingSpec
from tests.make_snapshot import write_snapshot

torch.set_num_threads(1)
NAMES = ("Product Viewed", "Product Added", "Order Completed")
START = datetime(2024, 1, 1, tzinfo=UTC)


class Stopping(Report):
    """Cancels at the nth check."""

    def __init__(self, checks: int) -> None:
        super().__init__()
        self.left = checks

    def check(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Cancelled


def shop(customers: int = 90, seed: int = 0) -> pa.Table:
    """Half of the customers view, add, order; the others order before they look again."""
    random = np.random.default_rng(seed)
    rows: dict[str, list[Any]] = {k: [] for k in ("customer", "subject", "occurred_at", "name", *COLUMNS)}
    for customer in range(customers):
        moment = START + timedelta(days=float(random.uniform(0, 30)))
        order = NAMES if customer % 2 else (NAMES[2], NAMES[0], NAMES[0])
        for at in range(int(random.integers(4, 24))):
            name = order[at % 3]
            moment += timedelta(days=float(random.exponential(4)))
            products = [
                {"product_id": f"p{random.integers(0, 12)}", "price": float(random.integers(1, 50)), "new": bool(random.random() < 0.5)}
                for _ in range(int(random.integers(1, 4)))
            ]
            rows["customer"].append(f"c{customer:03d}")
            rows["subject"].append(f"s{customer:03d}")
            rows["occurred_at"].append(moment)
            rows["name"].append(name)
            rows["p:revenue"].append(float(random.integers(5, 200)) if name == NAMES[2] else None)
            rows["p:channel"].append(["web", "app", "shop"][int(random.integers(0, 3))])
            rows["p:gift"].append(bool(random.random() < 0.3))
            rows["p:deliver_by"].append(moment + timedelta(days=float(random.integers(1, 9))) if name == NAMES[2] else None)
            rows["p:email"].append(f"c{customer}@example.org")
            rows["p:request_id"].append(f"r{random.integers(0, 1 << 60)}")
            rows["i:products"].append(products if name == NAMES[2] else None)
    columns = {k: pa.array(v, COLUMNS.get(k)) for k, v in rows.items() if k != "occurred_at"}
    return pa.table({**columns, "occurred_at": pa.array(rows["occurred_at"], pa.timestamp("us", tz="UTC"))})


PRODUCT = pa.struct([("product_id", pa.string()), ("price", pa.float64()), ("new", pa.bool_())])
COLUMNS: dict[str, pa.DataType] = {
    "p:revenue": pa.float64(),
    "p:channel": pa.string(),
    "p:gift": pa.bool_(),
    "p:deliver_by": pa.timestamp("us", tz="UTC"),
    "p:email": pa.string(),
    "p:request_id": pa.string(),
    "i:products": pa.list_(PRODUCT),
}


@pytest.fixture(scope="session")
def snapshot_uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder: Path = tmp_path_factory.mktemp("snapshot")
    return write_snapshot(shop(), folder, timezone="Europe/Berlin").as_uri()


@pytest.fixture(scope="session")
def snapshot(snapshot_uri: str) -> Snapshot:
    return Snapshot.open(snapshot_uri)


@pytest.fixture(scope="session")
def features(snapshot: Snapshot) -> FeatureSpec:
    return fit(snapshot)


@pytest.fixture(scope="session")
def arrays(snapshot: Snapshot, features: FeatureSpec) -> EventArrays:
    return load(snapshot, features)


@pytest.fixture(scope="session")
def model(snapshot: Snapshot, features: FeatureSpec, arrays: EventArrays) -> BehaviourModel:
    """Untrained, with scales of its inputs as after training."""
    made = BehaviourModel.create(features, resolve(TrainingSpec(width=16), features, arrays, snapshot.now), 7)
    for head in made.objectives.values():
        head.measure(arrays.events)
    return made.eval()


@pytest.fixture
def without_live_form(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that say nothing of it: to make a live form takes seconds."""
    monkeypatch.setattr("kindred_worker.discover.export", lambda *_: [])
    monkeypatch.setattr("kindred_worker.labels.learning.write_live_form", lambda *_: [])


def turned_round(arrays: EventArrays) -> EventArrays:
    """The same customers, the last one first."""
    backwards = np.arange(arrays.count)[::-1]
    events, offsets = choose(arrays, backwards, arrays.item_offsets)
    return EventArrays(arrays.customers.take(pa.array(backwards)), offsets, events)
