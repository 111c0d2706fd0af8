"""Groups of features beyond the 34 aggregates: whatever of a customer's past might tell who buys again, however far-fetched.

Each group is a table of numbers per customer at a moment, from what came before it; the population is that of aggregates.py.
What has to be learned (which articles go together, how fast customers leave) is learned at the first moment a group is asked for,
and kept for later ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import betaln, gammaln, hyp2f1
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import Pipeline, make_pipeline

from kindred_worker.data.aggregates import DAY, EventTable, Table

Float64 = npt.NDArray[np.float64]

SPANS = (7, 14, 21, 45, 60, 120, 240, 540)  # days; aggregates have 30, 90, 180, 365
HALVES = (3, 7, 14, 30, 60, 120, 240, 480)  # half-lives in days
TOPICS = 32
NEAR = 50  # customers alike
FOLLOWED = 90  # days within which "came again" is counted for articles and for customers alike
OFTEN = 20  # baskets of an article that are worth as much as what is known of all articles


def spans(events: EventTable, moment: int) -> Table:
    """Counts, spend and lines in windows that the aggregates do not have, and sums that fade."""
    summed = (("n", "1"), ("v", "value"), ("l", "lines"))
    windows = [f"coalesce(sum({what}) filter ({_lately(moment, days)}), 0) as {name}{days}" for days in SPANS for name, what in summed]
    faded = (("fn", "1"), ("fv", "ln(1 + abs(value))"), ("fl", "lines"))
    fading = [f"sum({what} * power(2, -({moment} - moment) / {DAY} / {h}.0)) as {name}{h}" for h in HALVES for name, what in faded]
    return _of_main(events, moment, [*windows, *fading])


def season(events: EventTable, moment: int) -> Table:
    """Thirteen months back, the weeks around a year ago, and the months of the calendar in which a customer bought."""
    back = [f"count(*) filter ({_between(moment, -30 * (m + 1), -30 * m)}) as back{m}" for m in range(13)]
    around = ((-90, -30), (-30, 0), (0, 30), (30, 60), (60, 90), (0, 90), (90, 180))
    ago = [_between(moment - 364 * DAY, *days) for days in around]
    counts = [f"count(*) filter ({then}) as n_ago{at}" for at, then in enumerate(ago)]
    values = [f"coalesce(sum(value) filter ({then}), 0) as v_ago{at}" for at, then in enumerate(ago)]
    calendar = [f"avg((month = {m})::int) as month{m}" for m in range(1, 13)]
    return _of_main(events, moment, [*back, *counts, *values, *calendar])


def gaps(events: EventTable, moment: int) -> Table:
    """How long a customer stays away: the spread of it, whether it grows, and what share of absences was longer than this one."""
    return events.table(f"""
      with visit as (select customer, moment // {DAY} as day from event where main and moment < {moment} group by 1, 2),
      gap as (
        select *, row_number() over (partition by customer order by day desc) as back from (
          select customer, day, day - lag(day) over (partition by customer order by day) as days from visit)),
      now as (select customer, {moment} / {DAY} - max(day) as recency from visit group by 1)
      select now.customer, count(days) as gaps, min(days) as least, quantile_cont(days, .25) as q25, median(days) as q50,
        quantile_cont(days, .75) as q75, max(days) as most, stddev_pop(days) / avg(days) as variation,
        avg(ln(1 + days)) as log_mean, stddev_pop(ln(1 + days)) as log_sd, max(days) filter (back = 1) as last1,
        max(days) filter (back = 2) as last2, max(days) filter (back = 3) as last3, regr_slope(ln(1 + days), -back) as growth,
        any_value(recency) / median(days) as in_medians, any_value(recency) / max(days) as in_most,
        (count(days) filter (days > recency) + 1) / (count(days) + 2) as longer,
        (count(days) filter (days > recency and days <= recency + {FOLLOWED}) + .5) / (count(days) filter (days > recency) + 1) as soon,
        count(days) filter (days <= {FOLLOWED}) / greatest(count(days), 1) as quick
      from now left join gap on gap.customer = now.customer and days is not null group by 1 order by 1""")


def size(events: EventTable, moment: int) -> Table:
    """Sizes of baskets: their spread, the last three, and whether they grow."""
    return events.table(f"""
      with basket as (
        select *, row_number() over (partition by customer order by moment desc) as back,
          row_number() over (partition by customer order by moment) as nth
        from event where main and moment < {moment})
      select customer, min(value) as least, quantile_cont(value, .25) as q25, median(value) as q50, quantile_cont(value, .75) as q75,
        max(value) as most, stddev_pop(ln(1 + abs(value))) as log_sd, regr_slope(ln(1 + abs(value)), nth) as growth,
        regr_slope(ln(lines), nth) as lines_growth, max(value) filter (back = 1) as value1, max(value) filter (back = 2) as value2,
        max(value) filter (back = 3) as value3, max(lines) filter (back = 1) as lines1, max(lines) filter (back = 2) as lines2,
        max(lines) filter (back = 3) as lines3, stddev_pop(lines) as lines_sd, count(*) filter (value <= 0) as free,
        avg(value) filter (back <= 3) / nullif(avg(value), 0) as lately,
        max(value) filter (back = 1) / nullif(avg(value), 0) as last_in_means
      from basket group by 1 order by 1""")


def first(events: EventTable, moment: int) -> Table:
    """How a customer began: the first basket, what came in the 30 and 90 days after it, and in which month."""
    months = ", ".join(f"(arg_min(month, moment) = {m})::int as began{m}" for m in range(1, 13))
    return events.table(f"""
      with basket as (select *, min(moment) over (partition by customer) as began from event where main and moment < {moment})
      select customer, arg_min(value, moment) as value, arg_min(lines, moment) as lines, arg_min(hour, moment) as hour,
        arg_min(weekday, moment) as weekday, count(*) filter (moment < began + 30 * {DAY}) as n30,
        count(*) filter (moment < began + 90 * {DAY}) as n90, sum(value) filter (moment < began + 90 * {DAY}) as v90, {months}
      from basket group by 1 order by 1""")


def clock(events: EventTable, moment: int) -> Table:
    """Hours, days of the week and times of the month at which a customer buys."""
    hours = [f"avg((hour = {h})::int) as hour{h}" for h in range(7, 20)]
    weekdays = [f"avg((weekday = {d})::int) as weekday{d}" for d in range(7)]
    thirds = [f"avg((least((day(make_timestamp(moment)) - 1) // 10, 2) = {t})::int) as third{t}" for t in range(3)]
    spread = ["stddev_pop(hour) as hour_sd", "entropy(hour) as hour_entropy", "entropy(weekday) as weekday_entropy"]
    last = ["arg_max(hour, moment) as last_hour", "arg_max(weekday, moment) as last_weekday"]
    return _of_main(events, moment, [*hours, *weekdays, *thirds, *spread, *last])


def cancelled(events: EventTable, moment: int) -> Table:
    """All that is not a main event (here: cancellations): how often lately, how long ago, how much of what was bought."""
    windows = ", ".join(f"count(*) filter (not main and {_lately(moment, days)}) as n{days}" for days in (30, 90, 180, 365))
    lately = _lately(moment, FOLLOWED)
    return events.table(f"""
      select customer, {windows}, ({moment} - max(moment) filter (not main)) / {DAY}::double as since,
        count(*) filter (not main) / count(*) as share, max(abs(value)) filter (not main) as most,
        coalesce(sum(abs(value)) filter (not main), 0) / nullif(sum(abs(value)) filter (main), 0) as value_share,
        (max(moment) filter (not main) > max(moment) filter (main))::int as last_was,
        count(*) filter (not main and {lately}) / greatest(count(*) filter (main and {lately}), 1) as lately
      from event where moment < {moment} group by 1 having bool_or(main) order by 1""")


def prices(events: EventTable, moment: int) -> Table:
    """Levels of prices and quantities, and whether a customer pays less for an article than others do."""
    edges = ((0, 0.5), (0.5, 1), (1, 2), (2, 4), (4, 8), (8, 1e9))
    bands = ", ".join(f"avg((price >= {low} and price < {high})::int) as band{at}" for at, (low, high) in enumerate(edges))
    levels = ((what, share) for what in ("price", "quantity") for share in (0.1, 0.25, 0.75, 0.9))
    quantiles = ", ".join(f"quantile_cont({what}, {share}) as {what}{at}" for at, (what, share) in enumerate(levels))
    return events.table(f"""
      with line as (select * from item where main and moment < {moment}),
      usual as (select product, median(price) as usual from line group by 1)
      select customer, {bands}, {quantiles}, avg(price * quantity) as line_value, max(price) as dearest, max(quantity) as largest,
        avg((quantity >= 12)::int) as dozens, avg((quantity = 1)::int) as ones, avg(ln((price + .01) / (usual + .01))) as dearer,
        min(ln((price + .01) / (usual + .01))) as cheapest, avg((price < usual * .95)::int) as discounted
      from line join usual using (product) group by 1 order by 1""")


def basket(events: EventTable, moment: int) -> Table:
    """What baskets consist of: how much of it is new to the customer, how much comes again, how it is spread over articles."""
    lately = _lately(moment, FOLLOWED)
    return events.table(f"""
      with line as (
        select *, moment > min(moment) over (partition by customer, product) as again, max(moment) over (partition by customer) as last
        from item where main and moment < {moment}),
      article as (select customer, product, count(*) as n from line group by 1, 2),
      spread as (
        select customer, max(n) as favourite, avg((n > 1)::int) as twice, -sum(n * ln(n)) / sum(n) + ln(sum(n)) as spread
        from article group by 1),
      whole as (
        select customer, avg(again::int) as again, avg(again::int) filter (moment = last) as again_last,
          avg(again::int) filter ({lately}) as again_lately, count(distinct product) filter (moment = last) as articles_last,
          count(distinct product) filter ({lately}) as articles_lately, avg(quantity) as units,
          avg(quantity) filter (moment = last) as units_last
        from line group by 1)
      select whole.*, favourite, twice, spread from whole join spread using (customer) order by 1""")


def crowd(events: EventTable, moment: int) -> Table:
    """What others do with a customer's articles: whether they still buy them, more or less than before, and whether buyers of an article
    came again within FOLLOWED days where that is known."""
    buyers = ", ".join(
        f"count(distinct customer) filter ({_between(moment, *days)}) as {name}"
        for name, days in {"b30": (-30, 0), "b90": (-90, 0), "b180": (-180, -90), "b_ago": (-364, -274)}.items()
    )
    follow = f"count(*) filter (next < moment + {FOLLOWED} * {DAY})"
    returned = f"(came - coalesce(mine_came, 0) + {OFTEN} * level) / (n - coalesce(mine, 0) + {OFTEN})"
    return events.table(f"""
      with line as (select customer, product, moment from item where main and moment < {moment}),
      visit as (
        select customer, moment, lead(moment) over (partition by customer order by moment) as next
        from (select distinct customer, moment from line)),
      followed as (select * from line join visit using (customer, moment) where moment < {moment} - {FOLLOWED} * {DAY}),
      level as (select avg((next < moment + {FOLLOWED} * {DAY})::int) as level from visit where moment < {moment} - {FOLLOWED} * {DAY}),
      of_all as (select product, count(*) as n, {follow} as came from followed group by 1),
      of_own as (select customer, product, count(*) as mine, {follow} as mine_came from followed group by 1, 2),
      article as (
        select product, count(distinct customer) as buyers, ({moment} - min(moment)) / {DAY} as age,
          ({moment} - max(moment)) / {DAY} as unsold, {buyers}
        from line group by 1),
      held as (
        select customer, product, max(moment) = max(max(moment)) over (partition by customer) as is_last from line group by 1, 2)
      select customer, avg(ln(buyers)) as popular, avg(age) as age, avg((unsold > 30)::int) as gone, avg(unsold) as unsold,
        avg(ln((b30 + 1) / (b90 / 3 + 1))) as rise30, avg(ln((b90 + 1) / (b180 + 1))) as rise90,
        avg(ln((b_ago + 1) / (b90 + 1))) as rise_ago, avg({returned}) as returns, avg({returned}) filter (is_last) as returns_last,
        avg(ln(buyers)) filter (is_last) as popular_last, avg(age) filter (is_last) as age_last,
        avg(ln((b90 + 1) / (b180 + 1))) filter (is_last) as rise90_last
      from held join article using (product) left join of_all using (product) left join of_own using (customer, product), level
      group by 1 order by 1""")


class Taste:
    """Topics of what a customer bought, TF-IDF and a truncated singular value decomposition: by article, or by the words of its name."""

    def __init__(self, words: dict[str, str] | None = None) -> None:
        self.words = words
        self.topics: Pipeline | None = None

    def __call__(self, events: EventTable, moment: int) -> Table:
        customers, texts = _texts(events, moment, self.words)
        if self.topics is None:
            analyser = {"analyzer": str.split, "lowercase": False} if self.words is None else {}
            counting = CountVectorizer(min_df=10, max_df=0.5, binary=self.words is None, **analyser)
            self.topics = make_pipeline(counting, TfidfTransformer(sublinear_tf=True), TruncatedSVD(TOPICS, random_state=0)).fit(texts)
        return Table(customers, [f"topic{t}" for t in range(TOPICS)], self.topics.transform(texts))


class Alike:
    """What the NEAR customers of most alike taste did lately, and whether they came again FOLLOWED days before."""

    def __init__(self, taste: Taste) -> None:
        self.taste = taste

    def __call__(self, events: EventTable, moment: int) -> Table:
        taste = self.taste(events, moment)
        before = f"{moment} - {FOLLOWED} * {DAY}"
        came = f"case when min(moment) < {before} then (max(moment) >= {before})::int end as came"
        lately = [f"(count(*) filter ({_lately(moment, days)}) > 0)::int as n{days}" for days in (30, FOLLOWED)]
        whole = ["ln(1 + count(*)) as baskets", f"ln(1 + ({moment} - max(moment)) / {DAY}) as recency"]
        did = _of_main(events, moment, [*lately, *whole, came])
        place = NearestNeighbors(n_neighbors=NEAR + 1, metric="cosine").fit(taste.values)
        others = place.kneighbors(taste.values, return_distance=False)[:, 1:]
        of_others = did.aligned(taste.customers)[others]  # (N, NEAR, 5)
        with np.errstate(invalid="ignore"):
            return Table(taste.customers, did.names, np.nanmean(of_others, axis=1))


class BetaGeometric:
    """BG/NBD (Fader, Hardie and Lee 2005): chance to be alive, and baskets to be expected in the next FOLLOWED days.

    In days: x repeat visits, t_x the age at the last, T the age now. r, alpha, a, b by maximum likelihood.
    """

    def __init__(self) -> None:
        self.law: Float64 | None = None

    def __call__(self, events: EventTable, moment: int) -> Table:
        days = [f"(max(moment) - min(moment)) / {DAY} as t_x", f"({moment} - min(moment)) / {DAY} as age"]
        told = _of_main(events, moment, [f"count(distinct moment // {DAY}) - 1 as x", *days])
        x, t_x, age = told.values.T
        if self.law is None:
            begun = np.log([0.5, 30, 0.5, 2])
            self.law = np.exp(minimize(lambda logs: -_likelihood(np.exp(logs), x, t_x, age).mean(), begun, method="Nelder-Mead").x)
        r, alpha, a, b = self.law
        odds = np.where(x > 0, a / (b + np.maximum(x, 1) - 1) * ((alpha + age) / (alpha + t_x)) ** (r + x), 0)
        reach = (alpha + age) / (alpha + age + FOLLOWED)
        expected = (a + b + x - 1) / (a - 1) * (1 - reach ** (r + x) * hyp2f1(r + x, b + x, a + b + x - 1, 1 - reach)) / (1 + odds)
        once = (1 - reach ** (r + x)) / (1 + odds)  # at least one, of who does not leave before it
        return Table(told.customers, ["alive", "expected", "once"], np.stack([1 / (1 + odds), expected, once], axis=1))


def _likelihood(law: Float64, x: Float64, t_x: Float64, age: Float64) -> Float64:
    r, alpha, a, b = law
    common = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    stays = betaln(a, b + x) - betaln(a, b) - (r + x) * np.log(alpha + age)
    left = betaln(a + 1, b + np.maximum(x, 1) - 1) - betaln(a, b) - (r + x) * np.log(alpha + t_x)
    return common + np.where(x > 0, np.logaddexp(stays, left), stays)


class Country:
    """Which of the twelve countries with most customers, if any."""

    def __init__(self, column: str) -> None:
        self.column, self.most = column, list[str]()

    def __call__(self, events: EventTable, moment: int) -> Table:
        latest = f'arg_max("{self.column}", moment) as country'
        rows = events.columns(f"select customer, {latest} from event where main and moment < {moment} group by 1 order by 1")
        where = np.asarray(rows["country"], dtype=str)
        if not self.most:
            names, counts = np.unique(where, return_counts=True)
            self.most = [str(n) for n in names[np.argsort(-counts)][:12]]
        return Table([str(c) for c in rows["customer"]], self.most, np.stack([where == n for n in self.most], axis=1).astype(np.float64))


def groups(source: Path) -> dict[str, Callable[[EventTable, int], Table]]:
    """By name, for Online Retail II."""
    return {
        "more windows, fading sums": spans,
        "season": season,
        "gaps": gaps,
        "BG/NBD": BetaGeometric(),
        "sizes of baskets": size,
        "first basket, cohort": first,
        "hour, weekday, day of month": clock,
        "cancellations": cancelled,
        "prices, quantities": prices,
        "composition of baskets": basket,
        "articles, as others buy them": crowd,
        "customers of like taste": Alike(Taste()),
        "articles, 32 topics": Taste(),
        "words of their names, 32 topics": Taste(words_of(source)),
        "country": Country("p:country"),
    }


def words_of(source: Path) -> dict[str, str]:
    """The name of each article in Online Retail II, as most lines have it."""
    named = """
      select StockCode, Description from read_parquet(?) where Description is not null group by 1, 2
      qualify row_number() over (partition by StockCode order by count(*) desc, Description) = 1"""
    return dict(duckdb.execute(named, [str(source)]).fetchall())


def _texts(events: EventTable, moment: int, words: dict[str, str] | None) -> tuple[list[str], list[str]]:
    """Of each customer all articles bought, or all words of them."""
    rows = events.columns(
        f"select distinct customer, product from item where main and moment < {moment} and product is not null order by 1, 2"
    )
    customers, begins = np.unique(np.asarray(rows["customer"], dtype=str), return_index=True)
    told = [words.get(p, "") if words else p.replace(" ", "_") for p in np.asarray(rows["product"], dtype=str)]
    ends = np.append(begins[1:], len(told))
    return list(customers), [" ".join(told[b:e]) for b, e in zip(begins, ends, strict=True)]


def _of_main(events: EventTable, moment: int, columns: Sequence[str]) -> Table:
    """Of each customer's main events before a moment."""
    return events.table(f"select customer, {', '.join(columns)} from event where main and moment < {moment} group by 1 order by 1")


def _between(moment: int, begin: int, end: int) -> str:
    """So many days after it, or before it where less than 0."""
    return f"moment >= {moment + begin * DAY} and moment < {moment + end * DAY}"


def _lately(moment: int, days: int) -> str:
    return _between(moment, -days, 0)
