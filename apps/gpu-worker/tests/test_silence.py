"""What a silence says, against the law that it follows, and what it is good for."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import lomax
from sklearn.metrics import roc_auc_score

from kindred_worker.models.silence import silence
from kindred_worker.models.tally import Tallies, Tally
from kindred_worker.segments.probe import logistic

DAY = 86_400_000_000
SCALES = torch.tensor([2.0, 20.0, 200.0])


@pytest.mark.parametrize(("count", "since", "tenure"), [(1, 0.0, 0.0), (1, 40.0, 40.0), (2, 3.5, 100.0), (30, 90.0, 400.0)])
def test_its_chance_is_that_of_no_event_by_the_rate_as_known(count: int, since: float, tenure: float) -> None:
    said = silence(torch.tensor([float(count)]), torch.tensor([since]), torch.tensor([tenure]), SCALES)[0].double().numpy()
    known = lomax.sf(since, count - 0.5, scale=SCALES.numpy() + tenure - since)
    assert np.allclose(said[3:], known, rtol=1e-4)
    assert np.allclose(said[:3], np.log1p(-np.log(known)), rtol=1e-4, atol=1e-6)


def test_nobody_is_silent_who_never_came() -> None:
    assert not silence(torch.zeros(2), torch.zeros(2), torch.zeros(2), SCALES).any()


def test_no_time_and_no_number_is_too_large() -> None:
    many = silence(torch.tensor([1e7, 1.0]), torch.tensor([1e5, 0.0]), torch.tensor([2e5, 2e5]), SCALES)
    assert bool(torch.isfinite(many).all())


def test_it_tells_who_has_gone_from_who_comes_seldom() -> None:
    """Customers whose rates differ, each of whom leaves after some event: how often and how long ago alone say less of them."""
    random = np.random.default_rng(5)
    now, later, customers = 400.0, 490.0, 4000
    times: list[list[float]] = []
    came: list[float] = []
    for _ in range(customers):
        rate, at, mine = random.gamma(0.7) / 40, random.uniform(0, 350), list[float]()
        while at < later:
            mine.append(at)
            at = at + random.exponential(1 / rate) if random.random() < 0.85 else math.inf
        times.append([t for t in mine if t < now])
        came.append(float(any(t >= now for t in mine)))
    met = torch.tensor([[round(t[0] * DAY), round(t[-1] * DAY)] for t in times]) + 1
    rate = 1 / torch.tensor([2.0, 7.0, 21.0, 60.0, 120.0, 240.0, math.inf])
    sums = torch.stack([torch.tensor([[sum(2.0 ** (-(now - s) * float(r)) for s in t), 0.0] for t in times]) for r in rate], dim=1)
    tallies = Tallies(sums.flatten(1), met[:, :1], met[:, 1:])
    at = torch.full((customers,), round(now * DAY))
    half, labels = customers // 2, np.array(came)
    areas: list[float] = []
    for silent in (False, True):
        read = Tally(1, rate, silent).read(tallies, torch.zeros(customers), at).double().numpy()
        areas.append(float(roc_auc_score(labels[half:], logistic(read[:half], labels[:half], read[half:]))))
    assert areas[1] > areas[0] + 0.005
