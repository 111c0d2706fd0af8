"""Levels: a member of a part is always a member of the whole, whoever the customers are."""

from __future__ import annotations

import numpy as np
import pytest

from kindred_worker.segments.hierarchy import NONE, Family, Kin, find_family, overlaps_within, without_family
from kindred_worker.segments.partition import Partition, fit_partition
from kindred_worker.segments.space import squared_distances


def islands(centres: list[tuple[float, float]], each: int = 150, seed: int = 0) -> np.ndarray:
    draws = np.random.default_rng(seed)
    return np.concatenate([np.array(c) + 0.3 * draws.standard_normal((each, 2)) for c in centres]).astype(np.float32)


def always(_members: np.ndarray, _parts: np.ndarray) -> bool:
    return True


def family_of(points: np.ndarray, count: int, seed: int = 0) -> tuple[Partition, Family, list[Kin]]:
    partition = fit_partition(points, count, seed)
    family, kin = find_family(points, partition, always, seed, lambda: None)
    return partition, family, kin


def test_two_archipelagos_are_the_coarser_segments() -> None:
    points = islands([(0, 0), (3, 0), (0, 3), (40, 0), (43, 0), (40, 3)])
    partition, family, kin = family_of(points, 6)
    coarser = [k for k in kin if k.level == "COARSER"]
    assert [k.index for k in coarser] == [6, 7]
    assert all(k.stability > 0.9 for k in coarser)
    places = family.coarser(partition.labels)
    assert len(set(places[:450])) == 1
    assert len(set(places[450:])) == 1
    assert places[0] != places[-1]


def test_a_segment_of_three_islands_is_split_into_them() -> None:
    points = islands([(0, 0), (4, 0), (0, 4), (60, 0), (60, 40)])
    partition, family, kin = family_of(points, 3)
    finer = [k for k in kin if k.level == "FINER"]
    whole = int(partition.labels[0])
    assert sum(k.parent == whole for k in finer) == 3
    places = family.finer(points, partition.labels)
    assert [len(set(places[begin : begin + 150])) for begin in (0, 150, 300)] == [1, 1, 1]


def test_a_segment_whose_parts_differ_in_nothing_that_can_be_counted_stays_whole() -> None:
    points = islands([(0, 0), (4, 0), (60, 0)])
    partition = fit_partition(points, 2, 0)
    _, kin = find_family(points, partition, lambda members, parts: False, 0, lambda: None)
    assert [k for k in kin if k.level == "FINER"] == []


@pytest.mark.parametrize("seed", range(12))
def test_nesting_holds_for_every_customer_and_counts_agree(seed: int) -> None:
    draws = np.random.default_rng(seed)
    count, width = int(draws.integers(1, 9)), int(draws.integers(1, 6))
    middles = 10 * draws.standard_normal((int(draws.integers(1, 14)), width))
    points = (middles[draws.integers(0, len(middles), 900)] + draws.standard_normal((900, width))).astype(np.float32)
    partition, family, kin = family_of(points, count, seed)
    strangers = (30 * draws.standard_normal((400, width))).astype(np.float32)
    everyone = np.concatenate([points, strangers])
    main = squared_distances(everyone, partition.centres).argmin(axis=1)
    main[:50] = NONE  # unlike anything seen
    coarser, finer = family.coarser(main), family.finer(everyone, main)
    assert (coarser[:50] == NONE).all()
    assert (finer[:50] == NONE).all()
    parent_of = {k.index: k.parent for k in kin}
    assert all(parent_of[f] == m for f, m in zip(finer, main, strict=True) if f != NONE)
    split = {k.parent for k in kin if k.level == "FINER"}
    for segment in range(count):
        inside = main == segment
        assert (finer[inside] != NONE).all() == (segment in split or not inside.any())
        parts = [(finer == k.index).sum() for k in kin if k.parent == segment]
        assert not parts or sum(parts) == inside.sum()
    for one in (k for k in kin if k.level == "COARSER"):
        children = np.flatnonzero(family.coarser_of == one.index)
        assert len(children) > 1
        assert (coarser == one.index).sum() == sum((main == c).sum() for c in children)
    assert [k.index for k in kin] == list(range(count, count + len(kin)))


def test_the_same_customers_give_the_same_family_again() -> None:
    points = islands([(0, 0), (4, 0), (0, 4), (60, 0), (60, 40)])
    one, other = family_of(points, 4), family_of(points, 4)
    assert one[2] == other[2]
    assert (one[1].finer_centres == other[1].finer_centres).all()


def test_without_levels_nobody_is_on_one() -> None:
    family = without_family(3, 2)
    index = np.array([0, 2, NONE])
    assert family.coarser(index).tolist() == [NONE] * 3
    assert family.finer(np.zeros((3, 2), np.float32), index).tolist() == [NONE] * 3


def test_levels_are_matched_with_the_same_level_and_shares_are_of_everyone() -> None:
    new = np.array([7, 7, 7, 8, 8, NONE, NONE])
    champion = np.array([5, 5, 5, NONE, NONE, NONE, 6])
    overlaps, retired = overlaps_within(new, champion, [7, 8])
    assert [(o.champion_index, o.jaccard, o.matched) for o in overlaps[7]] == [(5, 1.0, True)]
    assert overlaps[8] == []
    assert retired == [6]
