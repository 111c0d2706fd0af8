"""Rules: sentences about who they find, what they say, and when they say that there is none."""

from __future__ import annotations

import numpy as np
import pytest

from kindred_worker.data.portrait import Feature
from kindred_worker.report import InvalidInput
from kindred_worker.segments.condition import Condition, condition_of, in_words
from kindred_worker.segments.rule import Rule, distil

MAIN = "Order Completed"


def people(count: int = 2000, seed: int = 0) -> dict[str, Feature]:
    draws = np.random.default_rng(seed)
    orders = draws.poisson(2.0, count).astype(float)
    recency = np.where(orders > 0, draws.exponential(60, count), np.nan)
    return {
        f.key: f
        for f in (
            Feature("recent:90", "times", "recent", True, orders),
            Feature("recency_main", "days", "recency", True, recency),
            Feature("weekend", "share", "weekend", False, draws.random(count)),
            Feature("expected:Order Completed", "share", "forecast", False, draws.random(count)),
        )
    }


def meets(rule: Rule, features: dict[str, Feature]) -> np.ndarray:
    return np.logical_and.reduce([c.met(features[c.trait].values) for c in rule.conditions])


def test_a_planted_rule_is_found_and_said_in_plain_words() -> None:
    features = people()
    members = (features["recent:90"].values >= 3) & (features["recency_main"].values <= 21)
    rule = distil(list(features.values()), members, MAIN, 0)
    assert rule.is_faithful
    assert rule.fidelity > 0.9
    assert {c.trait for c in rule.conditions} == {"recent:90", "recency_main"}
    assert "at least 3 orders in the last 90 days" in rule.text.lower()
    assert "last order within 2" in rule.text.lower()
    assert (meets(rule, features) == members).mean() > 0.97


def test_the_figures_are_those_of_customers_that_the_rule_was_not_made_from() -> None:
    features = people()
    noise = np.random.default_rng(1).random(2000) < 0.3
    rule = distil(list(features.values()), noise, MAIN, 0)
    assert not rule.is_faithful
    assert rule.balanced_accuracy == pytest.approx(0.5, abs=0.08)
    assert rule.text.startswith("No short rule describes it well")


def test_most_of_everyone_is_not_described_by_a_rule_that_names_everyone() -> None:
    features = people()
    most = np.random.default_rng(2).random(2000) < 0.9
    assert not distil(list(features.values()), most, MAIN, 0).is_faithful


def test_five_customers_get_a_rule_too_and_its_figures_are_their_own_folds() -> None:
    features = people(400)
    members = np.zeros(400, dtype=bool)
    members[np.argsort(-features["recent:90"].values)[:5]] = True
    rule = distil(list(features.values()), members, MAIN, 0)
    assert rule.conditions[0].trait == "recent:90"
    assert rule.conditions[0].operator == "AT_LEAST"
    assert 0 < rule.recall <= 1


def test_a_condition_that_hardly_adds_anything_is_left_out() -> None:
    features = people()
    members = (features["recent:90"].values >= 3) & ~((features["weekend"].values > 0.98) & (features["recency_main"].values > 200))
    assert [c.trait for c in distil(list(features.values()), members, MAIN, 0).conditions] == ["recent:90"]


def test_a_forecast_is_no_trait_that_a_person_could_check() -> None:
    features = people()
    members = features["expected:Order Completed"].values > 0.7
    assert all(not c.trait.startswith("expected") for c in distil(list(features.values()), members, MAIN, 0).conditions)


def test_the_same_members_get_the_same_rule_again() -> None:
    features = people()
    members = features["weekend"].values > 0.6
    assert distil(list(features.values()), members, MAIN, 3) == distil(list(features.values()), members, MAIN, 3)


def test_one_member_is_too_few_and_that_is_said() -> None:
    features = people(50)
    members = np.arange(50) == 0
    with pytest.raises(InvalidInput, match="two members"):
        distil(list(features.values()), members, MAIN, 0)


def test_an_unknown_trait_never_meets_a_condition() -> None:
    for operator in ("AT_LEAST", "AT_MOST"):
        assert not Condition("recency_main", operator, 3, "days").met(np.array([np.nan]))[0]


@pytest.mark.parametrize(
    ("trait", "unit", "bounds", "said"),
    [
        ("main_count", "times", [(2.5, True)], "At least 3 orders so far"),
        ("main_count", "times", [(0.5, True), (1.5, False)], "Exactly 1 order so far"),
        ("recent:30", "times", [(0.5, False)], "No orders in the last 30 days"),
        ("recency_main", "days", [(21.4, False)], "Last order within 21 days"),
        ("recency_main", "days", [(203.0, True)], "Last order at least 200 days ago"),
        ("recency", "days", [(0.2, False)], "Last seen within 5 hours"),
        ("tenure", "days", [(29.7, True), (61.2, False)], "A customer for 30 to 61 days"),
        ("one_time", "share", [(0.5, True)], "Exactly one order"),
        ("weekend", "share", [(0.43, True)], "At least 45 % of orders at weekends"),
        ("value_mean", "GBP", [(312.7, True)], "At least 310 GBP per order"),
        ("value_rate", "currency per month", [(197.0, True)], "At least 200 spent a month"),
        ("value_rate", "EUR per month", [(197.0, True)], "At least 200 EUR spent a month"),
        ("price", "GBP", [(3.49, False)], "Articles costing at most 3.5 GBP"),
        ("event_rate:Product Viewed", "per month", [(2.13, False)], "At most 2.1 product views a month"),
        (
            "after:Product Viewed>Product Added",
            "share",
            [(0.7, True)],
            "After viewing a product comes adding to the cart at least 70 % of the time",
        ),
        ("word:channel=app", "share", [(0.5, True)], "Channel is app at least 50 % of the time"),
        ("temperature", "K", [(512.3, True)], "Temperature at least 510 K"),
    ],
)
def test_conditions_are_rounded_and_worded_as_people_say_them(trait: str, unit: str, bounds: list[tuple[float, bool]], said: str) -> None:
    assert in_words([condition_of(trait, unit, threshold, is_above) for threshold, is_above in bounds], MAIN) == said
