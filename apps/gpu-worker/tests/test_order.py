"""Draws for customers that hang on what they did."""

from __future__ import annotations

import numpy as np

from kindred_worker.data.order import drawn, told_apart

KEYS = np.array([7, 3, 7, 7, 3, 9], np.uint64)


def test_customers_who_begin_alike_are_drawn_for_one_by_one() -> None:
    alike = np.full(2000, 42, np.uint64)
    share = float((drawn(told_apart(alike), 5, 0) < 0.1).mean())
    assert 0.07 < share < 0.13


def test_the_first_of_several_keeps_its_key_and_no_two_share_one() -> None:
    apart = told_apart(KEYS)
    assert apart[[0, 1, 5]].tolist() == [7, 3, 9]
    assert len(set(apart.tolist())) == len(KEYS)
    assert told_apart(KEYS[:0]).tolist() == []


def test_who_else_is_there_changes_nothing_for_those_who_stand_alone() -> None:
    few = KEYS[[1, 5]]
    np.testing.assert_array_equal(drawn(told_apart(few), 5, 0), drawn(told_apart(KEYS), 5, 0)[[1, 5]])
