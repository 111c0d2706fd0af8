"""Novelty of events: nats against a slow loop, a scale that says how rare, and nothing known of the event or after it."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from kindred_worker import surprise
from kindred_worker.data.arrays import EventArrays, take
from kindred_worker.models.batch import batch_of
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.report import Report
from kindred_worker.surprise import Surprise, fit_surprise, judged, surprises
from tests.conftest import turned_round

SCALE = Surprise(np.array([1.0, 2.0, 3.0]), np.array([0.0, 1.0, 2.0]), 0.5)


def one(arrays: EventArrays, customer: int) -> tuple[EventArrays, int]:
    begin, end = int(arrays.offsets[customer]), int(arrays.offsets[customer + 1])
    return EventArrays(arrays.customers.slice(customer, 1), np.array([0, end - begin]), take(arrays.events, begin, end)), end - begin


@torch.no_grad()
def slow(model: BehaviourModel, arrays: EventArrays, place: int) -> float:
    """-log of what the head gave to the event at `place`, by the state built from the events before it and nothing else."""
    head = model.next_event
    assert head is not None
    events = arrays.events
    own = int(events.time[place])
    at = own - 1 if place == 0 else min(int(events.time[place - 1]), own - 1)
    seen = int((events.time <= at).sum())
    state = model.encoder.initial_state(1)
    if seen:
        state, _ = model.encoder.update(state, model.vectors(batch_of(take(events, 0, seen), np.array([0, seen]), model.device)))
    z = model.encoder.read(state, torch.tensor([at]))[0]
    codes = head.codes.tolist()
    kind = codes.index(events.name[place]) if events.name[place] in codes else len(codes)
    nats = -math.log(float(torch.softmax(head.kind(z), -1)[kind]))
    if place > 0:
        gap = (own - at) / 86_400_000_000
        stays = [float(functional.sigmoid(-(h - 2.0))) for h in head.hazard(z)]
        for edge, stay in zip(head.edges, stays, strict=True):
            nats -= math.log(stay) if gap > edge else math.log(1 - stay)
            if gap <= edge:
                break
    if events.value[place]:
        standard = (math.log1p(abs(float(events.value[place]))) - float(head.center)) / float(head.spread)
        nats += 0.5 * (float(head.amount(z)) - standard) ** 2
    return nats


def test_nats_are_what_a_slow_loop_finds_without_knowing_what_came_after(model: BehaviourModel, arrays: EventArrays) -> None:
    for customer in (0, 1, 7):
        alone, count = one(arrays, customer)
        fast = surprises(model, alone.events, alone.offsets, np.arange(count))
        assert fast.tolist() == pytest.approx([slow(model, alone, place) for place in range(count)], rel=1e-3)


def test_events_of_one_moment_are_judged_by_the_state_before_it(model: BehaviourModel, arrays: EventArrays) -> None:
    alone, count = one(arrays, 3)
    time = alone.events.time.copy()
    time[2] = time[1]
    events = replace(alone.events, time=time)
    fast = surprises(model, events, alone.offsets, np.arange(count))
    assert fast[2] == pytest.approx(slow(model, replace(alone, events=events), 2), rel=1e-3)


def test_novelty_is_the_order_of_magnitude_of_rarity(model: BehaviourModel, arrays: EventArrays) -> None:
    scale = fit_surprise(model, arrays, 0, Report())
    assert scale is not None
    everything = surprises(model, arrays.events, arrays.offsets, np.arange(len(arrays.events.time)))
    novelty = scale.novelty(everything)
    assert np.median(novelty) == pytest.approx(math.log10(2) / 5, abs=0.01)
    assert (novelty > 0.2).mean() == pytest.approx(0.1, abs=0.02)
    assert scale.novelty(np.array([1e9]))[0] == 1
    again = Surprise.from_bytes(json.dumps(scale.to_json()).encode())
    assert again.novelty(everything).tolist() == novelty.tolist()
    same = fit_surprise(model, arrays, 0, Report())
    assert same is not None
    assert same.to_json() == scale.to_json()


def test_where_in_the_data_a_customer_stands_makes_no_difference(
    model: BehaviourModel, arrays: EventArrays, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surprise, "SAMPLE", 200)
    found = [fit_surprise(model, each, seed, Report()) for each, seed in ((arrays, 0), (turned_round(arrays), 0), (arrays, 1))]
    one, other, elsewhere = (scale for scale in found if scale is not None)
    np.testing.assert_allclose(one.knots, other.knots, rtol=1e-4)
    assert not np.allclose(one.knots, elsewhere.knots, rtol=1e-4)


def test_an_amount_that_nobody_pays_is_more_novel_than_the_same_event_as_it_was(model: BehaviourModel, arrays: EventArrays) -> None:
    alone, _ = one(arrays, 1)
    paid = int(np.flatnonzero(alone.events.value)[-1])
    value = alone.events.value.copy()
    value[paid] = 1e7
    scale = fit_surprise(model, arrays, 0, Report())
    assert scale is not None
    before = judged(model, scale, alone.events, alone.offsets, [paid, paid - 1])
    after = judged(model, scale, replace(alone.events, value=value), alone.offsets, [paid, paid - 1])
    assert after[0] == 1 > before[0]
    assert after[1] == before[1]


def test_beyond_the_data_novelty_grows_by_the_tail() -> None:
    assert SCALE.novelty(np.array([0.0, 1.5, 3.0, 5.0, 99.0])).tolist() == pytest.approx([0, 0.1, 0.4, 0.6, 1])


def test_a_model_without_a_next_event_head_judges_nothing(model: BehaviourModel, arrays: EventArrays) -> None:
    other = BehaviourModel.create(model.features, replace(model.plan, objectives={"horizon": 1.0}), 1)
    assert fit_surprise(other, arrays, 0, Report()) is None
