"""TrainWorkerService: each method opens what its URIs name, calls one plain function and streams what happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import grpc

from kindred_worker.data.snapshot import Snapshot
from kindred_worker.data.storage import Folder
from kindred_worker.gen.kindred.worker.v1 import worker_pb2 as pb
from kindred_worker.gen.kindred.worker.v1 import worker_pb2_grpc as rpc
from kindred_worker.report import InvalidInput, Report
from kindred_worker.rpc.errors import abort
from kindred_worker.rpc.messages import completed, discovered, evaluated, spec_of
from kindred_worker.rpc.stream import Jobs
from kindred_worker.spec import TrainingSpec


class TrainWorker(rpc.TrainWorkerServiceServicer):
    # Torch and sklearn are imported by the first job, so that the process is healthy at once.
    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    async def CheckSpec(self, request: pb.CheckSpecRequest, context: grpc.aio.ServicerContext) -> pb.CheckSpecResponse:
        spec = await _spec(request.spec, context)
        try:
            await asyncio.to_thread(_check, spec)
        except InvalidInput as error:
            await abort(context, error)
        return pb.CheckSpecResponse()

    async def GetSpecChoices(self, request: pb.GetSpecChoicesRequest, context: grpc.aio.ServicerContext) -> pb.GetSpecChoicesResponse:
        return pb.GetSpecChoicesResponse(choices=await asyncio.to_thread(_choices))

    async def Train(self, request: pb.TrainRequest, context: grpc.aio.ServicerContext) -> AsyncIterator[pb.TrainResponse]:
        spec = await _spec(request.spec, context)

        def work(report: Report) -> pb.TrainResponse:
            from kindred_worker.learn import learn

            snapshot = Snapshot.open(request.snapshot_uri, report.check)
            result = learn(spec, snapshot, Folder(request.output_uri), report, request.champion_model_uri)
            return pb.TrainResponse(completed=completed(result.files, result.events, result.customers))

        async for response in self._jobs.run(context, pb.TrainResponse, work):
            yield response

    async def Discover(self, request: pb.DiscoverRequest, context: grpc.aio.ServicerContext) -> AsyncIterator[pb.DiscoverResponse]:
        spec = await _spec(request.spec, context)

        def work(report: Report) -> pb.DiscoverResponse:
            from kindred_worker.discover import discover
            from kindred_worker.models.bundle import load_model

            snapshot = Snapshot.open(request.snapshot_uri, report.check)
            model, output = load_model(Folder(request.model_uri)), Folder(request.output_uri)
            found = discover(spec, snapshot, model, output, request.champion_customers_uri, report)
            return pb.DiscoverResponse(completed=discovered(found))

        async for response in self._jobs.run(context, pb.DiscoverResponse, work):
            yield response

    async def Evaluate(self, request: pb.EvaluateRequest, context: grpc.aio.ServicerContext) -> AsyncIterator[pb.EvaluateResponse]:
        spec = await _spec(request.spec, context)

        def work(report: Report) -> pb.EvaluateResponse:
            from kindred_worker.evaluate import evaluate
            from kindred_worker.models.bundle import open_model

            snapshot = Snapshot.open(request.snapshot_uri, report.check)
            model, segments = open_model(request.model_uri)
            found = evaluate(spec, snapshot, model, segments, Folder(request.output_uri), report)
            return pb.EvaluateResponse(completed=evaluated(found))

        async for response in self._jobs.run(context, pb.EvaluateResponse, work):
            yield response

    async def Embed(self, request: pb.EmbedRequest, context: grpc.aio.ServicerContext) -> AsyncIterator[pb.EmbedResponse]:
        def work(report: Report) -> pb.EmbedResponse:
            from kindred_worker.embed import embed
            from kindred_worker.models.bundle import open_model

            snapshot = Snapshot.open(request.snapshot_uri, report.check)
            model, segments = open_model(request.model_uri)
            result = embed(snapshot, model, segments, Folder(request.output_uri), request.read_at, report)
            return pb.EmbedResponse(completed=completed(result.files, result.events, result.customers))

        async for response in self._jobs.run(context, pb.EmbedResponse, work):
            yield response


async def _spec(message: pb.TrainingSpec, context: grpc.aio.ServicerContext) -> TrainingSpec:
    try:
        return spec_of(message)
    except InvalidInput as error:
        await abort(context, error)
        raise


def _check(spec: TrainingSpec) -> None:
    from kindred_worker.learn import check_spec

    check_spec(spec)


def _choices() -> pb.SpecChoices:
    from kindred_worker.export import ENCODERS as LIVE
    from kindred_worker.models.encoders import ENCODERS
    from kindred_worker.objectives import OBJECTIVES

    encoders = [pb.EncoderChoice(name=name, has_live_form=name in LIVE) for name in ENCODERS]
    return pb.SpecChoices(encoders=encoders, objectives=OBJECTIVES)
