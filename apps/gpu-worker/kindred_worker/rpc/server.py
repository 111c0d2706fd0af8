"""The server of one role: health, limits, a stop that drains."""

from __future__ import annotations

import asyncio
import logging
import signal
from typing import Literal

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer

from kindred_worker.gen.kindred.worker.v1 import label_pb2_grpc, rule_pb2_grpc
from kindred_worker.gen.kindred.worker.v1 import worker_pb2_grpc as rpc

Role = Literal["train", "score"]
SERVICES: dict[Role, str] = {"train": "kindred.worker.v1.TrainWorkerService", "score": "kindred.worker.v1.ScoreWorkerService"}
DRAIN_SECONDS = 8.0
OPTIONS = [
    ("grpc.so_reuseport", 0),  # a port in use is an error
    ("grpc.max_receive_message_length", 64 << 20),
    ("grpc.max_send_message_length", 64 << 20),
    # Callers ping every other second, also while nothing runs.
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 500),
    ("grpc.http2.max_ping_strikes", 0),
]
LOG = logging.getLogger(__name__)


async def serve(role: Role, host: str, port: int) -> None:
    """Serves until SIGTERM or SIGINT, then stops within 10 seconds."""
    server = grpc.aio.server(options=OPTIONS)
    health = HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    if role == "train":
        from kindred_worker.rpc.label_service import LabelWorker
        from kindred_worker.rpc.stream import Jobs
        from kindred_worker.rpc.train_service import TrainWorker

        jobs = Jobs()
        rpc.add_TrainWorkerServiceServicer_to_server(TrainWorker(jobs), server)
        label_pb2_grpc.add_LabelWorkerServiceServicer_to_server(LabelWorker(jobs), server)
        close = jobs.close
    else:
        from kindred_worker.rpc.rule_service import RuleWorker
        from kindred_worker.rpc.score_service import ScoreWorker

        scorer = ScoreWorker()
        scorer.start()
        rpc.add_ScoreWorkerServiceServicer_to_server(scorer, server)
        rule_pb2_grpc.add_RuleWorkerServiceServicer_to_server(RuleWorker(), server)
        close = _nothing
    bound = server.add_insecure_port(f"{host}:{port}")
    await server.start()
    for service in ("", SERVICES[role]):
        await health.set(service, health_pb2.HealthCheckResponse.SERVING)
    LOG.info("listening", extra={"facts": {"role": role, "host": host, "port": bound}})

    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await stopped.wait()
    LOG.info("stopping")
    await health.enter_graceful_shutdown()
    close()
    await server.stop(DRAIN_SECONDS)
    LOG.info("stopped")


def _nothing() -> None:
    """Requests under way are answered while the server drains."""
