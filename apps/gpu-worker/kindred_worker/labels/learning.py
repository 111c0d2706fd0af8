"""Learns from a few labels, judges that beside aggregates and the label-free forecast, and says everyone's probability.

Writes predictions.parquet (customer, probability; as of the snapshot's now) and labels.json (the figures). Every figure is
out of fold, over folds that keep all labels of a customer together. Out of fold is not out of time: where a label is older than
the end of what the model learned from, its encoder and its forecast may have learned from the very outcome; such labels are counted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.model_selection import StratifiedGroupKFold

from kindred_worker.data.aggregates import EventTable, aggregates, prepared
from kindred_worker.data.snapshot import Snapshot
from kindred_worker.data.storage import Folder, WrittenFile
from kindred_worker.labels.asked import Asked, read_labelled
from kindred_worker.labels.head import FOLDS, Head, Inputs, Scales, fit_head
from kindred_worker.labels.label import Labels
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.reading import read_everyone
from kindred_worker.report import Report, TooLittleData
from kindred_worker.segments.probe import auc, boosted, logistic

Float64 = npt.NDArray[np.float64]

PREDICTIONS, JUDGED = "predictions.parquet", "labels.json"
NEEDED = 10  # labels of either value
MOMENTS = 24  # different times of labels that aggregates are counted for, as each costs a pass over the events


@dataclass(frozen=True)
class Standing:
    """Area under the ROC curve, out of fold, with its deviation over resamples of the labels."""

    subject: str
    auc: float
    deviation: float
    baseline: bool


@dataclass(frozen=True)
class LearnedLabels:
    files: list[WrittenFile]
    head: Head
    used: int  # labels
    left_out: int  # labels of customers without an event before
    foreknown: int  # used labels that are older than the end of what the model learned from
    standings: list[Standing]


def learn_labels(
    snapshot: Snapshot,
    model: BehaviourModel,
    labels: Labels,
    output: Folder,
    report: Report,
    seed: int = 0,
    learned_until: int | None = None,
) -> LearnedLabels:
    """Raises TooLittleData where there are fewer than NEEDED usable labels of either value.

    `learned_until` (microseconds): the end of what the model learned from; the snapshot's now where nobody says.
    """
    report.progress(0.0, "reading customers as of their labels")
    asked = read_labelled(snapshot, model, labels, report)
    values = labels.values[asked.rows]
    least = int(min((values == 1).sum(), (values == 0).sum()))
    if least < NEEDED:
        raise TooLittleData(
            "There are too few labels to learn from",
            needed=f"{NEEDED} of either value, of customers with events",
            found=f"{least} of one value",
        )
    everyone = read_everyone(snapshot, model, 0, report.part(0.3, 0.6))
    scales = Scales.of(everyone.embedding, everyone.forecast, model.columns)
    inputs = scales.inputs(asked.embedding, asked.forecast, model.columns)
    report.progress(0.6, "judging beside aggregates")
    standings = _judged(snapshot, model, labels, asked, inputs, seed, report)
    head = fit_head(inputs, values, seed)
    probability = head.probability(scales.inputs(everyone.embedding, everyone.forecast, model.columns))

    def fill(stream: BinaryIO) -> None:
        pq.write_table(pa.table({"customer": everyone.customers, "probability": probability}), stream, compression="zstd")

    left_out = len(labels.customers) - len(asked.rows)
    foreknown = int((labels.as_of[asked.rows] < (snapshot.now if learned_until is None else learned_until)).sum())
    told = {
        "format": "kindred.labels/1",
        "labels": len(asked.rows),
        "positives": int(values.sum()),
        "leftOut": left_out,
        "foreknown": foreknown,
        "shrinkage": head.shrinkage,
        "standings": [asdict(one) for one in standings],
    }
    files = [output.write_with(PREDICTIONS, fill), output.write_json(JUDGED, told)]
    report.progress(1.0, f"{len(everyone.customers)} customers have a probability")
    return LearnedLabels(files, head, len(asked.rows), left_out, foreknown, standings)


def _judged(
    snapshot: Snapshot, model: BehaviourModel, labels: Labels, asked: Asked, inputs: Inputs, seed: int, report: Report
) -> list[Standing]:
    values = labels.values[asked.rows]
    customers = [labels.customers[row] for row in asked.rows]
    _, group = np.unique(customers, return_inverse=True)
    folds = list(StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed).split(values, values, group))

    def out_of_fold(said: Callable[[npt.NDArray[np.int64], npt.NDArray[np.int64]], Float64]) -> Float64:
        scores = np.zeros(len(values))
        for fit, test in folds:
            report.check()
            scores[test] = said(fit, test)
        return scores

    standings: list[Standing] = []

    def add(subject: str, scores: Float64, baseline: bool) -> None:
        figure = auc(values, scores, seed)
        standings.append(Standing(subject, figure.value, figure.deviation, baseline))

    add("labels", out_of_fold(lambda fit, test: fit_head(inputs.at(fit), values[fit], seed).probability(inputs.at(test))), False)
    chance = _chance(asked, model)
    if chance is not None:
        add("forecast", chance, True)
    counted = _counted(snapshot, model, customers, labels.as_of[asked.rows], report)
    if counted is not None:
        add("aggregates", out_of_fold(lambda fit, test: logistic(counted[fit], values[fit], counted[test])), True)
        add("aggregates, boosted", out_of_fold(lambda fit, test: boosted(counted[fit], values[fit], counted[test])), True)
    return standings


def _chance(asked: Asked, model: BehaviourModel) -> Float64 | None:
    """That any main event comes within the middle horizon, foreseen without a label."""
    chances = [(c.horizon_days, at) for at, c in enumerate(model.columns) if c.main and c.kind == "probability"]
    if not chances:
        return None
    horizons = sorted({days for days, _ in chances})
    middle = horizons[len(horizons) // 2]
    return 1 - np.prod([1 - asked.forecast[:, at].astype(np.float64) for days, at in chances if days == middle], axis=0)


def _counted(
    snapshot: Snapshot, model: BehaviourModel, customers: list[str], as_of: npt.NDArray[np.int64], report: Report
) -> Float64 | None:
    """(M, A) aggregates of each customer right before the label's time; None where there are too many such times."""
    moments = np.unique(as_of)
    if len(moments) > MOMENTS:
        return None
    rows: Float64 | None = None
    with EventTable(snapshot, model.features.main_events, model.features.value_property, report.check) as events:
        for moment in moments:
            report.check()
            here = np.flatnonzero(as_of == moment)
            found = prepared(aggregates(events, int(moment)).aligned([customers[at] for at in here]))
            rows = np.zeros((len(as_of), found.shape[1])) if rows is None else rows
            rows[here] = found
    return rows
