"""What speaks for an item, for one customer at one time: what the mixture weighs.

own      whether the customer took it before, in how many baskets (log), how lately (counts that halve within a short and a long
         time), in what share of their baskets, in the last one; and, of their own items, how popular each is and how often
         people who took it take it again (log share of its takers)
goes     what goes with what they took lately (companions)
popular  how often everyone takes it, lately and over all, as a log share
taste    what the learned head says beyond popularity (taste.py)

`Companions` are, for each item, the items most often in the same basket: the cosine of their baskets, shrunk where few
baskets say so (Sarwar et al. 2001).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from kindred_worker.data.features import MICROS_PER_DAY, Int64
from kindred_worker.items.basket import Baskets

Float32 = npt.NDArray[np.float32]

EVIDENCE = (
    *("own", "own_count", "own_long", "own_short", "own_share", "own_last", "own_popular", "own_repeat"),
    *("goes", "popular_short", "popular_ever", "taste"),
)
COMPANIONS = 20  # per item
SHRINK = 10.0  # baskets
SHORT, LONG = 1 / 24, 1 / 6  # half-lives as shares of the data's span
GOES, LATELY = 10.0, 20.0  # cosines and faded counts are small: their logs are taken on these scales
AGAIN = (1.0, 5.0)  # repeaters and takers that every item is granted, so that rare ones say little


@dataclass(frozen=True)
class History:
    """What N customers took before the times at which they are asked about."""

    count: int  # N
    owner: Int64  # (L) 0..N-1
    item: Int64  # (L)
    days: npt.NDArray[np.float64]  # (L) ago
    is_last: npt.NDArray[np.bool_]  # (L) of the customer's latest basket
    baskets: Int64  # (N)


@dataclass(frozen=True)
class ItemStatistics:
    """Of all items, W."""

    half_life_days: tuple[float, float]
    popular: Float32  # (2, W) log share of all that was taken: lately, over all
    repeat: Float32  # (W) log share of its takers who took it again
    neighbour: npt.NDArray[np.int32]  # (W, C) companions, strongest first; -1 where there are fewer
    cosine: Float32  # (W, C) 0 where there are fewer

    @property
    def items(self) -> int:
        return self.popular.shape[1]

    @property
    def companions(self) -> sparse.csr_array:
        """(W, W)"""
        there = self.neighbour >= 0
        rows = np.repeat(np.arange(self.items), there.sum(axis=1))
        return sparse.csr_array((self.cosine[there], (rows, self.neighbour[there])), shape=(self.items, self.items))


def statistics(baskets: Baskets, items: int, now: int) -> ItemStatistics:
    span = max((now - int(baskets.time.min(initial=now))) / MICROS_PER_DAY, 1e-3)
    half_lives = (span * SHORT, span * LONG)
    age = (now - baskets.time[baskets.row]) / MICROS_PER_DAY
    taken = np.stack([np.bincount(baskets.item, decayed(age, h), minlength=items) for h in (half_lives[0], np.inf)])
    share = (taken + 0.5) / (taken + 0.5).sum(axis=1, keepdims=True)
    taker, times = np.unique(baskets.owner[baskets.row] * items + baskets.item, return_counts=True)
    takers = np.bincount(taker % items, minlength=items)
    again = np.bincount(taker % items, times > 1, minlength=items)
    repeat = np.log((again + AGAIN[0]) / (takers + AGAIN[1]))
    neighbour, cosine = _companions(baskets, items)
    return ItemStatistics(half_lives, np.log(share).astype(np.float32), repeat.astype(np.float32), neighbour, cosine)


def histories(baskets: Baskets, customers: Int64, at: Int64) -> History:
    """Of customers (N) as they were just before times (N)."""
    begin = np.searchsorted(baskets.owner, customers, side="left")
    end = np.searchsorted(baskets.owner, customers, side="right")
    rows = np.concatenate([np.arange(b, e) for b, e in zip(begin, end, strict=True)] or [np.zeros(0, np.int64)]).astype(np.int64)
    asker = np.repeat(np.arange(len(customers)), end - begin)
    earlier = baskets.time[rows] < at[asker]
    rows, asker = rows[earlier], asker[earlier]
    last = np.append(asker[1:] != asker[:-1], True) if len(asker) else np.zeros(0, bool)
    taken = baskets.chosen(rows)
    row = taken.row
    return History(
        count=len(customers),
        owner=asker[row],
        item=taken.item,
        days=(at[asker[row]] - taken.time[row]) / MICROS_PER_DAY,
        is_last=last[row],
        baskets=np.bincount(asker, minlength=len(customers)),
    )


def evidence(history: History, of: ItemStatistics, taste: Float32) -> Float32:
    """(N, W, len(EVIDENCE)); `taste` (N, W)."""

    def counts(weights: npt.NDArray[np.float64]) -> sparse.csr_array:
        return sparse.csr_array((weights, (history.owner, history.item)), shape=(history.count, of.items))

    short, long = (counts(decayed(history.days, h)) for h in of.half_life_days)
    ever = counts(np.ones(len(history.item))).toarray()
    own = (ever > 0).astype(np.float32)
    said = {
        "own": own,
        "own_count": np.log(np.maximum(ever, 1)),
        "own_long": np.log1p(long.toarray()),
        "own_short": np.log1p(LATELY * short.toarray()),
        "own_share": ever / np.maximum(history.baskets, 1)[:, None],
        "own_last": counts(history.is_last.astype(np.float64)).toarray(),
        "own_popular": own * of.popular[0],
        "own_repeat": own * of.repeat,
        "goes": np.log1p(GOES * sparse.csr_array(long @ of.companions).toarray()),
        "popular_short": np.broadcast_to(of.popular[0], own.shape),
        "popular_ever": np.broadcast_to(of.popular[1], own.shape),
        "taste": taste,
    }
    out = np.empty((history.count, of.items, len(EVIDENCE)), np.float32)
    for at, name in enumerate(EVIDENCE):
        out[..., at] = said[name]
    return out


def decayed(days: npt.NDArray[np.float64], half_life: float) -> npt.NDArray[np.float64]:
    return np.exp2(-np.maximum(days, 0) / half_life)


def _companions(baskets: Baskets, items: int) -> tuple[npt.NDArray[np.int32], Float32]:
    neighbour = np.full((items, COMPANIONS), -1, np.int32)
    cosine = np.zeros((items, COMPANIONS), np.float32)
    taken = sparse.csr_array((np.ones(len(baskets.item), np.float32), (baskets.row, baskets.item)), shape=(len(baskets), items))
    together = (taken.T @ taken).tocsr()
    alone = together.diagonal()
    for item in range(items):
        others = together.indices[together.indptr[item] : together.indptr[item + 1]]
        shared = together.data[together.indptr[item] : together.indptr[item + 1]]
        shared, others = shared[others != item], others[others != item]
        likeness = shared / (np.sqrt(alone[item] * alone[others]) + SHRINK)
        best = np.lexsort((others, -likeness))[:COMPANIONS]
        neighbour[item, : len(best)], cosine[item, : len(best)] = others[best], likeness[best]
    return neighbour, cosine
