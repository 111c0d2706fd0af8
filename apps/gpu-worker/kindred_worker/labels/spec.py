"""How a head is to be learned, as asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from kindred_worker.report import InvalidInput

TaskName: TypeAlias = Literal["CLASSIFICATION", "REGRESSION"]


@dataclass(frozen=True)
class HeadSpec:
    # What labels are: yes or no, or numbers.
    task: TaskName = "CLASSIFICATION"
    # Learn on a copy of the encoder, gently trained on; else on the encoder as it is.
    fine_tuned: bool = False
    # Decides every random choice.
    seed: int = 0
    # Of fine-tuning: peak of the one-cycle schedule, a quarter of what the encoder was trained with; it starts from good weights.
    learning_rate: float = 5e-4
    # Of fine-tuning: passes over the labels at most; 0: enough steps for the number of labels. It ends earlier where held-out
    # labels are foreseen no better.
    epochs: int = 0

    def checked(self) -> HeadSpec:
        """Itself, or InvalidInput saying what to change."""
        if not 0 < self.learning_rate <= 0.1:
            raise InvalidInput("learningRate must lie above 0 and at most 0.1")
        if not 0 <= self.epochs <= 200:
            raise InvalidInput("epochs must lie between 0 and 200")
        return self
