"""Batches of customers, and moments of their past with what came after: drawn, gathered and counted on the host.

A device is given a step's arrays and asked for nothing: whatever decides a size (which events a reading sees, how long
sequences are, whose slices are known) is worked out here, so a GPU computes one step while the next one is drawn.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from kindred_worker.data.arrays import EventArrays
from kindred_worker.data.features import MICROS_PER_DAY, Encoded, FeatureSpec, Int64
from kindred_worker.data.split import Split
from kindred_worker.models.batch import EventBatch, batch_of, choose, put
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.plan import Plan
from kindred_worker.objectives import Moments
from kindred_worker.objectives.objective import as_tensors
from kindred_worker.objectives.views import ENOUGH, VIEWS
from kindred_worker.spec import TrainingSpec

EVENTS_PER_STEP = 20_000  # bounds memory where customers are long
# If the spec does not say: customers per step so that an epoch has about STEPS_PER_EPOCH steps, within bounds.
BATCH_SIZES, STEPS_PER_EPOCH = (32, 128), 40


@dataclass(frozen=True)
class Predecessor:
    """What a model learned from that another one goes on from."""

    split: Split  # whom it never learned from
    now: int  # microseconds; nothing later was known
    customers: int


@dataclass(frozen=True)
class TrainingData:
    features: FeatureSpec
    arrays: EventArrays
    now: int  # microseconds; nothing later is known
    former: Predecessor | None = None  # of the model that is gone on from


@dataclass(frozen=True)
class Glance:
    """One view (objectives/views.py) of a batch's customers."""

    events: EventBatch
    at: Tensor  # (V, R) int64 microseconds
    seen: Tensor  # (s) rows of the events that any reading sees


@dataclass(frozen=True)
class Batch:
    glances: dict[str, Glance]  # by view
    targets: dict[str, dict[str, Tensor]]  # by pretext task
    events: int  # read in all


class Sampler:
    """Batches of customers, and moments of their past with what came after."""

    def __init__(self, spec: TrainingSpec, plan: Plan, data: TrainingData, device: torch.device, learning: int) -> None:
        self.spec, self.data, self.device = spec, data, device
        self.batch_size = spec.batch_size or int(np.clip(learning // STEPS_PER_EPOCH, *BATCH_SIZES))
        self.lengths = np.diff(data.arrays.offsets)
        self.item_offsets = data.arrays.item_offsets
        self.shortest = round(plan.horizon_days[0] * MICROS_PER_DAY)

    def batches(self, customers: Int64, epoch: int) -> list[Int64]:
        """Shuffled; a batch ends at `batch_size` customers or `EVENTS_PER_STEP` events."""
        order = customers[np.random.default_rng([self.spec.seed, 3, epoch]).permutation(len(customers))]
        within = np.cumsum(self.lengths[order])
        cuts, begin = [0], 0
        while begin < len(order):
            base = within[begin - 1] if begin else 0
            full = int(np.searchsorted(within, base + EVENTS_PER_STEP, side="right"))
            begin = min(begin + self.batch_size, max(full, begin + 1))
            cuts.append(min(begin, len(order)))
        return [order[a:b] for a, b in itertools.pairwise(cuts)]

    def whole(self, customers: Int64) -> Iterator[tuple[Encoded, Int64]]:
        """All events of these customers, and offsets, batch by batch."""
        return (choose(self.data.arrays, batch, self.item_offsets) for batch in self.batches(customers, 0))

    def is_divisible(self, customers: Int64) -> npt.NDArray[np.bool_]:
        """Which of these customers have events enough for two halves."""
        return self.lengths[customers] >= ENOUGH

    def schedule(self, customers: Int64, epochs: int, begin: int) -> Iterator[tuple[int, int, Int64]]:
        """(step, epoch, customers of the batch), from step `begin` on."""
        at = 0
        for epoch in range(epochs):
            for batch in self.batches(customers, epoch):
                if at >= begin:
                    yield at, epoch, batch
                at += 1

    def draw(self, model: BehaviourModel, customers: Int64, random: np.random.Generator, also: Sequence[str] = ()) -> Batch:
        """Each view that the pretext tasks ask for, or `also`, at moments drawn anew; each task's targets."""
        events, offsets = choose(self.data.arrays, customers, self.item_offsets)
        moments = Moments(events, offsets, self._times(events.time, offsets, random), self.data.now)
        wanted = dict.fromkeys([*also, *(head.view for head in model.objectives.values())])
        views = {name: VIEWS[name](moments, random) for name in wanted}
        targets = {name: as_tensors(head.targets(views[head.view]), self.device) for name, head in model.objectives.items()}
        glances = {name: self._glance(view) for name, view in views.items()}
        return Batch(glances, targets, sum(len(view.events.time) for view in views.values()))

    def _glance(self, view: Moments) -> Glance:
        seen = np.flatnonzero(view.events.time <= np.repeat(view.at[:, -1], np.diff(view.offsets)))
        return Glance(batch_of(view.events, view.offsets, self.device), put(view.at, self.device), put(seen, self.device))

    def _times(self, time: Int64, offsets: Int64, random: np.random.Generator) -> Int64:
        """(B, R) ascending: a third right at an event, the others anywhere between the first event and now."""
        count, lengths, now = len(offsets) - 1, np.diff(offsets), self.data.now
        at_events = max(1, self.spec.reads // 3)
        picks = (random.random((count, at_events)) * lengths[:, None]).astype(np.int64)
        first = time[offsets[:-1]][:, None]
        end = np.where(now - self.shortest > first, now - self.shortest, np.maximum(now, first))
        anywhere = first + (random.random((count, self.spec.reads - at_events)) * (end - first)).astype(np.int64)
        return np.sort(np.concatenate([time[offsets[:-1][:, None] + picks], anywhere], axis=1), axis=1)
