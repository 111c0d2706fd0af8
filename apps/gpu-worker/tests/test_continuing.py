"""Segments that go on from one model to the next: kept, born, ended, or drawn anew where they are not worth keeping."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from sklearn.metrics import adjusted_rand_score

from kindred_worker.report import Report
from kindred_worker.segments.continuing import carry_over
from kindred_worker.segments.finding import Champion, find_segments
from tests.test_segments import GROUPS, planted

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]


def groups(middles: list[tuple[float, float]], each: int, seed: int) -> tuple[Float32, Int64]:
    random = np.random.default_rng(seed)
    truth = np.repeat(np.arange(len(middles)), each)
    return (np.array(middles)[truth] + random.normal(0, 0.1, (len(truth), 2))).astype(np.float32), truth


OLD = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)]


def test_where_nobody_behaves_otherwise_nothing_is_born() -> None:
    then, labels = groups(OLD, 300, 0)
    carried = carry_over(groups(OLD, 300, 1)[0], then, labels)
    assert carried is not None
    assert (carried.champion, carried.born) == ([0, 1, 2], 0)
    np.testing.assert_allclose(carried.centres, OLD, atol=0.05)


def test_each_new_way_to_behave_is_born_once() -> None:
    then, labels = groups(OLD, 300, 0)
    now, _ = groups([*OLD, (1.5, 1.5), (-1.0, -1.0)], 200, 1)
    carried = carry_over(now, then, labels)
    assert carried is not None
    assert (carried.champion, carried.born) == ([0, 1, 2], 2)
    np.testing.assert_allclose(carried.centres[:3], OLD, atol=0.05)
    born = sorted(tuple(c) for c in carried.centres[3:].tolist())
    np.testing.assert_allclose(born, [(-1.0, -1.0), (1.5, 1.5)], atol=0.1)


def test_a_segment_that_hardly_anyone_belongs_to_any_more_ends() -> None:
    then, labels = groups(OLD, 300, 0)
    carried = carry_over(groups(OLD[:2], 450, 1)[0], then, labels)
    assert carried is not None
    assert (carried.champion, carried.born) == ([0, 1], 0)


def test_customers_whom_the_champion_placed_nowhere_are_nobodys_middle() -> None:
    then, labels = groups([*OLD, (9.0, 9.0)], 300, 0)
    carried = carry_over(groups(OLD, 300, 1)[0], then, np.where(labels == 3, -1, labels))
    assert carried is not None
    np.testing.assert_allclose(carried.centres, OLD, atol=0.05)
    assert carry_over(then, then, np.full(len(then), -1)) is None


def test_the_champions_segments_go_on_in_a_room_that_shares_nothing_with_its_own() -> None:
    then, truth = planted(seed=0)
    # What the champion drew is no partition that would be drawn anew: two of the planted groups were one to it.
    champion = Champion(then, np.where(truth == GROUPS - 1, 0, truth))
    now, truth_now = planted(seed=4)
    found = find_segments(now, None, 0, 0, Report(), refits=4, champion=champion)
    assert (found.continued, found.model.count, found.choice) == (GROUPS - 1, GROUPS - 1, None)
    assert adjusted_rand_score(np.where(truth_now == GROUPS - 1, 0, truth_now), found.partition.labels) > 0.95
    placed = found.model.assign(now.embedding, now.forecast)
    assert (placed.index == found.partition.labels).all()


def test_stability_of_segments_that_go_on_is_that_of_carrying_them_over_again() -> None:
    """With the champion's members drawn anew as well: what it drew at random does not come back, though the room stays."""
    then, truth = planted(seed=0)
    chance = np.random.default_rng(0).permutation(truth)
    now, _ = planted(seed=4)
    found = [find_segments(now, None, 0, 0, Report(), refits=6, champion=Champion(then, labels)) for labels in (truth, chance)]
    assert [f.partition.way for f in found] == ["kept", "kept"]
    real, idle = (f.refits.adjusted_rand.mean() for f in found)
    assert real > 0.95
    assert idle < 0.75


def test_another_number_that_is_asked_for_is_drawn_anew() -> None:
    then, truth = planted(seed=0)
    found = find_segments(planted(seed=4)[0], None, 3, 0, Report(), refits=4, champion=Champion(then, truth))
    assert (found.continued, found.model.count) == (0, 3)


def test_a_planted_group_that_was_not_there_before_is_a_segment_of_its_own() -> None:
    everyone, truth = planted(seed=0)
    old = np.flatnonzero(truth != 2)
    then = replace(
        everyone,
        customers=[everyone.customers[i] for i in old],
        embedding=everyone.embedding[old],
        forecast=everyone.forecast[old],
        events=everyone.events[old],
    )
    now, truth_now = planted(seed=4)
    found = find_segments(now, None, 0, 0, Report(), refits=4, champion=Champion(then, truth[old]))
    assert (found.continued, found.model.count) == (GROUPS - 1, GROUPS)
    assert adjusted_rand_score(truth_now, found.partition.labels) > 0.95
