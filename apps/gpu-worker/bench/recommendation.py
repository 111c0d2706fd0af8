"""Next-item recommendations on Online Retail II, strictly out of time, beside what needs no learning.

    python bench/recommendation.py PARQUET [--cut 2011-09-09]... [--seeds 5]

Prints one JSON object; `rows` is the function behind it. At each cut the model sees only what came before; each customer
who had a basket before the cut and has one in the 90 days after it is asked once, as of the cut, and the first basket
after the cut is the truth. Items that the model has no index for are misses for it, not left out. Rivals, all of which know
the same past and are filled up with recent popularity:
  popular          what most baskets of the 90 days before the cut hold
  own last items   the items of the customer's last baskets, latest basket first, within a basket the more often taken first
  own favourites   the customer's own items, most often taken first
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import duckdb
import numpy as np
import torch

from bench.case import CASES
from kindred_worker.data.arrays import load
from kindred_worker.data.fit import fit
from kindred_worker.data.snapshot import Snapshot
from kindred_worker.items.basket import baskets_of
from kindred_worker.items.evidence import EVIDENCE, histories
from kindred_worker.items.fitting import fit_recommender
from kindred_worker.items.recommender import Recommender
from kindred_worker.models.reading import read_everyone
from kindred_worker.report import Report
from kindred_worker.spec import TrainingSpec
from kindred_worker.train import TrainingData, train

DAY = 86_400_000_000
AFTER, LATELY = 90, 90  # days
FIRST = 10
CASE = CASES["online-retail"]


@dataclass(frozen=True)
class Asked:
    """A customer at the cut: baskets before it, oldest first, and the first one after it."""

    customer: str
    past: list[tuple[int, frozenset[str]]]
    truth: frozenset[str]


def rows(path: Path, cuts: Sequence[str] = (), seeds: int = 5) -> list[dict[str, Any]]:
    """One row per cut, subject and figure (recall@10, ndcg@10): mean and sd over the seeds, and the customers asked."""
    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        out = CASE.write(path, Path(folder) / "snapshot")
        snapshot = Snapshot.open(out.as_uri())
        for cut, moment in CASE.moments(snapshot, list(cuts)).items():
            asked, lately = customers(out, moment)
            subjects = {name: [figures(asked, answers)] for name, answers in rivals(asked, lately).items()}
            for seed in range(seeds):
                began = time.monotonic()
                subjects.setdefault("recommendations", []).append(figures(asked, learned(snapshot, moment, seed, asked)))
                print(
                    f"{cut} seed {seed}: {subjects['recommendations'][-1]} in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True
                )
            found += [
                {
                    "cut": cut,
                    "subject": s,
                    "figure": f,
                    "mean": float(np.mean(v)),
                    "sd": float(np.std(v)),
                    "seeds": len(v),
                    "customers": len(asked),
                }
                for s, each in subjects.items()
                for f in each[0]
                for v in [[one[f] for one in each]]
            ]
    return found


def customers(snapshot: Path, moment: int) -> tuple[list[Asked], Counter[str]]:
    """Who is asked, and in how many baskets of the LATELY days before the cut each item was."""
    baskets = duckdb.execute(
        f"""select customer, epoch_us(occurred_at) as moment, list_distinct(list_transform("i:products", lambda p: p.product_id))
        from read_parquet('{snapshot}/events-*.parquet') where name = 'Order Completed' and len("i:products") > 0
        order by customer, moment"""
    ).fetchall()
    by_customer: dict[str, list[tuple[int, frozenset[str]]]] = {}
    for customer, at, items in baskets:
        by_customer.setdefault(customer, []).append((at, frozenset(items)))
    asked: list[Asked] = []
    lately: Counter[str] = Counter()
    for customer, theirs in by_customer.items():
        past = [b for b in theirs if b[0] < moment]
        after = [b for b in theirs if moment <= b[0] < moment + AFTER * DAY]
        lately.update(v for at, items in past if at >= moment - LATELY * DAY for v in items)
        if past and after:
            asked.append(Asked(customer, past, after[0][1]))
    return asked, lately


def rivals(asked: Sequence[Asked], lately: Counter[str]) -> dict[str, list[list[str]]]:
    popular = [v for v, _ in sorted(lately.items(), key=lambda pair: (-pair[1], pair[0]))]

    def filled(own: Sequence[str]) -> list[str]:
        return list(dict.fromkeys([*own, *popular[: FIRST + len(own)]]))[:FIRST]

    answers: dict[str, list[list[str]]] = {"popular": [popular[:FIRST] for _ in asked], "own last items": [], "own favourites": []}
    for one in asked:
        count = Counter(v for _, items in one.past for v in items)
        last = {v: at for at, items in one.past for v in items}
        answers["own last items"].append(filled(sorted(count, key=lambda v: (-last[v], -count[v], -lately[v], v))))
        answers["own favourites"].append(filled(sorted(count, key=lambda v: (-count[v], -last[v], -lately[v], v))))
    return answers


def learned(snapshot: Snapshot, moment: int, seed: int, asked: Sequence[Asked]) -> list[list[str]]:
    before = snapshot.before(moment)
    features = fit(before, CASE.main, CASE.value)
    arrays = load(before, features)
    model = train(TrainingSpec(seed=seed), TrainingData(features, arrays, moment), None, Report()).model
    recommender = fit_recommender(model, arrays, moment, "", seed, Report())
    assert recommender is not None
    print({k: round(float(v), 2) for k, v in zip(EVIDENCE, recommender.weights, strict=True)}, file=sys.stderr)
    reading = read_everyone(before, model, moment, Report())
    place = {customer: at for at, customer in enumerate(reading.customers)}
    everyone = np.array([place[a.customer] for a in asked])
    baskets = baskets_of(features, arrays, recommender.field, recommender.events)
    return [
        [recommender.field.words[v] for v in best]
        for part in np.array_split(everyone, len(everyone) // 100 + 1)
        for best in _best(recommender, histories(baskets, part, np.full(len(part), moment)), reading.embedding[part])
    ]


def _best(recommender: Recommender, history: Any, embedding: Any) -> list[list[int]]:
    return [[r.item for r in one] for one in recommender.recommend(history, embedding, FIRST)]


def figures(asked: Sequence[Asked], answers: Sequence[Sequence[str]]) -> dict[str, float]:
    """Mean over customers. recall: hits over the basket's items; NDCG: binary gains, the ideal list has min(10, basket) hits."""
    recall, ndcg = [], []
    discount = 1 / np.log2(np.arange(2, FIRST + 2))
    for one, answer in zip(asked, answers, strict=True):
        hit = np.array([v in one.truth for v in answer[:FIRST]] + [False] * (FIRST - len(answer[:FIRST])))
        recall.append(hit.sum() / len(one.truth))
        ndcg.append((hit * discount).sum() / discount[: min(FIRST, len(one.truth))].sum())
    return {"recall@10": float(np.mean(recall)), "ndcg@10": float(np.mean(ndcg))}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("path", type=Path)
    parser.add_argument("--cut", action="append", default=[])
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(1)
    print(json.dumps({"data": "online-retail", "rows": rows(given.path, given.cut, given.seeds)}, indent=1))


if __name__ == "__main__":
    main()
