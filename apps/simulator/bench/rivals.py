"""What segmentation without order sees: orders counted and summed, or all events counted."""

import numpy as np
from history import Array, History

DAY = 86400

ORDERS = """
create or replace temp table orders as
select customer, second, cast(properties->>'revenue' as double) as revenue,
       len(cast(coalesce(properties->'products', '[]') as json[])) as lines
from events where event = 'Order Completed';
create or replace temp table lines as
select customer, product->>'product_id' as item, cast(product->>'price' as double) as price,
       cast(product->>'quantity' as double) as quantity
from (select customer, unnest(cast(properties->'products' as json[])) as product from events where event = 'Order Completed')
"""

AGGREGATES = """
with gaps as (
  select customer, second - lag(second) over w as gap, row_number() over (partition by customer order by second desc) as place
  from orders window w as (partition by customer order by second)
), rhythm as (
  select customer, avg(gap) / 86400 as gap_mean, stddev_samp(gap) / 86400 as gap_sd, max(gap) filter (place = 1) / 86400 as gap_last
  from gaps group by customer
), goods as (
  select customer, count(*) as lines, count(distinct item) as items, median(price) as price, median(quantity) as quantity,
         stddev_samp(price) as price_sd, stddev_samp(quantity) as quantity_sd
  from lines group by customer
), refunds as (
  select customer, count(*) as refunds, sum(cast(properties->>'total' as double)) as refunded
  from events where event = 'Order Refunded' group by customer
), baskets as (
  select customer,
    ($now - max(second)) / 86400 as recency, ($now - min(second)) / 86400 as tenure, count(*) as frequency,
    sum(revenue) as monetary, ($now - min(second)) / 86400 / count(*) as pace,
    avg(hour(to_timestamp(second))) as hour, avg(revenue) as basket, stddev_samp(revenue) as basket_sd,
    arg_max(revenue, second) as basket_last, avg(lines) as basket_lines,
    count(distinct date_trunc('day', to_timestamp(second))) as active_days,
    count(*) filter (second > $now - 30 * 86400) as n30, sum(revenue) filter (second > $now - 30 * 86400) as v30,
    count(*) filter (second > $now - 90 * 86400) as n90, sum(revenue) filter (second > $now - 90 * 86400) as v90,
    count(*) filter (second > $now - 180 * 86400) as n180, sum(revenue) filter (second > $now - 180 * 86400) as v180,
    count(*) filter (second > $now - 365 * 86400) as n365, sum(revenue) filter (second > $now - 365 * 86400) as v365,
    count(*) filter (second between $now - 365 * 86400 and $now - 275 * 86400) as year_ago,
    avg((isodow(to_timestamp(second)) >= 5)::int) as weekend
  from orders group by customer
)
select recency, tenure, frequency, goods.lines, monetary, monetary / goods.lines as line_value, pace,
  items, price, quantity, price_sd, quantity_sd, hour, basket, basket_sd, basket_last, basket_lines, gap_mean, gap_sd, gap_last,
  active_days, n30, v30, n90, v90, n180, v180, n365, v365, year_ago, refunds, refunded, weekend, recency / gap_mean as lateness
from (select distinct customer from events) left join baskets using (customer) left join goods using (customer)
left join rhythm using (customer) left join refunds using (customer) order by customer
"""


def aggregates(history: History) -> tuple[Array, Array]:
    """RFM with tenure (N, 4) and the 34 aggregates of docs (N, 34); signed log1p, missing is 0."""
    history.connection.execute(ORDERS)
    first = history.connection.execute("select min(second) from events").fetchone()
    assert first is not None
    columns = history.connection.execute(AGGREGATES, {"now": first[0] + history.now * DAY}).fetchnumpy()
    table = {name: np.ma.filled(np.ma.asarray(values, dtype=float), 0.0) for name, values in columns.items()}
    table = {name: np.sign(v) * np.log1p(np.abs(np.nan_to_num(v))) for name, v in table.items()}
    assert len(table) == 34
    return np.column_stack([table[n] for n in ("recency", "frequency", "monetary", "tenure")]), np.column_stack(list(table.values()))


def counts(history: History) -> Array:
    """How often each event happened (N, names), days active, tenure and days since the last event of any name; log1p."""
    people, names = len(history.customers), len(history.names)
    table = np.zeros((people, names + 3))
    np.add.at(table, (history.who, history.code), 1)
    days = np.unique(np.column_stack([history.who, history.day.astype(int)]), axis=0)[:, 0]
    table[:, names] = np.bincount(days, minlength=people)
    bounds = np.searchsorted(history.who, np.arange(people + 1))
    table[:, names + 1] = history.now - history.day[bounds[:-1]]
    table[:, names + 2] = history.now - history.day[bounds[1:] - 1]
    return np.log1p(table)
