"""What the same labels give without the model, and what the model foresees without the labels: the rivals of a head."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from kindred_worker.data.aggregates import EventTable, Table, aggregates, prepared, rfm
from kindred_worker.data.snapshot import Snapshot
from kindred_worker.labels.asked import Asked
from kindred_worker.labels.comparison import Folds
from kindred_worker.labels.task import Task
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.report import Report

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

MOMENTS = 24  # different times of labels that aggregates are counted for, as each costs a pass over the events


def rivals(
    task: Task,
    snapshot: Snapshot,
    model: BehaviourModel,
    asked: Asked,
    customers: list[str],
    as_of: Int64,
    targets: Float64,
    folds: Folds,
    report: Report,
) -> dict[str, Float64]:
    """(M) scores of each, out of fold; aggregates are left out where labels have more than MOMENTS different times."""

    def out_of_fold(features: Float64, probe: Callable[[Float64, Float64, Float64], Float64]) -> Float64:
        scores = np.zeros(len(targets))
        for fit, test in folds:
            report.check()
            scores[test] = probe(features[fit], targets[fit], features[test])
        return scores

    scores = task.without_features(asked.forecast, model.columns, targets, folds)
    if len(np.unique(as_of)) > MOMENTS:
        return scores
    simple, counted = _counted(snapshot, model, customers, as_of, report)
    scores["rfm"] = out_of_fold(simple, task.plain)
    scores["aggregates"] = out_of_fold(counted, task.plain)
    scores["aggregates, boosted"] = out_of_fold(counted, task.boosted)
    return scores


def _counted(snapshot: Snapshot, model: BehaviourModel, customers: list[str], as_of: Int64, report: Report) -> tuple[Float64, Float64]:
    """(M, 7) RFM and (M, A) aggregates of each customer right before the label's time."""
    parts: list[tuple[Int64, Float64, Float64]] = []
    with EventTable(snapshot, model.features.main_events, model.features.value_property, report.check) as events:
        for moment in np.unique(as_of):
            report.check()
            here = np.flatnonzero(as_of == moment)
            wanted = [customers[at] for at in here]

            def features(table: Table, wanted: list[str] = wanted) -> Float64:
                return prepared(table.aligned(wanted))

            parts.append((here, features(rfm(events, int(moment))), features(aggregates(events, int(moment)))))
    order = np.argsort(np.concatenate([here for here, _, _ in parts]))
    return np.concatenate([simple for _, simple, _ in parts])[order], np.concatenate([counted for _, _, counted in parts])[order]
