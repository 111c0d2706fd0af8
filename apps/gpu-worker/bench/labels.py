"""What a few labels are worth on Online Retail II: heads on the frozen and on the fine-tuned encoder beside aggregates.

    python bench/labels.py PARQUET [--cut 2011-09-09]... [--seeds 3] [--tuned-draws 5]

A label says whether a customer bought within 90 days of the cut. The encoder knows nothing from the cut on. 50, 200 and
1,000 labels are drawn; all other customers are tested on; means over the draws. Tuning takes longer: of each number of labels
only the first draws are tuned on, and the frozen head's figure for those very draws stands beside it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import numpy.typing as npt
import torch
from sklearn.metrics import roc_auc_score

from bench.case import CASES
from bench.sheet import Sheet, tell
from kindred_worker.data.aggregates import EventTable, aggregates, outcome, prepared
from kindred_worker.data.arrays import load
from kindred_worker.data.fit import fit
from kindred_worker.data.snapshot import Snapshot
from kindred_worker.labels.asked import read_examples
from kindred_worker.labels.classification import Classification
from kindred_worker.labels.head import Inputs, Scales, fit_head
from kindred_worker.labels.label import Labels
from kindred_worker.labels.spec import HeadSpec
from kindred_worker.labels.tuning import Labelled, scores, tune
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.reading import read_everyone
from kindred_worker.report import Report
from kindred_worker.segments.probe import boosted, logistic
from kindred_worker.spec import TrainingSpec
from kindred_worker.train import TrainingData, train

Float64 = npt.NDArray[np.float64]

CASE = CASES["online-retail"]
TASK = Classification()
COUNTS, DRAWS = (50, 200, 1000), 20
PROBES = {"LR": logistic, "LightGBM": boosted}
FROZEN = "head on the frozen encoder"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path)
    parser.add_argument("--cut", action="append", default=[])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--tuned-draws", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(1)
    sheet = Sheet()
    with tempfile.TemporaryDirectory() as folder:
        snapshot = CASE.snapshot(given.path, Path(folder))
        for cut, moment in CASE.moments(snapshot, given.cut).items():
            measure(sheet, snapshot, cut, moment, given.seeds, given.tuned_draws)
    tell(sheet.rows(), draws=DRAWS, tuned_draws=given.tuned_draws, days=CASE.days)


def measure(sheet: Sheet, snapshot: Snapshot, cut: str, moment: int, seeds: int, tuned_draws: int) -> None:
    with EventTable(snapshot, CASE.main, CASE.value) as events:
        truth = outcome(events, moment, CASE.days)
        counted = prepared(aggregates(events, moment).aligned(truth.customers))
    came = truth.values[:, 0]
    for name, probe in PROBES.items():
        for draw, (count, fit_on, test) in enumerate(draws(len(came))):
            drawn(sheet, count, f"{cut}, aggregates, {name}", draw, came[test], probe(counted[fit_on], came[fit_on], counted[test]))
    earlier = snapshot.before(moment)
    features = fit(earlier, CASE.main, CASE.value)
    arrays = load(earlier, features)
    for seed in range(seeds):
        model = train(CASE.recipe(TrainingSpec(seed=seed)), TrainingData(features, arrays, moment), None, Report()).model
        reading = read_everyone(earlier, model, moment, Report())
        place = {customer: row for row, customer in enumerate(reading.customers)}
        rows = np.array([place[customer] for customer in truth.customers], dtype=np.int64)
        scales = Scales.of(reading.embedding, reading.forecast, reading.columns)
        inputs = scales.inputs(reading.embedding[rows], reading.forecast[rows], reading.columns)
        foreseen = next(at for at, c in enumerate(reading.columns) if c.main and c.kind == "probability" and c.horizon_days == CASE.days)
        sheet.add("no label", f"{cut}, forecast", roc_auc_score(came, reading.forecast[rows, foreseen]))
        for draw, (count, fit_on, test) in enumerate(draws(len(came))):
            head = fit_head(TASK, inputs.at(fit_on), came[fit_on], fit_on)
            drawn(sheet, count, f"{cut}, {FROZEN}", draw, came[test], head.scores(inputs.at(test)))
        labels = Labels(list(truth.customers), came, np.full(len(came), moment))
        measure_tuned(sheet, cut, seed, tuned_draws, earlier, model, scales, labels, inputs)
        said = [f"{count} labels {sheet.last(f'{count} labels', f'{cut}, {FROZEN}'):.3f}" for count in COUNTS]
        print(f"{cut} seed {seed}: {', '.join(said)} (last draw)", file=sys.stderr, flush=True)
    for count in COUNTS:
        for name in PROBES:
            sheet.lead(f"{count} labels", f"{cut}, {FROZEN}", f"{cut}, aggregates, {name}", f"aggregates, {name}")


def drawn(sheet: Sheet, count: int, subject: str, draw: int, came: Float64, score: Float64) -> None:
    """The figure of one draw of labels."""
    area = float(roc_auc_score(came, score))
    sheet.add(f"{count} labels", subject, area)
    sheet.add_draw(f"{count} labels", subject, draw, area)


def measure_tuned(
    sheet: Sheet, cut: str, seed: int, most: int, earlier: Snapshot, model: BehaviourModel, scales: Scales, labels: Labels, inputs: Inputs
) -> None:
    """The first draws of each number of labels, by heads on the encoder tuned and as it is."""
    came = labels.values
    everyone = Labelled(read_examples(earlier, model, labels, np.arange(len(came)), Report()), np.arange(len(came)))
    done: Counter[int] = Counter()
    for count, fit_on, test in draws(len(came)):
        if done[count] == most:
            continue
        done[count] += 1
        tuned = tune(TASK, HeadSpec(fine_tuned=True, seed=seed), model, scales, everyone.some(fit_on), inputs.at(fit_on), Report())
        said = scores(tuned, scales, everyone.some(test), Report()) if tuned.epochs else tuned.head.scores(inputs.at(test))
        sheet.add(f"{count} labels", f"{cut}, head on the fine-tuned encoder", roc_auc_score(came[test], said))
        frozen = fit_head(TASK, inputs.at(fit_on), came[fit_on], fit_on).scores(inputs.at(test))
        sheet.add(f"{count} labels", f"{cut}, {FROZEN}, the draws that were tuned on", roc_auc_score(came[test], frozen))
        sheet.add(f"{count} labels", f"{cut}, share of draws on which tuning helped", float(tuned.epochs > 0))


def draws(customers: int) -> list[tuple[int, npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """(labels, rows to fit on, rows to test on) of every draw."""
    orders = [(count, np.random.default_rng((count, draw)).permutation(customers)) for count in COUNTS for draw in range(DRAWS)]
    return [(count, order[:count], order[count:]) for count, order in orders]


if __name__ == "__main__":
    main()
