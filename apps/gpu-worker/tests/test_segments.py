"""Segments on planted groups: found again, counted rightly, kept apart from noise, the same after a round trip."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.metrics import adjusted_rand_score

from kindred_worker.models.forecast_column import ForecastColumn
from kindred_worker.models.reading import Reading
from kindred_worker.report import Report
from kindred_worker.segments.assignment import UNSEEN, SegmentModel
from kindred_worker.segments.choice import Past, choose_count, explained_by
from kindred_worker.segments.finding import Found, find_segments
from kindred_worker.segments.matching import jaccards, overlaps_with_champion, relabelled
from kindred_worker.segments.partition import drawn_anew, fit_partition, refit
from kindred_worker.segments.space import fit_space, question_weights
from kindred_worker.segments.strength import expected_calibration_error

GROUPS, EACH = 5, 160
COLUMNS = [
    *(ForecastColumn("Order Completed", h, k) for h in (30.0, 90.0) for k in ("probability", "value")),
    *(ForecastColumn(f"Step {g}", 0.0, "next", main=False) for g in range(GROUPS)),
]


def planted(seed: int = 0, loud: float = 0.05) -> tuple[Reading, npt.NDArray[np.int64]]:
    """Groups that differ in what they do next; the chance of an order, the same for all, spreads far more."""
    random = np.random.default_rng(seed)
    truth = np.repeat(np.arange(GROUPS), EACH)
    upcoming = np.full((len(truth), GROUPS), 0.05)
    upcoming[np.arange(len(truth)), truth] = 0.8
    upcoming = np.abs(upcoming + random.normal(0, 0.03, upcoming.shape))
    upcoming /= upcoming.sum(axis=1, keepdims=True)
    chance = np.clip(random.normal(0.4, loud, (len(truth), 1)) + np.array([0, 0.1]), 0.01, 0.99)
    forecast = np.concatenate([chance[:, :1], 4 * chance[:, :1], chance[:, 1:], 4 * chance[:, 1:], upcoming], axis=1)
    embedding = np.concatenate([2 * np.eye(GROUPS)[truth], np.zeros((len(truth), 3))], axis=1) + random.normal(0, 0.3, (len(truth), 8))
    order = random.permutation(len(truth))
    return Reading(
        [f"c{i}" for i in order],
        embedding[order].astype(np.float32),
        forecast[order].astype(np.float32),
        COLUMNS,
        0,
        np.ones(len(truth), np.int64),
    ), truth[order]


@pytest.fixture(scope="module")
def found() -> Found:
    return find_segments(planted()[0], None, 0, 0, Report())


def test_the_planted_groups_and_their_number_are_found(found: Found) -> None:
    truth = planted()[1]
    assert found.model.count == GROUPS
    assert adjusted_rand_score(truth, found.partition.labels) > 0.95


def test_segments_are_numbered_by_size_the_biggest_first(found: Found) -> None:
    sizes = np.bincount(found.partition.labels)
    assert (np.diff(sizes) <= 0).all()


def test_a_column_that_foresees_nothing_does_not_decide(found: Found) -> None:
    reading, truth = planted(seed=3)
    loud = reading.forecast.copy()
    # A constant chance for everyone but for rounding: standardising would blow it up to the size of the real ones.
    loud[:, :4] = np.random.default_rng(0).normal(0.5, 1e-4, (len(loud), 4))
    again = find_segments(Reading(reading.customers, reading.embedding, loud, COLUMNS, 0, reading.events), None, GROUPS, 0, Report())
    assert adjusted_rand_score(truth, again.partition.labels) > 0.95


def test_live_assignment_gives_the_segments_that_were_found(found: Found) -> None:
    reading, _ = planted()
    placed = found.model.assign(reading.embedding, reading.forecast)
    assert (placed.index == found.partition.labels).all()
    assert ((placed.strength >= 0) & (placed.strength <= 1)).all()
    alone = [found.model.assign(reading.embedding[i : i + 1], reading.forecast[i : i + 1]) for i in range(20)]
    np.testing.assert_allclose([a.strength[0] for a in alone], placed.strength[:20], atol=1e-4)
    np.testing.assert_allclose([a.map_xy[0] for a in alone], placed.map_xy[:20], atol=1e-3)


def test_a_model_read_back_from_its_files_assigns_the_same(found: Found, tmp_path: Path) -> None:
    reading, _ = planted(seed=1)
    found.model.save(tmp_path)
    read = SegmentModel.load(tmp_path).assign(reading.embedding, reading.forecast)
    kept = found.model.assign(reading.embedding, reading.forecast)
    for one, other in ((read.index, kept.index), (read.strength, kept.strength), (read.novelty, kept.novelty), (read.map_xy, kept.map_xy)):
        np.testing.assert_array_equal(one, other)


def test_files_of_another_format_are_refused(found: Found) -> None:
    files = found.model.to_bytes()
    files["segments.json"] = files["segments.json"].replace(b"kindred.segments/1", b"kindred.segments/9")
    with pytest.raises(ValueError, match="segments/9"):
        SegmentModel.from_bytes(files)


def test_the_map_keeps_segments_apart(found: Found) -> None:
    reading, _ = planted()
    labels = found.partition.labels
    places = found.model.assign(reading.embedding, reading.forecast).map_xy
    centres = np.stack([places[labels == s].mean(axis=0) for s in range(found.model.count)])
    radius = np.mean([places[labels == s].std() for s in range(found.model.count)])
    gaps = np.sqrt(((centres[:, None] - centres) ** 2).sum(axis=2)) + 9 * np.eye(len(centres))
    assert gaps.min() > 2 * radius


def test_ordinary_people_are_not_novel_and_strangers_are(found: Found) -> None:
    reading, _ = planted(seed=5)
    ordinary = found.model.assign(reading.embedding, reading.forecast)
    assert np.median(ordinary.novelty) < 0.12
    assert (ordinary.novelty >= 0.9).mean() < 0.01
    assert (ordinary.index == UNSEEN).sum() == 0
    stranger = found.model.assign(reading.embedding + 40, reading.forecast)
    assert (stranger.novelty == 1).all()
    assert (stranger.index == UNSEEN).all()
    assert (stranger.strength == 0).all()


def test_the_same_seed_finds_the_same_segments() -> None:
    first = find_segments(planted()[0], None, 4, 7, Report(), refits=4).model.to_bytes()
    assert first == find_segments(planted()[0], None, 4, 7, Report(), refits=4).model.to_bytes()


def test_strength_is_the_share_of_refits_that_agree() -> None:
    random = np.random.default_rng(0)
    # One long cloud cut in three: near the cuts refits disagree, far from them they do not. (A round one could be cut in
    # any direction, and how often that happens differs from one handful of refits to the next.)
    cloud = (random.normal(0, 1, (1500, 2)) * (1, 0.6)).astype(np.float32)
    forecast = 1 / (1 + np.exp(-cloud))
    columns = [ForecastColumn("A", 30.0, "probability"), ForecastColumn("B", 30.0, "probability")]
    reading = Reading([str(i) for i in range(1500)], cloud, forecast.astype(np.float32), columns, 0, np.ones(1500, np.int64))
    one = find_segments(reading, None, 3, 0, Report())
    claimed = one.model.assign(reading.embedding, reading.forecast).strength
    happened = one.refits.agreements.mean(axis=0)
    assert np.corrcoef(claimed, happened)[0, 1] > 0.7
    assert one.strength_error < 0.08


def test_stability_falls_where_there_is_nothing_to_find() -> None:
    reading, _ = planted()
    points = fit_space(reading.embedding, reading.forecast, COLUMNS).place(reading.embedding, reading.forecast)
    noise = np.random.default_rng(0).normal(0, 1, (len(points), 6)).astype(np.float32)
    real = refit(points, fit_partition(points, GROUPS, 0), drawn_anew(GROUPS, 3), 6, 0)
    idle = refit(noise, fit_partition(noise, GROUPS, 0), drawn_anew(GROUPS, 3), 6, 0)
    assert real.adjusted_rand.mean() > 0.95
    assert real.jaccard.min() > 0.9
    assert idle.adjusted_rand.mean() < 0.7
    assert idle.jaccard.min() < 0.6


def test_foresight_counts_only_what_then_happened() -> None:
    """Two stable ways to cut: by what decides the future, and by what does not. Only the first earns segments."""
    random = np.random.default_rng(0)
    group, idle = np.repeat(np.arange(4), 300), random.integers(0, 2, 1200)
    points = np.stack([4.0 * group, 0.9 * idle], axis=1).astype(np.float32) + random.normal(0, 0.15, (1200, 2)).astype(np.float32)
    outcomes = np.stack([group == g for g in range(4)], axis=1) * (random.random((1200, 4)) < 0.8)
    past = Past(points, outcomes.astype(float), np.eye(4)[group], np.ones(4))
    assert choose_count(points, past, 0, Report()).count == 4


def test_explained_variance_of_random_groups_is_nothing() -> None:
    random = np.random.default_rng(0)
    outcomes = random.random((2000, 3))
    assert explained_by(random.integers(0, 12, 2000), outcomes, 12).max() < 0.01


def test_without_a_forecast_the_embedding_is_grouped() -> None:
    reading, truth = planted()
    bare = Reading(reading.customers, reading.embedding, np.zeros((len(truth), 0), np.float32), [], 0, reading.events)
    again = find_segments(bare, None, GROUPS, 0, Report(), refits=4)
    assert adjusted_rand_score(truth, again.partition.labels) > 0.9


def test_a_question_asked_in_many_columns_counts_once() -> None:
    weights = question_weights(COLUMNS)
    assert (weights[:4] ** 2).sum() == pytest.approx(1)


@pytest.mark.parametrize("way", ["grid", "best"])
def test_a_refit_does_what_the_fit_does_its_choice_of_a_way_included(way: str) -> None:
    """A long cloud is cut by the grid, and lumps by the best of many starts; on a resample as on the whole."""
    random = np.random.default_rng(0)
    corners = np.array([(0.0, 0.0), (3.0, 0.0), (0.0, 3.0), (3.0, 3.0), (8.0, 1.0)])
    lumps = corners[random.choice(5, 3000, p=(0.5, 0.2, 0.15, 0.1, 0.05))] + random.normal(0, 0.1, (3000, 2))
    points = (random.uniform((0, 0), (1, 0.05), (3000, 2)) if way == "grid" else lumps).astype(np.float32)
    some = points[random.integers(0, len(points), len(points))]
    again = fit_partition(some, 5, 3, starts=2)
    assert again.way == way
    np.testing.assert_array_equal(np.sort(drawn_anew(5, 2)(some, 3), axis=0), np.sort(again.centres, axis=0))


def test_permuted_names_are_matched_back() -> None:
    random = np.random.default_rng(0)
    reference = random.integers(0, 6, 500)
    permutation = random.permutation(6)
    assert (relabelled(permutation[reference], reference, 6) == reference).all()


def test_a_segment_more_than_the_reference_has_is_nobodys() -> None:
    reference = np.repeat([0, 1], [60, 40])
    labels = np.repeat([2, 0, 1], [50, 10, 40])
    assert (relabelled(labels, reference, 2) == np.repeat([0, -1, 1], [50, 10, 40])).all()


def test_a_segment_that_goes_on_is_matched_and_one_that_ends_is_retired() -> None:
    champion = np.repeat([0, 1, 2], [100, 80, 60])
    # Champion 1 keeps its people under another number, 0 splits in two, 2 is swallowed by the larger half of 0.
    new = np.concatenate([np.repeat([0, 1], [55, 45]), np.repeat(2, 80), np.repeat(0, 60)])
    overlaps, retired = overlaps_with_champion(new, champion, 3)
    matched = {at: o.champion_index for at, each in enumerate(overlaps) for o in each if o.matched}
    assert matched == {0: 2, 1: 0, 2: 1}
    assert retired == []
    assert [o.jaccard for o in overlaps[2]] == [1.0]
    both = overlaps_with_champion(np.where(new == 1, 0, new), champion, 3)
    assert both[1] == [2] or both[1] == [0]


def test_customers_unseen_by_either_model_count_nowhere() -> None:
    overlaps, retired = overlaps_with_champion(np.array([0, 0, -1, 0]), np.array([0, 0, 0, -1]), 1)
    assert overlaps[0][0].jaccard == 1.0
    assert retired == []


def test_jaccard_is_shared_over_either() -> None:
    assert jaccards(np.array([[3, 1], [0, 4]]))[0, 0] == pytest.approx(3 / 4)


def test_calibration_error_of_a_liar_is_what_he_overstates() -> None:
    assert expected_calibration_error(np.full(1000, 0.9, np.float32), np.full(1000, 0.5)) == pytest.approx(0.4, abs=1e-3)


def shuffled(reading: Reading, seed: int) -> tuple[Reading, npt.NDArray[np.int64]]:
    """The same customers under other ids and in another order."""
    order = np.random.default_rng(seed).permutation(len(reading.customers))
    ids = [f"other-{at}" for at in range(len(order))]
    return Reading(ids, reading.embedding[order], reading.forecast[order], reading.columns, reading.read_at, reading.events[order]), order


def test_neither_the_order_of_the_customers_nor_their_ids_decide_anything(found: Found) -> None:
    other, order = shuffled(planted()[0], 9)
    again = find_segments(other, None, 0, 0, Report())
    assert again.model.to_bytes() == found.model.to_bytes()
    assert (again.partition.labels == found.partition.labels[order]).all()
    assert again.choice == found.choice


def test_a_long_cloud_is_cut_alike_with_any_seed() -> None:
    points = np.random.default_rng(0).uniform((0, 0), (1, 0.05), (3000, 2)).astype(np.float32)
    cuts = [fit_partition(points, 8, seed, 4) for seed in range(3)]
    assert [c.way for c in cuts] == ["grid"] * 3
    assert all((c.labels == cuts[0].labels).all() for c in cuts)
    assert refit(points, cuts[0], drawn_anew(8, 3), 5, 0).adjusted_rand.mean() > 0.85
