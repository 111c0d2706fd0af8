"""Novelty on what the simulated shop plants: card testing, bot floods, account takeovers (docs/simulator.md).

    python bench/novelty.py HISTORY.ndjson [--seeds 3]

Made by the simulator with --anomalies, its truth beside it as HISTORY.truth.json. The encoder, what is ordinary to it and
the rival, an isolation forest on the aggregates, are learned from everything until 13 weeks before the end, the anomalies in
it included. Then everybody is looked at once a week: a customer with an anomaly in the week before is to be more novel than
everyone else, and beyond the threshold that was measured at the cut; one who never had an anomaly is not.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import numpy.typing as npt
import torch
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

from bench.sheet import Sheet, tell
from kindred_worker.data.aggregates import DAY, EventTable, aggregates, prepared
from kindred_worker.data.arrays import load
from kindred_worker.data.fit import fit
from kindred_worker.data.snapshot import Snapshot
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.past import read_past
from kindred_worker.models.reading import read_everyone
from kindred_worker.models.settling import settling_time
from kindred_worker.report import Report
from kindred_worker.segments.novelty import Lives, fit_novelty
from kindred_worker.segments.ordinary import Reach, measure_customers
from kindred_worker.spec import TrainingSpec
from kindred_worker.train import TrainingData, train
from tests.make_snapshot import from_ndjson

Float64 = npt.NDArray[np.float64]

WEEK, WEEKS = 7 * DAY, 13
MAIN, VALUE = ("Order Completed",), "revenue"
QUANTILES = (0.95, 0.98, 0.99, 0.995)
CLEARLY = 0.1  # as apps/serving/src/unusual/unusual.rule.ts has it


@dataclass(frozen=True)
class Planted:
    customer: str
    kind: str
    begin: int  # microseconds
    end: int


@dataclass(frozen=True)
class Look:
    """Everybody at one time."""

    at: int
    customers: list[str]
    kind: npt.NDArray[np.str_]  # (N) of the anomaly in the week before, empty for most
    untouched: npt.NDArray[np.bool_]  # (N) no anomaly before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("history", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    torch.set_num_threads(1)
    planted = [
        Planted(one["userId"], one["kind"], _micros(one["from"]), _micros(one["to"]))
        for one in json.loads(given.history.with_suffix(".truth.json").read_text())["anomalies"]
    ]
    with tempfile.TemporaryDirectory() as folder:
        written = from_ndjson(given.history, Path(folder) / "snapshot", mainEvents=list(MAIN), valueProperty=VALUE)
        snapshot = Snapshot.open(written.as_uri())
        rows, looked = measured(snapshot, planted, given.seeds)
    tell(rows, weeks=WEEKS, customers=snapshot.manifest.customers, planted=looked)


def measured(snapshot: Snapshot, planted: Sequence[Planted], seeds: int) -> tuple[list[dict[str, Any]], int]:
    """Rows, and how many anomalies there were to find."""
    sheet = Sheet()
    cut = snapshot.now - WEEKS * WEEK
    ends = [cut + week * WEEK for week in range(1, WEEKS + 1)]
    with EventTable(snapshot, MAIN, VALUE) as events:
        known = prepared(aggregates(events, cut).values)
        tables = [aggregates(events, at) for at in ends]
    looks = [look(at, table.customers, planted) for at, table in zip(ends, tables, strict=True)]
    forest = IsolationForest(n_estimators=300, random_state=0).fit(known)
    rival = [-forest.score_samples(prepared(table.values)) for table in tables]
    compare(sheet, "isolation forest on aggregates", looks, rival)
    earlier = snapshot.before(cut)
    features = fit(earlier, MAIN, VALUE)
    arrays = load(earlier, features)
    for seed in range(seeds):
        model = train(TrainingSpec(seed=seed), TrainingData(features, arrays, cut), None, Report()).model
        settling = settling_time(earlier, model, seed, Report())
        people = population(earlier, model, cut, seed, settling)
        ordinary, reach = fit_novelty(*people), measure_customers(*people)
        distances = [ordinary.distance(read(snapshot, model, one, settling)) for one in looks]
        compare(sheet, "novelty", looks, [distance.astype(np.float64) for distance in distances])
        if reach is not None:
            alert(sheet, reach, looks, [ordinary.score(distance) for distance in distances])
        print(f"seed {seed}: AUC {sheet.last('AUC, any kind', 'novelty'):.3f}", file=sys.stderr, flush=True)
    return sheet.rows(), sum(int((one.kind != "").sum()) for one in looks)


def population(
    snapshot: Snapshot, model: BehaviourModel, at: int, seed: int, settling: int
) -> tuple[npt.NDArray[np.float32], int, Lives | None]:
    """What `discover` takes for ordinary, as `fit_novelty` is told it."""
    now = read_everyone(snapshot, model, at, Report(), settling).settled.embedding
    newcomers, lives = read_past(snapshot, model, seed, Report(), settling)
    return np.concatenate([now, newcomers, *([] if lives is None else [lives.ordinary])]), seed, lives


def look(at: int, customers: list[str], planted: Sequence[Planted]) -> Look:
    week = {one.customer: one.kind for one in planted if at - WEEK <= one.end < at}
    touched = {one.customer for one in planted if one.begin < at}
    return Look(at, customers, np.array([week.get(c, "") for c in customers]), np.array([c not in touched for c in customers]))


def read(snapshot: Snapshot, model: BehaviourModel, one: Look, settling: int) -> npt.NDArray[np.float32]:
    reading = read_everyone(snapshot.before(one.at), model, one.at, Report(), settling).settled
    place = {customer: row for row, customer in enumerate(reading.customers)}
    return reading.embedding[[place[customer] for customer in one.customers]]


def compare(sheet: Sheet, subject: str, looks: Sequence[Look], scores: Sequence[Float64]) -> None:
    kind, score = np.concatenate([one.kind for one in looks]), np.concatenate(scores)
    sheet.add("AUC, any kind", subject, roc_auc_score(kind != "", score))
    for name in np.unique(kind[kind != ""]):
        kept = (kind == name) | (kind == "")
        sheet.add(f"AUC, {name}", subject, roc_auc_score(kind[kept] == name, score[kept]))


def alert(sheet: Sheet, reach: Reach, looks: Sequence[Look], scores: Sequence[npt.NDArray[np.float32]]) -> None:
    """Who lies beyond the threshold of each share, and how often the same customer becomes unusual."""
    kind, untouched, score = (
        np.concatenate([one.kind for one in looks]),
        np.concatenate([one.untouched for one in looks]),
        np.concatenate(scores),
    )
    for quantile in QUANTILES:
        threshold = reach.novelty[reach.quantiles.index(quantile)]
        beyond, subject = score >= threshold, f"beyond {100 * quantile:g} %"
        sheet.add("untouched", subject, beyond[untouched].mean())
        for name in np.unique(kind[kind != ""]):
            sheet.add(str(name), subject, beyond[kind == name].mean())
        sheet.add("alerts a customer", subject, alerts_a_customer(threshold, looks, scores))


def alerts_a_customer(threshold: float, looks: Sequence[Look], scores: Sequence[npt.NDArray[np.float32]]) -> float:
    """Of those who were ever unusual, looked at week by week, by the rule of serving: over only where clearly below."""
    unusual, begun = set[str](), Counter[str]()
    for one, score in zip(looks, scores, strict=True):
        for customer, novelty in zip(one.customers, score.tolist(), strict=True):
            if customer not in unusual and novelty >= threshold:
                unusual.add(customer)
                begun[customer] += 1
            elif customer in unusual and novelty < threshold - CLEARLY:
                unusual.remove(customer)
    return begun.total() / max(1, len(begun))


def _micros(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1e6)


if __name__ == "__main__":
    main()
