"""The pupil: a network's log odds of main events, said once more from what is counted."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from torch import Tensor

from kindred_worker import pupil
from kindred_worker.data.arrays import EventArrays
from kindred_worker.data.features import FeatureSpec
from kindred_worker.data.snapshot import Snapshot
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.encoder import Sight
from kindred_worker.models.pupil import Pupil
from kindred_worker.models.reading import read_everyone
from kindred_worker.models.tally import tally_width
from kindred_worker.objectives import Horizon
from kindred_worker.pupil import fidelity, teach
from kindred_worker.report import Cancelled, Report
from tests.conftest import Stopping
from tests.test_newest import batches


@pytest.fixture
def seasonal(model: BehaviourModel, features: FeatureSpec) -> BehaviourModel:
    """Untrained, with a tally that turns."""
    made = BehaviourModel.create(features, replace(model.plan, tally_period_days=(40.0,)), 7)
    made.load_state_dict({name: value for name, value in model.state_dict().items() if ".pupil." not in name})
    return made.eval()


def head_of(model: BehaviourModel) -> Horizon:
    assert model.horizon is not None
    return model.horizon


def pupil_of(model: BehaviourModel) -> Pupil:
    found = head_of(model).pupil
    assert found is not None
    return found


def tallies(model: BehaviourModel, count: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).gamma(2.0, 1.0, (count, model.encoder.tally_width)).astype(np.float32))


def test_it_is_a_ridge_regression_on_numbers_squares_and_products(model: BehaviourModel) -> None:
    plan = replace(model.plan, counted=1)
    one = Pupil(plan, 2)
    tally = torch.from_numpy(np.random.default_rng(0).gamma(2.0, 1.0, (5000, len(one.centre))).astype(np.float32))
    said = torch.stack([tally[:, 0] * tally[:, 1], tally[:, 2].square()], dim=1)
    one.learn(tally, said, 50.0)
    scaled = np.clip(StandardScaler().fit_transform(tally.numpy()), -8, 8)
    terms = StandardScaler().fit_transform(PolynomialFeatures(2, include_bias=False).fit_transform(scaled))
    known = Ridge(alpha=50.0).fit(terms, said.numpy()).predict(terms)
    np.testing.assert_allclose(one(tally).numpy(), known, atol=2e-3)
    assert float(fidelity(one(tally), said).min()) > 0.95


def test_products_are_of_two_numbers_of_the_same_event(seasonal: BehaviourModel) -> None:
    one = pupil_of(seasonal)
    events, width = seasonal.plan.counted, seasonal.encoder.tally_width
    assert events > 1
    each = width // events
    tally = tallies(seasonal, 3)
    terms = one.terms(tally).unflatten(1, (-1, events))
    assert terms.shape == (3, each + each * (each + 1) // 2, events)
    other = tally.clone()
    other[:, 1::events] += 1.0  # of the second event alone
    changed = (one.terms(other).unflatten(1, (-1, events)) != terms).any(dim=1).any(dim=0)
    assert changed.tolist() == [at == 1 for at in range(events)]


def test_networks_that_differ_in_what_is_not_counted_are_said_alike(model: BehaviourModel) -> None:
    """Each says the same of the counts, and something of its own beside."""
    plan = replace(model.plan, counted=1)
    tally = torch.from_numpy(np.random.default_rng(0).gamma(2.0, 1.0, (8000, tally_width(plan))).astype(np.float32))
    whole = torch.tanh(tally[:, :1] - 2) + 0.3 * tally[:, 1:2]
    found: list[Tensor] = []
    for seed in range(2):
        own = 0.3 * torch.randn(8000, 1, generator=torch.Generator().manual_seed(seed))
        one = Pupil(plan, 1)
        one.learn(tally, whole + own, 400.0)
        found.append(one(tally))
    assert float((found[0] - found[1]).std()) < 0.4 * 0.3 * 2**0.5
    assert float(fidelity(found[0], whole)) > 0.9


def test_where_it_says_nearly_all_segments_are_drawn_from_it_and_people_read_the_network(
    seasonal: BehaviourModel, arrays: EventArrays, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = read_everyone(snapshot, seasonal, 0, Report())
    assert before.settled is before
    monkeypatch.setattr(pupil, "HELD", 1.0)
    monkeypatch.setattr(pupil, "FAITHFUL", -np.inf)
    monkeypatch.setattr(pupil, "ENOUGH", 80)
    told = teach(seasonal, batches(arrays, copies=5), batches(arrays), snapshot.now, Report())
    assert told is not None
    assert seasonal.groups_apart
    after = read_everyone(snapshot, seasonal, 0, Report())
    np.testing.assert_array_equal(after.forecast, before.forecast)
    np.testing.assert_array_equal(after.settled.embedding, before.embedding)
    mains = np.array([column.main for column in seasonal.columns])
    assert np.abs(after.settled.forecast - before.forecast)[:, mains].max() > 1e-4
    np.testing.assert_array_equal(after.settled.forecast[:, ~mains], before.forecast[:, ~mains])
    sight = Sight(torch.from_numpy(before.embedding), tallies(seasonal, len(before.embedding)))
    chances = seasonal.grouping(sight)[:, : len(head_of(seasonal).days)]
    assert bool((chances.diff(dim=1) >= 0).all())  # a longer horizon is never less likely


@pytest.mark.parametrize(("faithful", "enough"), [(1.1, 0), (-np.inf, 91)], ids=["it does not", "few are held out"])
def test_else_segments_are_drawn_from_the_network(
    model: BehaviourModel, arrays: EventArrays, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch, faithful: float, enough: int
) -> None:
    one = copy.deepcopy(model)
    monkeypatch.setattr(pupil, "FAITHFUL", faithful)
    monkeypatch.setattr(pupil, "ENOUGH", enough)
    found = teach(one, batches(arrays), batches(arrays), snapshot.now, Report())
    assert found is not None
    assert found < 1.1
    assert bool(pupil_of(one).weight.any())
    assert not one.groups_apart
    everyone = Sight(torch.randn(20, one.width), tallies(one, 20))
    assert torch.equal(one.grouping(everyone), one.forecast(everyone))


def test_it_learns_from_the_network_as_it_speaks_lately(model: BehaviourModel) -> None:
    one = copy.deepcopy(model)
    embedding = torch.randn(6, one.width)
    said = head_of(one).of_mains(embedding)
    assert said.shape == (6, len(head_of(one).tally_bias))
    head_of(one).newest_bias += 1.0
    hazards, amounts = (head_of(one).of_mains(embedding) - said).chunk(2, dim=1)
    assert torch.allclose(hazards, torch.ones_like(hazards), atol=1e-5)
    assert not amounts.any()


def test_weights_from_before_there_was_one_have_one_that_is_silent(model: BehaviourModel) -> None:
    one = copy.deepcopy(model)
    pupil_of(one).speaks.fill_(1.0)
    one.load_state_dict({name: value for name, value in model.state_dict().items() if ".pupil." not in name})
    assert not one.groups_apart


def test_cancelled_it_leaves_the_model_as_it_was(model: BehaviourModel, arrays: EventArrays, snapshot: Snapshot) -> None:
    one = copy.deepcopy(model)
    with pytest.raises(Cancelled):
        teach(one, batches(arrays), batches(arrays), snapshot.now, Stopping(1))
    assert not pupil_of(one).weight.any()
