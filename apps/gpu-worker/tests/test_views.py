"""What pretext tasks read of customers: slices, halves, shuffled runs and customers with hidden events, against loops."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from kindred_worker.data.arrays import EventArrays, take
from kindred_worker.objectives import Moments
from kindred_worker.objectives.views import ENOUGH, HIDDEN, MOST, SLICES, UNKNOWN, VIEWS

DAY = 86_400_000_000


@pytest.fixture(scope="module")
def moments(arrays: EventArrays) -> Moments:
    """Twelve customers, of whom the third has fewer events than a slice needs, and the fourth only one."""
    lengths = np.diff(arrays.offsets[:13])
    lengths[2], lengths[3] = ENOUGH - 1, 1
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    events = take(arrays.events, 0, int(offsets[-1]))
    # Neighbours of the shortened ones now own some of their events: times must ascend inside a customer.
    time = np.concatenate([np.sort(events.time[a:b]) for a, b in pairwise(offsets)])
    return Moments(replace(events, time=time), offsets, np.zeros((12, 3), np.int64), int(time.max()))


def rows(view: Moments) -> list[list[tuple[float, ...]]]:
    """Every event of every row as a tuple of all it holds."""
    e = view.events
    item_ends = [np.concatenate([[0], np.cumsum(i.lengths)]) for i in e.items]

    def event(at: int) -> tuple[float, ...]:
        listed = [i.categories[ends[at] : ends[at + 1]].ravel() for i, ends in zip(e.items, item_ends, strict=True)]
        fixed = (e.time[at], e.name[at], *e.categories[at], *np.nan_to_num(e.numbers[at], nan=-99), e.hour[at], e.weekday[at], e.value[at])
        return tuple(float(x) for x in [*fixed, *np.concatenate(listed)])

    return [[event(at) for at in range(a, b)] for a, b in zip(view.offsets[:-1], view.offsets[1:], strict=True)]


@pytest.mark.parametrize(("name", "each"), [("slices", SLICES), ("halves", 2)])
def test_parts_of_a_customer_are_runs_of_their_own_events(moments: Moments, name: str, each: int) -> None:
    view = VIEWS[name](moments, np.random.default_rng(3))
    whole, parts = rows(moments), rows(view)
    assert len(parts) == each * len(whole)
    for at, part in enumerate(parts):
        mine = whole[at // each]
        assert 1 <= len(part) <= MOST
        assert any(part == mine[begin : begin + len(part)] for begin in range(len(mine)))
        assert view.at[at].tolist() == [part[-1][0]]
        assert view.told["customer"][at, 0] == (at // each if len(mine) >= ENOUGH else UNKNOWN)


def test_halves_share_no_event_and_leave_none_out(moments: Moments) -> None:
    whole, parts = rows(moments), rows(VIEWS["halves"](moments, np.random.default_rng(0)))
    for at, mine in enumerate(whole):
        if len(mine) >= ENOUGH:
            assert parts[2 * at] + parts[2 * at + 1] == mine


def test_slices_differ_from_draw_to_draw(moments: Moments) -> None:
    draws = [rows(VIEWS["slices"](moments, np.random.default_rng(seed))) for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]


def test_a_shuffled_run_has_the_same_events_and_times_in_another_order(moments: Moments) -> None:
    view = VIEWS["shuffled"](moments, np.random.default_rng(4))
    parts, changed = rows(view), 0
    for at, mine in enumerate(rows(moments)):
        genuine, mixed = parts[2 * at], parts[2 * at + 1]
        assert any(genuine == mine[begin : begin + len(genuine)] for begin in range(len(mine)))
        assert [e[0] for e in mixed] == [e[0] for e in genuine]
        assert view.told["genuine"][2 * at : 2 * at + 2, 0].tolist() == [1, 0]
        known = view.told["known"][2 * at, 0]
        assert known == view.told["known"][2 * at + 1, 0]
        assert known <= (len(mine) >= ENOUGH)
        width = 1 + 1 + view.events.categories.shape[1] + view.events.numbers.shape[1]
        contents = [sorted((e[1:width], e[width + 2 :]) for e in part) for part in (genuine, mixed)]  # all but time, hour, weekday
        assert contents[0] == contents[1]
        assert [(e[width], e[width + 1]) for e in mixed] == [(e[width], e[width + 1]) for e in genuine]
        changed += known and genuine != mixed
    assert changed > 5


def test_hidden_events_are_gone_and_asked_about_from_a_little_later(moments: Moments) -> None:
    view = VIEWS["hidden"](moments, np.random.default_rng(5))
    assert (np.diff(view.at, axis=1) >= 0).all()
    for at, (mine, left) in enumerate(zip(rows(moments), rows(view), strict=True)):
        gone = [e for e in mine if e not in left]
        assert [e for e in mine if e in left] == left
        if len(mine) < ENOUGH:
            assert not gone
            assert not view.told["known"][at].any()
            continue
        assert 1 <= len(gone) <= HIDDEN
        for question in range(HIDDEN):
            happened = view.at[at, question] - view.told["days"][at, question] * DAY
            answers = [e for e in gone if abs(e[0] - happened) < 60e6]  # days are 32-bit
            assert any(e[1] == view.told["name"][at, question] for e in answers)
