"""Scores new events of many customers at once: packed states and events in, new states and places out.

A pure function of its arguments: the same customer gets the same answer in any batch (to rounding of sums), and
event by event gives what all events at once give.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from kindred_worker.data.live import featurised, parse
from kindred_worker.models.batch import batch_of
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.segments.assignment import SegmentModel


@dataclass(frozen=True)
class LiveEvent:
    name: str
    occurred_at: int  # microseconds
    properties: bytes  # JSON object


@dataclass(frozen=True)
class Customer:
    """New events of one customer, and the state that this model returned last (empty: its first events follow)."""

    id: str
    state: bytes
    events: Sequence[LiveEvent]
    read_at: int  # microseconds


@dataclass(frozen=True)
class Score:
    """Either everything but `rebuild` and `error`, or one of the two."""

    id: str
    state: bytes = b""
    embedding: bytes = b""
    segment_index: int = -1
    strength: float = 0.0
    novelty: float = 0.0
    map_x: float = 0.0
    map_y: float = 0.0
    rebuild: bool = False
    error: str = ""
    finer_index: int = -1  # within segment_index
    forecast: bytes = b""  # of each of the model's `main_events` its probability and its expected value, little-endian float32


@torch.inference_mode()
def score(model: BehaviourModel, segments: SegmentModel, customers: Sequence[Customer]) -> list[Score]:
    """One result per customer, in order. An unreadable customer is answered in its own result."""
    unreadable: dict[int, Score] = {}
    readable: list[Customer] = []
    events: list[tuple[str, int, dict[str, Any]]] = []
    for at, customer in enumerate(customers):
        try:
            events += [(e.name, _checked(e.occurred_at), parse(e.properties)) for e in customer.events]
            readable.append(customer)
        except ValueError as error:
            unreadable[at] = Score(customer.id, error=str(error))
    scored = iter(_score(model, segments, readable, events) if readable else [])
    return [unreadable[at] if at in unreadable else next(scored) for at in range(len(customers))]


def _score(
    model: BehaviourModel,
    segments: SegmentModel,
    customers: Sequence[Customer],
    events: Sequence[tuple[str, int, dict[str, Any]]],
) -> list[Score]:
    encoder = model.encoder
    state, unreadable = encoder.unpack([c.state for c in customers], model.stamp)
    offsets = np.cumsum([0, *(len(c.events) for c in customers)]).astype(np.int64)
    refused = unreadable
    if events:
        vectors = model.vectors(batch_of(featurised(model.features, events), offsets, model.device))
        state, rebuild = encoder.update(state, vectors)
        refused = unreadable | rebuild
    at = torch.tensor([c.read_at for c in customers], dtype=torch.int64, device=model.device)
    present = model.read(state, at)
    forecast = model.main_forecast(present)
    sight = present
    if segments.settling:
        sight = model.read(state, torch.maximum(at, encoder.last_time(state) + segments.settling))
    vector = sight.embedding.float().cpu().numpy().astype("<f4")
    grouping = model.grouping(sight) if model.groups_apart else model.forecast(sight)
    place = segments.assign(vector, grouping.float().cpu().numpy())
    packed = encoder.pack(state, model.stamp)
    chances = torch.stack([forecast.probability, forecast.expected_value], dim=-1).float().cpu().numpy().astype("<f4")
    results: list[Score] = []
    for i, (customer, no) in enumerate(zip(customers, refused.tolist(), strict=True)):
        if no:
            results.append(Score(customer.id, rebuild=True))
            continue
        results.append(
            Score(
                customer.id,
                packed[i],
                vector[i].tobytes(),
                int(place.index[i]),
                float(place.strength[i]),
                float(place.novelty[i]),
                float(place.map_xy[i, 0]),
                float(place.map_xy[i, 1]),
                finer_index=int(place.finer[i]),
                forecast=chances[i].tobytes(),
            )
        )
    return results


def _checked(micros: int) -> int:
    if abs(micros) > 253_402_300_800_000_000:  # year 9999
        raise ValueError(f"occurred_at {micros} lies outside the years that have dates")
    return micros
