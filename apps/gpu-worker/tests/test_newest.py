"""The forecast's chances are those of the newest moments whose future is known."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from kindred_worker import companion, newest
from kindred_worker.data.arrays import EventArrays
from kindred_worker.data.features import Encoded, Int64
from kindred_worker.models.batch import batch_of, choose
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.encoder import Sight
from kindred_worker.newest import fit_newest, kept_after
from kindred_worker.objectives import Horizon
from kindred_worker.report import Cancelled, Report
from tests.conftest import Stopping

DAY = 86_400_000_000


@pytest.fixture
def fresh(model: BehaviourModel) -> BehaviourModel:
    return copy.deepcopy(model)


@pytest.fixture
def now(arrays: EventArrays) -> int:
    return int(arrays.events.time.max())


def head_of(model: BehaviourModel) -> Horizon:
    assert model.horizon is not None
    return model.horizon


def batches(arrays: EventArrays, copies: int = 1) -> Iterator[tuple[Encoded, Int64]]:
    """All customers in two batches, as often as asked."""
    for _ in range(copies):
        for rows in np.array_split(np.arange(arrays.count), 2):
            yield choose(arrays, rows, arrays.item_offsets)


def anybody(model: BehaviourModel, count: int) -> Sight:
    """Embeddings and tallies of nobody."""
    return Sight(torch.randn(count, model.width), torch.rand(count, model.encoder.tally_width) * 3)


def one_horizon_back(model: BehaviourModel, arrays: EventArrays, now: int, horizon: int) -> tuple[Sight, np.ndarray]:
    """Of who was there `horizon` before now, and whether each event (N, M) came since: by a slow loop."""
    head = head_of(model)
    at = now - round(head.days[horizon] * DAY)
    sights: list[Sight] = []
    came = []
    for customer in range(arrays.count):
        events, _ = choose(arrays, np.array([customer]), arrays.item_offsets)
        if events.time[0] > at:
            continue
        known = choose(arrays, np.array([customer]), arrays.item_offsets, np.array([(events.time <= at).sum()]))
        state, _ = model.encoder.update(model.encoder.initial_state(1), model.vectors(batch_of(*known, model.device)))
        sights.append(model.read(state, torch.tensor([at])))
        since = events.name[(events.time > at) & (events.time <= now)]
        came.append([float((since == code).any()) for code in head.codes])
    return Sight(torch.cat([s.embedding for s in sights]), torch.cat([s.tally for s in sights])), np.array(came)


def log_loss(model: BehaviourModel, arrays: EventArrays, now: int, horizon: int) -> float:
    """Of the main event's chance, for who was there one horizon before now."""
    sight, came = one_horizon_back(model, arrays, now, horizon)
    at = next(i for i, c in enumerate(model.columns) if c.kind == "probability" and c.horizon_days == head_of(model).days[horizon])
    chance = np.clip(model.forecast(sight).detach().numpy()[:, at].astype(np.float64), 1e-9, 1 - 1e-9)
    return float(-np.mean(came[:, 0] * np.log(chance) + (1 - came[:, 0]) * np.log1p(-chance)))


def test_windows_are_what_a_loop_over_customers_finds(fresh: BehaviourModel, arrays: EventArrays, now: int) -> None:
    windows = newest._windows(fresh, head_of(fresh), batches(arrays), now, Report())  # pyright: ignore[reportPrivateUsage]
    for horizon, window in enumerate(windows):
        sight, came = one_horizon_back(fresh, arrays, now, horizon)
        assert torch.allclose(window.embedding, sight.embedding, atol=1e-5)
        assert torch.allclose(window.counts.tally, sight.tally, atol=1e-4)
        assert np.array_equal(window.happened.numpy(), came)


def test_with_one_horizon_it_is_a_logistic_regression(
    fresh: BehaviourModel, arrays: EventArrays, now: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(newest, "HELD", 5.0)
    monkeypatch.setattr(newest, "LEVEL_HELD", 0.0)
    head = head_of(fresh)
    torch.nn.init.zeros_(head.head.weight)
    torch.nn.init.ones_(head.head.bias)  # a hazard of zero
    windows = newest._windows(fresh, head, batches(arrays), now, Report())[:1]  # pyright: ignore[reportPrivateUsage]
    weight, bias = newest._fitted(head, windows, Report())  # pyright: ignore[reportPrivateUsage]
    embedding, came = windows[0].embedding.detach().numpy(), windows[0].happened.numpy()[:, 0]
    scaler = StandardScaler().fit(embedding)
    known = LogisticRegression(C=1 / 5, tol=1e-8, max_iter=1000).fit(scaler.transform(embedding), came)
    found = torch.sigmoid(windows[0].embedding @ weight[0] + bias[0])
    assert np.allclose(found.detach().numpy(), known.predict_proba(scaler.transform(embedding))[:, 1], atol=2e-3)


def test_chances_move_to_the_newest_moments_and_the_encoder_and_its_loss_do_not(
    fresh: BehaviourModel, arrays: EventArrays, now: int
) -> None:
    head, everyone = head_of(fresh), torch.randn(8, fresh.width)
    before = [log_loss(fresh, arrays, now, horizon) for horizon in range(len(head.days))]
    hazards, encoder = head.hazards(everyone), copy.deepcopy(fresh.encoder.state_dict())
    fit_newest(fresh, batches(arrays, copies=20), batches(arrays), now, Report())
    after = [log_loss(fresh, arrays, now, horizon) for horizon in range(len(head.days))]
    assert all(a < 0.9 * b for a, b in zip(after, before, strict=True))
    assert torch.equal(head.hazards(everyone), hazards)
    assert all(torch.equal(value, encoder[name]) for name, value in fresh.encoder.state_dict().items())


def test_few_customers_move_them_less_than_many(model: BehaviourModel, arrays: EventArrays, now: int) -> None:
    moved = []
    for copies in (1, 10, 100):
        one = copy.deepcopy(model)
        fit_newest(one, batches(arrays, copies), batches(arrays), now, Report())
        moved.append(float(head_of(one).newest_weight.norm()))
    assert moved[0] < moved[1] < moved[2]


def test_gone_on_from_a_model_it_says_the_more_alike_the_more_that_one_knew_and_the_less_time_has_passed(
    model: BehaviourModel, arrays: EventArrays, now: int
) -> None:
    everyone = anybody(model, 50)
    champion = copy.deepcopy(model)
    some, others = [list(batches(arrays, copies=40))[at::2] for at in range(2)]  # who differ by chance
    fit_newest(champion, some, batches(arrays), now, Report())
    apart: list[float] = []
    for kept in (kept_after(20_000, 0), kept_after(20_000, 200 * DAY), kept_after(100, 0), 0.0):
        one = copy.deepcopy(champion)
        fit_newest(one, others, batches(arrays), now, Report(), kept)
        apart.append(float((one.forecast(everyone) - champion.forecast(everyone)).detach().abs().mean()))
    assert 0 < apart[0] < apart[1] < apart[2] < apart[3]


def test_held_to_a_model_from_before_newest_moments_were_looked_at_it_is_as_it_would_be(
    model: BehaviourModel, arrays: EventArrays, now: int
) -> None:
    everyone = anybody(model, 5)
    one, other = copy.deepcopy(model), copy.deepcopy(model)
    fit_newest(one, batches(arrays, copies=20), batches(arrays), now, Report())
    fit_newest(other, batches(arrays, copies=20), batches(arrays), now, Report(), kept=1_000.0)
    assert torch.equal(one.forecast(everyone), other.forecast(everyone))


def test_a_longer_horizon_is_never_less_likely(fresh: BehaviourModel, arrays: EventArrays, now: int) -> None:
    fit_newest(fresh, batches(arrays, copies=50), batches(arrays), now, Report())
    chance = fresh.main_forecast(anybody(fresh, 50)).probability.unflatten(1, (head_of(fresh).mains, -1))
    assert bool((chance.diff(dim=-1) >= 0).all())


def test_weights_from_before_say_what_all_times_say(fresh: BehaviourModel, arrays: EventArrays, now: int) -> None:
    everyone = anybody(fresh, 5)
    said = fresh.forecast(everyone)
    older = {
        name: value.clone()
        for name, value in fresh.state_dict().items()
        if not any(part in name for part in (".newest_", ".tally_", ".grouping_"))
    }
    fit_newest(fresh, batches(arrays, copies=20), batches(arrays), now, Report())
    assert not torch.allclose(fresh.forecast(everyone), said)
    fresh.load_state_dict(older)
    assert torch.equal(fresh.forecast(everyone), said)
    assert torch.equal(fresh.grouping(everyone), said)
    assert not fresh.groups_apart


@pytest.fixture
def foretelling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts foresee as well as the network, as is told from enough customers held out."""
    monkeypatch.setattr(newest, "ENOUGH", 0)
    monkeypatch.setattr(newest, "share_of", lambda *_: companion.SHARES[-1])


@pytest.mark.usefixtures("foretelling")
def test_where_counts_foresee_as_well_customers_are_grouped_nearly_by_counts_of_everyone(
    fresh: BehaviourModel, arrays: EventArrays, now: int
) -> None:
    """Two trainings say so nearly the same of whom they place; and what people read is not moved by those held out."""
    people = [list(batches(arrays, copies=10))[at::2] for at in range(2)]  # who differ by chance
    other = copy.deepcopy(fresh)
    for weight in other.parameters():
        weight.data += 0.3 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(0))  # learned otherwise
    for one, learning, held_out in ((fresh, *people), (other, *reversed(people))):
        fit_newest(one, learning, held_out, now, Report())
        head = head_of(one)
        assert one.groups_apart
        assert (float(head.foreseen_by.share), float(head.grouped_by.share)) == pytest.approx((0.5, companion.GROUPED))
    sights = [one_horizon_back(one, arrays, now, 0)[0] for one in (fresh, other)]
    chances = slice(len(head_of(fresh).days))  # of the first event, which is a main one
    read, grouped = (
        float((one(sights[0])[:, chances] - two(sights[1])[:, chances]).abs().mean().detach())
        for one, two in ((fresh.forecast, other.forecast), (fresh.grouping, other.grouping))
    )
    assert grouped < 0.5 * read


def test_where_they_do_not_customers_are_grouped_by_what_is_foreseen(fresh: BehaviourModel, arrays: EventArrays, now: int) -> None:
    fit_newest(fresh, batches(arrays, copies=40), batches(arrays), now, Report())  # too few are held out to tell
    everyone = anybody(fresh, 5)
    assert not fresh.groups_apart
    assert torch.equal(fresh.grouping(everyone), fresh.forecast(everyone))


def test_nothing_is_known_before_the_first_horizon_has_passed(fresh: BehaviourModel, arrays: EventArrays) -> None:
    fit_newest(fresh, batches(arrays), batches(arrays), int(arrays.events.time.min()), Report())
    assert not head_of(fresh).newest_weight.any()
    assert not head_of(fresh).newest_bias.any()


@pytest.mark.parametrize("checks", [2, 3, -1])  # while it reads, in the midst of the fit, and at the last one
def test_cancelled_it_leaves_the_model_as_it_was(fresh: BehaviourModel, arrays: EventArrays, now: int, checks: int) -> None:
    if checks < 0:
        counting = Stopping(1_000_000)
        fit_newest(copy.deepcopy(fresh), batches(arrays), batches(arrays), now, counting)
        checks = 999_999 - counting.left
    everyone = anybody(fresh, 3)
    said = fresh.forecast(everyone)
    with pytest.raises(Cancelled):
        fit_newest(fresh, batches(arrays), batches(arrays), now, Stopping(checks))
    assert torch.equal(fresh.forecast(everyone), said)
