"""The rival's figures, counted by hand on a few events; and its AUC on Online Retail II as learning.md has it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from kindred_worker.data.aggregates import EventTable, Table, aggregates, future, outcome, prepared, rfm
from kindred_worker.data.portrait import pause_between_visits, portrait
from kindred_worker.data.snapshot import Snapshot
from tests.make_snapshot import from_online_retail, write_snapshot

RETAIL = Path(__file__).parents[4] / "shared" / "data" / "online_retail_II.parquet"
DAY_0 = datetime(2024, 3, 4, 10, tzinfo=UTC)  # a Monday
ITEM = pa.struct([("product_id", pa.string()), ("price", pa.float64()), ("quantity", pa.float64())])


def at(days: float) -> int:
    return int((DAY_0 + timedelta(days=days)).timestamp() * 1e6)


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EventTable]:
    """ann orders on days 0, 10 and 40 and cancels on 12; bob orders on day 5 and looks on day 50; cleo only looks."""
    happened = [
        ("ann", 0, "Order", 30.0, [("a", 10.0, 1.0), ("b", 20.0, 1.0)]),
        ("ann", 10, "Order", 50.0, [("a", 10.0, 5.0)]),
        ("ann", 12, "Cancel", 50.0, None),
        ("ann", 40, "Order", 70.0, [("c", 70.0, 1.0)]),
        ("bob", 5, "Order", 15.0, [("a", 15.0, 1.0)]),
        ("bob", 50, "Look", None, None),
        ("cleo", 3, "Look", None, None),
    ]
    table = pa.table(
        {
            "customer": [h[0] for h in happened],
            "subject": [h[0] for h in happened],
            "occurred_at": pa.array([DAY_0 + timedelta(days=h[1]) for h in happened], pa.timestamp("us", tz="UTC")),
            "name": [h[2] for h in happened],
            "p:revenue": pa.array([h[3] for h in happened], pa.float64()),
            "i:products": pa.array(
                [
                    None if h[4] is None else [dict(zip(("product_id", "price", "quantity"), i, strict=True)) for i in h[4]]
                    for h in happened
                ],
                pa.list_(ITEM),
            ),
        }
    )
    folder = write_snapshot(table, tmp_path_factory.mktemp("few"), timezone="UTC")
    with EventTable(Snapshot.open(folder.as_uri()), ["Order"], "revenue") as opened:
        yield opened


def row(table: Table, customer: str) -> dict[str, float]:
    return dict(zip(table.names, table.values[table.customers.index(customer)].tolist(), strict=True))


def test_recency_frequency_and_money_are_counted_as_of_the_cut(events: EventTable) -> None:
    ann = row(rfm(events, at(20)), "ann")
    assert ann == pytest.approx(
        {
            "recency": 10,
            "tenure": 20,
            "baskets": 2,
            "lines": 3,
            "spend": 80,
            "spend_per_line": 80 / 3,
            "mean_cycle": 10,
        }
    )
    assert row(rfm(events, at(41)), "ann")["baskets"] == 3


def test_only_customers_with_a_main_event_before_the_cut_are_in_it(events: EventTable) -> None:
    assert rfm(events, at(4)).customers == ["ann"]
    assert rfm(events, at(60)).customers == ["ann", "bob"]


def test_the_aggregates_are_what_a_person_would_count(events: EventTable) -> None:
    table = aggregates(events, at(60))
    ann, bob = row(table, "ann"), row(table, "bob")
    assert (ann["products"], ann["price_median"], ann["active_days"]) == (3, 15, 3)
    assert (ann["gap_mean"], ann["gap_last"], ann["gap_sd"]) == pytest.approx((20, 30, 10))
    assert (ann["basket_last"], ann["baskets_30"], ann["baskets_90"]) == (70, 1, 3)
    assert (ann["count:Cancel"], ann["value:Cancel"]) == (1, 50)
    assert ann["recency_in_gaps"] == pytest.approx(1)
    assert ann["hour_mean"] == 10
    assert np.isnan(bob["gap_mean"])
    assert bob["count:Look"] == 1


def test_the_outcome_looks_at_the_horizon_only(events: EventTable) -> None:
    assert row(outcome(events, at(20), 15), "ann") == {"came": 0, "value": 0}
    assert row(outcome(events, at(20), 30), "ann") == pytest.approx({"came": 1, "value": np.log1p(70)})


def test_questions_about_the_future_are_answered_from_what_happened(events: EventTable) -> None:
    asked = [
        ("Order", 30.0, "probability"),
        ("Order", 30.0, "value"),
        ("Order", 30.0, "count"),
        ("Cancel", 0.0, "next"),
        ("Order", 0.0, "next"),
    ]
    answers = row(future(events, at(11), asked), "ann")
    assert list(answers.values()) == pytest.approx([1, np.log1p(70), np.log1p(1), 1, 0])
    assert sum(row(future(events, at(55), asked), "bob").values()) == 0


def test_rows_follow_the_asked_order_of_customers(events: EventTable) -> None:
    aligned = rfm(events, at(60)).aligned(["bob", "nobody", "ann"])
    assert aligned[0, 2] == 1
    assert np.isnan(aligned[1]).all()
    assert aligned[2, 2] == 3


def test_a_value_that_is_no_number_is_missing_and_costs_its_neighbours_nothing(tmp_path: Path) -> None:
    item = pa.struct([("product_id", pa.string()), ("price", pa.string()), ("quantity", pa.float64())])
    table = pa.table(
        {
            "customer": ["ann", "ann", "bob"],
            "subject": ["ann", "ann", "bob"],
            "occurred_at": pa.array([DAY_0, DAY_0 + timedelta(days=1), DAY_0], pa.timestamp("us", tz="UTC")),
            "name": ["Order"] * 3,
            "p:revenue": ["30.5", "five", "12"],
            "i:products": pa.array(
                [[{"product_id": "a", "price": price, "quantity": 1.0}] for price in ("9.5", "nine", "8")], pa.list_(item)
            ),
        }
    )
    folder = write_snapshot(table, tmp_path, timezone="UTC")
    with EventTable(Snapshot.open(folder.as_uri()), ["Order"], "revenue") as opened:
        told = rfm(opened, at(2))
    assert (row(told, "ann")["spend"], row(told, "bob")["spend"]) == (30.5, 12.0)


def test_missing_numbers_become_zero_and_signs_are_kept() -> None:
    assert prepared(np.array([[np.nan, -9.0, 9.0]])).tolist() == [[0, -np.log1p(9), np.log1p(9)]]


def test_visits_are_seen_where_gaps_are_of_two_kinds(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    rows: list[tuple[str, datetime, str]] = []
    for customer in range(60):
        moment = DAY_0
        for _ in range(8):
            moment += timedelta(days=float(random.exponential(20)) + 2)
            # Even customers look before they order, odd ones after.
            for place, name in enumerate(("Look", "Order") if customer % 2 == 0 else ("Order", "Look")):
                rows.append((f"c{customer}", moment + timedelta(minutes=float(random.uniform(1, 9)) * place), name))
    table = pa.table(
        {
            "customer": [r[0] for r in rows],
            "subject": [r[0] for r in rows],
            "occurred_at": pa.array([r[1] for r in rows], pa.timestamp("us", tz="UTC")),
            "name": [r[2] for r in rows],
        }
    )
    snapshot = Snapshot.open(write_snapshot(table, tmp_path).as_uri())
    with EventTable(snapshot, ["Order"], None) as events:
        pause = pause_between_visits(events, snapshot.now + 1)
        drawn = {f.key: f for f in portrait(events, ["c0", "c1", *(f"c{i}" for i in range(2, 60))], snapshot.now + 1, None)}
    assert pause is not None
    assert timedelta(minutes=9) < timedelta(microseconds=pause) < timedelta(days=2)
    assert drawn["opening:Look"].values[:2].tolist() == [1, 0]
    assert drawn["closing:Order"].values[:2].tolist() == [1, 0]


@pytest.mark.skipif(not RETAIL.exists(), reason="Online Retail II is not at hand (shared/data)")
def test_on_online_retail_the_rival_is_as_strong_as_it_was_measured(tmp_path: Path) -> None:
    snapshot = Snapshot.open(from_online_retail(RETAIL, tmp_path).as_uri())
    cut = int(datetime(2011, 9, 9, tzinfo=UTC).timestamp() * 1e6)
    with EventTable(snapshot, ["Order Completed"], "revenue") as events:
        came = outcome(events, cut, 90).values[:, 0]
        tables = [rfm(events, cut), aggregates(events, cut)]
    assert len(came) == 5280
    assert [len(t.names) for t in tables] == [7, 34]
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500))
    scores = [np.asarray(cross_val_predict(model, prepared(t.values), came, cv=folds, method="predict_proba"))[:, 1] for t in tables]
    assert [roc_auc_score(came, s) for s in scores] == pytest.approx([0.795, 0.8085], abs=0.002)
