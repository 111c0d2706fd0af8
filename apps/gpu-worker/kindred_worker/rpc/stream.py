"""Long work in a thread, told to the caller as a stream: health and cancel stay responsive meanwhile."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import import_module
from time import monotonic
from typing import Any, TypeAlias, TypeVar

import grpc
from google.protobuf import message as protobuf

from kindred_worker.gen.kindred.worker.v1 import worker_pb2 as pb
from kindred_worker.report import Cancelled, Report
from kindred_worker.rpc.errors import ShuttingDown, abort

Response = TypeVar("Response", bound=protobuf.Message)
Message: TypeAlias = pb.Progress | pb.Metric | pb.Checkpoint
FIELDS = {pb.Progress: "progress", pb.Metric: "metric", pb.Checkpoint: "checkpoint"}  # in the responses that tell them
PROGRESS_EVERY = 0.1  # seconds


class StreamReport(Report):
    """Puts what happens into a queue of the event loop; `stop` makes the work raise at its next check."""

    def __init__(self, send: Callable[[Message], None]) -> None:
        super().__init__()
        self._send, self._stopped, self._last = send, threading.Event(), 0.0
        self.reason: Exception = Cancelled("the caller has gone")

    def stop(self, reason: Exception) -> None:
        self.reason = reason
        self._stopped.set()

    def check(self) -> None:
        if self._stopped.is_set():
            raise Cancelled(str(self.reason))

    def metric(self, name: str, step: int, value: float) -> None:
        self._send(pb.Metric(name=name, step=step, value=value))

    def checkpoint(self, step: int, path: str, sha256: str, size: int) -> None:
        self._send(pb.Checkpoint(step=step, file=pb.ArtifactFile(path=path, sha256=sha256, bytes=size)))

    def on_progress(self, fraction: float, step: str, rate: float, unit: str, remaining: float) -> None:
        if fraction >= 1 or monotonic() - self._last >= PROGRESS_EVERY:
            self._last = monotonic()
            self._send(pb.Progress(fraction=fraction, step=step, rate=rate, unit=unit, remaining_seconds=remaining))


class Jobs:
    """Runs one job at a time; others wait their turn."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="job")
        self._thread.submit(_warm)
        self._running: set[StreamReport] = set()
        self._closing = False

    def close(self) -> None:
        """Stops what runs; the same requests again resume it."""
        self._closing = True
        for report in self._running:
            report.stop(ShuttingDown("the worker is stopping; ask again, and it resumes"))

    async def run(
        self, context: grpc.aio.ServicerContext, response: type[Response], work: Callable[[Report], Response]
    ) -> AsyncIterator[Response]:
        """Yields what happens, as far as such a `response` tells it, then what `work` returns."""
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[Message | None] = asyncio.Queue()
        report = StreamReport(lambda message: _post(loop, queue, message))
        if self._closing:
            await abort(context, ShuttingDown("the worker is stopping"))
        self._running.add(report)
        future = loop.run_in_executor(self._thread, _checked, work, report)
        future.add_done_callback(partial(_ended, queue))
        if len(self._running) > 1:
            queue.put_nowait(pb.Progress(step="waiting for another run"))
        try:
            while (message := await queue.get()) is not None:
                field = FIELDS[type(message)]
                if field in response.DESCRIPTOR.fields_by_name:
                    yield response(**{field: message})
            error = future.exception()
            if error is not None:
                await abort(context, report.reason if isinstance(error, Cancelled) else error)
            yield future.result()
        finally:
            # Reached too when the caller cancels: the thread ends at its next check.
            report.stop(report.reason)
            self._running.discard(report)


def _ended(queue: asyncio.Queue[Message | None], job: asyncio.Future[Any]) -> None:
    if not job.cancelled():
        job.exception()  # is seen, also where the caller has gone: asyncio would tell of it as of one that was forgotten
    queue.put_nowait(None)


def _warm() -> None:
    """Imports what jobs need while the server already answers."""
    for name in ("learn", "embed", "discover", "evaluate"):
        import_module(f"kindred_worker.{name}")


def _checked(work: Callable[[Report], Response], report: StreamReport) -> Response:
    report.check()  # cancelled while it waited
    return work(report)


def _post(loop: asyncio.AbstractEventLoop, queue: asyncio.Queue, message: Message) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(queue.put_nowait, message)
