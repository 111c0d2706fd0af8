"""Training speed beside pytorch-lifestream, at the same data, batch, widths and threads; `npm run bench -- training-speed` runs it.

    prepare PARQUET FOLDER         Online Retail II, one event per line, before the cut; and the same as arrays for the peer
    rate FOLDER --encoder gru      whole steps: slices drawn, events embedded, encoder, loss, gradients, weights; as often as asked
    learn FOLDER --encoder gru     the product's own training; its seconds and the probe's AUC
    judge FOLDER EMBEDDINGS.npy    the same probe on the peer's embeddings

One step of `rate`: CUSTOMERS customers x SLICES slices of SHORTEST to LONGEST neighbouring events, the contrastive loss of CoLES,
hidden state and embedding of width WIDTH. It says "ready", then answers each line "THREADS SECONDS" with its events a second over
so long, until its input ends (turns.py): so all who are compared are started once and measured by turns. `gru_bare` sees what the
peer sees: no gaps between events, no tenure. The others print one JSON line.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # threads that wait must not take the cores from others
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import duckdb
import numpy as np
import torch
from torch import nn

from bench.case import CASES
from bench.learning import learned, probes, read, side
from bench.sheet import Sheet
from bench.turns import turns
from kindred_worker.data.aggregates import EventTable
from kindred_worker.data.arrays import EventArrays, load, pick, spans
from kindred_worker.data.features import Encoded, Int64
from kindred_worker.data.fit import fit
from kindred_worker.data.snapshot import Snapshot
from kindred_worker.memory import keep_freed_memory
from kindred_worker.models.batch import batch_of
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.encoder import EventVectors
from kindred_worker.models.gru import Gru
from kindred_worker.models.plan import resolve
from kindred_worker.models.recurrent import HiddenState
from kindred_worker.objectives.objective import Moments, as_tensors
from kindred_worker.optimiser import AdamW
from kindred_worker.spec import TrainingSpec
from tests.make_snapshot import write_snapshot

CUSTOMERS, SLICES, SHORTEST, LONGEST, WIDTH = 64, 5, 25, 100, 128
CUT = "2011-09-09"
CASE = CASES["online-retail"]
CPU = torch.device("cpu")

# Lines, not baskets: the peer has no lists inside an event.
LINES = """
select cast(cast(CustomerID as bigint) as varchar) as customer, cast(cast(CustomerID as bigint) as varchar) as subject,
       cast(InvoiceDate as timestamp) as occurred_at,
       case when starts_with(InvoiceNo, 'C') then 'Order Cancelled' else 'Order Completed' end as name,
       StockCode as "p:product", UnitPrice as "p:price", cast(Quantity as double) as "p:quantity", Quantity * UnitPrice as "p:revenue"
from read_parquet('{path}') where CustomerID is not null and InvoiceDate < '{cut}' order by customer, occurred_at, InvoiceNo, StockCode
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=("prepare", "rate", "learn", "judge"))
    parser.add_argument("paths", type=Path, nargs="+")
    parser.add_argument("--encoder", default="decayed_sum")
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    keep_freed_memory()
    if given.task == "rate":
        turns(steps(given.paths[0], given.encoder))
        return
    told = {
        "prepare": lambda: prepare(*given.paths),
        "learn": lambda: learn(given.paths[0], given.encoder),
        "judge": lambda: judged(given.paths[0], np.load(given.paths[1])),
    }[given.task]()
    print(json.dumps(told))


def prepare(source: Path, folder: Path) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    table = duckdb.sql(LINES.format(path=source, cut=CUT)).to_arrow_table()
    facts: dict[str, Any] = {"mainEvents": ["Order Completed"], "valueProperty": "revenue", "timezone": "Europe/London"}
    write_snapshot(table, folder / "lines", **facts)
    CASE.write(source, folder / "baskets")  # the probe asks for baskets to come
    _, arrays, model = opened(folder)
    events = arrays.events
    numbers = np.concatenate([np.nan_to_num(events.numbers), np.isnan(events.numbers)], axis=1).astype(np.float32)
    np.savez(
        folder / "peer.npz",
        offsets=arrays.offsets,
        days=(events.time / 86_400_000_000.0).astype(np.float32),
        name=events.name,
        hour=events.hour,
        weekday=events.weekday,
        categories=events.categories,
        category_sizes=np.array([one.vocabulary.size for one in model.features.categories]),
        numbers=numbers,
    )
    return {"events": len(events.time), "customers": arrays.count}


def opened(folder: Path, encoder: str = "decayed_sum") -> tuple[Snapshot, EventArrays, BehaviourModel]:
    """The lines, encoded, and an untrained model of them that only contrasts."""
    snapshot = Snapshot.open((folder / "lines").as_uri())
    features = fit(snapshot, CASE.main, CASE.value)
    arrays = load(snapshot, features)
    spec = TrainingSpec(encoder=encoder, objectives={"contrastive": 1.0}, width=WIDTH)
    return snapshot, arrays, BehaviourModel.create(features, resolve(spec, features, arrays, snapshot.now), 0)


def steps(folder: Path, encoder: str) -> Iterator[int]:
    """Trains for ever; the events of each step."""
    snapshot, arrays, model = opened(folder, encoder.removesuffix("_bare"))
    if encoder == "gru_bare":
        model.encoder = BareGru(model.plan.event_width, WIDTH, hidden=WIDTH)
    optimiser = AdamW(model, 2e-3, 1_000_000)
    model.train()
    (head,) = model.objectives.values()
    for chosen, offsets, customer in batches(arrays):
        read_at = torch.from_numpy(chosen.time[offsets[1:] - 1]).unsqueeze(1)
        embedding = model.encoder.read_many(model.vectors(batch_of(chosen, offsets, CPU)), read_at)
        moments = Moments(chosen, offsets, read_at.numpy(), snapshot.now, {"customer": customer[:, None]})
        optimiser.clear()
        head.loss(embedding, as_tensors(head.targets(moments), CPU)).backward()
        optimiser.step()
        yield len(chosen.time)


class BareGru(Gru):
    """Sees events alone, as the peer's does."""

    def __init__(self, event_width: int, width: int, hidden: int) -> None:
        super().__init__(event_width, width, hidden)
        self.inputs, self.cell = event_width, nn.GRU(event_width, hidden)

    def inputs_of(self, state: HiddenState, events: EventVectors) -> torch.Tensor:
        return events.x


def batches(arrays: EventArrays) -> Iterator[tuple[Encoded, Int64, Int64]]:
    """Events of one step's slices, their offsets, and whose slice each is; lengths and places drawn as the peer's SampleSlices does."""
    random = np.random.default_rng(0)
    lengths = np.diff(arrays.offsets)
    long_enough = np.flatnonzero(lengths >= SHORTEST)
    while True:
        customer = random.choice(long_enough, CUSTOMERS, replace=False).repeat(SLICES)
        size = random.integers(SHORTEST, np.minimum(LONGEST, lengths[customer]) + 1)
        begin = arrays.offsets[:-1][customer] + (random.random(len(customer)) * (lengths[customer] - size + 1)).astype(np.int64)
        yield pick(arrays.events, spans(begin, size)), np.concatenate([np.zeros(1, np.int64), np.cumsum(size)]), customer


def learn(folder: Path, encoder: str) -> dict[str, Any]:
    """The product's defaults, at the peer's width."""
    snapshot = Snapshot.open((folder / "lines").as_uri())
    spec = CASE.recipe(TrainingSpec(encoder=encoder, width=WIDTH))
    moment = CASE.moments(snapshot, [CUT])[CUT]
    model, seconds = learned(CASE, snapshot, spec, moment)
    with EventTable(Snapshot.open((folder / "baskets").as_uri()), CASE.main, CASE.value) as events:
        now = side(events, moment, CASE.days)
    reading, rows = read(snapshot, model, moment, now)
    return {"seconds": seconds, **auc(now, reading.embedding[rows])}


def judged(folder: Path, embedding: np.ndarray) -> dict[str, Any]:
    """`embedding` (N, D) in the order of the lines' customers."""
    snapshot = Snapshot.open((folder / "lines").as_uri())
    moment = CASE.moments(snapshot, [CUT])[CUT]
    customers = load(snapshot, fit(snapshot, CASE.main, CASE.value)).customers.to_pylist()
    with EventTable(Snapshot.open((folder / "baskets").as_uri()), CASE.main, CASE.value) as events:
        now = side(events, moment, CASE.days)
    place = {customer: at for at, customer in enumerate(customers)}
    return auc(now, embedding[[place[c] for c in now.customers]])


def auc(now: Any, embedding: np.ndarray) -> dict[str, float]:
    sheet = Sheet()
    probes(sheet, "embedding", now, embedding.astype(np.float64), few=False)
    return {name: sheet.last(f"at the cut, {name}", "embedding") for name in ("LR", "LightGBM")}


if __name__ == "__main__":
    main()
