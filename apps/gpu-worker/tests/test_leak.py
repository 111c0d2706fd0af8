"""What the leak guard guards against: with ids among the properties a contrastive encoder learns who, and the alarm says so."""

from __future__ import annotations

import json
from datetime import timedelta
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from kindred_worker.data.aggregates import EventTable
from kindred_worker.data.arrays import load
from kindred_worker.data.fit import examine
from kindred_worker.data.recognised import recognised
from kindred_worker.data.snapshot import Snapshot
from kindred_worker.data.storage import Folder
from kindred_worker.evaluate import evaluate
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.plan import resolve
from kindred_worker.page import leak_alarm
from kindred_worker.report import Report
from kindred_worker.spec import TrainingSpec
from tests.conftest import START
from tests.make_snapshot import write_snapshot

IDS = ("p:score", "p:level", "p:shade")
WANDERS = (0.15, 0.04, 0.0)  # a step of each: an id in disguise, one that hardly moves, a constant


def moody_shop(customers: int = 300, days: int = 60) -> pa.Table:
    """Customers look every other day, and buy while they are in the mood, which lasts about a month and shows in what they look
    at; three values are each customer's own."""
    random = np.random.default_rng(0)
    rows: dict[str, list[Any]] = {k: [] for k in ("customer", "subject", "occurred_at", "name", "p:mood", *IDS)}
    for customer in range(customers):
        moment, own, in_mood = float(random.uniform(0, 6)), random.uniform(0, 6, 3), bool(random.random() < 0.5)
        while moment < days:
            own = own + random.normal(0, 1, 3) * WANDERS
            in_mood ^= bool(random.random() < 1 / 15)
            names = ["Product Viewed", "Order Completed"] if random.random() < (0.5 if in_mood else 0.02) else ["Product Viewed"]
            for name in names:
                moment += 0.01
                told = (
                    f"c{customer:03d}",
                    f"s{customer:03d}",
                    START + timedelta(days=moment),
                    name,
                    random.normal(5 if in_mood else 1, 0.3),
                )
                for key, value in zip(rows, (*told, *np.exp(own)), strict=True):
                    rows[key].append(value)
            moment += float(random.uniform(1, 3))
    typed = {k: pa.array(v, pa.timestamp("us", tz="UTC") if k == "occurred_at" else None) for k, v in rows.items()}
    return pa.table(typed)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    folder = write_snapshot(moody_shop(), tmp_path_factory.mktemp("moody"), mainEvents=["Order Completed"])
    return Snapshot.open(folder.as_uri())


@pytest.mark.parametrize("guard", [False, True])
def test_the_alarm_fires_where_the_guard_is_off(shop: Snapshot, tmp_path: Path, guard: bool) -> None:
    spec = TrainingSpec(
        objectives={"contrastive": 1.0},
        epochs=30,
        batch_size=32,
        learning_rate=0.02,
        dropout=0.0,
        horizon_days=(3.0,),
        segment_count=3,
        held_out=0.3,
        leak_guard=guard,
    )
    features = examine(shop, spec).features
    model = BehaviourModel.create(features, resolve(spec, features, load(shop, features), shop.now), 0).eval()
    found = evaluate(spec, shop, model, None, Folder(tmp_path.as_uri()), Report())
    told = json.loads((tmp_path / "evaluation.json").read_text())
    page = (tmp_path / "report.html").read_text()
    said = {(m.name, m.subject): m.value for m in found.measures}
    left_out = {one["property"] for one in told["quality"]["properties"] if not one["kept"]}
    if guard:
        assert left_out == {"score", "level", "shade"}
        assert told["alarms"] == []
        assert 'role="alert"' not in page
        return
    assert left_out == set()
    assert said["identity_recall", "embedding"] > 3 * said["identity_recall", "untrained"]
    assert said["auc", "embedding"] < said["auc", "untrained"]
    assert [a.split(":")[0] for a in told["alarms"]] == ["Alarm"] * 4
    assert "learned who customers are" in told["alarms"][-1]
    assert all(escape(said) in page for said in told["alarms"])


def test_the_defaults_hardly_learn_who_is_who_and_the_alarm_says_all_the_same_that_they_were_told(shop: Snapshot, tmp_path: Path) -> None:
    """No figure of theirs falls by it: what is measured is how well the property alone tells customers apart."""
    for guard in (False, True):
        spec = TrainingSpec(epochs=1, batch_size=32, width=8, horizon_days=(3.0,), segment_count=3, leak_guard=guard)
        features = examine(shop, spec).features
        model = BehaviourModel.create(features, resolve(spec, features, load(shop, features), shop.now), 0).eval()
        evaluate(spec, shop, model, None, Folder(tmp_path.as_uri()), Report())
        alarms = json.loads((tmp_path / "evaluation.json").read_text())["alarms"]
        named = [said.partition("“")[2].partition("”")[0] for said in alarms if "was given" in said]
        assert sorted(named) == ([] if guard else ["level", "score", "shade"])


def test_the_alarm_fires_for_what_is_kept_by_name_though_the_guard_is_on(shop: Snapshot, tmp_path: Path) -> None:
    spec = TrainingSpec(epochs=1, batch_size=32, width=8, horizon_days=(3.0,), segment_count=3, keep_properties=("level",))
    features = examine(shop, spec).features
    model = BehaviourModel.create(features, resolve(spec, features, load(shop, features), shop.now), 0).eval()
    evaluate(spec, shop, model, None, Folder(tmp_path.as_uri()), Report())
    (alarm,) = json.loads((tmp_path / "evaluation.json").read_text())["alarms"]
    assert "was given “level”" in alarm
    assert "leaveOutProperties" in alarm


def test_a_customer_is_recognised_by_what_stays_theirs_and_by_nothing_else(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    owner = np.repeat(np.arange(100), 8)
    table = pa.table(
        {
            "customer": [f"c{c:03d}" for c in owner],
            "subject": [f"c{c:03d}" for c in owner],
            "occurred_at": pa.array([START + timedelta(hours=at % 8) for at in range(800)], pa.timestamp("us", tz="UTC")),
            "name": ["Product Viewed"] * 800,
            "p:own": owner + random.normal(0, 0.05, 800),
            "p:mail": [f"mail-{c}" for c in owner],
            "p:town": [f"town-{c % 4}" for c in owner],
            "p:price": random.normal(5, 1, 800),
            "p:seldom": pa.array([1.0 if at < 30 else None for at in range(800)]),
        }
    )
    names = ["own", "mail", "town", "price", "seldom"]
    snapshot = Snapshot.open(write_snapshot(table, tmp_path).as_uri())
    with EventTable(snapshot, [], None, properties=names) as events:
        own, mail, town, price, seldom = (recognised(events, name, snapshot.now + 1) for name in names)
    assert seldom is None
    assert own is not None
    assert own.recall > 0.95
    assert mail is not None
    assert (mail.recall, mail.customers, mail.chance) == (1.0, 100, 0.01)
    assert town is not None
    assert town.recall == pytest.approx(1 / 25)
    assert price is not None
    assert price.recall < 0.05
    assert [leak_alarm(one) is not None for one in (own, mail, price)] == [True, True, False]
