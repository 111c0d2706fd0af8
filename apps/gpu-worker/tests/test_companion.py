"""The tally's own opinion of what comes, and its share in what is said."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler

from kindred_worker import companion
from kindred_worker.companion import Counts, opinion_of
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.encoder import Sight
from kindred_worker.objectives import Horizon
from kindred_worker.report import Report


@pytest.fixture
def head(model: BehaviourModel) -> Horizon:
    head = copy.deepcopy(model.horizon)
    assert head is not None
    return head


@pytest.fixture
def windows(model: BehaviourModel, head: Horizon) -> list[Counts]:
    """What comes hangs on the first count, and how much on the second."""
    random = np.random.default_rng(0)
    found: list[Counts] = []
    for _ in head.days:
        tally = random.gamma(2.0, 1.0, (400, model.encoder.tally_width))
        happened = (random.random((400, head.mains)) < 1 / (1 + np.exp(2 - tally[:, :1]))).astype(np.float32)
        amount = happened * (tally[:, 1:2] + random.normal(0, 0.1, happened.shape))
        found.append(Counts(*(torch.from_numpy(a.astype(np.float32)) for a in (tally, happened, amount))))
    return found


def test_of_the_first_horizon_it_is_a_logistic_regression(head: Horizon, windows: list[Counts]) -> None:
    tally, happened = windows[0].tally.numpy(), windows[0].happened.numpy()[:, 0]
    head.days = head.days[:1]  # with more, later windows say something of the first step too
    nothing = head.foreseen_by
    nothing = replace(nothing, weight=nothing.weight[: 2 * head.mains], bias=nothing.bias[: 2 * head.mains])
    alone = opinion_of(head, windows[:1], Report(), nothing)
    assert alone is not None
    scaler = StandardScaler().fit(tally)
    known = LogisticRegression(C=1 / companion.HELD, tol=1e-8, max_iter=1000).fit(scaler.transform(tally), happened)
    said = torch.sigmoid(windows[0].tally @ alone.weight[0] + alone.bias[0] - 1.0)
    assert np.allclose(said.numpy(), known.predict_proba(scaler.transform(tally))[:, 1], atol=2e-3)


def test_how_much_is_a_ridge_regression_where_it_came(head: Horizon, windows: list[Counts]) -> None:
    opinion = opinion_of(head, windows, Report(), head.foreseen_by)
    assert opinion is not None
    everyone = np.concatenate([w.tally.numpy() for w in windows])
    came = windows[0].happened.numpy()[:, 0] > 0
    scaled = np.asarray(StandardScaler().fit(everyone).transform(windows[0].tally.numpy()))
    known = Ridge(alpha=companion.HELD).fit(scaled[came], windows[0].amount.numpy()[came, 0]).predict(scaled)
    place = head.mains * len(head.days)
    said = windows[0].tally @ opinion.weight[place] + opinion.bias[place]
    assert np.allclose(said.numpy(), known, atol=2e-3)


def test_the_greatest_share_that_is_not_clearly_worse_is_chosen() -> None:
    random = np.random.default_rng(0)
    noise = random.normal(0, 0.3, 400)
    for means, chosen in (
        ((0.5, 0.49, 0.50), 0.5),  # as good as another
        ((0.50, 0.45, 0.60), 0.25),
        ((0.40, 0.45, 0.50), 0.0),  # counts say less than the network
    ):
        each = [torch.from_numpy(mean + noise + at * random.normal(0, 0.2, 400)) for at, mean in enumerate(means)]
        each = [one - one.mean() + mean for one, mean in zip(each, means, strict=True)]
        missed = [[one, one] for one in each]
        assert companion.share_of(missed) == chosen
        # A retraining keeps what there was while that is as good.
        kept = {share: companion.share_of(missed, share) for share in companion.SHARES}
        assert kept == ({0.0: 0.5, 0.25: 0.25, 0.5: 0.5} if chosen == 0.5 else dict.fromkeys(companion.SHARES, chosen))


def test_it_is_held_to_the_opinion_so_far_as_firmly_as_is_said(head: Horizon, windows: list[Counts]) -> None:
    first = opinion_of(head, [Counts(w.tally[:200], w.happened[:200], w.amount[:200]) for w in windows], Report(), head.foreseen_by)
    assert first is not None
    later = [Counts(w.tally[200:], w.happened[200:], w.amount[200:]) for w in windows]
    for rows in (slice(0, len(first.weight) // 2), slice(len(first.weight) // 2, None)):  # of chances, and of amounts
        apart: list[float] = []
        for kept in (1e6, 1e3, 10.0, 0.0):
            opinion = opinion_of(head, later, Report(), first, kept)
            assert opinion is not None
            apart.append(float((opinion.weight - first.weight)[rows].norm()))
        assert apart[0] < apart[1] < apart[2] < apart[3]
        assert apart[0] < 0.02 * apart[3]


def test_networks_that_differ_say_the_more_alike_the_greater_its_share(model: BehaviourModel, windows: list[Counts]) -> None:
    networks = [copy.deepcopy(model), copy.deepcopy(model)]
    sights = [Sight(torch.randn(400, model.width, generator=torch.Generator().manual_seed(at)), windows[0].tally) for at in range(2)]
    apart: list[float] = []
    for share in (0.0, 0.5, 1.0):
        chances: list[np.ndarray] = []
        for network, sight in zip(networks, sights, strict=True):
            assert network.horizon is not None
            opinion = opinion_of(network.horizon, windows, Report(), network.horizon.foreseen_by)
            assert opinion is not None
            network.horizon.foreseen_by.copy_(replace(opinion, share=torch.tensor(share)))
            chances.append(network.main_forecast(sight).probability.detach().numpy()[:, 0])
        apart.append(float(np.abs(chances[0] - chances[1]).mean()))
    assert apart[0] > apart[1] > apart[2] == 0


def test_where_nothing_is_counted_there_is_none(head: Horizon, windows: list[Counts]) -> None:
    assert opinion_of(head, [Counts(w.tally[:, :0], w.happened, w.amount) for w in windows], Report(), head.foreseen_by) is None
    assert opinion_of(head, [Counts(w.tally[:0], w.happened[:0], w.amount[:0]) for w in windows], Report(), head.foreseen_by) is None
