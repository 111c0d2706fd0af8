"""What a person would count of each customer: rhythm, calendar, money, what opens a visit and what follows what.

These features only describe segments; none of them is used to find segments. Each has a key that stays the same from
run to run, and a unit. NaN: does not apply to this customer (no second order, no gap).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kindred_worker.data.aggregates import DAY, EventTable
from kindred_worker.data.visit import SAMPLE, pause_of

Float64 = npt.NDArray[np.float64]

NAMES_TOLD = 10  # event names that get features of their own
PAIRS_TOLD = 30  # pairs of events in a row
WORDS_TOLD = 4  # values of a categorical property
LONGEST_WORD = 40
MONTH = 30.44  # days
CLOCKWORK = 1.5  # gaps whose 95th percentile is less than this many times their median come by the clock
LATELY = 10  # the last readings of a machine
RECENT = (30, 90, 365)  # days; counted where the data reach back twice as far


@dataclass(frozen=True)
class Feature:
    key: str  # "event_rate:Order Completed"
    unit: str  # days, per month, share, currency, items, ratio
    # Traits of one family say nearly the same; only the strongest of a family is told first.
    family: str
    is_skewed: bool  # compared on a log scale
    values: Float64  # (N)
    within_days: float = 0.0  # of what is foreseen: the horizon


def portrait(events: EventTable, customers: Sequence[str], cut: int, currency: str | None) -> list[Feature]:
    """Features of `customers` from what happened before `cut` (microseconds)."""
    told = [n for n in events.names if n not in events.main_events][: max(NAMES_TOLD - len(events.main_events), 0)]
    names = [*events.main_events, *told]
    # A machine's readings: when they come says nothing of it, and how they are now says more than how they were all along.
    by_the_clock = comes_by_the_clock(events, cut)
    drawn = [
        *_life(events, customers, cut, names, currency or "currency"),
        *_rhythm(events, customers, cut),
        *([] if by_the_clock else _calendar(events, customers, cut)),
        *_visits(events, customers, cut, names),
        *_properties(events, customers, cut),
        *(_lately(events, customers, cut) if by_the_clock else []),
    ]
    return [f for f in drawn if np.isfinite(f.values).sum() >= 20 and np.nanstd(f.values) > 1e-9]


def _life(events: EventTable, customers: Sequence[str], cut: int, names: list[str], currency: str) -> list[Feature]:
    counted = "".join(f", count(*) filter (name = {_text(n)}) as n{i}" for i, n in enumerate(names))
    recent = [d for d in RECENT if events.main_events and cut - events.first >= 2 * d * DAY]
    counted += "".join(f", count(*) filter (main and moment >= {cut - d * DAY}) as r{d}" for d in recent)
    late = f"greatest(min(moment), {cut} - (({cut} - min(moment)) // 4))"
    own = events.table(f"""
      with person as (
        select customer, ({cut} - max(moment)) / {DAY}::double as recency, ({cut} - min(moment)) / {DAY}::double as tenure,
          max(moment) filter (main) as last_main, count(*) filter (main) as mains, coalesce(sum(value) filter (main), 0) as spent,
          avg(value) filter (main) as value_mean, avg(lines) filter (main) as lines_mean, {late} as late_from {counted}
        from event where moment < {cut} group by customer),
      trend as (
        select customer, count(*) filter (moment >= late_from) / count(*)::double * 4 as trend
        from event join person using (customer) where moment < {cut} group by customer),
      article as (
        select customer, median(price) as price, count(distinct product) / count(distinct moment)::double as variety
        from item where main and moment < {cut} group by customer)
      select person.* exclude (last_main, late_from), ({cut} - last_main) / {DAY}::double as recency_main,
        trend, price, variety from person left join trend using (customer) left join article using (customer)""")
    at = dict(zip(own.names, own.aligned(customers).T, strict=True))
    months = np.maximum(at["tenure"], MONTH) / MONTH
    seldom = np.where(at["mains"] >= 1, (at["mains"] == 1).astype(float), np.nan)
    old = at["tenure"] >= 60
    features = [
        Feature("recency", "days", "recency", True, at["recency"]),
        Feature("recency_main", "days", "recency", True, at["recency_main"]),
        Feature("tenure", "days", "tenure", True, at["tenure"]),
        Feature("one_time", "share", "frequency", False, seldom),
        Feature("main_count", "times", "frequency", True, at["mains"]),
        Feature("value_mean", currency, "basket", True, at["value_mean"]),
        Feature("value_rate", f"{currency} per month", "value", True, at["spent"] / months),
        Feature("value_total", currency, "value", True, at["spent"]),
        Feature("lines_mean", "items", "basket", True, at["lines_mean"]),
        Feature("variety", "items", "basket", True, at["variety"]),
        Feature("price", currency, "price", True, at["price"]),
        *(Feature(f"recent:{d}", "times", "recent", True, at[f"r{d}"]) for d in recent),
        Feature("trend", "ratio", "trend", False, np.where(old, at["trend"], np.nan)),
    ]
    total = sum(at[f"n{i}"] for i in range(len(names)))
    for i, name in enumerate(names):
        family = "frequency" if name in events.main_events else f"event:{name}"
        features.append(Feature(f"event_rate:{name}", "per month", family, True, at[f"n{i}"] / months))
        if len(names) > 1:
            share = at[f"n{i}"] / np.where(total > 0, total, np.nan)
            features.append(Feature(f"event_share:{name}", "share", f"event:{name}", False, share))
    return features


def _rhythm(events: EventTable, customers: Sequence[str], cut: int) -> list[Feature]:
    gaps = events.table(f"""
      select customer, avg(days) as gap, case when count(*) >= 3 then stddev_pop(days) / nullif(avg(days), 0) end as unevenness
      from (select customer, (moment - lag(moment) over (partition by customer order by moment)) / {DAY}::double as days
            from event where main and moment < {cut})
      where days is not null group by customer""").aligned(customers)
    return [
        Feature("gap", "days", "frequency", True, gaps[:, 0]),
        Feature("unevenness", "ratio", "rhythm", False, gaps[:, 1]),
    ]


def _calendar(events: EventTable, customers: Sequence[str], cut: int) -> list[Feature]:
    """Shares of the main events (of all events, where there are none) by weekday, part of the day and season."""
    of = "main" if events.main_events else "true"
    days = "".join(f", avg((weekday = {d})::int) as d{d}" for d in range(7))
    seasons = "".join(f", avg(((month - 1) // 3 = {q})::int) as q{q}" for q in range(4))
    table = events.table(f"""
      select customer, avg((weekday >= 5)::int) as weekend, avg((hour >= 18)::int) as evening,
        avg((hour < 12)::int) as morning {days} {seasons}
      from event where {of} and moment < {cut} group by customer""")
    at = dict(zip(table.names, table.aligned(customers).T, strict=True))
    features = [Feature(k, "share", k, False, at[k]) for k in ("weekend", "evening", "morning")]
    features += [Feature(f"weekday:{d}", "share", "weekday", False, at[f"d{d}"]) for d in range(7)]
    if cut - events.first >= 300 * DAY:
        features += [Feature(f"season:{q}", "share", "season", False, at[f"q{q}"]) for q in range(4)]
    return features


def _visits(events: EventTable, customers: Sequence[str], cut: int, names: list[str]) -> list[Feature]:
    """What opens and closes a visit, and what follows what within one."""
    pause = pause_between_visits(events, cut)
    if pause is None or len(names) < 2:
        return []
    events.columns(f"""
      create or replace temp table step as
      select customer, name, main, lag(name) over w as before, lead(name) over w as after,
        coalesce(moment - lag(moment) over w > {pause}, true) as opens, coalesce(lead(moment) over w - moment > {pause}, true) as closes
      from event where moment < {cut} window w as (partition by customer order by moment)""")
    listed = ", ".join(_text(n) for n in names)
    pairs = events.columns(f"""
      select name, after, count(*) as n from step where not closes and name in ({listed}) and after in ({listed})
      group by all order by n desc, name, after limit {PAIRS_TOLD}""")
    followed = [(str(a), str(b)) for a, b in zip(pairs["name"], pairs["after"], strict=True)]
    openings = "".join(f", avg((name = {_text(n)})::int) filter (opens) as o{i}" for i, n in enumerate(names))
    closings = "".join(f", avg((name = {_text(n)})::int) filter (closes) as c{i}" for i, n in enumerate(names))
    follows = "".join(
        f", avg((after = {_text(b)})::int) filter (name = {_text(a)} and not closes) as f{i}" for i, (a, b) in enumerate(followed)
    )
    size = ", count(*) / count(*) filter (opens)::double as visit_size"
    table = events.table(f"select customer {openings} {closings} {follows} {size} from step group by customer")
    at = dict(zip(table.names, table.aligned(customers).T, strict=True))
    return [
        *(Feature(f"opening:{n}", "share", f"opening:{n}", False, at[f"o{i}"]) for i, n in enumerate(names)),
        *(Feature(f"closing:{n}", "share", f"closing:{n}", False, at[f"c{i}"]) for i, n in enumerate(names)),
        *(Feature(f"after:{a}>{b}", "share", f"after:{a}", False, at[f"f{i}"]) for i, (a, b) in enumerate(followed)),
        Feature("visit_size", "events", "visit_size", True, at["visit_size"]),
    ]


def pause_between_visits(events: EventTable, cut: int) -> int | None:
    """Microseconds without an event that end a visit; None where the gaps are of one kind (visit.py)."""
    gaps = events.columns(f"""
      select gap from (select moment - lag(moment) over (partition by customer order by moment) as gap from event where moment < {cut})
      where gap > 0 order by hash(gap) limit {SAMPLE}""")["gap"]
    return pause_of(gaps.astype(np.float64))


def comes_by_the_clock(events: EventTable, cut: int) -> bool:
    """Whether the events of a customer follow each other at nearly even intervals, as readings do."""
    gaps = events.columns(f"""
      select quantile_cont(gap, 0.5) as middle, quantile_cont(gap, 0.95) as long, count(gap) as n from (
        select moment - lag(moment) over (partition by customer order by moment) as gap from event where moment < {cut})""")
    return int(gaps["n"][0]) >= 20 and float(gaps["long"][0]) < CLOCKWORK * float(gaps["middle"][0])


def _lately(events: EventTable, customers: Sequence[str], cut: int) -> list[Feature]:
    """Means of numeric properties over the last events of each customer."""
    numeric = [n for n in events.properties if not _holds_words(events, n)]
    if not numeric:
        return []
    means = ", ".join(f"avg({_column(f'p:{n}')}) as v{i}" for i, n in enumerate(numeric))
    table = events.table(f"""
      select customer, {means} from (
        select *, row_number() over (partition by customer order by moment desc) as back from event where moment < {cut})
      where back <= {LATELY} group by customer""").aligned(customers)
    return [
        Feature(f"lately:{name}", "", f"property:{name}", bool(np.nanmin(values, initial=0.0) >= 0), values)
        for name, values in zip(numeric, table.T, strict=True)
    ]


def _holds_words(events: EventTable, name: str) -> bool:
    kind = events.columns(f"select typeof({_column(f'p:{name}')}) as t from event limit 1")["t"]
    return len(kind) > 0 and str(kind[0]) == "VARCHAR"


def _properties(events: EventTable, customers: Sequence[str], cut: int) -> list[Feature]:
    """Shares of the most frequent words of the asked-for properties; means of numeric ones."""
    features: list[Feature] = []
    for name in events.properties:
        column = _column(f"p:{name}")
        if not _holds_words(events, name):
            mean = events.table(f"select customer, avg({column}) as v from event where moment < {cut} group by customer")
            features.append(Feature(f"mean:{name}", "", f"property:{name}", True, mean.aligned(customers)[:, 0]))
            continue
        words = events.columns(f"""
          select {column} as word from event where {column} is not null and length({column}) <= {LONGEST_WORD}
          group by 1 having count(*) >= 0.02 * (select count({column}) from event) order by count(*) desc, 1 limit {WORDS_TOLD}""")["word"]
        if not len(words):
            continue
        shares = "".join(f", avg(({column} = {_text(str(w))})::int) as w{i}" for i, w in enumerate(words))
        table = events.table(f"select customer {shares} from event where {column} is not null and moment < {cut} group by customer")
        for i, row in enumerate(table.aligned(customers).T):
            features.append(Feature(f"word:{name}={words[i]}", "share", f"property:{name}", False, row))
    return features


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _column(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
