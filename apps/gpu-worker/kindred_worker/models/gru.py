"""GRU (Cho et al. 2014) over events, their gaps and tenure. Torch's own: cuDNN on a GPU, ATen on a CPU."""

from __future__ import annotations

from torch import Tensor, nn

from kindred_worker.models.plan import Plan
from kindred_worker.models.recurrent import Recurrent


class Gru(Recurrent):
    def __init__(self, event_width: int, width: int, hidden: int = 128, dropout: float = 0.2) -> None:
        super().__init__(event_width, hidden, width, dropout)
        self.cell = nn.GRU(self.inputs, hidden)

    @classmethod
    def of(cls, plan: Plan) -> Gru:
        return cls(plan.event_width, plan.width, dropout=plan.dropout)

    def run(self, inputs: Tensor, hidden: Tensor) -> Tensor:
        return self.cell(inputs, hidden.unsqueeze(0))[0]
