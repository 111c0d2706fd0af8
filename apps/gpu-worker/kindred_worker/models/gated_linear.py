"""Gated linear recurrence: minGRU (Feng et al. 2024, "Were RNNs all we needed?"), whose gates do not see the state.

    z_t = sigmoid(W_z x_t),  h_t = (1 - z_t) h_(t-1) + z_t g(W_h x_t),  g(x) = x + 1/2 above 0, sigmoid(x) below
So a layer is a scan in training (models/scan.py) and a few operations an event when live. The gates see the gap to the
event before, so what is kept fades with time as the data want it; the second layer sees what the first one holds.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kindred_worker.models.plan import Plan
from kindred_worker.models.recurrent import Recurrent
from kindred_worker.models.scan import gated_scan


class GatedLinear(Recurrent):
    def __init__(self, event_width: int, width: int, layer: int = 128, layers: int = 2, dropout: float = 0.2) -> None:
        super().__init__(event_width, layer * layers, width, dropout)
        sizes = [self.inputs, *[layer] * (layers - 1)]
        self.gates = nn.ModuleList(nn.Linear(size, layer) for size in sizes)
        self.candidates = nn.ModuleList(nn.Linear(size, layer) for size in sizes)

    @classmethod
    def of(cls, plan: Plan) -> GatedLinear:
        return cls(plan.event_width, plan.width, dropout=plan.dropout)

    def run(self, inputs: Tensor, hidden: Tensor) -> Tensor:
        held: list[Tensor] = []
        for gate, candidate, start in zip(self.gates, self.candidates, hidden.chunk(len(self.gates), dim=1), strict=True):
            seen = held[-1] if held else inputs
            held.append(gated_scan(gate(seen).float(), candidate(seen).float(), start))  # what is kept is float32
        return torch.cat(held, dim=-1) if len(held) > 1 else held[0]
