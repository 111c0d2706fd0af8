"""AdamW on one cycle, through torch's functional form. Its state is a dict of tensors, ready for a checkpoint, and a process that
only learns an encoder (one of a team, a benchmark) begins without torch's compiler, which torch's Optimizer classes import: seconds,
and 160 MB. What is fitted for items (items/) and the export of the live form do load it, later in a run."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.optim.adam import adam


class AdamW:
    """Loshchilov & Hutter 2019; the learning rate rises over the first 30 % of `steps` and falls to nearly 0 (cosine)."""

    def __init__(self, model: nn.Module, peak: float, steps: int, weight_decay: float = 0.01) -> None:
        named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
        self._names = [name for name, _ in named]
        self._parameters = [p for _, p in named]
        self._mean = [torch.zeros_like(p) for p in self._parameters]
        self._square = [torch.zeros_like(p) for p in self._parameters]
        self._steps = [torch.zeros((), device="cpu") for _ in self._parameters]
        self._peak, self._total, self._decay = peak, steps, weight_decay
        self.done = 0

    def clear(self) -> None:
        for parameter in self._parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self, longest: float = 1.0) -> None:
        """One step down gradients whose joint norm is cut to `longest`."""
        nn.utils.clip_grad_norm_(self._parameters, longest)
        used = [i for i, p in enumerate(self._parameters) if p.grad is not None]
        adam(
            [self._parameters[i] for i in used],
            [g for i in used if (g := self._parameters[i].grad) is not None],
            [self._mean[i] for i in used],
            [self._square[i] for i in used],
            [],
            [self._steps[i] for i in used],
            foreach=True,
            fused=False,
            amsgrad=False,
            beta1=0.9,
            beta2=0.99,
            lr=self.rate(),
            weight_decay=self._decay,
            eps=1e-8,
            maximize=False,
            capturable=False,
            differentiable=False,
            decoupled_weight_decay=True,
        )
        self.done += 1

    def rate(self) -> float:
        """Learning rate of the next step."""
        warm = max(1.0, 0.3 * self._total)
        if self.done < warm:
            return self._blend(self._peak / 25, self._peak, self.done / warm)
        return self._blend(self._peak, self._peak / 2.5e5, (self.done - warm) / max(1.0, self._total - warm))

    def state(self) -> dict[str, Tensor]:
        """Everything that `restore` needs."""
        tensors = {"done": torch.tensor(self.done)}
        for i, name in enumerate(self._names):
            tensors |= {f"mean.{name}": self._mean[i], f"square.{name}": self._square[i], f"steps.{name}": self._steps[i]}
        return tensors

    def restore(self, tensors: dict[str, Tensor]) -> None:
        self.done = int(tensors["done"])
        for i, name in enumerate(self._names):
            self._mean[i].copy_(tensors[f"mean.{name}"])
            self._square[i].copy_(tensors[f"square.{name}"])
            self._steps[i].copy_(tensors[f"steps.{name}"])

    @staticmethod
    def _blend(start: float, end: float, share: float) -> float:
        return end + (start - end) * (1 + math.cos(math.pi * min(1.0, share))) / 2
