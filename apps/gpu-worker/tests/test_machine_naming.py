"""Names of segments of machines: their readings and how far on in life they are, and nothing that only people do."""

from __future__ import annotations

import numpy as np

from kindred_worker.data.portrait import Feature
from kindred_worker.segments.machine_naming import are_machines
from kindred_worker.segments.naming import name_segments

LABELS = np.repeat(np.arange(4), 100)


def feature(key: str, means: tuple[float, ...], spread: float, family: str = "", seed: int = 0) -> Feature:
    values = np.array(means)[LABELS] + np.random.default_rng([seed, len(key)]).normal(0, spread, len(LABELS))
    return Feature(key, "", family or key, False, values)


READINGS = [
    feature("lately:sensor_11", (48.3, 47.2, 47.2, 47.2), 0.1),
    feature("lately:sensor_4", (1400, 1400, 1390, 1400), 3),
    feature("main_count", (200, 90, 130, 130), 10, "frequency"),
    feature("recency", (4, 20, 12, 12), 1),
    feature("gap", (1.0, 1.0, 1.0, 1.4), 0.02, "frequency"),
]


def names_of(features: list[Feature]) -> list[str]:
    return [named.name for named in name_segments(features, LABELS, 4, ["Cycle Completed"])]


def test_a_segment_of_machines_is_named_after_its_readings_and_its_age() -> None:
    names = names_of(READINGS)
    assert names[0] == "High sensor 11, late in life"
    assert names[1].endswith(", early in life")
    assert names[2] == "Low sensor 4"


def test_readings_that_are_high_alike_are_called_so_once() -> None:
    both = [feature("lately:a", (5, 0, 0, 0), 2), feature("lately:b", (5, 0, 0, 0), 2, seed=1)]
    assert names_of(both)[0] == "High a and b"


def test_nothing_that_only_people_do_is_said_of_machines() -> None:
    words = " ".join(names_of([*READINGS, feature("opening:Cycle Completed", (0.9, 0.1, 0.1, 0.1), 0.1)])).lower()
    assert not any(word in words for word in ("customer", "regular", "occasional", "active", "fading", "lapsed", "-first", "rare"))


def test_what_an_average_says_beside_the_last_readings_is_not_said_twice() -> None:
    lately = READINGS[0]
    mean = Feature("mean:sensor_11", "", lately.family, False, lately.values + 0.01)
    assert names_of([*READINGS, mean])[0] == "High sensor 11, late in life"


def test_machines_that_the_strongest_readings_do_not_tell_apart_are_told_apart_by_weaker_ones() -> None:
    alike = [
        feature("lately:a", (5, 5, 0, 0), 0.2),
        feature("lately:b", (0, 0, 5, 5), 2.5, seed=1),
        feature("lately:c", (0.65, 0, 0, 0), 1, seed=2),
        feature("lately:d", (0, 0.65, 0, 0), 1, seed=3),
    ]
    names = names_of(alike)
    assert len(set(names)) == 4
    assert names[:2] == ["High a, low b and high c", "High a, low b and high d"]


def test_where_no_reading_sets_machines_apart_names_stay_unique() -> None:
    assert len(set(names_of([feature("lately:a", (0, 0, 0, 0), 1)]))) == 4


def test_where_something_is_bought_the_words_stay_a_shops() -> None:
    assert are_machines(READINGS, "customers")
    assert not are_machines(READINGS, "buyers")
    assert not are_machines([*READINGS, feature("value_mean", (1, 2, 3, 4), 0.1)], "customers")
    assert not are_machines(READINGS[2:], "customers")
