"""Two processes train as one process does that reads their shares one after the other; they resume, and end together."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from time import monotonic

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

import kindred_worker.learn as learning
import kindred_worker.train as training
from kindred_worker.data.arrays import EventArrays
from kindred_worker.data.features import FeatureSpec
from kindred_worker.data.snapshot import Snapshot
from kindred_worker.data.storage import Folder
from kindred_worker.following import assembled
from kindred_worker.learn import learn
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.plan import resolve
from kindred_worker.optimiser import AdamW
from kindred_worker.report import Cancelled, Report
from kindred_worker.sampler import Sampler
from kindred_worker.spec import TrainingSpec
from kindred_worker.step import Step
from kindred_worker.team import Team
from kindred_worker.train import TrainingData, train
from tests.test_train import Keeping, Stopping

SPEC = TrainingSpec(width=16, epochs=2, batch_size=16, seed=5, objectives={"horizon": 1.0, "next_event": 1.0, "vicreg": 0.5})


@pytest.fixture
def data(snapshot: Snapshot, features: FeatureSpec, arrays: EventArrays) -> TrainingData:
    return TrainingData(features, arrays, snapshot.now)


def children() -> list[int]:
    """Processes that this one started and that still run."""
    listed = subprocess.run(["ps", "-o", "pid=,stat=,args=", "--ppid", str(os.getpid())], capture_output=True, text=True, check=False)
    rows = [row.split(maxsplit=2) for row in listed.stdout.splitlines()]
    return [int(pid) for pid, state, said in rows if re.search("multiprocessing.*spawn", said) and not state.startswith("Z")]


def one_after_the_other(spec: TrainingSpec, data: TrainingData) -> BehaviourModel:
    """The same training by one process, as a loop: of each batch both shares, then one step down the mean of their gradients."""
    plan = resolve(spec, data.features, data.arrays, data.now)
    model = training._begun(spec, data, plan, None)  # pyright: ignore[reportPrivateUsage]
    _, learned, _ = training._divided(spec, data)  # pyright: ignore[reportPrivateUsage]
    sampler = Sampler(spec, plan, data, torch.device("cpu"), len(learned))
    steps = sum(len(sampler.batches(learned, epoch)) for epoch in range(spec.epochs))
    optimiser = AdamW(model, spec.learning_rate, steps)
    layers = [layer for layer in model.modules() if isinstance(layer, nn.BatchNorm1d)]
    for at, _, customers in sampler.schedule(learned, spec.epochs, 0):
        model.train()
        before, after = [statistics(layer) for layer in layers], list[list[Tensor]]()
        optimiser.clear()
        for team in (Team(0, 2), Team(1, 2)):
            for layer, kept in zip(layers, before, strict=True):
                put_back(layer, kept)
            torch.manual_seed(training._seed_of(spec.seed, at, *team.salt))  # pyright: ignore[reportPrivateUsage]
            batch = sampler.draw(model, team.share(customers), np.random.default_rng([spec.seed, 1, at, *team.salt]))
            losses = Step(model)(batch)
            loss = sum((plan.objectives[name] * value for name, value in losses.items()), start=torch.zeros(()))
            (loss / 2).backward()
            after.append([statistics(layer) for layer in layers])
        for layer, one, other in zip(layers, *after, strict=True):
            put_back(layer, (one + other) / 2)
        optimiser.step()
    return model.eval()


def statistics(layer: nn.BatchNorm1d) -> Tensor:
    assert layer.running_mean is not None
    assert layer.running_var is not None
    return torch.stack([layer.running_mean, layer.running_var]).clone()


def put_back(layer: nn.BatchNorm1d, kept: Tensor) -> None:
    assert layer.running_mean is not None
    assert layer.running_var is not None
    layer.running_mean.copy_(kept[0])
    layer.running_var.copy_(kept[1])


def test_two_processes_learn_what_one_learns_from_the_same_batches(snapshot: Snapshot, data: TrainingData) -> None:
    with assembled(SPEC, snapshot, data, None, Report(), 2) as team:
        together = train(SPEC, data, None, Report(), None, team).model
    assert not children()
    alone = one_after_the_other(SPEC, data)
    # After the last step, by the leader.
    opinions = (f"{whose}_{part}" for whose in ("tally", "grouping") for part in ("weight", "bias", "share"))
    fitted_afterwards = {f"heads.horizon.{name}" for name in ("smear", "newest_weight", "newest_bias", "season", *opinions)}
    for name, value in alone.state_dict().items():
        if name not in fitted_afterwards and not name.endswith("num_batches_tracked"):
            torch.testing.assert_close(together.state_dict()[name], value, rtol=1e-3, atol=1e-4, msg=lambda said, of=name: f"{of}: {said}")


def test_a_run_of_two_processes_cut_off_resumes_to_the_same_weights(
    snapshot: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learning, "processes", lambda: 2)
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", 0.0)  # after every step
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    report = Keeping()
    learn(SPEC, snapshot, Folder(whole.as_uri()), report)
    assert report.checkpoints == sorted(report.checkpoints)
    with pytest.raises(Cancelled):
        learn(SPEC, snapshot, Folder(broken.as_uri()), CancelledAfter(4))
    assert list((broken / "checkpoints").iterdir())
    assert not children()
    resumed = Keeping()
    learn(SPEC, snapshot, Folder(broken.as_uri()), resumed)
    assert len(resumed.checkpoints) < len(report.checkpoints)
    once, again = (load_file(folder / "encoder.safetensors") for folder in (whole, broken))
    for name, value in once.items():
        torch.testing.assert_close(again[name], value, rtol=1e-4, atol=1e-5)


class CancelledAfter(Keeping):
    """By the one who asked, once so many checkpoints are written."""

    def __init__(self, checkpoints: int) -> None:
        super().__init__()
        self.at, self.asked = checkpoints, 0.0

    def check(self) -> None:
        if len(self.checkpoints) >= self.at:
            self.asked = self.asked or monotonic()
            raise Cancelled


def test_a_cancel_ends_all_processes_within_two_seconds(snapshot: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "processes", lambda: 2)
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", 0.0)
    report = CancelledAfter(2)
    with pytest.raises(Cancelled):
        learn(TrainingSpec(width=16, epochs=1000, batch_size=16), snapshot, Folder(tmp_path.as_uri()), report)
    assert monotonic() - report.asked < 2
    assert not children()


def test_a_cancel_while_the_others_start_ends_them(snapshot: Snapshot, data: TrainingData) -> None:
    with pytest.raises(Cancelled), assembled(SPEC, snapshot, data, None, Stopping(3), 2):
        pytest.fail("the team must not come together")
    assert not children()


def test_what_fails_in_another_process_is_said(snapshot: Snapshot, data: TrainingData, tmp_path: Path) -> None:
    nowhere = Snapshot(Folder(tmp_path.as_uri()), snapshot.manifest)
    with pytest.raises(Exception, match=r"events-000.parquet is missing"), assembled(SPEC, nowhere, data, None, Report(), 2):
        pytest.fail("the team must not come together")
    assert not children()


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_every_customer_of_a_batch_is_read_and_nobody_reads_nothing(count: int) -> None:
    batch = np.arange(count)
    shares = [Team(rank, 3).share(batch) for rank in range(3)]
    assert all(len(share) for share in shares)
    assert set(np.concatenate(shares)) == set(batch)
    assert count < 3 or sum(map(len, shares)) == count
