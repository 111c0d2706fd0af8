"""Names of coarser and finer segments: unique over all levels, and comparisons where all else is shared."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kindred_worker.data.portrait import Feature
from kindred_worker.segments.hierarchy import Family, Kin
from kindred_worker.segments.kin_naming import differ, joined, name_kin
from kindred_worker.segments.naming import Named, name_segments

MAIN = ["Order Completed"]
LABELS = np.repeat(np.arange(3), 200)
PART = np.tile(np.repeat([0, 1], 100), 3)  # two halves of each segment
# Segments 0 and 1 make up 3; segment 0 is split into 4 and 5.
FAMILY = Family(np.array([3, 3, -1]), np.zeros((2, 1), np.float32), np.array([0, 0]))
KIN = [Kin(3, "COARSER", -1, 0.9), Kin(4, "FINER", 0, 0.9), Kin(5, "FINER", 0, 0.9)]
FINER = np.where(LABELS == 0, 4 + PART, -1)


def feature(
    key: str, by_segment: tuple[float, ...], by_part: tuple[float, float], unit: str = "days", family: str = "", noise: float = 1
) -> Feature:
    draws = np.random.default_rng(len(key))
    return Feature(
        key, unit, family or key, True, np.maximum(np.array(by_segment)[LABELS] * np.array(by_part)[PART] + draws.normal(0, noise, 600), 0)
    )


FEATURES = [
    feature("recency_main", (20, 20, 300), (1, 1), family="recency"),
    feature("main_count", (30, 12, 8), (1, 1), "times", "frequency"),
    feature("value_total", (400, 400, 400), (1, 3), "GBP", "value"),
    Feature(
        "expected:Order Completed",
        "share",
        "forecast",
        False,
        (np.where(PART == 0, 0.2, 0.9) + np.arange(600) % 2 * 0.01).astype(np.float64),
    ),
]


def names() -> tuple[list[Named], dict[int, Named]]:
    own = name_segments(FEATURES, LABELS, 3, MAIN)
    return own, name_kin(FEATURES, LABELS, FINER, FAMILY, KIN, own, MAIN)


def test_a_part_bears_its_wholes_name_and_what_sets_it_apart_within() -> None:
    own, kin = names()
    assert kin[4].name == f"{own[0].name} spending less"
    assert kin[5].name == f"{own[0].name} spending more"
    assert kin[4].description.startswith(f"A part of “{own[0].name}”. Against the rest of it: ")


def test_a_whole_says_what_it_is_made_of() -> None:
    own, kin = names()
    assert kin[3].description.endswith(f"Made of “{own[0].name}” and “{own[1].name}”.")


def test_a_whole_is_not_named_after_what_one_part_begins_and_another_ends_with() -> None:
    shares = [
        feature("opening:Product Viewed", (0.8, 0.1, 0.1), (1, 1), "share", noise=0.1),
        feature("closing:Coupon Applied", (0.1, 0.9, 0.1), (1, 1), "share", noise=0.1),
        feature("opening:Coupon Applied", (0.1, 0.7, 0.1), (1, 1), "share", noise=0.1),
    ]
    features = [replace(f, is_skewed=False, values=np.clip(f.values, 0, 1)) for f in shares]
    own = name_segments(features, LABELS, 3, MAIN)
    assert [n.name for n in own[:2]] == ["Browse-first buyers", "Coupon-first buyers who end by applying a coupon"]
    assert "first" in name_segments(features, LABELS // 2, 2, MAIN)[0].name  # as of the two together
    whole = name_kin(features, LABELS, FINER, FAMILY, KIN, own, MAIN)[3]
    assert whole.name == "Browse-first and coupon-first buyers"
    assert "visit" not in whole.description.partition(" Made of ")[0]


def test_names_are_unique_over_all_levels() -> None:
    own, kin = names()
    everything = [n.name for n in own] + [n.name for n in kin.values()]
    assert len(set(everything)) == len(everything)


def test_parts_that_differ_in_the_forecast_alone_are_not_told_apart() -> None:
    rows = np.flatnonzero(LABELS == 0)
    assert differ(FEATURES, rows, PART[rows])
    assert not differ([f for f in FEATURES if f.key != "value_total"], rows, PART[rows])


def called(*parts: str) -> str:
    """Of parts whose words before "buyers" are adjectives: "very frequent" would be one."""
    return joined([Named(name, "", tuple(name.lower().partition("buyers")[0].split())) for name in parts], "buyers")


def test_a_whole_that_would_be_called_as_a_part_of_it_is_called_after_its_parts() -> None:
    assert called("Active regular buyers", "Frequent buyers") == "Active regular and frequent buyers"
    assert called("Coupon-first buyers", "Cart-first buyers", "Buyers without one pattern") == "Coupon-first, cart-first and other buyers"
    assert called("Order-first buyers who end by ordering", "Browse-first buyers, last seen about 11 weeks ago") == (
        "Order-first and browse-first buyers"
    )


def test_what_the_parts_of_a_whole_are_all_called_is_said_once() -> None:
    assert called("Lapsed occasional buyers", "Lapsed one-time buyers") == "Lapsed buyers: occasional and one-time"
    assert called("Lapsed occasional buyers", "Lapsed one-time buyers", "Lapsed buyers") == "Lapsed buyers: occasional, one-time and others"
    assert called("Active regular buyers", "Fading regular buyers at weekends") == "Regular buyers: active and fading"
    assert called("Lapsed buyers in the evening", "Lapsed buyers at weekends") == "Lapsed buyers"
    assert called("Lapsed occasional buyers", "Lapsed buyers", "Buyers at weekends") == "Lapsed occasional, lapsed and other buyers"


def test_very_frequent_is_one_word_of_a_name() -> None:
    features = [feature("gap", (2, 30, 30), (1, 1), family="frequency"), feature("main_count", (30, 8, 8), (1, 1), "times", "frequency")]
    assert name_segments(features, LABELS, 3, MAIN)[0].adjectives == ("very frequent",)


def test_a_whole_whose_name_a_part_bears_says_what_the_others_are() -> None:
    features = [
        feature("recency_main", (300, 300, 10), (1, 1), family="recency", noise=5),
        feature("expected:Order Completed", (0.05, 0.05, 0.9), (1, 1), "share", "forecast", noise=0.01),
        feature("value_mean", (10, 80, 45), (1, 1), "GBP", "basket", noise=10),
    ]
    own = name_segments(features, LABELS, 3, MAIN)
    own[1] = replace(own[1], name="Lapsed buyers", adjectives=("lapsed",))
    assert [n.name for n in own[:2]] == ["Lapsed small-basket buyers", "Lapsed buyers"]
    whole = name_kin(features, LABELS, FINER, FAMILY, KIN, own, MAIN)[3]
    assert whole.name == "Lapsed buyers: small-basket and others"
