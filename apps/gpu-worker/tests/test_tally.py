"""What is counted beside what is learned, against a slow loop."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from kindred_worker.data.arrays import EventArrays
from kindred_worker.models.batch import batch_of, choose
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.plan import event_codes

DAY = 86_400_000_000


def by_hand(model: BehaviourModel, arrays: EventArrays, customer: int, at: int) -> list[float]:
    """As tally.py says, one number after the other."""
    events, _ = choose(arrays, np.array([customer]), arrays.item_offsets)
    codes = event_codes(model.features)[: len(model.features.main_events)]
    seen = [(int(t), int(n), abs(float(v))) for t, n, v in zip(events.time, events.name, events.value, strict=True) if t <= at]
    of = [[(t, v) for t, n, v in seen if n == code] for code in codes]
    out: list[float] = []
    half_lives = model.plan.half_life_days
    for half_life in (*half_lives, math.inf):
        for pick in (lambda _: 1.0, lambda value: value):
            out += [math.log1p(sum(2 ** (-((at - t) / DAY) / half_life) * pick(v) for t, v in mine)) for mine in of]
    times: list[list[float]] = []
    for mine in of:
        if not mine:
            times.append([0.0] * 7)
            continue
        count, since, tenure = len(mine), (at - mine[-1][0]) / DAY, (at - mine[0][0]) / DAY
        gap = (tenure - since) / max(count - 1, 1)
        ratio = math.log1p(since / max(gap, 1 / 1440)) if count > 1 else 0.0
        mean = math.log1p(sum(v for _, v in mine) / count)
        times.append([math.log1p(since), math.log1p(tenure), math.log1p(tenure / count), math.log1p(gap), ratio, float(count == 1), mean])
    out += [one[which] for which in range(7) for one in times]
    quiet = []
    for mine in of:
        nats = [
            (len(mine) - 0.5) * math.log1p((at - mine[-1][0]) / DAY / (h + (mine[-1][0] - mine[0][0]) / DAY)) if mine else 0.0
            for h in half_lives
        ]
        quiet.append([*(math.log1p(n) for n in nats), *(math.exp(-n) if mine else 0.0 for n in nats)])
    out += [one[which] for which in range(2 * len(half_lives)) for one in quiet]
    return out


@pytest.mark.parametrize("later_days", [0.0, 3.5, 90.0])
def test_what_is_read_is_what_a_loop_over_events_counts(model: BehaviourModel, arrays: EventArrays, later_days: float) -> None:
    chosen = np.arange(12)
    events, offsets = choose(arrays, chosen, arrays.item_offsets)
    vectors = model.vectors(batch_of(events, offsets, model.device))
    state, _ = model.encoder.update(model.encoder.initial_state(len(chosen)), vectors)
    at = events.time[offsets[1:] - 1] + round(later_days * DAY)
    found = model.encoder.tally_of(state, torch.from_numpy(at)).detach().numpy()
    known = np.array([by_hand(model, arrays, int(customer), int(moment)) for customer, moment in zip(chosen, at, strict=True)])
    assert found.shape == known.shape == (12, model.encoder.tally_width)
    assert np.allclose(found, known, atol=2e-3)


def test_read_at_several_times_it_is_what_it_was_then(model: BehaviourModel, arrays: EventArrays) -> None:
    chosen = np.arange(8)
    events, offsets = choose(arrays, chosen, arrays.item_offsets)
    first, last = events.time[offsets[:-1]], events.time[offsets[1:] - 1]
    at = np.stack([first - 1, (first + last) // 2, last + DAY], axis=1)
    found = model.encoder.tally_many(model.vectors(batch_of(events, offsets, model.device)), torch.from_numpy(at)).detach().numpy()
    assert not found[:, 0].any()
    for moment in (1, 2):
        known = np.array([by_hand(model, arrays, int(c), int(at[c, moment])) for c in chosen])
        assert np.allclose(found[:, moment], known, atol=2e-3)


def test_events_that_come_in_any_order_are_counted_alike(model: BehaviourModel, arrays: EventArrays) -> None:
    events, offsets = choose(arrays, np.array([int(np.argmax(np.diff(arrays.offsets)))]), arrays.item_offsets)
    vectors = model.vectors(batch_of(events, offsets, model.device))
    at = torch.tensor([int(events.time[-1])])
    whole, _ = model.encoder.update(model.encoder.initial_state(1), vectors)
    piecewise = model.encoder.initial_state(1)
    count = len(events.time)
    for rows in (torch.arange(0, count, 2), torch.arange(1, count, 2)):
        part = type(vectors)(torch.tensor([0, len(rows)]), vectors.time[rows], vectors.x[rows])
        piecewise, _ = model.encoder.update(piecewise, part)
    found, known = model.encoder.tally_of(piecewise, at), model.encoder.tally_of(whole, at)
    assert torch.allclose(found, known, atol=1e-4)


def test_a_customer_without_events_counts_nothing(model: BehaviourModel) -> None:
    assert not model.encoder.tally_of(model.encoder.initial_state(2), torch.tensor([0, DAY])).any()
