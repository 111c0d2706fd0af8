"""What is recommended on a small shop, for serving's test that it computes the same.

    python tests/make_items.py OUT_DIR WIDTH

Writes a bundle of items.safetensors and items.json for embeddings of WIDTH numbers, and expected.json: histories, embeddings,
and what the worker recommends.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import pyarrow as pa

from kindred_worker.data.storage import Folder
from kindred_worker.items.basket import Baskets, ItemField
from kindred_worker.items.evidence import EVIDENCE, histories, statistics
from kindred_worker.items.recommender import Recommender
from kindred_worker.items.taste import Taste
from kindred_worker.models.bundle import seal

DAY = 86_400_000_000


def repeating(customers: int = 80, seed: int = 0) -> pa.Table:
    """Orders of people who each keep to two of twelve products, and now and then view a page."""
    draws = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for customer in range(customers):
        moment = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=float(draws.uniform(0, 20)))
        own = draws.choice(12, 2, replace=False)
        for _ in range(int(draws.integers(3, 9))):
            moment += timedelta(days=float(draws.exponential(9)) + 0.1)
            chosen = [own[0], own[0], own[1]] if draws.random() < 0.6 else [own[int(draws.integers(2))]]
            products = [{"product_id": f"p{p}"} for p in chosen]
            rows.append({"occurred_at": moment, "name": "Order Completed", "customer": f"c{customer:03d}", "i:products": products})
            rows.append(
                {"occurred_at": moment + timedelta(hours=1), "name": "Page Viewed", "customer": f"c{customer:03d}", "i:products": None}
            )
    product = pa.list_(pa.struct([("product_id", pa.string())]))
    return pa.table(
        {
            "customer": [r["customer"] for r in rows],
            "subject": [r["customer"] for r in rows],
            "name": [r["name"] for r in rows],
            "occurred_at": pa.array([r["occurred_at"] for r in rows], pa.timestamp("us", tz="UTC")),
            "i:products": pa.array([r["i:products"] for r in rows], product),
        }
    )


def main(out: Path, width: int) -> None:
    draws = np.random.default_rng(4)
    items, people = 30, 25
    lengths = draws.integers(1, 6, 200)
    owner = np.sort(draws.integers(0, people, 200))
    time = draws.integers(0, 100 * DAY, 200)
    order = np.lexsort((time, owner))
    chosen = [np.sort(draws.choice(items, n, replace=False, p=np.arange(items, 0, -1) / 465)) for n in lengths]
    baskets = Baskets(owner, time[order], np.concatenate([[0], np.cumsum(lengths)]), np.concatenate(chosen))
    now = 100 * DAY
    recommender = Recommender(
        ItemField(0, 0, "products", "product_id", tuple(f"item {v}" for v in range(items))),
        ("Order Completed",),
        statistics(baskets, items, now),
        Taste(*(draws.normal(size=s).astype(np.float32) for s in (width, (width, 4), (items, 4)))),
        draws.normal(size=len(EVIDENCE)).astype(np.float32) + np.where(np.arange(len(EVIDENCE)) == 0, 6, 0.5).astype(np.float32),
    )
    embedding = draws.normal(size=(people + 1, width)).astype(np.float32)
    history = histories(baskets, np.arange(people + 1), np.full(people + 1, now))  # the last one took nothing
    folder = Folder(out.as_uri())
    for name, content in recommender.to_bytes().items():
        folder.write(name, content)
    seal(folder)
    expected = [
        {
            "baskets": [
                {"at": int(baskets.time[m]), "items": [f"item {v}" for v in baskets.item[baskets.offsets[m] : baskets.offsets[m + 1]]]}
                for m in np.flatnonzero(owner == person)
            ],
            "embedding": embedding[person].tolist(),
            **{
                key: [
                    {
                        "item": recommender.field.words[r.item],
                        "score": r.probability,
                        "reason": r.reason,
                        "companion": recommender.field.words[r.companion] if r.companion >= 0 else "",
                    }
                    for r in recommender.recommend(history, embedding, 8, exclude_owned)[person]
                ]
                for key, exclude_owned in (("all", False), ("others", True))
            },
        }
        for person in range(people + 1)
    ]
    (out / "expected.json").write_text(json.dumps({"at": now, "people": expected}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
