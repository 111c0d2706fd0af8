"""Both roles as callers meet them: a real server over a real socket."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import grpc
import numpy as np
import pytest
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from grpc_health.v1 import health_pb2, health_pb2_grpc

from kindred_worker.gen.kindred.worker.v1 import rule_pb2, rule_pb2_grpc
from kindred_worker.gen.kindred.worker.v1 import worker_pb2 as pb
from kindred_worker.gen.kindred.worker.v1 import worker_pb2_grpc as rpc
from kindred_worker.models.bundle import ITEMS, SURPRISE
from tests.conftest import shop
from tests.make_snapshot import write_snapshot

HERE = Path(__file__).resolve().parent.parent
SPEC = pb.TrainingSpec(width=16, epochs=2, batch_size=32)


@asynccontextmanager
async def worker(role: str) -> AsyncGenerator[tuple[grpc.aio.Channel, subprocess.Popen[str]]]:
    """A worker process of this role, as operators start it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "kindred_worker", "--role", role, "--port", "0"],
        cwd=HERE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(HERE)},
    )
    assert process.stderr is not None
    port = 0
    for line in process.stderr:
        fields = json.loads(line)
        if fields["message"] == "listening":
            port = fields["port"]
            break
    # Read while it runs: a full pipe would hold it up for ever.
    said = asyncio.create_task(asyncio.to_thread(process.stderr.read))
    channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.max_receive_message_length", 64 << 20)])
    try:
        yield channel, process
    finally:
        await channel.close()
        process.terminate()
        try:
            await asyncio.to_thread(process.wait, 15)
        finally:
            process.kill()
            await said
            process.stderr.close()


async def result_of(call: AsyncIterator[Any]) -> tuple[list[str], Any]:
    """The kinds of messages that came, and the last one."""
    kinds, last = [], None
    async for message in call:
        kinds.append(message.WhichOneof("event"))
        last = message
    return kinds, last


def reason_of(error: grpc.aio.AioRpcError) -> ErrorInfo:
    details = dict(error.trailing_metadata())["grpc-status-details-bin"]
    assert isinstance(details, bytes)
    status = Status.FromString(details)
    info = ErrorInfo()
    assert status.details[0].Unpack(info)
    return info


async def says_of_a_spec_alone(stub: rpc.TrainWorkerServiceStub) -> None:
    """What is wrong with it, and where, before there are data."""
    await stub.CheckSpec(pb.CheckSpecRequest(spec=SPEC))
    for spec, field, message in [
        (pb.TrainingSpec(objectives=[pb.ObjectiveSpec(name="tarot")]), "objectives", "'tarot' is unknown; there are horizon, "),
        (pb.TrainingSpec(encoder="oracle"), "encoder", "'oracle' is unknown; there are decayed_sum, "),
        (pb.TrainingSpec(width=3), "", "width must lie between 4 and 1024"),
    ]:
        with pytest.raises(grpc.aio.AioRpcError, match=message) as refused:
            await stub.CheckSpec(pb.CheckSpecRequest(spec=spec))
        assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert reason_of(refused.value).metadata.get("field", "") == field


async def says_what_a_spec_can_choose_among(stub: rpc.TrainWorkerServiceStub) -> None:
    """Every name it tells is one that it takes."""
    choices = (await stub.GetSpecChoices(pb.GetSpecChoicesRequest())).choices
    assert {encoder.name: encoder.has_live_form for encoder in choices.encoders}.items() >= {("gru", True), ("transformer", False)}
    assert {"horizon", "barlow_twins"} <= set(choices.objectives)
    everything = [pb.ObjectiveSpec(name=name) for name in choices.objectives]
    for encoder in choices.encoders:
        await stub.CheckSpec(pb.CheckSpecRequest(spec=pb.TrainingSpec(encoder=encoder.name, objectives=everything)))


async def judges(stub: rpc.ScoreWorkerServiceStub, uri: str, model_hash: str, event: pb.ScoreEvent) -> None:
    """Events of a customer are judged in the order asked; one that cannot be read fails alone; a place that is none is refused."""
    unreadable = pb.ScoreEvent(name="Order Completed", occurred_at=event.occurred_at, properties=b"[")
    customers = [
        pb.CustomerJudgeRequest(customer_id="c1", events=[event, event], asked=[1, 0]),
        pb.CustomerJudgeRequest(customer_id="c2", events=[unreadable], asked=[0]),
    ]
    judged = await stub.JudgeEvents(pb.JudgeEventsRequest(model_uri=uri, model_hash=model_hash, customers=customers))
    assert judged.judges
    assert [len(c.novelty) for c in judged.customers] == [2, 0]
    assert all(0 <= n <= 1 for n in judged.customers[0].novelty)
    assert [bool(c.error) for c in judged.customers] == [False, True]
    beyond = pb.JudgeEventsRequest(
        model_uri=uri, model_hash=model_hash, customers=[pb.CustomerJudgeRequest(customer_id="c1", events=[event], asked=[1])]
    )
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.JudgeEvents(beyond)
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT


async def test_the_train_role_from_snapshot_to_everyones_membership_and_scores(snapshot_uri: str, tmp_path: Path) -> None:
    uri = tmp_path.as_uri()
    async with worker("train") as (channel, process):
        train = rpc.TrainWorkerServiceStub(channel)
        kinds, trained = await result_of(train.Train(pb.TrainRequest(run_id="r", snapshot_uri=snapshot_uri, output_uri=uri, spec=SPEC)))
        assert kinds[-1] == "completed"
        assert {"progress", "metric"} <= set(kinds)
        assert [f.path for f in trained.completed.files] == [
            "quality.json",
            *ITEMS,
            SURPRISE,
            "encoder.safetensors",
            "features.json",
            "encoder.json",
        ]
        for file in trained.completed.files:
            assert hashlib.sha256((tmp_path / file.path).read_bytes()).hexdigest() == file.sha256
        request = pb.DiscoverRequest(snapshot_uri=snapshot_uri, model_uri=uri, output_uri=uri, spec=SPEC)
        kinds, discovered = await result_of(train.Discover(request))
        assert kinds[-1] == "completed"
        assert len(discovered.completed.segments) >= 2
        bundle = next(f for f in discovered.completed.completed.files if f.path == "bundle.json")
        evaluation = pb.EvaluateRequest(snapshot_uri=snapshot_uri, model_uri=uri, output_uri=uri, spec=SPEC)
        kinds, evaluated = await result_of(train.Evaluate(evaluation))
        assert kinds[-1] == "completed"
        assert (tmp_path / "evaluation.json").exists()
        assert {m.baseline for m in evaluated.completed.measures} == {True, False}
        kinds, embedded = await result_of(train.Embed(pb.EmbedRequest(snapshot_uri=snapshot_uri, model_uri=uri, output_uri=uri)))
        assert embedded.completed.customers == 90
        assert [f.path for f in embedded.completed.files] == ["customers.parquet"]

    async with worker("score") as (channel, process):
        call = rpc.ScoreWorkerServiceStub(channel).Score()
        event = pb.ScoreEvent(name="Order Completed", occurred_at=1_710_000_000_000_000, properties=b'{"revenue": 30}')
        for number in range(20):
            customers = [pb.CustomerScoreRequest(customer_id=f"c{i}", events=[event], read_at=event.occurred_at) for i in range(3)]
            await call.write(
                pb.ScoreRequest(
                    request_id=number,
                    model_uri=uri,
                    model_hash=bundle.sha256,
                    fence=7,
                    customers=customers,
                )
            )
        await call.done_writing()
        answers = {a.request_id: a async for a in call}
        assert sorted(answers) == list(range(20))
        assert {a.fence for a in answers.values()} == {7}
        one = answers[3].customers[1]
        assert (one.customer_id, one.error, one.rebuild, len(one.embedding)) == ("c1", "", False, 64)
        foreseen = answers[3].foreseen
        assert foreseen[0].event in ("Order Completed", "Product Added", "Product Viewed")
        assert len(one.packed_forecast) == 8 * len(foreseen)  # two float32 each
        assert 0 <= np.frombuffer(one.packed_forecast, "<f4")[0] <= 1

        await judges(rpc.ScoreWorkerServiceStub(channel), uri, bundle.sha256, event)

        wrong = rpc.ScoreWorkerServiceStub(channel).Score()
        await wrong.write(pb.ScoreRequest(request_id=1, model_uri=uri, model_hash="0" * 64))
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await wrong.read()
        assert refused.value.code() == grpc.StatusCode.FAILED_PRECONDITION
        assert reason_of(refused.value).reason == "MODEL_UNAVAILABLE"
        # A stopped worker answers what it has, and ends.
        began = monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert monotonic() - began < 10


async def test_the_train_role_says_what_is_wrong_with_a_request(snapshot_uri: str, tmp_path: Path) -> None:
    few = write_snapshot(shop(customers=5), tmp_path / "few").as_uri()
    changed = write_snapshot(shop(), tmp_path / "changed")
    (changed / "events-001.parquet").write_bytes(b"PAR1 something else PAR1")
    cases = [
        (pb.TrainRequest(snapshot_uri=few, spec=SPEC), "FAILED_PRECONDITION", "TOO_LITTLE_DATA"),
        (pb.TrainRequest(snapshot_uri=changed.as_uri(), spec=SPEC), "DATA_LOSS", "HASH_MISMATCH"),
        (pb.TrainRequest(snapshot_uri="file:///nowhere/at/all", spec=SPEC), "INVALID_ARGUMENT", "INVALID_INPUT"),
        (pb.TrainRequest(snapshot_uri="nonsense", spec=SPEC), "INVALID_ARGUMENT", "INVALID_INPUT"),
        (pb.TrainRequest(snapshot_uri=snapshot_uri, spec=pb.TrainingSpec(width=3)), "INVALID_ARGUMENT", "INVALID_INPUT"),
        (pb.TrainRequest(snapshot_uri=snapshot_uri, spec=pb.TrainingSpec(encoder="oracle")), "INVALID_ARGUMENT", "INVALID_INPUT"),
    ]
    async with worker("train") as (channel, _):
        await says_of_a_spec_alone(rpc.TrainWorkerServiceStub(channel))
        await says_what_a_spec_can_choose_among(rpc.TrainWorkerServiceStub(channel))
        for request, code, reason in cases:
            request.output_uri = (tmp_path / "out").as_uri()
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await result_of(rpc.TrainWorkerServiceStub(channel).Train(request))
            assert refused.value.code().name == code
            assert reason_of(refused.value).reason == reason
            if reason == "TOO_LITTLE_DATA":
                assert reason_of(refused.value).metadata["needed"] == "50 customers and 500 events"
        assert not (tmp_path / "out").exists()


async def test_the_score_role_puts_any_members_into_a_rule_and_says_what_is_wrong_with_a_request() -> None:
    orders = [float(at % 5) for at in range(200)]
    members = [count >= 3 for count in orders]
    traits = [rule_pb2.TraitColumn(key="recent:90", unit="times", values=orders)]
    async with worker("score") as (channel, _):
        rules = rule_pb2_grpc.RuleWorkerServiceStub(channel)
        asked = rule_pb2.DistillRuleRequest(traits=traits, members=members, main_event="Order Completed")
        rule = (await rules.DistillRule(asked)).rule
        assert rule.text == "At least 3 orders in the last 90 days."
        assert [(c.trait, c.operator, c.value) for c in rule.conditions] == [("recent:90", rule_pb2.RULE_OPERATOR_AT_LEAST, 3.0)]
        assert rule.faithful
        assert rule.fidelity == rule.precision == rule.recall == 1
        for wrong, said in (
            (rule_pb2.DistillRuleRequest(traits=traits, members=members[1:]), "200 values for 199 customers"),
            (rule_pb2.DistillRuleRequest(traits=traits, members=[False] * 200), "two members"),
            (rule_pb2.DistillRuleRequest(members=members), "a trait"),
        ):
            with pytest.raises(grpc.aio.AioRpcError, match=said) as refused:
                await rules.DistillRule(wrong)
            assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_health_answers_and_a_cancel_frees_the_worker_while_it_trains(snapshot_uri: str, tmp_path: Path) -> None:
    async with worker("train") as (channel, process):
        health: Any = health_pb2_grpc.HealthStub(channel)
        train = rpc.TrainWorkerServiceStub(channel)
        long = pb.TrainRequest(snapshot_uri=snapshot_uri, output_uri=(tmp_path / "a").as_uri(), spec=pb.TrainingSpec(epochs=1000))
        call = train.Train(long)
        async for message in call:
            if message.WhichOneof("event") == "metric":
                break
        for service in ("", "kindred.worker.v1.TrainWorkerService"):
            began = monotonic()
            answer = await health.Check(health_pb2.HealthCheckRequest(service=service), timeout=2)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
            assert monotonic() - began < 1
        call.cancel()
        began = monotonic()
        # The next one gets the thread as soon as the cancelled one has left it.
        short = pb.TrainRequest(snapshot_uri="file:///nowhere", output_uri=(tmp_path / "b").as_uri())
        with pytest.raises(grpc.aio.AioRpcError):
            await result_of(train.Train(short))
        assert monotonic() - began < 2

        # A stop in mid-run leaves a checkpoint, says UNAVAILABLE, and the same request resumes from there.
        call = train.Train(long)
        async for message in call:
            if message.WhichOneof("event") == "metric" and message.metric.step >= 20:
                break
        process.send_signal(signal.SIGTERM)
        with pytest.raises(grpc.aio.AioRpcError) as stopped:
            async for _ in call:
                pass
        assert stopped.value.code() == grpc.StatusCode.UNAVAILABLE
        assert await asyncio.to_thread(process.wait, 10) == 0
        assert list((tmp_path / "a" / "checkpoints").iterdir())


def test_a_port_in_use_is_said_and_ends_the_process(snapshot_uri: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ended = subprocess.run(
            [sys.executable, "-m", "kindred_worker", "--role", "train", "--port", port],
            cwd=HERE,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert ended.returncode == 1
    assert port in ended.stderr
