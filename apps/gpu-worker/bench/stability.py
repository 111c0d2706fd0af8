"""How far segments come back: found again, learned again, learned on two weeks later; and what is then born.

    python bench/stability.py online-retail [--cut 2011-09-09]... [--seeds 3] PARQUET
    python bench/stability.py birth [--seeds 3]

Prints what `sheet.tell` prints. At each cut and for k = 5, 8, 12 segments:
  bootstrap ARI              the partition refitted on resampled customers
  one training, two seeds    the same forecasts, cut into segments with another seed
  two trainings              other seeds from the start: they share no weights, teacher or assignments
  two weeks later            champion at the cut, retrained on what was known two weeks on, as the product does it; both
                             place the same customers, read at that later time (what the customers did in between is
                             not what is asked); beside it a retraining from chance, with and without the champion's
                             segments carried over
  membership AUC             of each, for a purchase within 90 days
`birth` retrains on a generated shop in which some customers begin to behave in a new way after the champion was made.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from sklearn.metrics import adjusted_rand_score

from bench.case import CASES
from bench.membership import membership_auc
from bench.sheet import Sheet, tell
from kindred_worker.continuation import Former, why_anew
from kindred_worker.data.aggregates import DAY, EventTable, outcome
from kindred_worker.data.arrays import load
from kindred_worker.data.fit import fit
from kindred_worker.data.snapshot import Snapshot
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.reading import Reading, read_everyone
from kindred_worker.models.settling import settling_time
from kindred_worker.report import Report
from kindred_worker.sampler import Predecessor
from kindred_worker.segments.finding import Champion, Found, find_segments
from kindred_worker.spec import TrainingSpec
from kindred_worker.train import TrainingData, loss_of, train
from tests.make_snapshot import write_snapshot

Int64 = npt.NDArray[np.int64]

COUNTS = (5, 8, 12)
CASE = CASES["online-retail"]
LATER = 14 * DAY
REFITS = 10


@dataclass(frozen=True)
class Learned:
    model: BehaviourModel
    knew: Predecessor
    settling: int  # microseconds, as its segments wait
    reading: Reading  # settled, at the end of what it learned from


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", choices=("online-retail", "birth"))
    parser.add_argument("path", type=Path, nargs="?")
    parser.add_argument("--cut", action="append", default=[])
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_intermixed_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        if given.data == "birth":
            rows = birth(Path(folder), given.seeds)
        else:
            snapshot = CASE.snapshot(given.path, Path(folder))
            rows = [{"cut": cut, **row} for cut in given.cut or ["2011-09-09"] for row in stability(snapshot, cut, given.seeds)]
    tell(rows)


def stability(snapshot: Snapshot, cut: str, seeds: int) -> list[dict[str, Any]]:
    """The figures at one cut."""
    now = CASE.moments(snapshot, [cut])[cut]
    spec = CASE.recipe(TrainingSpec())
    figures, later = Sheet(), now + LATER
    truth, truth_later = outcomes(snapshot, now), outcomes(snapshot, later)
    first = [learned(snapshot, replace(spec, seed=seed), now) for seed in range(seeds)]
    for count in COUNTS:
        subject = f"segments k={count}"
        found = [find_segments(one.reading, None, count, seed, Report(), refits=REFITS) for seed, one in enumerate(first)]
        for seed, (one, at) in enumerate(zip(found, first, strict=True)):
            figures.add("bootstrap ARI", subject, one.refits.adjusted_rand.mean())
            figures.add("membership AUC", subject, foretold(at.reading.customers, labels_of(one), truth))
            again = find_segments(at.reading, None, count, seed + 100, Report(), refits=1)
            figures.add("one training, two seeds", subject, adjusted_rand_score(labels_of(one), labels_of(again)))
        for one, other in itertools.combinations(found, 2):
            figures.add("two trainings", subject, adjusted_rand_score(labels_of(one), labels_of(other)))
    for seed, champion in enumerate(first):
        retrained(figures, snapshot, champion, replace(spec, seed=seed + 50), (now, later), truth_later)
        print(f"{cut} seed {seed}", file=sys.stderr, flush=True)
    return figures.rows()


def retrained(
    figures: Sheet, snapshot: Snapshot, champion: Learned, spec: TrainingSpec, times: tuple[int, int], truth: dict[str, bool]
) -> None:
    """Champion against a model of two weeks later: gone on from it, and begun anew."""
    now, later = times
    ways = {
        "two weeks later": learned(snapshot, spec, later, champion),
        "two weeks later, from chance": learned(snapshot, spec, later),
    }
    seen = settled(snapshot.before(later), champion.model, later, champion.settling)
    for count in COUNTS:
        subject = f"segments k={count}"
        drawn = find_segments(champion.reading, None, count, spec.seed, Report(), refits=1)
        theirs = drawn.model.assign(seen.embedding, seen.forecast).index
        figures.add("two weeks later, the champion itself, AUC", subject, foretold(seen.customers, theirs, truth))
        for way, other in ways.items():
            before = settled(snapshot.before(now), other.model, now, other.settling)
            carried = Champion(before, aligned(champion.reading.customers, labels_of(drawn), before.customers))
            for name, kept in ((way, carried), (f"{way}, drawn anew", None)):
                found = find_segments(other.reading, None, count, spec.seed, Report(), refits=1, champion=kept)
                ours = aligned(other.reading.customers, labels_of(found), seen.customers)
                known = (ours >= 0) & (theirs >= 0)
                figures.add(name, subject, adjusted_rand_score(ours[known], theirs[known]))
                figures.add(f"{name}, AUC", subject, foretold(other.reading.customers, labels_of(found), truth))


def learned(snapshot: Snapshot, spec: TrainingSpec, now: int, former: Learned | None = None) -> Learned:
    known = snapshot.before(now)
    if former is None:
        features = fit(known, CASE.main, CASE.value)
        return drawn(known, spec, TrainingData(features, load(known, features), now), None)
    features = former.model.features
    return drawn(known, spec, TrainingData(features, load(known, features), now, former.knew), former.model)


def drawn(known: Snapshot, spec: TrainingSpec, data: TrainingData, former: BehaviourModel | None) -> Learned:
    trained = train(spec, data, None, Report(), former)
    settling = settling_time(known, trained.model, 0, Report())
    return Learned(
        trained.model, Predecessor(trained.split, data.now, trained.customers), settling, settled(known, trained.model, data.now, settling)
    )


def settled(seen: Snapshot, model: BehaviourModel, at: int, settling: int) -> Reading:
    """Everyone as segments are drawn from them."""
    return read_everyone(seen, model, at, Report(), settling).settled


def labels_of(found: Found) -> Int64:
    return found.partition.labels


def aligned(customers: list[str], labels: Int64, wanted: list[str]) -> Int64:
    """`labels` of `customers`, in the order of `wanted`; -1 for others."""
    place = dict(zip(customers, labels.tolist(), strict=True))
    return np.array([place.get(c, -1) for c in wanted], dtype=np.int64)


def outcomes(snapshot: Snapshot, moment: int) -> dict[str, bool]:
    """Of each customer with a purchase before `moment`: whether another came within the horizon."""
    with EventTable(snapshot, CASE.main, CASE.value) as events:
        truth = outcome(events, moment, CASE.days)
        return dict(zip(truth.customers, (truth.aligned(truth.customers)[:, 0] > 0).tolist(), strict=True))


def foretold(customers: list[str], labels: npt.NDArray[Any], truth: dict[str, bool]) -> float:
    """AUC of membership alone, among those of whom the truth is known."""
    rows = np.array([at for at, c in enumerate(customers) if c in truth])
    return membership_auc(labels[rows].astype(np.int64), np.array([truth[customers[at]] for at in rows], dtype=np.float64))


# A generated shop whose customers browse, buy or support each other, until some begin to do something else.

DAILY = 60  # days before the champion is made
SHARE = 0.12  # of customers who change


def birth(folder: Path, seeds: int) -> list[dict[str, Any]]:
    """Whether the changed customers get a segment of their own, and whether the others keep theirs."""
    figures = Sheet()
    for seed in range(seeds):
        table, changed = changing_shop(seed)
        snapshot = Snapshot.open(write_snapshot(table, folder / f"shop-{seed}", timezone="UTC").as_uri())
        now = int((START + timedelta(days=DAILY)).timestamp()) * 1_000_000
        spec = TrainingSpec(seed=seed)
        champion = taught(snapshot, spec, now, None)
        drawn = find_segments(champion.reading, None, 0, seed, Report(), refits=2)
        model = taught(snapshot, replace(spec, seed=seed + 50), snapshot.now, champion)
        before = settled(snapshot.before(now), model.model, now, model.settling)
        carried = Champion(before, aligned(champion.reading.customers, labels_of(drawn), before.customers))
        found = find_segments(model.reading, None, 0, seed, Report(), refits=2, champion=carried)
        theirs = np.array([c in changed for c in model.reading.customers])
        counts = np.bincount(labels_of(found)[theirs], minlength=found.model.count)
        own = int(counts.argmax())
        members = labels_of(found) == own
        figures.add("changed customers in one segment", "birth", counts[own] / theirs.sum())
        figures.add("of whom changed", "birth", theirs[members].mean())
        figures.add("segments born", "birth", found.model.count - found.continued)
        seen = settled(snapshot, champion.model, 0, champion.settling)
        stayed = drawn.model.assign(seen.embedding, seen.forecast).index
        figures.add("the others' agreement", "birth", adjusted_rand_score(stayed[~theirs], labels_of(found)[~theirs]))
    return figures.rows()


def taught(snapshot: Snapshot, spec: TrainingSpec, now: int, former: Learned | None) -> Learned:
    """As the product trains: gone on from the former model unless people surprise it."""
    known = snapshot.before(now)
    features = fit(known)
    if former is not None:
        before = snapshot.before(int((START + timedelta(days=DAILY)).timestamp()) * 1_000_000)
        seen = former.model.features
        then = TrainingData(seen, load(before, seen), before.now, former.knew)
        data = TrainingData(seen, load(known, seen), now, former.knew)
        usual, loss = loss_of(spec, then, former.model), loss_of(spec, data, former.model)
        print(f"surprise {loss / usual - 1:.3f}", file=sys.stderr)
        champion = Former(former.model, usual, 0, former.knew)
        if not why_anew(spec, champion, features) and loss <= (1 + spec.surprise) * usual:
            return drawn(known, spec, data, former.model)
    return drawn(known, spec, TrainingData(features, load(known, features), now), None)


START = datetime(2024, 1, 1, tzinfo=UTC)
HABITS = (("View", "Cart", "Buy"), ("Buy", "Review", "Buy"), ("Ask", "Return", "Ask"))
NEW_HABIT = ("Review", "Cart", "Return")


def changing_shop(seed: int, customers: int = 600) -> tuple[pa.Table, set[str]]:
    """Each customer repeats one of three habits; after DAILY days a share turns to a fourth, of the same events."""
    random = np.random.default_rng(seed)
    changed = {f"c{at:04d}" for at in random.choice(customers, round(SHARE * customers), replace=False)}
    rows: list[tuple[str, datetime, str, float | None]] = []
    for at in range(customers):
        name, moment, step = f"c{at:04d}", START + timedelta(days=float(random.uniform(0, 5))), 0
        while moment < START + timedelta(days=DAILY + 30):
            is_new = name in changed and moment > START + timedelta(days=DAILY)
            habit = NEW_HABIT if is_new else HABITS[at % 3]
            event = habit[step % 3]
            rows.append((name, moment, event, float(random.integers(5, 90)) if event == "Buy" else None))
            moment, step = moment + timedelta(days=float(random.exponential(2))), step + 1
    columns = list(zip(*rows, strict=True))
    return pa.table(
        {
            "customer": pa.array(columns[0]),
            "subject": pa.array(columns[0]),
            "occurred_at": pa.array(columns[1], pa.timestamp("us", tz="UTC")),
            "name": pa.array(columns[2]),
            "p:revenue": pa.array(columns[3], pa.float64()),
        }
    ), changed


if __name__ == "__main__":
    main()
