"""ScoreWorkerService: requests of all streams are scored together, as many as wait, on one thread. Models are loaded on another,
so that a model that is about to be served holds up none that is served now."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import time
from typing import NamedTuple

import grpc

from kindred_worker.gen.kindred.worker.v1 import worker_pb2 as pb
from kindred_worker.gen.kindred.worker.v1 import worker_pb2_grpc as rpc
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.bundle import Bundle, load_segments
from kindred_worker.report import HashMismatch, InvalidInput
from kindred_worker.rpc.errors import ModelUnavailable, abort
from kindred_worker.rpc.judging import check, judge
from kindred_worker.score import Customer, LiveEvent, Score, score
from kindred_worker.segments.assignment import SegmentModel
from kindred_worker.surprise import Surprise, load_surprise

CUSTOMERS_AT_ONCE = 1024
WAITING_PER_STREAM = 256  # requests taken from a stream before its answers are read
MODELS_KEPT = 4
LOG = logging.getLogger(__name__)


class _Loaded(NamedTuple):
    model: BehaviourModel
    segments: SegmentModel
    surprise: Surprise | None  # None in bundles that do not have one


@dataclass(frozen=True)
class _Waiting:
    request: pb.ScoreRequest
    answer: asyncio.Future[pb.ScoreResponse]


_Key = tuple[str, str]  # URI and hash of a model


class ScoreWorker(rpc.ScoreWorkerServiceServicer):
    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="score")
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue()
        self._loader = ThreadPoolExecutor(1, thread_name_prefix="load")
        self._models: OrderedDict[_Key, _Loaded] = OrderedDict()
        self._loading: dict[_Key, asyncio.Future[_Loaded]] = {}
        self._answering: set[asyncio.Task[None]] = set()
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Call it inside the event loop."""
        self._loop = asyncio.create_task(self._work())

    async def Score(
        self, request_iterator: AsyncIterator[pb.ScoreRequest], context: grpc.aio.ServicerContext
    ) -> AsyncIterator[pb.ScoreResponse]:
        loop = asyncio.get_running_loop()
        answers: asyncio.Queue[asyncio.Future[pb.ScoreResponse] | None] = asyncio.Queue(WAITING_PER_STREAM)

        async def take() -> None:
            async for request in request_iterator:
                waiting = _Waiting(request, loop.create_future())
                self._queue.put_nowait(waiting)
                await answers.put(waiting.answer)  # bounded: a caller who does not read is not read from
            await answers.put(None)

        taking = asyncio.create_task(take())
        try:
            while (answer := await answers.get()) is not None:
                yield await answer
        except ModelUnavailable as error:
            await abort(context, error)
        finally:
            taking.cancel()

    async def JudgeEvents(self, request: pb.JudgeEventsRequest, context: grpc.aio.ServicerContext) -> pb.JudgeEventsResponse:
        """On the thread that scores, for a model's tensors are used by one thread at a time; scoring goes on between two calls."""

        try:
            check(request)
            model, _, surprise = await self._model((request.model_uri, request.model_hash))
            return await asyncio.get_running_loop().run_in_executor(self._thread, judge, model, surprise, request)
        except (InvalidInput, ModelUnavailable) as error:
            await abort(context, error)
            raise

    async def _work(self) -> None:
        while True:
            batch = [await self._queue.get()]
            customers = len(batch[0].request.customers)
            while not self._queue.empty() and customers < CUSTOMERS_AT_ONCE:
                batch.append(self._queue.get_nowait())
                customers += len(batch[-1].request.customers)
            by_model: dict[_Key, list[_Waiting]] = {}
            for waiting in batch:
                by_model.setdefault((waiting.request.model_uri, waiting.request.model_hash), []).append(waiting)
            for key, group in by_model.items():
                answering = asyncio.create_task(self._answer(key, group))
                if key in self._models:
                    await answering
                else:  # others go on while it is loaded
                    self._answering.add(answering)
                    answering.add_done_callback(self._answering.discard)

    async def _answer(self, key: _Key, group: list[_Waiting]) -> None:
        try:
            loaded = await self._model(key)
            requests = [waiting.request for waiting in group]
            responses = await asyncio.get_running_loop().run_in_executor(self._thread, _respond, loaded, key[1], requests)
        except Exception as error:
            for waiting in group:
                if not waiting.answer.done():
                    waiting.answer.set_exception(error)
                    waiting.answer.exception()  # a stream that has gone must not log it as never retrieved
            return
        for waiting, response in zip(group, responses, strict=True):
            if not waiting.answer.done():
                waiting.answer.set_result(response)

    async def _model(self, key: _Key) -> _Loaded:
        """Loaded once, however many wait for it."""
        if key not in self._models:
            loading = self._loading.get(key)
            if loading is None:
                loading = self._loading[key] = asyncio.get_running_loop().run_in_executor(self._loader, _load, *key)
                loading.add_done_callback(lambda _: self._loading.pop(key))
            loaded = await asyncio.shield(loading)
            self._models[key] = loaded
            if len(self._models) > MODELS_KEPT:
                self._models.popitem(last=False)
            return loaded
        self._models.move_to_end(key)
        return self._models[key]


def _load(uri: str, model_hash: str) -> _Loaded:
    try:
        bundle = Bundle.open(uri, model_hash)
        segments = load_segments(bundle)
        if segments is None:
            raise InvalidInput("it holds no segments yet")
        loaded = _Loaded(bundle.model(), segments, load_surprise(bundle))
    except (InvalidInput, HashMismatch, OSError, ValueError, KeyError) as error:
        raise ModelUnavailable(f"model {uri} cannot be loaded: {error}") from error
    # What stays is not looked through again by each full collection, which would hold up a batch for some 200 ms.
    gc.collect()
    gc.freeze()
    return loaded


def _respond(loaded: _Loaded, model_hash: str, requests: list[pb.ScoreRequest]) -> list[pb.ScoreResponse]:
    now = int(time() * 1e6)
    late = [bool(r.deadline) and r.deadline < now for r in requests]
    customers = [_customer(c) for r, gone in zip(requests, late, strict=True) if not gone for c in r.customers]
    targets = [pb.ForecastTarget(event=event, horizon_days=days) for event, days in loaded.model.main_events] if customers else []
    scores = iter(_each(loaded.model, loaded.segments, customers) if customers else [])
    return [
        pb.ScoreResponse(
            request_id=r.request_id,
            model_hash=model_hash,
            fence=r.fence,
            customers=[_late(c) if gone else _result(next(scores)) for c in r.customers],
            foreseen=targets,
        )
        for r, gone in zip(requests, late, strict=True)
    ]


def _each(model: BehaviourModel, segments: SegmentModel, customers: list[Customer]) -> list[Score]:
    """All at once; where that fails, one by one, so that one customer's data never fails its neighbours."""
    try:
        return score(model, segments, customers)
    except Exception:
        LOG.exception("a batch of %d customers failed, scoring them one by one", len(customers))
    results: list[Score] = []
    for customer in customers:
        try:
            results += score(model, segments, [customer])
        except Exception as error:
            results.append(Score(customer.id, error=f"{type(error).__name__}: {error}"))
    return results


def _customer(message: pb.CustomerScoreRequest) -> Customer:
    events = [LiveEvent(e.name, e.occurred_at, e.properties) for e in message.events]
    return Customer(message.customer_id, message.state, events, message.read_at)


def _late(message: pb.CustomerScoreRequest) -> pb.CustomerScoreResult:
    return pb.CustomerScoreResult(customer_id=message.customer_id, error="the deadline had passed")


def _result(result: Score) -> pb.CustomerScoreResult:
    return pb.CustomerScoreResult(
        customer_id=result.id,
        state=result.state,
        embedding=result.embedding,
        segment_index=result.segment_index,
        finer_index=result.finer_index if result.finer_index >= 0 else None,
        strength=result.strength,
        novelty=result.novelty,
        map_x=result.map_x,
        map_y=result.map_y,
        rebuild=result.rebuild,
        error=result.error,
        packed_forecast=result.forecast,
    )
