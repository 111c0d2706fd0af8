"""A step asks its device for nothing, and may compute its products in bfloat16."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from kindred_worker.data.arrays import EventArrays
from kindred_worker.data.features import FeatureSpec
from kindred_worker.data.snapshot import Snapshot
from kindred_worker.gen.kindred.worker.v1 import worker_pb2 as pb
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.decayed_sum import DecayedSum
from kindred_worker.models.encoders import ENCODERS
from kindred_worker.models.plan import resolve
from kindred_worker.objectives import OBJECTIVES
from kindred_worker.optimiser import AdamW
from kindred_worker.report import InvalidInput, Report
from kindred_worker.rpc.messages import spec_of
from kindred_worker.sampler import Batch, Sampler
from kindred_worker.spec import TrainingSpec
from kindred_worker.step import Step
from kindred_worker.train import TrainingData, train

CPU, BLIND = torch.device("cpu"), torch.device("meta")  # tensors of "meta" hold no numbers: whoever asks for one fails


@pytest.fixture
def data(snapshot: Snapshot, features: FeatureSpec, arrays: EventArrays) -> TrainingData:
    return TrainingData(features, arrays, snapshot.now)


def begun(spec: TrainingSpec, data: TrainingData, device: torch.device) -> tuple[BehaviourModel, Batch]:
    """A model before its first step, and the batch for it on a device."""
    plan = resolve(spec, data.features, data.arrays, data.now)
    model = BehaviourModel.create(data.features, plan, 3)
    for head in model.objectives.values():
        head.measure(data.arrays.events)
    customers = np.arange(40)
    return model, Sampler(spec, plan, data, device, 40).draw(model, customers, np.random.default_rng(0))


@pytest.mark.parametrize("encoder", ENCODERS)
def test_a_step_never_waits_for_its_device(encoder: str, data: TrainingData) -> None:
    """With every pretext task at once: from the batch's arrival to the new weights no number comes back."""
    model, batch = begun(TrainingSpec(encoder=encoder, width=16, objectives=dict.fromkeys(OBJECTIVES, 1.0)), data, BLIND)
    model = model.to(BLIND).train()
    optimiser = AdamW(model, 1e-3, 10)
    losses = Step(model)(batch)
    torch.stack(list(losses.values())).sum().backward()
    optimiser.step()
    assert set(losses) == set(OBJECTIVES)
    assert all(value.device == BLIND for value in losses.values())


def test_what_the_host_does_not_say_is_asked_of_the_device(data: TrainingData) -> None:
    model, batch = begun(TrainingSpec(width=16), data, BLIND)
    model, glance = model.to(BLIND), batch.glances["moments"]
    with pytest.raises(NotImplementedError, match="nonzero"):
        model.encoder.read_many(model.vectors(glance.events), glance.at)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_what_the_host_says_changes_no_reading(encoder: str, data: TrainingData) -> None:
    model, batch = begun(TrainingSpec(encoder=encoder, width=16), data, CPU)
    model, glance = model.eval(), batch.glances["moments"]
    vectors = model.vectors(glance.events)
    told = model.encoder.read_many(vectors, glance.at, glance.seen)
    assert torch.equal(told, model.encoder.read_many(replace(vectors, known_offsets=None), glance.at))


@pytest.mark.parametrize("encoder", ENCODERS)
def test_losses_in_bfloat16_stay_near_those_in_float32(encoder: str, data: TrainingData) -> None:
    model, batch = begun(TrainingSpec(encoder=encoder, width=16, objectives=dict.fromkeys(OBJECTIVES, 1.0)), data, CPU)
    model = model.train()
    found: list[dict[str, Tensor]] = []
    for halved in (False, True):
        torch.manual_seed(0)
        model.zero_grad()
        losses = Step(model, halved)(batch)
        torch.stack(list(losses.values())).sum().backward()
        found.append(losses)
        assert all(value.dtype == torch.float32 for value in losses.values())
        assert all(p.grad is None or (p.grad.dtype == torch.float32 and p.grad.isfinite().all()) for p in model.parameters())
    exact, halved_losses = found
    assert any(float(exact[name].detach()) != float(halved_losses[name].detach()) for name in exact)  # the way was another one
    for name, value in exact.items():
        torch.testing.assert_close(halved_losses[name], value, rtol=0.03, atol=0.01)


def test_decayed_sums_are_added_up_in_float32(data: TrainingData, monkeypatch: pytest.MonkeyPatch) -> None:
    model, batch = begun(TrainingSpec(width=16), data, CPU)
    seen: list[torch.dtype] = []
    embed = DecayedSum._embed  # pyright: ignore[reportPrivateUsage] - where the finished sums are handed on

    def spied(self: DecayedSum, sums: Tensor, turning: Tensor, *times: Tensor) -> Tensor:
        seen.extend([sums.dtype, turning.dtype])
        return embed(self, sums, turning, *times)

    monkeypatch.setattr(DecayedSum, "_embed", spied)
    inputs: list[torch.dtype] = []
    model.encoder.get_submodule("value").register_forward_hook(lambda _, __, out: inputs.append(out.dtype))
    embeddings = Step(model, halved=True).embeddings(batch)
    assert inputs == [torch.bfloat16]
    assert seen == [torch.float32, torch.float32]
    assert embeddings["moments"].dtype == torch.float32


def test_a_run_in_bfloat16_learns_as_one_in_float32(data: TrainingData) -> None:
    spec = TrainingSpec(width=16, epochs=8, batch_size=16)
    found = [
        train(replace(spec, precision=precision), data, None, Report()).metrics["validation.loss"] for precision in ("float32", "bfloat16")
    ]
    assert found[0] != found[1]
    assert found[1] == pytest.approx(found[0], rel=0.03)


def test_the_precision_that_a_run_asks_for_is_the_specs() -> None:
    assert spec_of(pb.TrainingSpec(precision="bfloat16")).precision == "bfloat16"


def test_a_precision_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidInput, match="precision must be float32 or bfloat16"):
        TrainingSpec(precision="int4").checked()
