"""How good what was learned is, by the protocol of docs/measurements.md: strictly forwards in time, beside what people use.

    python bench/learning.py online-retail PARQUET [--cut 2011-09-09]... [--seeds 5]
    python bench/learning.py cdnow TEXT | simulated-shop NDJSON

Prints one JSON line (sheet.py). Two questions are asked at a cut, with the horizon H of the case (90 days for shops):
  at the cut   encoder from events before the cut; probes by five folds over customers on features at the cut
  out of time  t0 = cut - H; encoder and probes from what was known at t0 and what came until the cut; tested at the cut
Nothing is chosen here: the product's defaults, but for the horizons, because H is what is asked.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import numpy.typing as npt
import torch
from sklearn.metrics import adjusted_rand_score, roc_auc_score

from bench.case import CASES, Case
from bench.membership import folds, membership_auc
from bench.sheet import Sheet, tell
from kindred_worker.data.aggregates import DAY, EventTable, aggregates, outcome, prepared, rfm
from kindred_worker.data.arrays import load
from kindred_worker.data.fit import fit
from kindred_worker.data.snapshot import Snapshot
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.reading import Reading, read_everyone
from kindred_worker.models.settling import settling_time
from kindred_worker.report import Report
from kindred_worker.segments.partition import drawn_anew, fit_partition, refit
from kindred_worker.segments.probe import boosted, logistic
from kindred_worker.segments.space import fit_space
from kindred_worker.segments.strength import expected_calibration_error
from kindred_worker.spec import TrainingSpec
from kindred_worker.train import TrainingData, train

Float64 = npt.NDArray[np.float64]

FEW = (50, 200, 1000)
DRAWS = 20  # of few labels
COUNTS = (5, 8, 12)
REFITS = 10
PROBES = {"LR": logistic, "LightGBM": boosted}
ENOUGH = 50  # customers of either class before an AUC is said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", choices=CASES)
    parser.add_argument("path", type=Path)
    parser.add_argument("--cut", action="append", default=[])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--encoder", default="decayed_sum")
    given = parser.parse_args()
    torch.set_num_threads(1)
    case = CASES[given.data]
    spec = case.recipe(TrainingSpec(encoder=given.encoder))
    with tempfile.TemporaryDirectory() as folder:
        snapshot = case.snapshot(given.path, Path(folder))
        for cut, moment in case.moments(snapshot, given.cut).items():
            rows, facts = at_cut(case, snapshot, moment, given.seeds, spec)
            tell(rows, data=given.data, cut=cut, encoder=given.encoder, days=case.days, **facts)


@dataclass(frozen=True)
class Side:
    """The population of the rival at one time, and what then came."""

    customers: list[str]
    came: Float64
    value: Float64
    rfm: Float64
    aggregates: Float64


def at_cut(case: Case, snapshot: Snapshot, moment: int, seeds: int, spec: TrainingSpec) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Rows of the sheet, and what is to be known of the population."""
    then = moment - int(case.days * DAY)
    sheet = Sheet()
    with EventTable(snapshot, case.main, case.value) as events:
        now_side, then_side = side(events, moment, case.days), side(events, then, case.days)
    rivals(sheet, then_side, now_side)
    partitions: dict[int, list[npt.NDArray[np.int64]]] = {k: [] for k in COUNTS}
    for seed in range(seeds):
        seeded = replace(spec, seed=seed)
        for count, labels in of_the_cut(sheet, case, snapshot, moment, now_side, seeded).items():
            partitions[count].append(labels)
        out_of_time(sheet, case, snapshot, (then, moment), (then_side, now_side), seeded)
        asked = (("at the cut, LR", "embedding"), ("out of time, LR", "embedding"), ("out of time, no label", "forecast"))
        told = ", ".join(f"{f} {s} {sheet.last(f, s):.4f}" for f, s in asked)
        print(f"seed {seed + 1} of {seeds}: {told}", file=sys.stderr, flush=True)
    for figure in (f"{count} labels, {name}" for count in FEW for name in PROBES):
        sheet.lead(figure, "embedding", "aggregates")
    for count, found in partitions.items():
        for at, one in enumerate(found):
            for other in found[at + 1 :]:
                sheet.add("agreement of two trainings (ARI)", f"segments k={count}", adjusted_rand_score(one, other))
    return sheet.rows(), {"customers": len(now_side.customers), "positives": float(now_side.came.mean())}


def rivals(sheet: Sheet, then: Side, now: Side) -> None:
    for subject in ("rfm", "aggregates"):
        features = (getattr(then, subject), getattr(now, subject))
        probes(sheet, subject, now, features[1])
        forwards(sheet, subject, then, now, features)
    standardised = (now.rfm - now.rfm.mean(0)) / np.maximum(now.rfm.std(0), 1e-9)
    for count in COUNTS:
        segments(sheet, f"rfm k={count}", standardised.astype(np.float32), now, count, 0)


def of_the_cut(
    sheet: Sheet, case: Case, snapshot: Snapshot, moment: int, now: Side, spec: TrainingSpec
) -> dict[int, npt.NDArray[np.int64]]:
    """Probes over customers, and segments; the segments' labels by their number."""
    model, seconds = learned(case, snapshot.before(moment), spec, moment)
    sheet.add("train seconds", "encoder", seconds)
    reading, rows = read(snapshot, model, moment, now)
    untrained = BehaviourModel.create(model.features, model.plan, spec.seed + 100).eval()
    raw, _ = read(snapshot, untrained, moment, now)
    embedding = reading.embedding[rows].astype(np.float64)
    probes(sheet, "embedding", now, embedding)
    probes(sheet, "untrained", now, raw.embedding[rows].astype(np.float64), few=False)
    probes(sheet, "aggregates+embedding", now, np.concatenate([now.aggregates, embedding], axis=1), few=False)
    foreseen = chance(case, reading, rows)
    sheet.add("at the cut, no label", "forecast", roc_auc_score(now.came, foreseen))
    sheet.add("calibration error, at the cut", "forecast", expected_calibration_error(foreseen.astype(np.float32), now.came))
    settled = reading.settled  # as segments are drawn from them
    space = fit_space(settled.embedding, settled.forecast, settled.columns)
    points = space.place(settled.embedding, settled.forecast)[rows]
    return {count: segments(sheet, f"segments k={count}", points, now, count, spec.seed) for count in COUNTS}


def out_of_time(sheet: Sheet, case: Case, snapshot: Snapshot, times: tuple[int, int], sides: tuple[Side, Side], spec: TrainingSpec) -> None:
    then, now = sides
    earlier, _ = learned(case, snapshot.before(times[0]), spec, times[0])
    before, before_rows = read(snapshot, earlier, times[0], then)
    after, after_rows = read(snapshot, earlier, times[1], now)
    pair = (before.embedding[before_rows].astype(np.float64), after.embedding[after_rows].astype(np.float64))
    forwards(sheet, "embedding", then, now, pair)
    joined = tuple(np.concatenate([s.aggregates, e], axis=1) for s, e in zip((then, now), pair, strict=True))
    forwards(sheet, "aggregates+embedding", then, now, (joined[0], joined[1]))
    foreseen = chance(case, after, after_rows)
    sheet.add("out of time, no label", "forecast", roc_auc_score(now.came, foreseen))
    sheet.add("calibration error, out of time", "forecast", expected_calibration_error(foreseen.astype(np.float32), now.came))
    known = set(before.customers)
    fresh = np.array([c not in known for c in now.customers])
    if min((now.came[fresh] == 1).sum(), (now.came[fresh] == 0).sum()) >= ENOUGH:
        sheet.add("out of time, no label, never seen", "forecast", roc_auc_score(now.came[fresh], foreseen[fresh]))


def side(events: EventTable, moment: int, days: float) -> Side:
    truth = outcome(events, moment, days)
    answers = truth.aligned(truth.customers)

    def features(make: Callable[[EventTable, int], Any]) -> Float64:
        return prepared(make(events, moment).aligned(truth.customers))

    return Side(truth.customers, answers[:, 0], answers[:, 1], features(rfm), features(aggregates))


def learned(case: Case, snapshot: Snapshot, spec: TrainingSpec, now: int) -> tuple[BehaviourModel, float]:
    began = time.monotonic()
    features = fit(snapshot, case.main, case.value)
    model = train(spec, TrainingData(features, load(snapshot, features), now), None, Report()).model
    return model, time.monotonic() - began


def read(snapshot: Snapshot, model: BehaviourModel, moment: int, side: Side) -> tuple[Reading, npt.NDArray[np.int64]]:
    """Everyone at `moment`, and the rows of the side's customers."""
    seen = snapshot.before(moment)
    reading = read_everyone(seen, model, moment, Report(), settling_time(seen, model, 0, Report()))
    place = {customer: at for at, customer in enumerate(reading.customers)}
    return reading, np.array([place[c] for c in side.customers], dtype=np.int64)


def chance(case: Case, reading: Reading, rows: npt.NDArray[np.int64]) -> Float64:
    """The forecast of the main event within the horizon, without any label."""
    at = next(i for i, c in enumerate(reading.columns) if c.main and c.kind == "probability" and abs(c.horizon_days - case.days) < 1e-6)
    return reading.forecast[rows, at].astype(np.float64)


def probes(sheet: Sheet, subject: str, side: Side, features: Float64, few: bool = True) -> None:
    for name, probe in PROBES.items():
        scores = [roc_auc_score(side.came[test], probe(features[fit], side.came[fit], features[test])) for fit, test in folds(side.came)]
        sheet.add(f"at the cut, {name}", subject, float(np.mean(scores)))
        if not few:
            continue
        for count in (few for few in FEW if 2 * few < len(side.came)):
            values: list[float] = []
            for draw in range(DRAWS):
                order = np.random.default_rng((count, draw)).permutation(len(side.came))
                fit_on, test = order[:count], order[count:]
                if not 0 < side.came[fit_on].mean() < 1:
                    continue
                values.append(roc_auc_score(side.came[test], probe(features[fit_on], side.came[fit_on], features[test])))
                sheet.add_draw(f"{count} labels, {name}", subject, draw, values[-1])
            if values:
                sheet.add(f"{count} labels, {name}", subject, float(np.mean(values)))


def forwards(sheet: Sheet, subject: str, then: Side, now: Side, features: tuple[Float64, Float64]) -> None:
    for name, probe in PROBES.items():
        claimed = probe(features[0], then.came, features[1])
        sheet.add(f"out of time, {name}", subject, roc_auc_score(now.came, claimed))
        if probe is logistic:
            sheet.add("calibration error, out of time", subject, expected_calibration_error(claimed.astype(np.float32), now.came))


def segments(sheet: Sheet, subject: str, points: npt.NDArray[np.float32], side: Side, count: int, seed: int) -> npt.NDArray[np.int64]:
    partition = fit_partition(points, count, seed, 20)
    again = refit(points, partition, drawn_anew(count, 10), REFITS, seed)
    labels = partition.labels
    sheet.add("bootstrap ARI", subject, float(again.adjusted_rand.mean()))
    sheet.add("membership AUC", subject, membership_auc(labels, side.came))
    means = np.bincount(labels, side.value, minlength=count) / np.maximum(np.bincount(labels, minlength=count), 1)
    sheet.add("eta squared of value", subject, 1 - ((side.value - means[labels]) ** 2).mean() / side.value.var())
    sheet.add("smallest share", subject, np.bincount(labels, minlength=count).min() / len(labels))
    return labels


if __name__ == "__main__":
    main()
