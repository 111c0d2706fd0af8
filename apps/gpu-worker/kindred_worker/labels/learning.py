"""Learns a head from a few labels, judges it beside its rivals, and says what it foresees of everyone.

Writes head.safetensors (weights and scales), head.json (spec, evaluation), for a tuned encoder encoder.safetensors, for one
that is as it was the live form (live.py), and predictions.parquet (customer and what is said: task.py; as of the snapshot's now).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from safetensors.torch import save

from kindred_worker.data.snapshot import Snapshot
from kindred_worker.data.storage import Folder, WrittenFile
from kindred_worker.labels.asked import Asked, read_examples, read_labelled
from kindred_worker.labels.comparison import Comparison, Folds
from kindred_worker.labels.head import Inputs, Scales, fit_head
from kindred_worker.labels.judging import judge
from kindred_worker.labels.label import Labels
from kindred_worker.labels.live import write_live_form
from kindred_worker.labels.rivals import rivals
from kindred_worker.labels.spec import HeadSpec
from kindred_worker.labels.task import FOLDS, Saying, Task
from kindred_worker.labels.tasks import TASKS
from kindred_worker.labels.tuning import Labelled, Tuned, scores, tune
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.bundle import WEIGHTS
from kindred_worker.models.reading import Reading, read_everyone
from kindred_worker.report import Report

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

FORMAT = "kindred.head/1"
PREDICTIONS, TOLD, HEAD_WEIGHTS = "predictions.parquet", "head.json", "head.safetensors"
TUNED_AT_MOST = 5_000  # labels, of customers drawn at random where there are more: their events are held in memory


@dataclass(frozen=True)
class LearnedHead:
    files: list[WrittenFile]
    evaluation: Comparison
    as_of: int  # microseconds, of what is said of everyone
    events: int
    customers: int


@dataclass(frozen=True)
class _Question:
    """The labels that can be learned from, as every step needs them."""

    spec: HeadSpec
    task: Task
    snapshot: Snapshot
    model: BehaviourModel
    scales: Scales
    asked: Asked
    inputs: Inputs  # of the asked, by the model as it is
    customers: list[str]  # (M)
    as_of: Int64  # (M)
    targets: Float64  # (M)
    group: Int64  # (M) number of the customer
    folds: Folds


def learn_head(
    snapshot: Snapshot,
    model: BehaviourModel,
    labels: Labels,
    output: Folder,
    report: Report,
    spec: HeadSpec | None = None,
    learned_until: int | None = None,
) -> LearnedHead:
    """Raises TooLittleData where too few labels can be used (Task.check_enough).

    `learned_until` (microseconds): the end of what the model learned from; the snapshot's now where nobody says.
    """
    spec = spec or HeadSpec()
    report.progress(0.0, "reading customers as of their labels")
    asked = read_labelled(snapshot, model, labels, report)
    values = labels.values[asked.rows]
    group = _numbered([labels.customers[row] for row in asked.rows])
    TASKS[spec.task].check_enough(values, group)
    task = TASKS[spec.task].scaled_to(values)
    labels = replace(labels, values=task.targets(labels.values))
    everyone = read_everyone(snapshot, model, 0, report.part(0.1, 0.3))
    question = _question(spec, task, snapshot, model, labels, asked, group, everyone)
    report.progress(0.3, "judging out of fold")
    labelled = _labelled(question, labels, report) if spec.fine_tuned else None
    judged = _out_of_fold(question, labelled, report.part(0.3, 0.65))
    report.progress(0.65, "judging beside aggregates")
    beside = rivals(task, snapshot, model, asked, question.customers, question.as_of, question.targets, question.folds, report)
    tuned = _learned(question, labelled, np.arange(len(question.targets)), report.part(0.7, 0.85))
    evaluation = judge(
        task,
        question.targets,
        question.group,
        question.folds,
        judged,
        beside,
        report.check,
        left_out=len(labels.customers) - len(asked.rows),
        foreknown=int((question.as_of < (snapshot.now if learned_until is None else learned_until)).sum()),
        tuned_epochs=tuned.epochs,
        seed=spec.seed,
    )
    saying = task.saying(judged, question.targets)
    if tuned.epochs:
        everyone = read_everyone(snapshot, tuned.model, 0, report.part(0.85, 0.97))
    said = saying.said(tuned.head.scores(question.scales.inputs(everyone.embedding, everyone.forecast, everyone.columns)))
    files = _written(output, question, tuned, saying, evaluation, everyone.customers, said, report)
    report.progress(1.0, f"{len(everyone.customers)} customers have a prediction")
    return LearnedHead(files, evaluation, everyone.read_at, int(everyone.events.sum()), len(everyone.customers))


def _numbered(customers: list[str]) -> Int64:
    """(M) numbers of the customers."""
    return np.unique(customers, return_inverse=True)[1].astype(np.int64)


def _question(
    spec: HeadSpec, task: Task, snapshot: Snapshot, model: BehaviourModel, labels: Labels, asked: Asked, group: Int64, everyone: Reading
) -> _Question:
    scales = Scales.of(everyone.embedding, everyone.forecast, model.columns)
    targets = labels.values[asked.rows]
    return _Question(
        spec=spec,
        task=task,
        snapshot=snapshot,
        model=model,
        scales=scales,
        asked=asked,
        inputs=scales.inputs(asked.embedding, asked.forecast, model.columns),
        customers=[labels.customers[row] for row in asked.rows],
        as_of=labels.as_of[asked.rows],
        targets=targets,
        group=group,
        folds=task.folds(targets, group, FOLDS, spec.seed),
    )


def _labelled(question: _Question, labels: Labels, report: Report) -> Labelled:
    examples = read_examples(question.snapshot, question.model, labels, question.asked.rows, report)
    return Labelled(examples, np.arange(len(question.targets)))


def _learned(question: _Question, labelled: Labelled | None, rows: Int64, report: Report) -> Tuned:
    """The head from the labels at `rows`, on the frozen encoder or on a tuned copy."""
    spec, task, inputs = question.spec, question.task, question.inputs.at(rows)
    if labelled is not None:
        drawn = np.sort(np.random.default_rng([spec.seed, 0]).permutation(len(rows))[:TUNED_AT_MOST])
        tuned = tune(task, spec, question.model, question.scales, labelled.some(rows[drawn]), inputs.at(drawn), report)
        if tuned.epochs:
            return tuned
    return Tuned(question.model, fit_head(task, inputs, question.targets[rows], question.group[rows], spec.seed, report.check), 0)


def _out_of_fold(question: _Question, labelled: Labelled | None, report: Report) -> Float64:
    """(M) scores, each by a head that was learned without the label's customer."""
    said = np.zeros(len(question.targets))
    for at, (fit, test) in enumerate(question.folds):
        report.progress(at / len(question.folds), f"judging out of fold, {at + 1} of {len(question.folds)}")
        tuned = _learned(question, labelled, fit, _Quiet(report))
        if labelled is not None and tuned.epochs:
            said[test] = scores(tuned, question.scales, labelled.some(test), report)
        else:
            said[test] = tuned.head.scores(question.inputs.at(test))
    return said


class _Quiet(Report):
    """Passes of a fold are no progress of the whole; a cancel still ends them."""

    def __init__(self, whole: Report) -> None:
        super().__init__()
        self._whole = whole

    def check(self) -> None:
        self._whole.check()


def _written(
    output: Folder,
    question: _Question,
    tuned: Tuned,
    saying: Saying,
    evaluation: Comparison,
    customers: list[str],
    said: list[Float64],
    report: Report,
) -> list[WrittenFile]:
    """head.json is written last: where it lies, the others do."""

    def fill(stream: BinaryIO) -> None:
        pq.write_table(pa.table({"customer": customers, **dict(zip(saying.columns, said, strict=True))}), stream, compression="zstd")

    head, scales = tuned.head, question.scales
    tensors = {
        "weights": head.weights,
        "bias": np.array([head.bias]),
        "foreseen.mean": scales.foreseen[0],
        "foreseen.scale": scales.foreseen[1],
        "embedding.mean": scales.embedding[0],
        "embedding.scale": scales.embedding[1],
    }
    files = [
        output.write(HEAD_WEIGHTS, save({name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in tensors.items()})),
        output.write_with(PREDICTIONS, fill),
    ]
    if tuned.epochs:
        weights = {name: value.detach().cpu().contiguous() for name, value in tuned.model.state_dict().items()}
        files.append(output.write(WEIGHTS, save(weights)))
    else:
        files += write_live_form(output, question.model, scales, head, saying, report)
    told = {
        "format": FORMAT,
        "spec": asdict(question.spec),
        "modelStamp": question.model.stamp,
        "shrinkage": head.shrinkage,
        "saying": saying.settings(),
        "asOf": question.snapshot.now,
        "evaluation": asdict(evaluation),
    }
    return [*files, output.write_json(TOLD, told)]
