"""GRU (Cho et al. 2014) over events, their gaps and tenure. On a GPU torch's own (cuDNN); on a CPU the same cell without
padding (packed_gru.py), for the training form and for many events at once."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from kindred_worker.models.encoder import EventVectors
from kindred_worker.models.packed_gru import packed_gru
from kindred_worker.models.plan import Plan
from kindred_worker.models.recurrent import HiddenState, Recurrent


class Gru(Recurrent):
    def __init__(self, event_width: int, width: int, hidden: int = 128, dropout: float = 0.2) -> None:
        super().__init__(event_width, hidden, width, dropout)
        self.cell = nn.GRU(self.inputs, hidden)

    @classmethod
    def of(cls, plan: Plan) -> Gru:
        return cls(plan.event_width, plan.width, dropout=plan.dropout)

    def run(self, inputs: Tensor, hidden: Tensor) -> Tensor:
        return self.cell(inputs, hidden.unsqueeze(0))[0].float()

    def after_each(self, state: HiddenState, events: EventVectors) -> tuple[Tensor, Tensor]:
        if events.x.device.type != "cpu" or not len(events.x):
            return super().after_each(state, events)
        lengths = events.lengths_on_host
        order = np.argsort(-lengths, kind="stable")
        owner, rank = np.repeat(np.arange(len(lengths)), lengths), np.argsort(order)
        place = np.arange(len(owner)) - events.offsets_on_host[:-1][owner]
        at_step = np.bincount(place)  # (T) sequences that have a (t + 1)th event
        row = (np.cumsum(at_step) - at_step)[place] + rank[owner]
        after = packed_gru(
            self.inputs_of(state, events).index_select(0, torch.from_numpy(np.argsort(row))),
            state.hidden.index_select(0, torch.from_numpy(order)),
            (self._weight("weight_ih_l0"), self._weight("weight_hh_l0")),
            (self._weight("bias_ih_l0"), self._weight("bias_hh_l0")),
            at_step.tolist(),
        )
        return torch.cat([after, after.new_zeros(1, self.hidden)]), torch.from_numpy(row)

    def _weight(self, name: str) -> Tensor:
        return self.cell.get_parameter(name)
