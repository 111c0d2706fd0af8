"""Starts the other processes of a team (team.py), and is what they run: torch.multiprocessing, no launcher of ours.

They read the snapshot themselves, so nothing but a few kilobytes is handed over, and meet by a file. Whatever ends the first
one's training, its end, a cancel or an error, ends them.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, Any, cast

import torch

from kindred_worker.data.arrays import load
from kindred_worker.data.features import FeatureSpec
from kindred_worker.data.snapshot import Manifest, Snapshot
from kindred_worker.data.storage import Folder
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.plan import Plan
from kindred_worker.report import Report
from kindred_worker.sampler import Predecessor
from kindred_worker.spec import TrainingSpec
from kindred_worker.team import ALONE, Team
from kindred_worker.train import TrainingData, train

if TYPE_CHECKING:
    from torch.multiprocessing.spawn import ProcessContext

PATIENCE = timedelta(hours=1)  # with who validates or writes a checkpoint meanwhile
POLL_SECONDS = 0.05
END_SECONDS = 1.0  # from being asked to end to being ended


@dataclass(frozen=True)
class Task:
    """What the others are told."""

    spec: TrainingSpec
    uri: str  # of the snapshot
    manifest: Manifest
    until: int | None
    features: FeatureSpec
    predecessor: Predecessor | None
    former: Plan | None  # of the model that is gone on from
    threads: int


def processes() -> int:
    """One a GPU; the cores of a CPU are shared by one process's threads."""
    return max(1, torch.cuda.device_count())


@contextmanager
def assembled(
    spec: TrainingSpec, snapshot: Snapshot, data: TrainingData, former: BehaviourModel | None, report: Report, size: int
) -> Generator[Team]:
    """The team of `size` processes that train on these data, this one first; it alone, where `size` is 1."""
    if size == 1:
        yield ALONE
        return
    from torch import distributed
    from torch.multiprocessing.spawn import start_processes

    plan = former.plan if former is not None else None
    task = Task(spec, snapshot.folder.uri, snapshot.manifest, snapshot.until, data.features, data.former, plan, torch.get_num_threads())
    if sys.platform == "linux":  # all are on this machine
        os.environ.update(GLOO_SOCKET_IFNAME="lo", NCCL_SOCKET_IFNAME="lo")
    with tempfile.TemporaryDirectory(prefix="kindred-team-") as folder:
        meeting = str(Path(folder) / "meeting")
        others = cast("ProcessContext", start_processes(follow, (task, meeting, size), size - 1, join=False, start_method="spawn"))
        try:
            store = _store(meeting, size)
            while not store.check([f"ready {rank}" for rank in range(1, size)]):
                report.check()
                others.join(timeout=0)  # raises the error of one that failed
                sleep(POLL_SECONDS)
            yield _joined(store, Team(0, size))
        except RuntimeError:
            others.join(timeout=END_SECONDS)  # the error of the one that failed says more than that it is gone
            raise
        finally:
            _end(others)
            if distributed.is_initialized():
                distributed.destroy_process_group()


def follow(index: int, task: Task, meeting: str, size: int) -> None:
    """All that another process does."""
    from torch import distributed

    torch.set_num_threads(task.threads)
    snapshot = Snapshot(Folder(task.uri), task.manifest, task.until)
    data = TrainingData(task.features, load(snapshot, task.features), snapshot.now, task.predecessor)
    former = None if task.former is None else BehaviourModel(task.features, task.former)  # whose weights the first one tells
    store = _store(meeting, size)
    store.set(f"ready {index + 1}", "")
    train(task.spec, data, None, Report(), former, _joined(store, Team(index + 1, size)))
    distributed.destroy_process_group()


def _store(meeting: str, size: int) -> Any:
    from torch import distributed

    return distributed.FileStore(meeting, size)  # pyright: ignore[reportPrivateImportUsage] - it is public, its stub lies elsewhere


def _joined(store: Any, team: Team) -> Team:
    from torch import distributed

    if team.device.type == "cuda":
        torch.cuda.set_device(team.device)
    backend = "nccl" if team.device.type == "cuda" else "gloo"
    distributed.init_process_group(backend, store=store, rank=team.rank, world_size=team.size, timeout=PATIENCE)
    return team


def _end(others: ProcessContext) -> None:
    for process in others.processes:
        process.join(0)
        if process.is_alive():
            process.terminate()
    for process in others.processes:
        process.join(END_SECONDS)
        if process.is_alive():
            process.kill()
            process.join()
