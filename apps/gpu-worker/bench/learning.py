"""How good what was learned is, by the protocol of docs/measurements.md: strictly forwards in time, beside what people use.

    python bench/learning.py online-retail PARQUET [--cut 2011-09-09]... [--seeds 5]
    python bench/learning.py cdnow TEXT [--cut 1998-01-01]...

Prints one JSON object. Two questions are asked at each cut, with H = 90 days:
  at the cut   encoder from events before the cut; probes by five folds over customers on features at the cut
  out of time  t0 = cut - H; encoder and probes from what was known at t0 and what came until the cut; tested at the cut
Nothing is chosen here: the product's defaults, but for the horizons, because 90 days is what is asked.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import duckdb
import numpy as np
import numpy.typing as npt
import torch
from sklearn.metrics import adjusted_rand_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold

from kindred_worker.data.aggregates import DAY, EventTable, aggregates, outcome, prepared, rfm
from kindred_worker.data.arrays import load
from kindred_worker.data.fit import fit
from kindred_worker.data.snapshot import Snapshot
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.reading import Reading, read_everyone
from kindred_worker.report import Report
from kindred_worker.segments.partition import fit_partition, refit
from kindred_worker.segments.probe import boosted, logistic
from kindred_worker.segments.space import fit_space
from kindred_worker.spec import TrainingSpec
from kindred_worker.train import TrainingData, train
from tests.make_snapshot import ONLINE_RETAIL, write_snapshot

Float64 = npt.NDArray[np.float64]

DAYS = 90.0
HORIZONS = (30.0, 90.0, 180.0)
MAIN, VALUE = ("Order Completed",), "revenue"
FEW = (50, 200, 1000)
DRAWS = 20  # of few labels
COUNTS = (5, 8, 12)
REFITS = 10


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", choices=("online-retail", "cdnow"))
    parser.add_argument("path", type=Path)
    parser.add_argument("--cut", action="append", default=[])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--encoder", default="decayed_sum")
    given = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        snapshot = opened(given.data, given.path, Path(folder))
        cuts = given.cut or {"online-retail": ["2011-03-01", "2011-06-01", "2011-09-09"], "cdnow": ["1998-01-01"]}[given.data]
        results = [at_cut(snapshot, cut, given.seeds, TrainingSpec(encoder=given.encoder, horizon_days=HORIZONS)) for cut in cuts]
    print(json.dumps({"data": given.data, "encoder": given.encoder, "seeds": given.seeds, "cuts": results}))


def opened(data: str, path: Path, folder: Path) -> Snapshot:
    """The data as a snapshot with one event per basket."""
    database = duckdb.connect()
    if data == "online-retail":
        table = database.execute(ONLINE_RETAIL.format(path=path)).to_arrow_table().drop_columns(["p:order_id"])
    else:
        rows = [line.split() for line in path.read_text().splitlines() if line.split() and line.split()[0].isdigit()]
        database.execute("create table line (customer varchar, day varchar, quantity double, revenue double)")
        database.executemany("insert into line values (?, ?, ?, ?)", rows)
        table = database.execute(
            """select customer, customer as subject, strptime(day, '%Y%m%d')::timestamp as occurred_at, 'Order Completed' as name,
               revenue as "p:revenue", quantity as "p:quantity" from line order by customer, occurred_at"""
        ).to_arrow_table()
    facts = {"mainEvents": list(MAIN), "valueProperty": VALUE, "timezone": "Europe/London" if data == "online-retail" else "UTC"}
    return Snapshot.open(write_snapshot(table, folder / "snapshot", **facts).as_uri())


@dataclass(frozen=True)
class Side:
    """The population of the rival at one time, and what then came."""

    customers: list[str]
    came: Float64
    value: Float64
    rfm: Float64
    aggregates: Float64


def at_cut(snapshot: Snapshot, cut: str, seeds: int, spec: TrainingSpec) -> dict[str, Any]:
    moment = int(datetime.fromisoformat(cut).replace(tzinfo=UTC).timestamp()) * 1_000_000
    then = moment - int(DAYS * DAY)
    sheet = Sheet()
    with EventTable(snapshot, MAIN, VALUE) as events:
        now_side, then_side = side(events, moment), side(events, then)
    for subject in ("rfm", "aggregates"):
        features = (getattr(then_side, subject), getattr(now_side, subject))
        probes(sheet, subject, now_side, features[1])
        forwards(sheet, subject, then_side, now_side, features)
    partitions: dict[int, list[npt.NDArray[np.int64]]] = {k: [] for k in COUNTS}
    standardised = (now_side.rfm - now_side.rfm.mean(0)) / np.maximum(now_side.rfm.std(0), 1e-9)
    for count in COUNTS:
        segments(sheet, f"rfm k={count}", standardised.astype(np.float32), now_side, count, 0)
    for seed in range(seeds):
        seeded = replace(spec, seed=seed)
        model, seconds = learned(snapshot.before(moment), seeded, moment)
        sheet.add("train seconds", "encoder", seconds)
        reading, rows = read(snapshot, model, moment, now_side)
        untrained = BehaviourModel.create(model.features, model.plan, seed + 100).eval()
        raw, _ = read(snapshot, untrained, moment, now_side)
        embedding = reading.embedding[rows].astype(np.float64)
        probes(sheet, "embedding", now_side, embedding)
        probes(sheet, "untrained", now_side, raw.embedding[rows].astype(np.float64), few=False)
        probes(sheet, "aggregates+embedding", now_side, np.concatenate([now_side.aggregates, embedding], axis=1), few=False)
        sheet.add("at the cut, no label", "forecast", roc_auc_score(now_side.came, chance(reading, rows)))
        space = fit_space(reading.embedding, reading.forecast, reading.columns)
        points = space.place(reading.embedding, reading.forecast)[rows]
        for count in COUNTS:
            partitions[count].append(segments(sheet, f"segments k={count}", points, now_side, count, seed))
        earlier, _ = learned(snapshot.before(then), seeded, then)
        before, before_rows = read(snapshot, earlier, then, then_side)
        after, after_rows = read(snapshot, earlier, moment, now_side)
        pair = (before.embedding[before_rows].astype(np.float64), after.embedding[after_rows].astype(np.float64))
        forwards(sheet, "embedding", then_side, now_side, pair)
        joined = tuple(np.concatenate([s.aggregates, e], axis=1) for s, e in zip((then_side, now_side), pair, strict=True))
        forwards(sheet, "aggregates+embedding", then_side, now_side, (joined[0], joined[1]))
        sheet.add("out of time, no label", "forecast", roc_auc_score(now_side.came, chance(after, after_rows)))
        print(f"{cut} seed {seed}: {sheet.brief()}", file=sys.stderr, flush=True)
    for count, found in partitions.items():
        for at, one in enumerate(found):
            for other in found[at + 1 :]:
                sheet.add("agreement of two trainings (ARI)", f"segments k={count}", adjusted_rand_score(one, other))
    return {"cut": cut, "customers": len(now_side.customers), "positives": float(now_side.came.mean()), "figures": sheet.figures()}


class Sheet:
    """Values by figure and subject, one per seed."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, str], list[float]] = {}

    def add(self, figure: str, subject: str, value: float) -> None:
        self.values.setdefault((figure, subject), []).append(float(value))

    def figures(self) -> list[dict[str, Any]]:
        return [
            {"figure": f, "subject": s, "mean": float(np.mean(v)), "sd": float(np.std(v)), "n": len(v)} for (f, s), v in self.values.items()
        ]

    def brief(self) -> str:
        asked = (("at the cut, LR", "embedding"), ("out of time, LR", "embedding"), ("out of time, no label", "forecast"))
        return ", ".join(f"{f} {s} {self.values[f, s][-1]:.4f}" for f, s in asked)


def side(events: EventTable, moment: int) -> Side:
    truth = outcome(events, moment, DAYS)
    answers = truth.aligned(truth.customers)

    def features(make: Callable[[EventTable, int], Any]) -> Float64:
        return prepared(make(events, moment).aligned(truth.customers))

    return Side(truth.customers, answers[:, 0], answers[:, 1], features(rfm), features(aggregates))


def learned(snapshot: Snapshot, spec: TrainingSpec, now: int) -> tuple[BehaviourModel, float]:
    began = time.monotonic()
    features = fit(snapshot, MAIN, VALUE)
    model = train(spec, TrainingData(features, load(snapshot, features), now), None, Report()).model
    return model, time.monotonic() - began


def read(snapshot: Snapshot, model: BehaviourModel, moment: int, side: Side) -> tuple[Reading, npt.NDArray[np.int64]]:
    """Everyone at `moment`, and the rows of the side's customers."""
    reading = read_everyone(snapshot.before(moment), model, moment, Report())
    place = {customer: at for at, customer in enumerate(reading.customers)}
    return reading, np.array([place[c] for c in side.customers], dtype=np.int64)


def chance(reading: Reading, rows: npt.NDArray[np.int64]) -> Float64:
    """The forecast of the main event within the horizon, without any label."""
    at = next(i for i, c in enumerate(reading.columns) if c.main and c.kind == "probability" and abs(c.horizon_days - DAYS) < 1e-6)
    return reading.forecast[rows, at].astype(np.float64)


def folds(side: Side) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    yield from StratifiedKFold(5, shuffle=True, random_state=0).split(side.came, side.came)


def probes(sheet: Sheet, subject: str, side: Side, features: Float64, few: bool = True) -> None:
    for name, probe in (("LR", logistic), ("LightGBM", boosted)):
        scores = [roc_auc_score(side.came[test], probe(features[fit], side.came[fit], features[test])) for fit, test in folds(side)]
        sheet.add(f"at the cut, {name}", subject, float(np.mean(scores)))
        if not few:
            continue
        for count in FEW:
            values: list[float] = []
            for draw in range(DRAWS):
                order = np.random.default_rng((count, draw)).permutation(len(side.came))
                fit_on, test = order[:count], order[count:]
                values.append(roc_auc_score(side.came[test], probe(features[fit_on], side.came[fit_on], features[test])))
            sheet.add(f"{count} labels, {name}", subject, float(np.mean(values)))


def forwards(sheet: Sheet, subject: str, then: Side, now: Side, features: tuple[Float64, Float64]) -> None:
    for name, probe in (("LR", logistic), ("LightGBM", boosted)):
        sheet.add(f"out of time, {name}", subject, roc_auc_score(now.came, probe(features[0], then.came, features[1])))


def segments(sheet: Sheet, subject: str, points: npt.NDArray[np.float32], side: Side, count: int, seed: int) -> npt.NDArray[np.int64]:
    partition = fit_partition(points, count, seed, 20)
    again = refit(points, partition, REFITS, seed, starts=10)
    labels = partition.labels
    sheet.add("bootstrap ARI", subject, float(again.adjusted_rand.mean()))
    scores = np.zeros(len(labels))
    for fit_on, test in folds(side):
        size = np.bincount(labels[fit_on], minlength=count)
        rate = (np.bincount(labels[fit_on], side.came[fit_on], minlength=count) + side.came[fit_on].mean()) / (size + 1)
        scores[test] = rate[labels[test]]
    sheet.add("membership AUC", subject, roc_auc_score(side.came, scores))
    means = np.bincount(labels, side.value, minlength=count) / np.maximum(np.bincount(labels, minlength=count), 1)
    sheet.add("eta squared of value", subject, 1 - ((side.value - means[labels]) ** 2).mean() / side.value.var())
    sheet.add("smallest share", subject, np.bincount(labels, minlength=count).min() / len(labels))
    return labels


if __name__ == "__main__":
    main()
