"""Order discrimination (Misra, Zitnick & Hebert 2016, "Shuffle and learn"): is this run of events in its own order?

Cross-entropy over a run as it was and the same run with its events in another order at the same times. Only an encoder
that sees neighbours can tell; counts and times are the same in both.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from kindred_worker.data.features import FeatureSpec
from kindred_worker.models.plan import Plan
from kindred_worker.objectives.objective import Objective, masked_mean


class Order(Objective):
    view = "shuffled"

    def __init__(self, features: FeatureSpec, plan: Plan) -> None:
        super().__init__()
        self.head = nn.Linear(plan.width, 1)

    def loss(self, embedding: Tensor, targets: dict[str, Tensor]) -> Tensor:
        said = self.head(embedding).squeeze(-1)
        wrong = functional.binary_cross_entropy_with_logits(said, targets["genuine"], reduction="none")
        return masked_mean(wrong, targets["known"])
