"""Machines as customers: C-MAPSS FD001, 100 engines run to failure and 100 that were stopped before.

    python bench/cmapss.py PARQUET [--seeds 3] [--plot FILE.svg]

Each cycle is an event and its sensors are the event's properties, as apps/ingestion/mappings/cmapss-fd001.json says; all
else is the product's defaults. Remaining cycles are the truth and never an input.
  remaining cycles  encoder and probe from the 100 engines that failed; tested on the last cycle of the 100 others. The probe is
                    ridge regression of min(remaining, 125), read at every cycle; its strength by folds over learning engines.
  novelty           encoder from engines 1-50; what is ordinary, to it and to an isolation forest, from every cycle of a fleet in
                    service (the 100 that were stopped) or of engines 1-50 up to their failure, so that failing is ordinary too;
                    tested on engines 51-100: the last 30 cycles before the failure against the first 50. And as the product
                    learns what is ordinary from an import of engines 1-50, all of them silent at the end of the data. Age alone
                    tells the last cycles from the first, so they are also set against the middle of life.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from matplotlib.figure import Figure
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import RidgeCV
from sklearn.metrics import roc_auc_score, root_mean_squared_error
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bench.novelty import population
from bench.sheet import Sheet, tell
from kindred_worker.data.aggregates import DAY
from kindred_worker.data.arrays import load
from kindred_worker.data.features import Int64
from kindred_worker.data.fit import fit
from kindred_worker.data.snapshot import Snapshot
from kindred_worker.models.batch import batch_of, choose
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.report import Report
from kindred_worker.segments.novelty import Lives, Novelty, fit_novelty
from kindred_worker.spec import TrainingSpec
from kindred_worker.train import TrainingData, train
from tests.make_snapshot import write_snapshot

Float64 = npt.NDArray[np.float64]

CAPPED = 125  # remaining cycles above are as good as new
WINDOWS = (5, 15, 30)  # cycles that last-window means are taken over; no test engine has fewer than 31
FIRST, LAST = 50, 30
WORN = 60  # remaining cycles from which an engine past its first ones is in the middle of its life
BINS = (0, 10, 20, 30, 50, 75, 100, 125, 150, 200)  # remaining cycles of the curve of novelty
AUC, AUC_MIDDLE = "AUC, last 30 cycles against first 50", "AUC, last 30 cycles against the middle of life"
SERVICE, WHOLE, IMPORT = "a fleet in service", "whole lives", "an import of whole lives"
BEGIN, HOUR = 1_199_145_600_000_000, 3_600_000_000  # microseconds: cycle 0 is at the beginning of 2008, as the mapping says


@dataclass(frozen=True)
class Fleet:
    """Engines with all their cycles, in the order of `arrays`."""

    snapshot: Snapshot
    sensors: Float64  # (E, S)
    remaining: Int64  # (E)
    cycle: Int64  # (E) 1..

    @staticmethod
    def read(path: Path, split: str, units: range, folder: Path) -> Fleet:
        read = pq.read_table(path, filters=[("split", "=", split), ("unit", "in", list(units))])
        names = pa.array([f"{split}-{unit}" for unit in read.column("unit").to_pylist()])
        read = read.append_column("customer", names).sort_by([("customer", "ascending"), ("cycle", "ascending")])
        cycle, remaining = (read.column(c).to_numpy().astype(np.int64) for c in ("cycle", "remaining_cycles"))
        measured = [c for c in read.column_names if c.startswith(("setting_", "sensor_"))]
        sensors = np.stack([read.column(c).to_numpy().astype(np.float64) for c in measured], axis=1)
        table = pa.table(
            {
                "customer": read.column("customer"),
                "subject": read.column("customer"),
                "name": pa.repeat("Cycle Completed", len(cycle)),
                "occurred_at": pa.array(BEGIN + cycle * HOUR, pa.timestamp("us", tz="UTC")),
                **{f"p:{c}": pa.array(sensors[:, at]) for at, c in enumerate(measured)},
            }
        )
        written = write_snapshot(table, folder / f"{split}-{units.start}-{units.stop}", shards=1, mainEvents=["Cycle Completed"])
        return Fleet(Snapshot.open(written.as_uri()), sensors, remaining, cycle)

    @property
    def begins(self) -> Int64:
        return np.flatnonzero(self.cycle == 1)

    @property
    def ends(self) -> Int64:
        """The last row of each engine."""
        return np.append(self.begins[1:], len(self.cycle)) - 1

    @property
    def engine(self) -> Int64:
        return np.cumsum(self.cycle == 1) - 1

    def window(self, cycles: int) -> tuple[Float64, Float64]:
        """Mean and standard deviation of each sensor over the last so many cycles (or as many as there are), (E, S) each."""
        first = np.maximum(np.arange(len(self.cycle)) - cycles, self.begins[self.engine] - 1) + 1
        count = (np.arange(len(self.cycle)) - first + 1)[:, None]
        centred = self.sensors - self.sensors.mean(0)
        sums = [np.concatenate([np.zeros((1, centred.shape[1])), np.cumsum(centred**power, axis=0)]) for power in (1, 2)]
        mean, square = ((total[1:] - total[first]) / count for total in sums)
        return mean, np.sqrt(np.maximum(square - mean**2, 0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--plot", type=Path, help="where novelty against remaining cycles is drawn")
    given = parser.parse_args()
    torch.set_num_threads(1)
    rows, curves = measured(given.path, given.seeds)
    if given.plot is not None:
        draw(curves, given.plot)
    tell(rows, engines=200, capped=CAPPED)


def measured(path: Path, seeds: int) -> tuple[list[dict[str, Any]], list[Float64]]:
    """Rows, and the novelty of a seed in each of `BINS`."""
    sheet, curves = Sheet(), list[Float64]()
    with tempfile.TemporaryDirectory() as folder:
        failed, stopped = (Fleet.read(path, split, range(1, 101), Path(folder)) for split in ("train", "test"))
        older, newer = (Fleet.read(path, "train", units, Path(folder)) for units in (range(1, 51), range(51, 101)))
        for cycles in WINDOWS:
            probe(sheet, f"last-window means, {cycles} cycles", failed, stopped, failed.window(cycles)[0], stopped.window(cycles)[0])
        probe(sheet, "age, means and spreads over 30 cycles", failed, stopped, summary(failed), summary(stopped))
        for name, known in ((SERVICE, stopped), (WHOLE, older)):
            forest = IsolationForest(n_estimators=300, random_state=0).fit(summary(known))
            told_apart(sheet, f"isolation forest on aggregates, {name}", newer, -forest.score_samples(summary(newer)))
        for seed in range(seeds):
            spec = TrainingSpec(seed=seed)
            model = learned(failed, spec)
            probe(sheet, "embedding", failed, stopped, read(failed, model), read(stopped, model))
            untrained = BehaviourModel.create(model.features, model.plan, seed + 100).eval()
            probe(sheet, "untrained encoder", failed, stopped, read(failed, untrained), read(stopped, untrained))
            model = learned(older, spec)
            embedding = read(newer, model)
            for name, known in ((SERVICE, stopped), (WHOLE, older)):
                seen = read(known, model)
                lives = all_of(known, seen) if name == WHOLE else None
                ordinary = fit_novelty(seen, seed, lives)
                distance = ordinary.distance(embedding)
                told_apart(sheet, f"novelty, {name}", newer, distance.astype(np.float64))
                if name == SERVICE:
                    curves.append(curve(newer, ordinary.score(distance)))
            told_apart(sheet, f"novelty, {IMPORT}", newer, imported(older, model, seed).distance(embedding).astype(np.float64))
            said = [f"{f} {sheet.last(f, s):.3f}" for f, s in (("RMSE", "embedding"), (AUC, f"novelty, {SERVICE}"))]
            print(f"seed {seed}: {', '.join(said)}", file=sys.stderr, flush=True)
    for at, (low, high) in enumerate(itertools.pairwise(BINS)):
        for values in curves:
            sheet.add(f"novelty, {low}-{high - 1} cycles remaining", f"novelty, {SERVICE}", values[at])
    return sheet.rows(), curves


def learned(fleet: Fleet, spec: TrainingSpec) -> BehaviourModel:
    features = fit(fleet.snapshot)
    return train(spec, TrainingData(features, load(fleet.snapshot, features), fleet.snapshot.now), None, Report()).model


@torch.inference_mode()
def read(fleet: Fleet, model: BehaviourModel, engines: int = 10) -> npt.NDArray[np.float32]:
    """(E, D): every engine right after each of its cycles."""
    arrays = load(fleet.snapshot, model.features)
    parts: list[npt.NDArray[np.float32]] = []
    for begin in range(0, arrays.count, engines):
        events, offsets = choose(arrays, np.arange(begin, min(begin + engines, arrays.count)), arrays.item_offsets)
        lengths = np.diff(offsets)
        place = np.minimum(np.arange(lengths.max()), lengths[:, None] - 1)  # the shorter ones end in their last cycle
        at = torch.from_numpy(events.time[offsets[:-1, None] + place])
        embedding = model.encoder.read_many(model.vectors(batch_of(events, offsets, model.device)), at.to(model.device))
        parts += [one[:length] for one, length in zip(embedding.float().cpu().numpy(), lengths, strict=True)]
    return np.concatenate(parts)


def all_of(fleet: Fleet, embedding: npt.NDArray[np.float32]) -> Lives:
    return Lives(embedding, fleet.cycle * HOUR / DAY, fleet.engine.astype(np.uint64), np.ones(len(embedding), bool))


def imported(fleet: Fleet, model: BehaviourModel, seed: int) -> Novelty:
    """What is ordinary to a model that discovers segments in these data."""
    return fit_novelty(*population(fleet.snapshot, model, 0, seed, 0))  # by the clock: nothing has to settle


def probe(sheet: Sheet, subject: str, learn: Fleet, test: Fleet, features: npt.NDArray[Any], tested: npt.NDArray[Any]) -> None:
    """Root mean square error of remaining cycles at the last cycle of each tested engine."""
    fold = learn.engine % 5
    folds = [(np.flatnonzero(fold != one), np.flatnonzero(fold == one)) for one in range(5)]
    ridge = make_pipeline(StandardScaler(), RidgeCV(alphas=np.logspace(-2, 5, 15), cv=folds, scoring="neg_root_mean_squared_error"))
    ridge.fit(features.astype(np.float64), np.minimum(learn.remaining, CAPPED))
    said = np.clip(ridge.predict(tested[test.ends].astype(np.float64)), 0, CAPPED)
    sheet.add("RMSE", subject, root_mean_squared_error(np.minimum(test.remaining[test.ends], CAPPED), said))


def summary(fleet: Fleet) -> Float64:
    """Aggregates: age, and mean and spread of each sensor over the last 30 cycles."""
    return np.concatenate([fleet.cycle[:, None].astype(np.float64), *fleet.window(LAST)], axis=1)


def told_apart(sheet: Sheet, subject: str, fleet: Fleet, scores: Float64) -> None:
    last, first = fleet.remaining < LAST, fleet.cycle <= FIRST
    middle = ~first & (fleet.remaining >= WORN)
    for figure, others in ((AUC, first), (AUC_MIDDLE, middle)):
        kept = last != others
        sheet.add(figure, subject, roc_auc_score(last[kept], scores[kept]))


def curve(fleet: Fleet, novelty: npt.NDArray[np.float32]) -> Float64:
    """Mean novelty in each of `BINS` of remaining cycles."""
    return np.array([novelty[(fleet.remaining >= low) & (fleet.remaining < high)].mean() for low, high in itertools.pairwise(BINS)])


def draw(curves: Sequence[Float64], path: Path) -> None:
    """Novelty against remaining cycles, mean and spread over the seeds."""
    middle = [(low + high) / 2 for low, high in itertools.pairwise(BINS)]
    mean, spread = np.mean(curves, axis=0), np.std(curves, axis=0)
    figure = Figure(figsize=(6, 3.4), layout="constrained")
    axes = figure.subplots()
    axes.plot(middle, mean, marker=".")
    axes.fill_between(middle, mean - spread, mean + spread, alpha=0.2)
    axes.invert_xaxis()
    axes.set(xlabel="remaining cycles", ylabel="novelty", ylim=(0, 1), title="Novelty before an engine's failure (engines 51-100)")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


if __name__ == "__main__":
    main()
