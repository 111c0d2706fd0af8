"""What to train, as asked. What is left empty is taken from the data (models/plan.py)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from kindred_worker.report import InvalidInput

Asked: TypeAlias = Literal["keep", "leave_out"]


@dataclass(frozen=True)
class TrainingSpec:
    # Name in models.ENCODERS.
    encoder: str = "decayed_sum"
    # Pretext task -> weight in the sum of losses; names in objectives.OBJECTIVES.
    objectives: dict[str, float] = field(default_factory=lambda: {"horizon": 1.0, "next_event": 1.0, "transitions": 1.0})
    # Numbers in the embedding.
    width: int = 64
    # Passes over the customers; 0: enough optimiser steps for the size of the data.
    epochs: int = 0
    # Customers per optimiser step; 0: from the number of customers.
    batch_size: int = 0
    # Peak of the one-cycle schedule.
    learning_rate: float = 2e-3
    # Horizons of the forecast in days; empty: from the data's own gaps.
    horizon_days: tuple[float, ...] = ()
    # Half-lives of the decayed sums in days; empty: scaled to the data's span.
    half_life_days: tuple[float, ...] = ()
    # Passes over the customers, and peak of the schedule, where a retraining goes on from the champion's weights: few and
    # gentle, so that who was alike stays alike (docs/adr/0005-stable-retraining.md). 0 passes: never go on, begin anew.
    continued_epochs: int = 1
    continued_learning_rate: float = 2e-4
    # A retraining begins anew where the champion foresees its held-out customers worse than when it was made, by more
    # than this share of its loss: then people behave otherwise, and a gentle pass would not learn it.
    surprise: float = 0.05
    # Segments to find; 0: by stability and predictiveness together.
    segment_count: int = 0
    # Share of customers to learn from, in (0, 1].
    sample_fraction: float = 1.0
    # Decides every random choice.
    seed: int = 0
    # Events whose future is foreseen; empty: the workspace's, else the most telling ones.
    main_events: tuple[str, ...] = ()
    # Property that carries value; empty: the workspace's, else guessed.
    value_property: str = ""
    # Moments per customer and batch at which the model is asked for the future.
    reads: int = 12
    # Customers never trained on, whose loss is reported.
    held_out: float = 0.1
    # Leaves out properties that tell who a customer is. Off only to see what that guards against (data/profile.py).
    leak_guard: bool = True
    # Properties that the encoder sees whatever is found of them, and such as it never sees: of events ("channel"), of items
    # ("products.price"), or all of a list ("products"; what is said of one of them goes before).
    keep_properties: tuple[str, ...] = ()
    leave_out_properties: tuple[str, ...] = ()
    # List property and field whose values are recommended ("products.product_id"); empty: the one with the most words.
    item_field: str = ""
    # Dropout of item vectors, and before the readout.
    item_dropout: float = 0.4
    dropout: float = 0.2
    # "float32", or "bfloat16" for the products of matrices in embedder and encoder (step.py); empty: bfloat16 on a GPU that can.
    precision: str = ""

    def asked_of(self, *names: str) -> Asked | None:
        """What is said of a property by the first of its names, the most telling first."""
        for name in names:
            if name in self.keep_properties or name in self.leave_out_properties:
                return "keep" if name in self.keep_properties else "leave_out"
        return None

    def checked(self) -> TrainingSpec:
        """Itself, or InvalidInput saying what to change."""
        twice = sorted({*self.keep_properties} & {*self.leave_out_properties})
        rules = (
            (4 <= self.width <= 1024, "width must lie between 4 and 1024"),
            (0 <= self.epochs <= 1000, "epochs must lie between 0 and 1000"),
            (0 <= self.batch_size <= 65536, "batchSize must lie between 0 and 65536"),
            (0 < self.learning_rate <= 1, "learningRate must lie above 0 and at most 1"),
            (0 < self.sample_fraction <= 1, "sampleFraction must lie above 0 and at most 1"),
            (all(h > 0 for h in self.horizon_days), "horizonDays must be positive"),
            (len(self.horizon_days) <= 8, "at most 8 horizonDays"),
            (all(h > 0 for h in self.half_life_days), "halfLifeDays must be positive"),
            (len(self.half_life_days) <= 32, "at most 32 halfLifeDays"),
            (0 <= self.continued_epochs <= 1000, "continuedEpochs must lie between 0 and 1000"),
            (0 < self.continued_learning_rate <= 1, "continuedLearningRate must lie above 0 and at most 1"),
            (0 <= self.surprise <= 10, "surprise must lie between 0 and 10"),
            (1 <= self.reads <= 256, "reads must lie between 1 and 256"),
            (0 <= self.held_out <= 0.5, "heldOut must lie between 0 and 0.5"),
            (0 <= self.item_dropout <= 0.9, "itemDropout must lie between 0 and 0.9"),
            (0 <= self.dropout <= 0.9, "dropout must lie between 0 and 0.9"),
            (self.precision in ("", "float32", "bfloat16"), "precision must be float32 or bfloat16"),
            (self.segment_count == 0 or 2 <= self.segment_count <= 64, "segmentCount must be 0 (chosen) or 2 to 64"),
            (len({*self.main_events}) == len(self.main_events), "mainEvents: each may be named once"),
            (not twice, f"leaveOutProperties: {', '.join(twice)} cannot be in keepProperties too"),
            (bool(self.objectives) and all(w > 0 for w in self.objectives.values()), "objective weights must be positive"),
        )
        for holds, remedy in rules:
            if not holds:
                raise InvalidInput(remedy)
        return self
