"""Pretext tasks against slow loops written from their description."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from kindred_worker.data.arrays import EventArrays, take
from kindred_worker.data.features import FeatureSpec
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.encoder import Sight
from kindred_worker.models.plan import event_codes
from kindred_worker.objectives import Horizon, Moments, NextEvent, Transitions
from kindred_worker.objectives.horizon import log_not
from kindred_worker.objectives.objective import as_tensors

DAY = 86_400_000_000


@pytest.fixture(scope="module")
def moments(arrays: EventArrays) -> Moments:
    """Ten customers at six moments, some right at an event, some before the first and after the last."""
    random = np.random.default_rng(1)
    offsets = arrays.offsets[:11]
    events = take(arrays.events, 0, int(offsets[-1]))
    now = int(events.time.max()) - 3 * DAY  # a few events lie ahead of a slow clock
    at = random.integers(events.time.min() - DAY, now, size=(10, 6))
    at[:, 0] = events.time[offsets[:-1]]
    return Moments(events, offsets, np.sort(at, axis=1), now)


def test_position_is_the_first_event_later_than_the_moment(moments: Moments) -> None:
    for days in (0.0, 0.5, 10.0, 10_000.0):
        found = moments.position(days)
        for b, r in np.ndindex(*moments.at.shape):
            begin, end = moments.offsets[b], moments.offsets[b + 1]
            limit = moments.at[b, r] + round(days * DAY)
            expected = next((i for i in range(begin, end) if moments.events.time[i] > limit), end)
            if limit <= moments.now:
                assert found[b, r] == expected
            else:
                assert begin <= found[b, r] <= end


def test_horizon_targets_are_what_a_loop_finds(moments: Moments, features: FeatureSpec, model: BehaviourModel) -> None:
    head = model.objectives["horizon"]
    assert isinstance(head, Horizon)
    found = head.targets(moments)
    events, codes = moments.events, event_codes(features)
    for b, r in np.ndindex(*moments.at.shape):
        at = int(moments.at[b, r])
        for h, days in enumerate(head.days):
            end = at + round(days * DAY)
            assert found["known"][b, r, h] == (end <= moments.now)
            if end > moments.now:
                continue
            for m, code in enumerate(codes):
                mine = [
                    i for i in range(moments.offsets[b], moments.offsets[b + 1]) if at < events.time[i] <= end and events.name[i] == code
                ]
                amount = sum(float(events.value[i]) if head.valued[m] else 1.0 for i in mine)
                assert found["happened"][b, r, m, h] == (len(mine) > 0)
                assert found["amount"][b, r, m, h] == pytest.approx(math.log1p(amount), rel=1e-5)


def test_horizon_loss_is_the_likelihood_of_what_happened(moments: Moments, model: BehaviourModel) -> None:
    head = model.objectives["horizon"]
    assert isinstance(head, Horizon)
    targets = head.targets(moments)
    embedding = torch.randn(*moments.at.shape, model.width, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        loss = float(head.loss(embedding, as_tensors(targets, torch.device("cpu"))))
        nothing = embedding.new_zeros(*embedding.shape[:-1], head.foreseen_by.weight.shape[1])
        said = head.forecast(Sight(embedding, nothing)).unflatten(-1, (len(head.events), 2, len(head.days)))
    assert (said[..., 0, 1:] >= said[..., 0, :-1]).all(), "a longer horizon is never less likely"
    whether, weights, much, happenings = 0.0, 0.0, 0.0, 0.0
    for b, r, m, h in np.ndindex(*targets["happened"].shape):
        weight = targets["known"][b, r, h] * float(head.weight[m, 0])
        p, y = float(said[b, r, m, 0, h]), targets["happened"][b, r, m, h]
        whether -= weight * math.log(p if y else 1 - p)
        weights += weight
        if y:
            error = abs(float(said[b, r, m, 1, h]) / p - targets["amount"][b, r, m, h])
            huber = 0.5 * error**2 if error < 1 else error - 0.5
            much += weight * huber / float(head.scale[m])
            happenings += weight
    assert loss == pytest.approx(whether / weights + 0.5 * much / happenings, rel=1e-3)


def test_next_event_loss_is_that_of_a_loop(moments: Moments, features: FeatureSpec, model: BehaviourModel) -> None:
    head = model.objectives["next_event"]
    assert isinstance(head, NextEvent)
    targets = head.targets(moments)
    embedding = torch.randn(*moments.at.shape, model.width, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        loss = float(head.loss(embedding, as_tensors(targets, torch.device("cpu"))))
        kinds, hazards = torch.log_softmax(head.kind(embedding), -1), torch.sigmoid(head.hazard(embedding) - 2)
        amounts = head.amount(embedding)[..., 0]
    codes = event_codes(features).tolist()
    kind, time, amount, follow, amounts_seen = [], [], [], 0, 0
    for b, r in np.ndindex(*moments.at.shape):
        at, end = int(moments.at[b, r]), int(moments.offsets[b + 1])
        later = [i for i in range(moments.offsets[b], end) if moments.events.time[i] > at]
        gap = ((moments.events.time[later[0]] if later else moments.now) - at) / DAY
        survived = 0.0
        for j, edge in enumerate(head.edges):
            if gap > edge:
                survived -= math.log(1 - float(hazards[b, r, j]))
            elif later:
                survived -= math.log(float(hazards[b, r, j]))
                break
            else:
                break
        time.append(survived)
        if not later:
            continue
        follow += 1
        name = int(moments.events.name[later[0]])
        kind.append(-float(kinds[b, r, codes.index(name) if name in codes else len(codes)]))
        value = abs(float(moments.events.value[later[0]]))
        if value > 0:
            amounts_seen += 1
            error = abs(float(amounts[b, r]) - (math.log1p(value) - float(head.center)) / float(head.spread))
            amount.append(0.5 * error**2 if error < 1 else error - 0.5)
    expected = sum(kind) / follow + sum(time) / len(time) + 0.5 * sum(amount) / amounts_seen
    assert loss == pytest.approx(expected, rel=1e-4)


def test_transitions_loss_is_that_of_a_loop_over_pairs_still_to_come(
    moments: Moments, features: FeatureSpec, model: BehaviourModel
) -> None:
    head = model.objectives["transitions"]
    assert isinstance(head, Transitions)
    embedding = torch.randn(*moments.at.shape, model.width, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        loss = float(head.loss(embedding, as_tensors(head.targets(moments), torch.device("cpu"))))
        said = torch.log_softmax(head.head(embedding), -1)
    events, codes = moments.events, event_codes(features).tolist()
    many = len(codes) + 1
    missed: list[float] = []
    for b, r in np.ndindex(*moments.at.shape):
        at = int(moments.at[b, r])
        end = at + round(head.days * DAY)
        later = [
            i
            for i in range(moments.offsets[b], moments.offsets[b + 1])
            if events.time[i] > at and (events.time[i] <= end or end > moments.now)  # beyond the clock's time all there is
        ]
        kind = [codes.index(name) if (name := int(events.name[i])) in codes else many - 1 for i in later]
        pairs = list(pairwise(kind))
        if pairs:
            missed.append(-sum(float(said[b, r, many * a + then]) for a, then in pairs) / len(pairs))
    assert len(missed) > 10
    assert loss == pytest.approx(sum(missed) / len(missed), rel=1e-4)


def test_what_lies_beyond_the_data_teaches_nothing(moments: Moments, model: BehaviourModel) -> None:
    head = model.objectives["horizon"]
    at_the_end = replace(moments, at=np.full_like(moments.at, moments.now - 1))
    targets = as_tensors(head.targets(at_the_end), torch.device("cpu"))
    embedding = torch.randn(*moments.at.shape, model.width, requires_grad=True)
    head.loss(embedding, targets).backward()
    assert embedding.grad is not None
    assert not embedding.grad.any()


def test_logs_keep_their_digits_at_both_ends() -> None:
    quiet = torch.tensor([-1e-4, -0.5, -0.7, -1.0, -20.0], dtype=torch.float64)
    expected = [math.log(-math.expm1(q)) for q in quiet.tolist()]
    torch.testing.assert_close(log_not(quiet), torch.tensor(expected, dtype=torch.float64))
