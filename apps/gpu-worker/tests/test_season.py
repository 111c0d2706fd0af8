"""The forecast's level follows what the season brought a year ago, where that is known."""

from __future__ import annotations

import copy
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from kindred_worker import season
from kindred_worker.data.arrays import EventArrays, pick
from kindred_worker.data.features import Encoded, FeatureSpec, Int64
from kindred_worker.models.batch import batch_of
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.encoder import Sight
from kindred_worker.models.plan import resolve
from kindred_worker.newest import fit_newest
from kindred_worker.objectives import Horizon
from kindred_worker.report import Cancelled, Report
from kindred_worker.season import fit_season
from kindred_worker.spec import TrainingSpec
from tests.conftest import Stopping

DAY = 86_400_000_000
NOW = 600  # days after the data's beginning; the same weeks a year ago begin at 236
CUSTOMERS = 600


def shop(arrays: EventArrays, busy: float, seed: int = 0, now: int = NOW) -> tuple[Encoded, Int64]:
    """Orders of customers as different as they are in real shops, who all were there before the data begin; `busy` times as many in
    the forty days after `now` and after the same day a year before."""
    random = np.random.default_rng(seed)
    order = int(np.flatnonzero(arrays.events.value > 0)[0])
    times: list[np.ndarray] = []
    for rate in np.exp(random.normal(np.log(1 / 60), 1, CUSTOMERS)):
        at = np.sort(random.uniform(0, now + 40, random.poisson(rate * max(1, busy) * (now + 40))))
        is_busy = (at % 364 - now % 364) % 364 < 40
        kept = at[random.random(len(at)) < np.where(is_busy, busy, 1.0) / max(1, busy)]
        if len(kept) and kept[0] < now:
            times.append(kept)
    offsets = np.concatenate([[0], np.cumsum([len(t) for t in times])]).astype(np.int64)
    events = pick(arrays.events, np.full(offsets[-1], order))
    return replace(events, time=np.round(np.concatenate(times) * DAY).astype(np.int64)), offsets


def until(events: Encoded, offsets: Int64, moment: int) -> tuple[Encoded, Int64]:
    known = events.time <= moment
    return pick(events, np.flatnonzero(known)), np.concatenate([[0], np.cumsum(known)])[offsets].astype(np.int64)


@pytest.fixture
def fresh(features: FeatureSpec, arrays: EventArrays) -> BehaviourModel:
    spec = TrainingSpec(width=16, horizon_days=(10.0, 40.0))
    return BehaviourModel.create(features, resolve(spec, features, arrays, int(arrays.events.time.max())), 7).eval()


def head_of(model: BehaviourModel) -> Horizon:
    assert model.horizon is not None
    return model.horizon


def order_of(model: BehaviourModel) -> int:
    return head_of(model).events.index("Order Completed")


def said_and_came(model: BehaviourModel, whole: tuple[Encoded, Int64], now: int = NOW) -> tuple[np.ndarray, np.ndarray]:
    """Of each customer (N, H): the chance of an order at `now`, and whether one came."""
    events, offsets = until(*whole, now * DAY)
    at = torch.full((len(offsets) - 1, 1), now * DAY)
    sight = model.read_many(model.vectors(batch_of(events, offsets, model.device)), at)
    chance = model.main_forecast(sight[:, 0]).probability.unflatten(1, (head_of(model).mains, -1))[:, order_of(model)].detach().numpy()
    times = [whole[0].time[a:b] for a, b in pairwise(whole[1])]
    came = [[float(((t > now * DAY) & (t <= (now + days) * DAY)).any()) for days in (10, 40)] for t in times]
    return chance, np.array(came)


def fitted(model: BehaviourModel, whole: tuple[Encoded, Int64], now: int = NOW) -> tuple[np.ndarray, np.ndarray]:
    """Chances at `now` without the season and with it."""
    known = until(*whole, now * DAY)
    fit_newest(model, [known], [known], now * DAY, Report())
    before, _ = said_and_came(model, whole, now)
    fit_season(model, [known], now * DAY, Report())
    return before, said_and_came(model, whole, now)[0]


def test_what_the_season_brought_a_year_ago_is_expected_again_in_part(fresh: BehaviourModel, arrays: EventArrays) -> None:
    whole = shop(arrays, busy=3)
    before, after = fitted(fresh, whole)
    _, came = said_and_came(fresh, whole)
    lacked, lacks = came.mean(0) - before.mean(0), came.mean(0) - after.mean(0)
    assert (lacked > 0.1).all()
    assert (np.abs(lacks) < 0.6 * lacked).all()
    assert np.array_equal(np.argsort(before, axis=0, kind="stable"), np.argsort(after, axis=0, kind="stable"))


def test_a_shop_without_seasons_stays_at_its_level_though_its_data_begin_in_the_midst(fresh: BehaviourModel, arrays: EventArrays) -> None:
    before, after = fitted(fresh, shop(arrays, busy=1))
    assert np.abs(after - before).max() < 0.04


def test_who_was_there_later_than_a_moment_is_what_a_loop_finds(arrays: EventArrays) -> None:
    events, offsets = arrays.events, arrays.offsets
    moment = int(np.median(events.time))
    found, their_offsets = season._since(events, offsets, moment)  # pyright: ignore[reportPrivateUsage]
    lives = [events.time[a:b][events.time[a:b] > moment] for a, b in pairwise(offsets)]
    kept = [life for life in lives if len(life)]
    assert len(kept) < len(lives)
    assert np.array_equal(found.time, np.concatenate(kept))
    assert np.array_equal(np.diff(their_offsets), [len(life) for life in kept])


def test_a_batch_of_customers_who_all_came_too_long_ago_is_read_too(fresh: BehaviourModel, arrays: EventArrays) -> None:
    known = until(*shop(arrays, busy=3), NOW * DAY)
    early, offsets = until(*shop(arrays, busy=3), 30 * DAY)
    long_ago = early, np.unique(offsets)  # without those who had not come yet
    fit_season(fresh, [known], NOW * DAY, Report())
    alone = head_of(fresh).season.clone()
    fit_season(fresh, [known, long_ago], NOW * DAY, Report())
    assert torch.isfinite(head_of(fresh).season).all()
    assert not torch.equal(head_of(fresh).season, alone)


def test_the_longer_the_history_the_more_a_year_ago_is_believed() -> None:
    believed = [season._believed(90 / history) for history in (90, 180, 360, 3600)]  # pyright: ignore[reportPrivateUsage]
    assert believed == sorted(believed)
    assert 0.25 < believed[0] < 0.35
    assert believed[-1] == pytest.approx(0.8, abs=0.001)


def test_only_horizons_that_the_data_reach_back_for_are_moved(fresh: BehaviourModel, arrays: EventArrays) -> None:
    for days, moved in ((360, [False, False]), (364 + 25, [True, False]), (364 + 45, [True, True])):
        fit_season(fresh, [until(*shop(arrays, busy=3, now=days), days * DAY)], days * DAY, Report())
        assert (head_of(fresh).season[order_of(fresh)] != 0).tolist() == moved


def test_however_seasons_differ_a_longer_horizon_is_never_less_likely(fresh: BehaviourModel) -> None:
    anybody = Sight(torch.randn(50, fresh.width), torch.rand(50, fresh.encoder.tally_width))
    head_of(fresh).season[:, 0] = 2.0
    head_of(fresh).season[:, 1] = -2.0
    chance = fresh.main_forecast(anybody).probability.unflatten(1, (head_of(fresh).mains, -1))
    assert bool((chance.diff(dim=-1) >= 0).all())


def test_cancelled_it_leaves_the_season_as_it_was(fresh: BehaviourModel, arrays: EventArrays) -> None:
    before = copy.deepcopy(head_of(fresh).season)
    with pytest.raises(Cancelled):
        fit_season(fresh, [until(*shop(arrays, busy=3), NOW * DAY)], NOW * DAY, Stopping(3))  # in the midst of the fit
    assert torch.equal(head_of(fresh).season, before)
