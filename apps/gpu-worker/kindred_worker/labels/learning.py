"""Learns a head from a few labels, judges it beside its rivals, and says everyone's probability.

Writes head.safetensors (weights and scales), head.json (spec, evaluation), for a tuned encoder encoder.safetensors, for one
that is as it was the live form (live.py), and predictions.parquet (customer, probability; calibrated, as of the snapshot's now).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from safetensors.torch import save
from sklearn.model_selection import StratifiedGroupKFold

from kindred_worker.data.snapshot import Snapshot
from kindred_worker.data.storage import Folder, WrittenFile
from kindred_worker.labels.asked import Asked, read_examples, read_labelled
from kindred_worker.labels.calibration import Calibration, fit_calibration
from kindred_worker.labels.head import FOLDS, Inputs, Scales, fit_head
from kindred_worker.labels.judging import Evaluation, judge
from kindred_worker.labels.label import Labels
from kindred_worker.labels.live import write_live_form
from kindred_worker.labels.rivals import rivals
from kindred_worker.labels.spec import HeadSpec
from kindred_worker.labels.tuning import Labelled, Tuned, log_odds, tune
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.bundle import WEIGHTS
from kindred_worker.models.reading import Reading, read_everyone
from kindred_worker.report import Report, TooLittleData

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

FORMAT = "kindred.head/1"
PREDICTIONS, TOLD, HEAD_WEIGHTS = "predictions.parquet", "head.json", "head.safetensors"
NEEDED = 10  # labels of either value
TUNED_AT_MOST = 5_000  # labels, of customers drawn at random where there are more: their events are held in memory


@dataclass(frozen=True)
class LearnedHead:
    files: list[WrittenFile]
    evaluation: Evaluation
    as_of: int  # microseconds, of everyone's probability
    events: int
    customers: int


@dataclass(frozen=True)
class _Question:
    """The labels that can be learned from, as every step needs them."""

    spec: HeadSpec
    snapshot: Snapshot
    model: BehaviourModel
    scales: Scales
    asked: Asked
    inputs: Inputs  # of the asked, by the model as it is
    customers: list[str]  # (M)
    as_of: Int64  # (M)
    values: Float64  # (M)
    group: Int64  # (M) number of the customer
    folds: list[tuple[Int64, Int64]]


def learn_head(
    snapshot: Snapshot,
    model: BehaviourModel,
    labels: Labels,
    output: Folder,
    report: Report,
    spec: HeadSpec | None = None,
    learned_until: int | None = None,
) -> LearnedHead:
    """Raises TooLittleData where there are fewer than NEEDED usable labels of either value.

    `learned_until` (microseconds): the end of what the model learned from; the snapshot's now where nobody says.
    """
    spec = spec or HeadSpec()
    report.progress(0.0, "reading customers as of their labels")
    asked = read_labelled(snapshot, model, labels, report)
    _check_enough(labels.values[asked.rows])
    everyone = read_everyone(snapshot, model, 0, report.part(0.1, 0.3))
    question = _question(spec, snapshot, model, labels, asked, everyone)
    report.progress(0.3, "judging out of fold")
    labelled = _labelled(question, labels, report) if spec.fine_tuned else None
    judged = _out_of_fold(question, labelled, report.part(0.3, 0.65))
    report.progress(0.65, "judging beside aggregates")
    beside = rivals(snapshot, model, asked, question.customers, question.as_of, question.values, question.folds, report)
    tuned = _learned(question, labelled, np.arange(len(question.values)), report.part(0.7, 0.85))
    evaluation = judge(
        question.values,
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
    calibration = fit_calibration(judged, question.values)
    if tuned.epochs:
        everyone = read_everyone(snapshot, tuned.model, 0, report.part(0.85, 0.97))
    probability = calibration.probability(
        tuned.head.log_odds(question.scales.inputs(everyone.embedding, everyone.forecast, everyone.columns))
    )
    files = _written(output, question, tuned, calibration, evaluation, everyone.customers, probability, report)
    report.progress(1.0, f"{len(everyone.customers)} customers have a probability")
    return LearnedHead(files, evaluation, everyone.read_at, int(everyone.events.sum()), len(everyone.customers))


def _check_enough(values: Float64) -> None:
    least = int(min((values == 1).sum(), (values == 0).sum()))
    if least < NEEDED:
        raise TooLittleData(
            "There are too few labels to learn from",
            needed=f"{NEEDED} of either value, of customers with events",
            found=f"{least} of one value",
        )


def _question(spec: HeadSpec, snapshot: Snapshot, model: BehaviourModel, labels: Labels, asked: Asked, everyone: Reading) -> _Question:
    scales = Scales.of(everyone.embedding, everyone.forecast, model.columns)
    values = labels.values[asked.rows]
    customers = [labels.customers[row] for row in asked.rows]
    _, group = np.unique(customers, return_inverse=True)
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=spec.seed).split(values, values, group)
    return _Question(
        spec=spec,
        snapshot=snapshot,
        model=model,
        scales=scales,
        asked=asked,
        inputs=scales.inputs(asked.embedding, asked.forecast, model.columns),
        customers=customers,
        as_of=labels.as_of[asked.rows],
        values=values,
        group=group.astype(np.int64),
        folds=list(folds),
    )


def _labelled(question: _Question, labels: Labels, report: Report) -> Labelled:
    examples = read_examples(question.snapshot, question.model, labels, question.asked.rows, report)
    return Labelled(examples, np.arange(len(question.values)))


def _learned(question: _Question, labelled: Labelled | None, rows: Int64, report: Report) -> Tuned:
    """The head from the labels at `rows`, on the frozen encoder or on a tuned copy."""
    spec, inputs = question.spec, question.inputs.at(rows)
    if labelled is None:
        return Tuned(question.model, fit_head(inputs, question.values[rows], spec.seed), 0)
    drawn = np.sort(np.random.default_rng([spec.seed, 0]).permutation(len(rows))[:TUNED_AT_MOST])
    tuned = tune(spec, question.model, question.scales, labelled.some(rows[drawn]), inputs.at(drawn), report)
    return tuned if tuned.epochs else Tuned(question.model, fit_head(inputs, question.values[rows], spec.seed), 0)


def _out_of_fold(question: _Question, labelled: Labelled | None, report: Report) -> Float64:
    """(M) log odds, each by a head that was learned without the label's customer."""
    said = np.zeros(len(question.values))
    for at, (fit, test) in enumerate(question.folds):
        report.progress(at / len(question.folds), f"judging out of fold, {at + 1} of {len(question.folds)}")
        tuned = _learned(question, labelled, fit, _Quiet(report))
        if labelled is not None and tuned.epochs:
            said[test] = log_odds(tuned, question.scales, labelled.some(test), report)
        else:
            said[test] = tuned.head.log_odds(question.inputs.at(test))
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
    calibration: Calibration,
    evaluation: Evaluation,
    customers: list[str],
    probability: Float64,
    report: Report,
) -> list[WrittenFile]:
    """head.json is written last: where it lies, the others do."""

    def fill(stream: BinaryIO) -> None:
        pq.write_table(pa.table({"customer": customers, "probability": probability}), stream, compression="zstd")

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
        files += write_live_form(output, question.model, scales, head, calibration, report)
    told = {
        "format": FORMAT,
        "spec": asdict(question.spec),
        "modelStamp": question.model.stamp,
        "shrinkage": head.shrinkage,
        "calibration": asdict(calibration),
        "asOf": question.snapshot.now,
        "evaluation": asdict(evaluation),
    }
    return [*files, output.write_json(TOLD, told)]
