"""A head as training asks for it: a real server over a real socket."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc
import pyarrow.parquet as pq
import pytest

from kindred_worker.data.snapshot import Snapshot
from kindred_worker.data.storage import Folder
from kindred_worker.gen.kindred.worker.v1 import label_pb2 as pb
from kindred_worker.gen.kindred.worker.v1 import label_pb2_grpc as rpc
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.bundle import save_model
from tests.test_labels import events_of, everyone
from tests.test_rpc import reason_of, result_of, worker


def request(snapshot_uri: str, folder: Path, lines: list[str], **spec: Any) -> pb.TrainHeadRequest:
    (folder / "labels-1.csv").write_text("customer,value,as_of\n" + "".join(f"{line}\n" for line in lines))
    return pb.TrainHeadRequest(
        head_id="h1",
        snapshot_uri=snapshot_uri,
        model_uri=(folder / "model").as_uri(),
        labels_uri=(folder / "labels-1.csv").as_uri(),
        output_uri=(folder / "head").as_uri(),
        spec=pb.HeadSpec(**spec),
    )


async def test_a_head_is_learned_judged_and_written(snapshot: Snapshot, snapshot_uri: str, model: BehaviourModel, tmp_path: Path) -> None:
    save_model(Folder((tmp_path / "model").as_uri()), model, {"now": snapshot.now})
    labels = everyone(snapshot)
    lines = [f"{customer},{int(value)}," for customer, value in zip(labels.customers, labels.values, strict=True)]
    async with worker("train") as (channel, _):
        stub = rpc.LabelWorkerServiceStub(channel)
        kinds, last = await result_of(stub.TrainHead(request(snapshot_uri, tmp_path, lines, seed=1)))
        assert "progress" in kinds
        done = last.completed
        assert done.as_of == snapshot.now
        assert [file.path for file in done.completed.files] == [
            "head.safetensors",
            "predictions.parquet",
            "head.onnx",
            "head.live.json",
            "head.json",
        ]
        assert done.evaluation.labels == 90
        assert done.evaluation.standings[0].subject == "head"
        assert done.evaluation.verdict in (pb.HEAD_VERDICT_AHEAD, pb.HEAD_VERDICT_LEVEL, pb.HEAD_VERDICT_BEHIND)
        assert sum(one.labels for one in done.evaluation.calibration) == 90
        assert pq.read_metadata(tmp_path / "head" / "predictions.parquet").num_rows == 90

        with pytest.raises(grpc.aio.AioRpcError) as few:
            await result_of(stub.TrainHead(request(snapshot_uri, tmp_path, lines[:15])))
        assert few.value.code() == grpc.StatusCode.FAILED_PRECONDITION
        assert reason_of(few.value).reason == "TOO_LITTLE_DATA"
        with pytest.raises(grpc.aio.AioRpcError) as wrong:
            await result_of(stub.TrainHead(request(snapshot_uri, tmp_path, lines, epochs=1000)))
        assert wrong.value.code() == grpc.StatusCode.INVALID_ARGUMENT


async def test_a_head_of_numbers_tells_its_errors_and_its_interval(
    snapshot: Snapshot, snapshot_uri: str, model: BehaviourModel, tmp_path: Path
) -> None:
    save_model(Folder((tmp_path / "model").as_uri()), model, {"now": snapshot.now})
    lines = [f"{customer},{events / 4}," for customer, events in sorted(events_of(snapshot).items())]
    async with worker("train") as (channel, _):
        stub = rpc.LabelWorkerServiceStub(channel)
        _, last = await result_of(stub.TrainHead(request(snapshot_uri, tmp_path, lines, task=pb.HEAD_TASK_REGRESSION)))
        assert not last.completed.HasField("evaluation")
        found = last.completed.number_evaluation
        assert [one.subject for one in found.standings[:2]] == ["head", "mean"]
        assert found.standings[0].r2 > 0.5
        assert found.standings[0].low <= found.standings[0].rmse <= found.standings[0].high
        assert found.below < 0 < found.above
        assert 0.7 < found.covered <= 1
        assert pq.read_schema(tmp_path / "head" / "predictions.parquet").names == ["customer", "number", "low", "high"]
