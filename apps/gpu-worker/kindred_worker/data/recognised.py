"""How well a property alone tells who a customer is: by the first value of the later half of their events, from the last of the earlier.

What a leak guard guards against is measured here and not only ruled by (profile.py): an encoder may do no worse by a
property that names people, and it still was given their names.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kindred_worker.data.aggregates import EventTable

MOST = 500  # customers among whom one is to be told
LEAST = 20


@dataclass(frozen=True)
class Recognised:
    name: str
    recall: float  # share of the customers who are told rightly; a tie between m of them counts 1/m
    customers: int  # among whom; by chance one in so many

    @property
    def chance(self) -> float:
        return 1 / self.customers


def recognised(events: EventTable, name: str, cut: int) -> Recognised | None:
    """By a property that `events` was opened with, before `cut` (microseconds); None where too few customers have it twice."""
    column = '"' + f"p:{name}".replace('"', '""') + '"'
    middle = f"case when typeof({column}) = 'VARCHAR' then null else try_cast({column} as double) end"
    halves = events.columns(f"""
      with known as (
        select customer, moment, {column} as word, {middle} as number, ntile(2) over (partition by customer order by moment) as half,
          count(*) over (partition by customer) as rows from event where moment < {cut} and {column} is not null)
      select arg_max(word::varchar, moment) filter (half = 1) as earlier_word,
        arg_min(word::varchar, moment) filter (half = 2) as later_word,
        arg_max(number, moment) filter (half = 1) as earlier, arg_min(number, moment) filter (half = 2) as later
      from known where rows >= 2 group by customer order by hash(customer) limit {MOST}""")
    count = len(halves["earlier_word"])
    if count < LEAST:
        return None
    words = [halves[f"{half}_word"].astype(str) for half in ("earlier", "later")]
    numbers = [np.ma.filled(np.ma.asarray(halves[half], np.float64), np.nan) for half in ("earlier", "later")]
    if all(np.isfinite(one).all() for one in numbers):
        apart = np.abs(numbers[0][:, None] - numbers[1])
    else:
        apart = (words[0][:, None] != words[1]).astype(np.float64)
    return Recognised(name, _recall(apart), count)


def _recall(apart: npt.NDArray[np.float64]) -> float:
    """Of distances (N, N) between the earlier halves and the later ones; who is as far from everyone is told by chance."""
    nearest = apart == apart.min(axis=1, keepdims=True)
    return float((np.diag(nearest) / nearest.sum(axis=1)).mean())
