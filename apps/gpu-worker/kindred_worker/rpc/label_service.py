"""LabelWorkerService: opens what the URIs name, learns a head and streams what happens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import grpc

from kindred_worker.data.snapshot import Snapshot
from kindred_worker.data.storage import Folder
from kindred_worker.gen.kindred.worker.v1 import label_pb2 as pb
from kindred_worker.gen.kindred.worker.v1 import label_pb2_grpc as rpc
from kindred_worker.labels.spec import HeadSpec
from kindred_worker.report import InvalidInput, Report
from kindred_worker.rpc.errors import abort
from kindred_worker.rpc.messages import completed
from kindred_worker.rpc.stream import Jobs

if TYPE_CHECKING:
    from kindred_worker.labels.classification import Evaluation
    from kindred_worker.labels.comparison import Comparison
    from kindred_worker.labels.regression import NumberEvaluation


class LabelWorker(rpc.LabelWorkerServiceServicer):
    """Shares the jobs of the training role: one thing is learned at a time."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    async def TrainHead(self, request: pb.TrainHeadRequest, context: grpc.aio.ServicerContext) -> AsyncIterator[pb.TrainHeadResponse]:
        try:
            spec = head_spec_of(request.spec)
        except InvalidInput as error:
            await abort(context, error)
            raise

        def work(report: Report) -> pb.TrainHeadResponse:
            from kindred_worker.labels.label import read_labels
            from kindred_worker.labels.learning import learn_head
            from kindred_worker.labels.tasks import TASKS
            from kindred_worker.models.bundle import ENCODER, open_model

            snapshot = Snapshot.open(request.snapshot_uri, report.check)
            model, _ = open_model(request.model_uri)
            folder, _, name = request.labels_uri.rpartition("/")
            labels = read_labels(Folder(folder).read(name).decode(), snapshot.now, TASKS[spec.task])
            learned_until = Folder(request.model_uri).read_json(ENCODER).get("now")
            learned = learn_head(snapshot, model, labels, Folder(request.output_uri), report, spec, learned_until)
            return pb.TrainHeadResponse(
                completed=pb.TrainHeadCompleted(
                    completed=completed(learned.files, learned.events, learned.customers),
                    as_of=learned.as_of,
                    **evaluation_of(learned.evaluation),
                )
            )

        async for response in self._jobs.run(context, pb.TrainHeadResponse, work):
            yield response


def head_spec_of(message: pb.HeadSpec) -> HeadSpec:
    """Unset or zero means the default. Raises InvalidInput."""
    default = HeadSpec()
    return HeadSpec(
        task="REGRESSION" if message.task == pb.HEAD_TASK_REGRESSION else "CLASSIFICATION",
        fine_tuned=message.encoder == pb.HEAD_ENCODER_FINE_TUNED,
        seed=message.seed,
        learning_rate=message.learning_rate or default.learning_rate,
        epochs=message.epochs,
    ).checked()


def evaluation_of(found: Comparison) -> dict[str, Any]:
    """The field of TrainHeadCompleted that tells it."""
    from kindred_worker.labels.classification import Evaluation
    from kindred_worker.labels.regression import NumberEvaluation

    match found:
        case Evaluation():
            return {"evaluation": _of_classification(found)}
        case NumberEvaluation():
            return {"number_evaluation": _of_regression(found)}
        case _:
            raise TypeError(type(found).__name__)


def _compared(found: Comparison) -> dict[str, Any]:
    return {
        "labels": found.labels,
        "left_out": found.left_out,
        "foreknown": found.foreknown,
        "verdict": f"HEAD_VERDICT_{found.verdict}",
        "sentence": found.sentence,
        "best_rival": found.best_rival,
        "lead": found.lead,
        "lead_low": found.lead_low,
        "lead_high": found.lead_high,
        "tuned_epochs": found.tuned_epochs,
    }


def _of_classification(found: Evaluation) -> pb.HeadEvaluation:
    return pb.HeadEvaluation(
        **_compared(found),
        positives=found.positives,
        standings=[
            pb.HeadStanding(subject=s.subject, auc=s.figure, deviation=s.deviation, low=s.low, high=s.high, baseline=s.baseline)
            for s in found.standings
        ],
        calibration_error=found.calibration_error,
        calibration=[
            pb.CalibrationBin(claimed=b["claimed"], happened=b["happened"], labels=int(b["customers"])) for b in found.calibration
        ],
    )


def _of_regression(found: NumberEvaluation) -> pb.NumberEvaluation:
    return pb.NumberEvaluation(
        **_compared(found),
        standings=[
            pb.NumberStanding(
                subject=s.subject,
                rmse=s.figure,
                deviation=s.deviation,
                low=s.low,
                high=s.high,
                r2=found.explained(s.figure),
                baseline=s.baseline,
            )
            for s in found.standings
        ],
        below=found.below,
        above=found.above,
        covered=found.covered,
    )
