"""Models come and go beside those that score."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from threading import Event
from typing import Any, cast

import pytest

from kindred_worker.gen.kindred.worker.v1 import worker_pb2 as pb
from kindred_worker.rpc import score_service


def test_a_model_that_is_being_loaded_holds_up_no_other_and_is_loaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    began, may_load = Event(), Event()
    loaded: list[str] = []

    def load(uri: str, _hash: str) -> Any:
        if uri == "slow":
            began.set()
            assert may_load.wait(10)
        loaded.append(uri)
        return object()  # whoever asks for no customer needs nothing of it

    monkeypatch.setattr(score_service, "_load", load)
    answered = asyncio.run(_ask_both(began, may_load))
    assert answered == ["quick", "quick", "slow", "slow"]
    assert loaded == ["quick", "slow"]


async def _ask_both(began: Event, may_load: Event) -> list[str]:
    worker = score_service.ScoreWorker()
    worker.start()
    answered: list[str] = []

    async def ask(uri: str) -> None:
        async def requests() -> AsyncIterator[pb.ScoreRequest]:
            yield pb.ScoreRequest(request_id=1, model_uri=uri, model_hash="h")

        async for _ in worker.Score(requests(), cast(Any, None)):
            answered.append(uri)

    await ask("quick")  # is in memory now
    slow = [asyncio.create_task(ask("slow")) for _ in range(2)]
    assert await asyncio.to_thread(began.wait, 10)
    await ask("quick")
    may_load.set()
    await asyncio.gather(*slow)
    return answered
