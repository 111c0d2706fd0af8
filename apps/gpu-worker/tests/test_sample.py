"""A large population is looked at through a sample of customers, each whole; everyone is counted."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from kindred_worker import discover as discovery
from kindred_worker import evaluate as evaluation
from kindred_worker.data.arrays import events_until, load
from kindred_worker.data.features import FeatureSpec
from kindred_worker.data.sample import some_of
from kindred_worker.data.snapshot import Snapshot
from kindred_worker.data.storage import Folder
from kindred_worker.discover import discover
from kindred_worker.evaluate import evaluate
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.bundle import open_model, save_model
from kindred_worker.report import Cancelled, Report
from kindred_worker.rpc.messages import evaluated
from kindred_worker.spec import TrainingSpec
from tests.conftest import shop
from tests.make_snapshot import write_snapshot
from tests.test_train import Stopping


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return Snapshot.open(write_snapshot(shop(customers=260, seed=1), tmp_path_factory.mktemp("large"), timezone="UTC").as_uri())


def histories(snapshot: Snapshot) -> dict[str, list[tuple[object, str, object]]]:
    found: dict[str, list[tuple[object, str, object]]] = {}
    for batch in snapshot.batches():
        for row in batch.to_pylist():
            found.setdefault(row["customer"], []).append((row["occurred_at"], row["name"], row["i:products"]))
    return found


def test_a_sample_holds_some_customers_with_everything_they_did(large: Snapshot, features: FeatureSpec) -> None:
    everyone = histories(large)
    with some_of(large, features, 100, 3) as some:
        chosen = histories(some)
        assert 70 < len(chosen) < 130
        assert chosen == {customer: everyone[customer] for customer in chosen}
        assert (some.manifest.customers, some.manifest.events) == (len(chosen), sum(map(len, chosen.values())))
        assert some.now == large.now
        folder = some.folder.local
    assert folder is not None
    assert not folder.exists()


def test_few_customers_are_all_looked_at(large: Snapshot, features: FeatureSpec) -> None:
    with some_of(large, features, 260, 3) as some:
        assert some is large


def test_who_is_drawn_hangs_on_what_they_did_and_not_on_their_ids(large: Snapshot, features: FeatureSpec, tmp_path: Path) -> None:
    table = shop(customers=260, seed=1)
    names = pa.array([f"z{999 - int(c[1:])}" for c in table.column("customer").to_pylist()])  # which lie in another order, too
    renamed = table.set_column(table.column_names.index("customer"), "customer", names)
    other = Snapshot.open(write_snapshot(renamed, tmp_path, timezone="UTC").as_uri())
    with some_of(large, features, 100, 3) as some, some_of(other, features, 100, 3) as again:
        assert sorted(map(str, histories(some).values())) == sorted(map(str, histories(again).values()))


@pytest.mark.usefixtures("without_live_form")
def test_segments_of_a_sample_count_everyone(
    model: BehaviourModel, large: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovery, "FITTED_ON", 150)
    folder = Folder(tmp_path.as_uri())
    save_model(folder, model, {})
    found = discover(TrainingSpec(segment_count=3, width=16), large, model, folder, "", Report())
    assert found.customers == 260
    assert found.events == large.manifest.events
    mains = [s for s in found.segments if s.level == "MAIN"]
    assert sum(s.size for s in mains) == 260
    assert sum(s.share for s in mains) == pytest.approx(1)
    story = json.loads((tmp_path / "segments.json").read_text())["story"]
    assert story["customers"] == 260
    assert 100 < story["lookedAt"] < 200
    opened, segments = open_model(folder.uri)
    assert segments is not None
    assert opened.width == model.width


def test_an_evaluation_of_a_sample_says_so(model: BehaviourModel, large: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "MEASURED_ON", 150)
    folder = Folder(tmp_path.as_uri())
    found = evaluate(TrainingSpec(segment_count=3, width=16, epochs=1, seed=3), large, model, None, folder, Report())
    told = json.loads((tmp_path / "evaluation.json").read_text())
    looked_at = told["sample"]["customers"]
    assert 100 < looked_at < 200
    assert told["sample"] == {"customers": looked_at, "population": 260, "drawn": "by a hash of what they did and the seed 3"}
    assert f"Measured on a sample: {looked_at} of 260 customers" in (tmp_path / "report.html").read_text()
    message = evaluated(found).sample
    assert {"customers": message.customers, "population": message.population, "drawn": message.drawn} == told["sample"]


def test_drawing_a_sample_can_be_cancelled(large: Snapshot, features: FeatureSpec) -> None:
    with pytest.raises(Cancelled), some_of(large, features, 100, 3, Stopping(1).check):
        pytest.fail("the context must not be entered")


def test_where_items_begin_is_the_same_in_a_mapped_file(large: Snapshot, features: FeatureSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    held = load(large, features)
    monkeypatch.setattr("kindred_worker.data.arrays.PIECE", 100)
    mapped = load(large, features)
    for a, b in zip(held.item_offsets, mapped.item_offsets, strict=True):
        np.testing.assert_array_equal(a, b)
        assert not b.flags.writeable
    middle = int(np.median(held.events.time))
    assert events_until(mapped.events.time, middle) == int((held.events.time <= middle).sum())
