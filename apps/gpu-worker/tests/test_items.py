"""Recommendations: evidence against slow loops, a mixture that finds what was planted, files that say the same."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from kindred_worker.data.arrays import EventArrays, load
from kindred_worker.data.features import MICROS_PER_DAY, FeatureSpec
from kindred_worker.data.fit import fit
from kindred_worker.data.snapshot import Snapshot
from kindred_worker.data.storage import Folder
from kindred_worker.items import fitting
from kindred_worker.items.basket import Baskets, baskets_of, item_events, item_field
from kindred_worker.items.evidence import EVIDENCE, GOES, LATELY, SHRINK, evidence, histories, statistics
from kindred_worker.items.fitting import fit_recommender, read_before
from kindred_worker.items.recommender import SIDECAR, TENSORS, Recommender, fit_weights
from kindred_worker.items.taste import basket_loss
from kindred_worker.learn import learn
from kindred_worker.models.batch import choose
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.plan import resolve
from kindred_worker.report import InvalidInput, Report
from kindred_worker.spec import TrainingSpec
from tests.conftest import shop, turned_round
from tests.make_items import repeating
from tests.make_snapshot import write_snapshot

DAY = MICROS_PER_DAY
# Customer 0: {0, 1} on day 0, {0} on day 10; customer 1: {1, 2} on day 20; customer 2: {0, 1} on day 30.
FEW = Baskets(
    owner=np.array([0, 0, 1, 2]),
    time=np.array([0, 10, 20, 30]) * DAY,
    offsets=np.array([0, 2, 3, 5, 7]),
    item=np.array([0, 1, 0, 1, 2, 0, 1]),
)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Recommender, EventArrays, BehaviourModel]:
    """Of people who keep to two products each."""
    snapshot = Snapshot.open(write_snapshot(repeating(), tmp_path_factory.mktemp("repeating"), mainEvents=["Order Completed"]).as_uri())
    features = fit(snapshot)
    arrays = load(snapshot, features)
    model = BehaviourModel.create(features, resolve(TrainingSpec(width=16), features, arrays, snapshot.now), 3).eval()
    found = fit_recommender(model, arrays, snapshot.now, "", 0, Report())
    assert found is not None
    return found, arrays, model


def test_an_item_counts_once_in_a_basket_and_only_main_events_make_baskets(features: FeatureSpec, arrays: EventArrays) -> None:
    field = item_field(features)
    assert field is not None
    assert (field.property, field.field) == ("products", "product_id")
    names = item_events(features, arrays, field)
    assert names == ("Order Completed",)
    baskets = baskets_of(features, arrays, field, names)
    codes, lengths = arrays.events.items[field.list_at].categories[:, field.field_at], arrays.events.items[field.list_at].lengths
    slow = []
    for event in np.flatnonzero(lengths > 0):
        begin = int(lengths[:event].sum())
        items = {int(c) - 1 for c in codes[begin : begin + lengths[event]] if 1 <= c <= len(field.words)}
        if items:
            slow.append((int(arrays.events.time[event]), sorted(items)))
    found = [(int(t), baskets.item[a:b].tolist()) for t, a, b in zip(baskets.time, baskets.offsets[:-1], baskets.offsets[1:], strict=True)]
    assert found == slow


def test_baskets_of_some_customers_are_those_baskets_of_everyone_and_any_order_chooses_the_same(
    features: FeatureSpec, arrays: EventArrays
) -> None:
    field = item_field(features)
    assert field is not None
    names = item_events(features, arrays, field)
    everyone = baskets_of(features, arrays, field, names)
    some = baskets_of(features, arrays, field, names, most=len(everyone.item) // 2)
    assert 0 < len(some) < len(everyone)
    expected = everyone.chosen(np.flatnonzero(np.isin(everyone.owner, some.owner)))
    for name in ("owner", "time", "offsets", "item"):
        np.testing.assert_array_equal(getattr(some, name), getattr(expected, name))
    events, offsets = choose(arrays, np.arange(arrays.count)[::-1], arrays.item_offsets)
    turned = baskets_of(features, EventArrays(arrays.customers[::-1], offsets, events), field, names, most=len(everyone.item) // 2)
    assert sorted(arrays.count - 1 - turned.owner) == sorted(some.owner)


def test_a_field_that_names_no_items_is_refused_with_those_there_are(features: FeatureSpec) -> None:
    with pytest.raises(InvalidInput, match=r"products\.product_id"):
        item_field(features, "products.colour")


def test_evidence_is_what_a_slow_loop_counts() -> None:
    now = 40 * DAY
    of = statistics(FEW, 4, now)
    assert of.half_life_days == pytest.approx((40 / 24, 40 / 6))
    history = histories(FEW, np.array([0, 2, 1]), np.array([now, 30 * DAY, 20 * DAY + 1]))
    assert history.baskets.tolist() == [2, 0, 1]  # customer 2 is asked about just before the only basket
    proof = evidence(history, of, np.zeros((3, 4), np.float32))
    past = {0: [(40, {0, 1}), (30, {0})], 1: [], 2: [(1 / DAY, {1, 2})]}
    # Two of the three who took 1 took it once; 0 was taken twice by one of two.
    assert np.exp(of.repeat).tolist() == pytest.approx([2 / 7, 1 / 8, 1 / 6, 1 / 5])
    for asker, baskets in past.items():
        for item in range(4):
            ages = [days for days, items in baskets if item in items]
            near = sum(
                2 ** (-days / of.half_life_days[1]) * cosine(other, item) for days, items in baskets for other in items if other != item
            )
            slow = {
                "own": float(bool(ages)),
                "own_count": math.log(max(len(ages), 1)),
                "own_long": math.log1p(sum(2 ** (-d / of.half_life_days[1]) for d in ages)),
                "own_short": math.log1p(LATELY * sum(2 ** (-d / of.half_life_days[0]) for d in ages)),
                "own_share": len(ages) / max(len(baskets), 1),
                "own_last": float(bool(baskets) and item in baskets[-1][1]),
                "own_popular": float(of.popular[0, item]) if ages else 0,
                "own_repeat": float(of.repeat[item]) if ages else 0,
                "goes": math.log1p(GOES * near),
                "popular_short": popular(item, of.half_life_days[0]),
                "popular_ever": popular(item, math.inf),
                "taste": 0.0,
            }
            assert proof[asker, item].tolist() == pytest.approx([slow[name] for name in EVIDENCE], abs=1e-5)


def cosine(a: int, b: int) -> float:
    held = [set(FEW.item[x:y].tolist()) for x, y in zip(FEW.offsets[:-1], FEW.offsets[1:], strict=True)]
    both, one, other = (sum(s <= basket for basket in held) for s in ({a, b}, {a}, {b}))
    return both / (math.sqrt(one * other) + SHRINK)


def popular(item: int, half_life: float) -> float:
    weight = [sum(2 ** (-(40 - d) / half_life) for d, items in DAYS if v in items) + 0.5 for v in range(4)]
    return math.log(weight[item] / sum(weight))


DAYS = [(0, {0, 1}), (10, {0}), (20, {1, 2}), (30, {0, 1})]


def test_the_loss_of_a_basket_gives_each_item_the_same_share() -> None:
    score = torch.randn(3, 5, generator=torch.Generator().manual_seed(1))
    truth = [[0, 4], [2], [1, 2, 3]]
    flat = [(row, item) for row, items in enumerate(truth) for item in items]
    row, item = (torch.tensor(each) for each in zip(*flat, strict=True))
    slow = 0.0
    for basket, items in enumerate(truth):
        total = sum(math.exp(float(s)) for s in score[basket])
        slow += sum(-math.log(math.exp(float(score[basket, v])) / total) / len(items) for v in items) / 3
    assert float(basket_loss(score, row, item)) == pytest.approx(slow, rel=1e-5)


def test_the_weights_are_those_that_made_the_baskets() -> None:
    draws = np.random.default_rng(0)
    proof = draws.normal(size=(4000, 6, 2)).astype(np.float32)
    chance = np.exp(proof @ np.array([1.5, -0.5]))
    item = (draws.random(4000)[:, None] < np.cumsum(chance / chance.sum(1, keepdims=True), axis=1)).argmax(axis=1)
    assert fit_weights(proof, np.arange(4000), item) == pytest.approx([1.5, -0.5], abs=0.1)


def test_who_repeats_themselves_is_recommended_what_they_take_and_told_so(fitted: tuple[Recommender, EventArrays, BehaviourModel]) -> None:
    recommender, arrays, model = fitted
    baskets = baskets_of(model.features, arrays, recommender.field, recommender.events)
    everyone, now = np.arange(20), int(arrays.events.time.max()) + 1
    history = histories(baskets, everyone, np.full(20, now))
    answers = recommender.recommend(history, np.zeros((20, 16), np.float32), 2)
    for customer, best in enumerate(answers):
        assert {r.item for r in best} == set(history.item[history.owner == customer].tolist())
        assert {r.reason for r in best} == {"bought_before"}
        assert best[0].probability >= best[1].probability > 0.1
    new = recommender.recommend(history, np.zeros((20, 16), np.float32), 3, exclude_owned=True)
    for customer, best in enumerate(new):
        assert not {r.item for r in best} & set(history.item[history.owner == customer].tolist())
        assert all(r.reason != "bought_before" and (r.reason == "goes_with") == (r.companion >= 0) for r in best)


def test_nobody_known_is_recommended_what_is_popular(fitted: tuple[Recommender, EventArrays, BehaviourModel]) -> None:
    recommender = replace(
        fitted[0], weights=np.where(np.arange(len(EVIDENCE)) == EVIDENCE.index("taste"), 0, np.maximum(fitted[0].weights, 0.1))
    )
    nobody = histories(FEW, np.array([9]), np.array([0]))
    best = recommender.recommend(nobody, np.zeros((1, 16), np.float32), 2)[0]
    assert [r.reason for r in best] == ["popular", "popular"]


def test_an_embedding_before_a_basket_knows_nothing_of_it(fitted: tuple[Recommender, EventArrays, BehaviourModel]) -> None:
    recommender, arrays, model = fitted
    baskets = baskets_of(model.features, arrays, recommender.field, recommender.events)
    rows = np.arange(0, len(baskets), 7)
    fast = read_before(model, arrays, baskets.chosen(rows), Report())
    for row in (1, 4, 30):
        cut = arrays.offsets[baskets.owner[rows[row]]]
        until = cut + int((arrays.events.time[cut : arrays.offsets[baskets.owner[rows[row]] + 1]] < baskets.time[rows[row]]).sum())
        offsets = np.zeros(arrays.count + 1, np.int64)
        offsets[baskets.owner[rows[row]] + 1 :] = until - cut
        from kindred_worker.data.arrays import take

        alone = EventArrays(arrays.customers, offsets, take(arrays.events, int(cut), int(until)))
        slow = read_before(model, alone, baskets.chosen(rows[row : row + 1]), Report())
        assert np.allclose(fast[row], slow[0], atol=1e-4)


def test_files_say_the_same_and_the_same_seed_makes_the_same_files(fitted: tuple[Recommender, EventArrays, BehaviourModel]) -> None:
    recommender, arrays, model = fitted
    files = recommender.to_bytes()
    assert set(files) == {TENSORS, SIDECAR}
    again = Recommender.from_bytes(files)
    assert again.to_bytes() == files
    anew = fit_recommender(model, arrays, int(arrays.events.time.max()), "", 0, Report())
    assert anew is not None
    assert anew.to_bytes() == files
    with pytest.raises(ValueError, match="format"):
        Recommender.from_bytes({**files, SIDECAR: b'{"format": "kindred.items/9"}'})


def test_where_in_the_data_a_customer_stands_makes_no_difference(
    fitted: tuple[Recommender, EventArrays, BehaviourModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, arrays, model = fitted
    monkeypatch.setattr(fitting, "LEARNED_FROM", 100)
    monkeypatch.setattr(fitting, "FITTED_ON", 20)
    found = [fit_recommender(model, each, int(arrays.events.time.max()), "", 0, Report()) for each in (arrays, turned_round(arrays))]
    one, other = (recommender for recommender in found if recommender is not None)
    np.testing.assert_allclose(one.weights, other.weights, rtol=1e-2, atol=1e-3)
    np.testing.assert_allclose(one.taste.vectors, other.taste.vectors, atol=1e-4)
    elsewhere = fit_recommender(model, arrays, int(arrays.events.time.max()), "", 1, Report())
    assert elsewhere is not None
    assert not np.allclose(one.weights, elsewhere.weights, rtol=1e-2, atol=1e-3)


def test_a_run_writes_what_it_recommends_and_a_run_again_says_so(tmp_path: Path) -> None:
    snapshot = Snapshot.open(write_snapshot(shop(customers=120), tmp_path / "snapshot", timezone="UTC").as_uri())
    spec = TrainingSpec(width=8, epochs=1, batch_size=64)
    first = learn(spec, snapshot, Folder((tmp_path / "model").as_uri()), Report())
    assert {TENSORS, SIDECAR} <= {f.path for f in first.files}
    assert learn(spec, snapshot, Folder((tmp_path / "model").as_uri()), Report()).files == first.files
    with pytest.raises(InvalidInput, match="itemField"):
        learn(replace(spec, item_field="gifts.name"), snapshot, Folder((tmp_path / "other").as_uri()), Report())
