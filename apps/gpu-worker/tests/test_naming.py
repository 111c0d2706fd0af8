"""Names of segments: from what really sets them apart, unique, and never from one noisy feature."""

from __future__ import annotations

import numpy as np
import pytest

from kindred_worker.data.portrait import Feature
from kindred_worker.segments.contrast import contrast, contrasts, distinct, told_in_figures
from kindred_worker.segments.naming import name_segments
from kindred_worker.segments.phrase import event_doing, event_noun, number, people_of, span, times
from kindred_worker.segments.trait import trait_of

LABELS = np.repeat(np.arange(4), 100)
RANDOM = np.random.default_rng(0)


def feature(key: str, means: tuple[float, ...], spread: float, unit: str = "days", family: str = "", skewed: bool = False) -> Feature:
    values = np.array(means)[LABELS] + RANDOM.normal(0, spread, len(LABELS))
    return Feature(key, unit, family or key, skewed, np.maximum(values, 0))


LIFE = [
    feature("recency_main", (10, 20, 300, 320), 15, family="recency", skewed=True),
    feature("expected:Order Completed", (0.9, 0.6, 0.1, 0.1), 0.08, "share", "forecast"),
    feature("main_count", (20, 6, 3, 1), 0.8, "times", "frequency", True),
    feature("one_time", (0, 0, 0.1, 0.95), 0.1, "share", "frequency"),
    feature("gap", (10, 30, 80, 90), 10, family="frequency", skewed=True),
]


def names_of(features: list[Feature]) -> list[str]:
    return [n.name for n in name_segments(features, LABELS, 4, ["Order Completed"])]


def test_names_say_where_in_life_and_how_often() -> None:
    names = names_of(LIFE)
    assert names[3] == "Lapsed one-time buyers"
    assert names[0].startswith("Very frequent")
    assert "Lapsed" in names[2]
    assert len(set(names)) == 4


def test_what_opens_a_visit_names_those_whose_counts_are_equal() -> None:
    openings = [
        feature("opening:Promotion Viewed", (0.7, 0.05, 0.05, 0.05), 0.1, "share"),
        feature("opening:Product Added to Wishlist", (0.05, 0.7, 0.05, 0.05), 0.1, "share"),
        feature("closing:Order Completed", (0.1, 0.1, 0.7, 0.1), 0.1, "share"),
    ]
    names = names_of(openings)
    assert names[0] == "Promotion-first buyers"
    assert names[1] == "Wishlist-first buyers"
    assert names[2] == "Buyers who end by ordering"


def test_noise_names_nobody() -> None:
    noisy = [Feature(f"word:colour={i}", "share", f"p{i}", False, RANDOM.random(400)) for i in range(300)]
    assert [contrasts(noisy, LABELS, s) for s in range(4)] == [[], [], [], []]
    assert names_of(noisy)[0] == "Buyers without one pattern"


def test_a_difference_that_half_of_the_customers_do_not_show_is_no_trait() -> None:
    values = RANDOM.normal(0, 1, 400)
    values[:100:2] += 4  # only every other customer of segment 0
    assert contrast(Feature("x", "", "x", False, values), LABELS == 0) is None


def test_segments_with_the_same_words_are_told_apart_by_figures() -> None:
    alike = [feature("recency_main", (10, 10, 200, 400), 5, family="recency", skewed=True), *LIFE[1:2]]
    names = names_of(alike)
    assert len(set(names)) == 4
    assert names[2].split(",")[0] == names[3].split(",")[0]
    assert "months ago" in names[2]


def test_names_stay_unique_where_nothing_tells_segments_apart() -> None:
    assert len(set(names_of([]))) == 4


def test_traits_that_repeat_each_other_are_told_once() -> None:
    one = feature("main_count", (20, 6, 3, 1), 1, "times", "a")
    twin = Feature("twin", "times", "b", False, one.values * 2 + 1)
    assert len(distinct(contrasts([one, twin], LABELS, 0), 5)) == 1


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(0.004, 0.0004), (0.46, 0.48), (0.47, 0.51)],  # under 1 % (others under 1 %), 46 % (others 48 %)
)
def test_a_difference_between_figures_that_read_alike_is_not_told(ours: float, theirs: float) -> None:
    hardly = feature("expected:Order Completed", (ours, theirs, theirs, theirs), 0.0001, "share", "forecast")
    found = contrasts([hardly], LABELS, 0)
    assert [c.is_high for c in found] == [ours > theirs]
    assert told_in_figures(found, 5) == []
    assert name_segments([hardly], LABELS, 4, ["Order Completed"])[0].description.startswith("They differ little")


def test_a_small_share_that_is_several_times_the_others_is_told() -> None:
    coupons = feature("closing:Coupon Applied", (0.03, 0.01, 0.01, 0.01), 0.002, "share", "closing")
    assert [c.key for c in told_in_figures(contrasts([coupons], LABELS, 0), 5)] == ["closing:Coupon Applied"]


def test_who_comes_often_and_is_like_others_else_is_called_frequent() -> None:
    assert names_of([feature("gap", (2, 30, 30, 30), 1, family="frequency", skewed=True)])[0] == "Frequent buyers"


def test_a_name_says_once_how_often_they_come() -> None:
    share = feature("event_share:Order Completed", (0.9, 0.3, 0.3, 0.3), 0.05, "share", "event:Order Completed")
    assert names_of([*LIFE, share])[0] == "Very frequent buyers"
    assert "with many orders" in names_of([share])[0]


def test_a_trait_carries_its_figures() -> None:
    often = np.where(LABELS == 0, 3.0, 1.0) + RANDOM.normal(0, 0.1, 400)
    found = contrast(Feature("event_rate:Order Completed", "per month", "f", False, often), LABELS == 0)
    assert found is not None
    trait = trait_of(found, "Order Completed")
    assert trait.lift == pytest.approx(3, abs=0.1)
    assert trait.label == "orders 3 times as often as others"
    assert trait.segment_value == pytest.approx(3, abs=0.1)
    assert trait.effect > 5


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (event_noun("Order Completed", plural=True), "orders"),
        (event_noun("Products Searched", plural=True), "searches"),
        (event_doing("Product Viewed"), "viewing a product"),
        (event_doing("Support Contacted"), "contacting support"),
        (event_doing("Video Played to End"), "playing video to end"),
        (event_doing("mystery"), "“mystery”"),
        (event_noun("Clicked on the third of the large buttons below the fold"), "“Clicked on the third of the large butto…”"),
        (event_doing("Clicked on the third of the large buttons below the fold"), "“Clicked on the third of the large butto…”"),
        (span(3), "3 days"),
        (span(60), "9 weeks"),
        (span(400), "13 months"),
        (span(1500), "4 years"),
        (span(0.5), "12 hours"),
        (number(1287.3), "1,300"),
        (number(3.14159), "3.1"),
        (number(0.0123), "0.012"),
        (number(24.4), "24"),
        (times(3.06), "3.1 times as"),
        (times(0.5), "half as"),
        (times(0.26), "a quarter as"),
        (people_of(["Order Completed"]), "buyers"),
        (people_of(["Cycle"]), "customers"),
    ],
)
def test_phrases(said: str, wanted: str) -> None:
    assert said == wanted


@pytest.mark.parametrize(
    ("key", "unit", "within", "means", "said"),
    [
        ("expected:Order Completed", "share", 90.0, (0.1, 0.4, 0.4, 0.4), "expected to come back within 3 months: 10 % (others 40 %)"),
        ("expected:Product Viewed", "share", 21.0, (0.1, 0.4, 0.4, 0.4), "product view expected within 21 days: 10 % (others 40 %)"),
        ("recent:90", "times", 0.0, (0.013, 1.5, 1.5, 1.5), "hardly any orders in the last 90 days (others 1.5)"),
        ("value_rate", "currency per month", 0.0, (11, 190, 190, 190), "11 spent a month (others 190)"),
        ("value_rate", "GBP per month", 0.0, (11, 190, 190, 190), "11 GBP spent a month (others 190)"),
        ("value_mean", "currency", 0.0, (11, 190, 190, 190), "11 per order (others 190)"),
        ("mean:sensor_14", "", 0.0, (8143, 8135, 8135, 8135), "sensor 14 8,143 on average (others 8,135)"),
    ],
)
def test_a_trait_says_what_is_meant_in_figures_that_people_say(
    key: str, unit: str, within: float, means: tuple[float, ...], said: str
) -> None:
    values = np.array(means)[LABELS] * (1 + 1e-5 * np.tile([-1.0, 1.0], 200))
    found = contrast(Feature(key, unit, key, False, values, within), LABELS == 0)
    assert found is not None
    assert trait_of(found, "Order Completed").label == said


def test_a_name_says_the_figure_that_the_trait_says() -> None:
    """The mean: of few who are long gone, the median says something else."""
    skewed = np.tile([*[20.0] * 8, 400.0, 400.0], 10)
    recency = Feature("recency", "days", "recency", False, np.concatenate([skewed, skewed + 200, *[np.full(100, 900.0)] * 2]))
    gap = feature("gap", (80, 80, 10, 10), 5)
    named = name_segments([gap, recency], LABELS, 4, ["Order Completed"])
    assert [n.name.partition(", ")[2] for n in named[:2]] == ["last seen about 3 months ago", "last seen about 10 months ago"]
    assert "ast seen 3 months ago" in named[0].description


def test_a_description_names_no_share_which_the_first_events_would_make_untrue() -> None:
    for named in name_segments(LIFE, LABELS, 4, ["Order Completed"]):
        assert "of all customers" not in named.description
