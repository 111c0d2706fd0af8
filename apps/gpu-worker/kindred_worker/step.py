"""One step forward: from a batch to the losses of the pretext tasks."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager, nullcontext

import torch
from torch import Tensor, nn

from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.sampler import Batch, Glance


class Step(nn.Module):
    """One module, so that it can be spread over processes.

    With `halved` products of matrices in the embedder and the encoder are computed in bfloat16. What adds up over a customer's
    events (sums, hidden states, softmax), statistics, times, heads and losses stay float32, and so do weights and gradients.
    """

    def __init__(self, model: BehaviourModel, halved: bool = False) -> None:
        super().__init__()
        self.model, self.halved = model, halved

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Loss of each pretext task, not weighted."""
        return self.model.losses(self.embeddings(batch), batch.targets)

    def embeddings(self, batch: Batch) -> dict[str, Tensor]:
        """(V, R, D) of each view."""
        return {name: self._embed(glance, name != "moments" and "moments" in batch.glances) for name, glance in batch.glances.items()}

    def _embed(self, glance: Glance, aside: bool) -> Tensor:
        """`aside`: whole customers are read as well, and the encoder's running statistics are to be theirs alone."""
        encoder = self.model.encoder
        halving = torch.autocast(glance.at.device.type, torch.bfloat16) if self.halved else nullcontext()
        with _statistics_kept(encoder if aside else None), halving:
            return encoder.read_many(self.model.vectors(glance.events), glance.at, glance.seen).float()


@contextmanager
def _statistics_kept(module: nn.Module | None) -> Generator[None]:
    """Within, batch normalisation leaves its running statistics as they are."""
    layers = [m for m in module.modules() if isinstance(m, nn.BatchNorm1d)] if module is not None else []
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.momentum = 0.0
    try:
        yield
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
