"""Processes that train one model together, one a GPU, through PyTorch's DistributedDataParallel.

The first is whoever was asked to train: it alone tells progress, validates and keeps checkpoints, and goes on alone afterwards.
Each takes its share of every batch, with draws of its own; gradients are averaged, and so are the running statistics. So a step
is that of one process which reads the same shares one after the other and averages their losses, to rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import nn

from kindred_worker.data.features import Int64
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.optimiser import AdamW
from kindred_worker.step import Step


@dataclass(frozen=True)
class Team:
    """What a process knows of it."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        return self.rank == 0

    @property
    def device(self) -> torch.device:
        if not torch.cuda.is_available():
            return torch.device("cpu")
        return torch.device("cuda", self.rank) if self.size > 1 else torch.device("cuda")

    @property
    def salt(self) -> list[int]:
        """Of what it draws at random, beside the seed and the step."""
        return [self.rank] if self.size > 1 else []

    def share(self, customers: Int64) -> Int64:
        """Of a batch; of one with fewer customers than processes each reads all, at moments of its own."""
        return customers[self.rank :: self.size] if len(customers) >= self.size else customers

    def begin(self, model: BehaviourModel, optimiser: AdamW, resumed: int) -> int:
        """Everybody gets the first one's weights, optimiser and steps done."""
        if self.size == 1:
            return resumed
        from torch import distributed  # costs a second of start-up, which one process alone is spared

        told: list[Any] = [None]
        if self.leads:
            tensors = {"model": model.state_dict(), "optimiser": optimiser.state()}
            told = [({name: {k: v.cpu() for k, v in state.items()} for name, state in tensors.items()}, resumed)]
        distributed.broadcast_object_list(told, 0, device=self.device)
        state, resumed = cast("tuple[dict[str, dict[str, torch.Tensor]], int]", told[0])
        model.load_state_dict(state["model"])
        optimiser.restore(state["optimiser"])
        return resumed

    def spread(self, step: Step) -> nn.Module:
        """The step whose gradients are everybody's mean."""
        if self.size == 1:
            return step
        from torch.nn.parallel import DistributedDataParallel

        # A task may find nothing to learn from in a batch, and then leaves its head unused.
        return DistributedDataParallel(step, find_unused_parameters=True)

    @torch.no_grad()
    def agree(self, model: nn.Module) -> None:
        """Running statistics of batch normalisation become everybody's mean."""
        if self.size == 1:
            return
        from torch import distributed

        layers = [layer for layer in model.modules() if isinstance(layer, nn.BatchNorm1d)]
        kept = [buffer for layer in layers for buffer in (layer.running_mean, layer.running_var) if buffer is not None]
        joined = torch.cat(kept)
        distributed.all_reduce(joined)
        for buffer, mean in zip(kept, (joined / self.size).split([len(buffer) for buffer in kept]), strict=True):
            buffer.copy_(mean)


ALONE = Team()
