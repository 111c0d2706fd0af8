"""A model as two functions of plain tensors, for exports: `Step` (state, event -> state) and `Read` (state, time -> all
that is said of a customer). One event of each of N customers at a time, in order; late ones are the worker's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import fields
from typing import Any, cast

import torch
from torch import Tensor, nn

from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.embedder import with_flags
from kindred_worker.models.placing import Placing
from kindred_worker.segments.assignment import SegmentModel

EVENT = ("time", "name", "categories", "numbers", "hour", "weekday")


def state_tensors(state: Any) -> dict[str, Tensor]:
    """A state's tensors by name, in its own order."""
    return {f.name: getattr(state, f.name) for f in fields(state)}


class Form(nn.Module, ABC):
    """A function of plain tensors whose names are known."""

    @abstractmethod
    def inputs(self) -> list[str]: ...

    @abstractmethod
    def outputs(self) -> list[str]: ...


class Step(Form):
    def __init__(self, model: BehaviourModel) -> None:
        super().__init__()
        self.model = model
        self.state: Any = type(model.encoder.initial_state(1))
        self.count = len(fields(self.state))

    def inputs(self) -> list[str]:
        lists = [f"items{i}_{part}" for i in range(len(self.model.features.items)) for part in ("categories", "lengths", "means")]
        return [*(f.name for f in fields(self.state)), *EVENT, *lists]

    def outputs(self) -> list[str]:
        return [f"next_{f.name}" for f in fields(self.state)]

    def forward(self, *given: Tensor) -> tuple[Tensor, ...]:
        """As `inputs` says; items are padded, (N, L, fields) with (N) lengths. -> as `outputs` says."""
        state, (time, name, categories, numbers, hour, weekday, *lists) = given[: self.count], given[self.count :]
        after = self.model.encoder.step(self.state(*state), self._vector(name, categories, numbers, hour, weekday, lists), time)
        return tuple(state_tensors(after).values())

    def _vector(self, name: Tensor, categories: Tensor, numbers: Tensor, hour: Tensor, weekday: Tensor, lists: list[Tensor]) -> Tensor:
        """(N, E), as the event embedder makes it of flat items."""
        own = self.model.embedder
        parts = [own.name(name), own.hour(hour), own.weekday(weekday)]
        parts += [embed(categories[:, at]) for at, embed in enumerate(own.categories)]
        parts.append(with_flags(numbers))
        for at, bag in enumerate(own.items):
            words, lengths, means = lists[3 * at : 3 * at + 3]
            real = (torch.arange(words.shape[1], device=words.device) < lengths.unsqueeze(1)).to(means.dtype).unsqueeze(2)
            share = real / lengths.clamp(min=1).unsqueeze(1).unsqueeze(2)
            tables = [cast("Tensor", table.weight) for table in cast("nn.ModuleList", bag.fields)]
            pooled = torch.stack([(nn.functional.embedding(words[:, :, f], t) * share).sum(1) for f, t in enumerate(tables)]).sum(0)
            parts += [pooled, torch.log1p(lengths.to(means.dtype)).unsqueeze(1) / 3, with_flags(means)]
        return own.whole(parts, name, numbers)


class Read(Form):
    OUTPUTS = ("embedding", "grouping", "probability", "expected_value", "segment", "strength", "novelty", "map", "finer")

    def __init__(self, model: BehaviourModel, segments: SegmentModel) -> None:
        super().__init__()
        self.model, self.placing, self.settling = model, Placing(segments), segments.settling
        self.groups_by = model.grouping if model.groups_apart else model.forecast  # which is there already
        self.state: Any = type(model.encoder.initial_state(1))

    def inputs(self) -> list[str]:
        return [*(f.name for f in fields(self.state)), "at"]

    def outputs(self) -> list[str]:
        return list(self.OUTPUTS)

    def forward(self, *given: Tensor) -> tuple[Tensor, ...]:
        state, at = self.state(*given[:-1]), given[-1]
        encoder = self.model.encoder
        present = self.model.read(state, at)
        main = self.model.main_forecast(present)
        sight = self.model.read(state, torch.maximum(at, encoder.last_time(state) + self.settling)) if self.settling else present
        grouping = self.groups_by(sight)
        return sight.embedding, grouping, main.probability, main.expected_value, *self.placing(sight.embedding, grouping)
