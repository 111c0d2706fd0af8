"""Discover and Evaluate on a small shop: whole bundles, matching with the champion, nothing from after the cut."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from kindred_worker import evaluate as evaluation
from kindred_worker.data.arrays import load
from kindred_worker.data.arrow import pc
from kindred_worker.data.fit import fit
from kindred_worker.data.snapshot import Snapshot
from kindred_worker.data.storage import Folder
from kindred_worker.discover import Discovered, discover
from kindred_worker.embed import embed
from kindred_worker.evaluate import evaluate
from kindred_worker.learn import learn
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.bundle import load_model, open_model, save_model
from kindred_worker.models.reading import read_everyone
from kindred_worker.protocol import protocol_of
from kindred_worker.report import Cancelled, Report, TooLittleData
from kindred_worker.rpc.messages import evaluated
from kindred_worker.score import Customer, LiveEvent, score
from kindred_worker.spec import TrainingSpec
from kindred_worker.train import Trained, TrainingData, train
from tests.conftest import NAMES, START, shop
from tests.make_snapshot import write_snapshot

DAY = 86_400_000_000
SPEC = TrainingSpec(segment_count=3, width=16, epochs=1)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return Snapshot.open(write_snapshot(shop(customers=260, seed=1), tmp_path_factory.mktemp("large"), timezone="UTC").as_uri())


@pytest.fixture(scope="module")
def bundle(model: BehaviourModel, large: Snapshot, tmp_path_factory: pytest.TempPathFactory) -> tuple[Folder, Discovered]:
    folder = Folder(tmp_path_factory.mktemp("bundle").as_uri())
    save_model(folder, model, {})
    return folder, discover(SPEC, large, model, folder, "", Report())


def test_the_bundle_is_whole_and_opens(bundle: tuple[Folder, Discovered], large: Snapshot) -> None:
    folder, found = bundle
    assert [f.path for f in found.files] == ["segments.safetensors", "segments.json", "step.onnx", "read.onnx", "live.json", "bundle.json"]
    opened, segments = open_model(folder.uri)
    assert segments is not None
    reading = read_everyone(large, opened, 0, Report())
    placed = segments.assign(reading.embedding, reading.forecast)
    assert np.bincount(placed.index, minlength=3).tolist() == [s.size for s in found.segments if s.level == "MAIN"]
    for level, places in (("COARSER", placed.coarser), ("FINER", placed.finer)):
        assert all((places == s.index).sum() == s.size for s in found.segments if s.level == level)


def test_levels_are_nested_and_their_names_are_unique(bundle: tuple[Folder, Discovered]) -> None:
    segments = bundle[1].segments
    assert [s.index for s in segments] == list(range(len(segments)))
    assert len({s.name for s in segments}) == len(segments)
    for whole in segments:
        parts = [s for s in segments if s.parent == whole.index]
        assert not parts or (len(parts) > 1 and sum(p.size for p in parts) == whole.size)
        assert {p.level for p in parts} <= {"COARSER": {"MAIN"}, "MAIN": {"FINER"}, "FINER": set()}[whole.level]


def test_every_segment_has_a_rule_or_says_that_none_fits(bundle: tuple[Folder, Discovered]) -> None:
    for segment in bundle[1].segments:
        assert segment.rule is not None
        assert segment.rule.is_faithful != segment.rule.text.startswith("No short rule")
        bounds = [(c.trait, c.operator) for c in segment.rule.conditions]
        assert len(set(bounds)) == len(bounds)
        assert len({trait for trait, _ in bounds}) <= 3


def test_who_is_new_is_not_unlike_anything_seen(bundle: tuple[Folder, Discovered], large: Snapshot) -> None:
    opened, segments = open_model(bundle[0].uri)
    assert segments is not None
    properties = json.dumps({"revenue": 90, "channel": "web", "products": [{"product_id": "p1", "price": 20}]}).encode()
    newcomers = [Customer(name, b"", [LiveEvent(name, large.now, properties)], large.now) for name in NAMES]
    scored = score(opened, segments, newcomers)
    assert all(s.segment_index >= 0 and 0 < s.novelty < 1 for s in scored), scored


def test_segments_are_named_sized_and_told(bundle: tuple[Folder, Discovered]) -> None:
    segments = [s for s in bundle[1].segments if s.level == "MAIN"]
    assert [s.index for s in segments] == [0, 1, 2]
    assert len({s.name for s in segments}) == 3
    assert sum(s.share for s in segments) == pytest.approx(1)
    assert all(s.description and 0 <= s.stability <= 1 and s.typical_customer_ids for s in segments)
    assert any(s.traits for s in segments)


def test_the_artefact_names_no_customer(bundle: tuple[Folder, Discovered]) -> None:
    folder, found = bundle
    text = folder.read("segments.json").decode()
    assert not [c for s in found.segments for c in s.typical_customer_ids if f'"{c}"' in text]


def test_the_same_call_writes_the_same_files(bundle: tuple[Folder, Discovered], model: BehaviourModel, large: Snapshot) -> None:
    folder, found = bundle
    assert [f.sha256 for f in discover(SPEC, large, model, folder, "", Report()).files] == [f.sha256 for f in found.files]


@pytest.mark.usefixtures("without_live_form")
def test_a_champion_that_drew_the_same_segments_is_continued_by_all(
    bundle: tuple[Folder, Discovered], model: BehaviourModel, large: Snapshot, tmp_path: Path
) -> None:
    folder, _ = bundle
    opened, segments = open_model(folder.uri)
    embed(large, opened, segments, Folder(tmp_path.as_uri()), 0, Report())
    again = discover(SPEC, large, model, folder, f"{tmp_path.as_uri()}/customers.parquet", Report())
    told = [[(o.champion_index, o.matched, o.jaccard) for o in s.overlaps] for s in again.segments]
    assert told == [[(s.index, True, 1.0)] for s in again.segments]
    assert again.retired_champion_indexes == []


def test_a_caller_who_has_gone_stops_the_work(bundle: tuple[Folder, Discovered], model: BehaviourModel, large: Snapshot) -> None:
    class Gone(Report):
        def on_progress(self, fraction: float, step: str, rate: float, unit: str, remaining: float) -> None:
            if fraction > 0.5:
                raise Cancelled

    with pytest.raises(Cancelled):
        discover(SPEC, large, model, bundle[0], "", Gone())


def test_the_evaluation_lays_everything_side_by_side(
    bundle: tuple[Folder, Discovered], large: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = bundle
    opened, segments = open_model(folder.uri)
    busy = large.before(large.manifest.first + 60 * DAY)  # later on hardly anyone comes
    seen: list[int] = []

    def spy(spec: TrainingSpec, data: TrainingData, checkpoint: None, report: Report) -> Trained:
        seen.append(int(data.arrays.events.time.max()))
        assert data.now == protocol_of(opened.plan, busy).t0
        return train(spec, data, checkpoint, report)

    monkeypatch.setattr(evaluation, "train", spy)
    monkeypatch.setattr(evaluation, "NEEDED", 5)
    result = evaluate(SPEC, busy, opened, segments, folder, Report())
    protocol = protocol_of(opened.plan, busy)
    assert len(seen) == 1
    assert seen[0] < protocol.t0 < protocol.cut < protocol.now
    said = {(m.name, m.subject): m for m in result.measures}
    for subject in ("forecast", "embedding", "untrained", "rfm", "aggregates", "aggregates+embedding"):
        assert 0 <= said["auc", subject].value <= 1
    for name in ("membership_auc", "ari", "silhouette", "smallest_share", "eta_squared"):
        assert not said[name, "segments"].baseline
        assert said[name, "rfm"].baseline
    assert ("ece", "strength") in said
    assert said["rank_me", "embedding"].value > 1
    written = json.loads(folder.read("evaluation.json"))
    assert len(written["measures"]) == len(result.measures)
    assert written["sample"] is None  # everyone was measured
    assert not evaluated(result).HasField("sample")
    assert written["protocol"]["t0"] == protocol.t0
    assert [f.path for f in result.files] == ["evaluation.json", "report.html"]
    page = folder.read("report.html").decode()
    for m in result.measures:
        assert f'<td class="text">{m.name}</td><td class="text">{m.subject}</td>' in page
    assert "Measured on a sample" not in page
    assert "http://" not in page
    assert "https://" not in page
    assert written["verdict"][0] in page
    assert ("auc_boosted", "untrained") in said
    assert said["identity_recall", "untrained"].baseline
    assert written["curves"]["identity_recall"][0][0] == 0
    assert len(written["partition:segments"]) == 3


@pytest.mark.parametrize("claim", [1e300, -1e300, 1.7e308])
def test_an_event_that_claims_a_monstrous_amount_stops_no_run(claim: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = shop(customers=260, seed=1)
    revenue = table.column("p:revenue").to_pylist()
    orders = [at for at, value in enumerate(revenue) if value is not None]
    for at in (orders[0], orders[1]):  # of one customer, so that their sum is beyond all doubles
        revenue[at] = claim
    table = table.set_column(table.schema.get_field_index("p:revenue"), "p:revenue", pa.array(revenue, pa.float64()))
    snapshot = Snapshot.open(write_snapshot(table, tmp_path / "snapshot", timezone="UTC", valueProperty="revenue").as_uri())
    folder = Folder((tmp_path / "model").as_uri())
    learn(SPEC, snapshot, folder, Report())
    found = discover(SPEC, snapshot, load_model(folder), folder, "", Report())
    assert all(np.isfinite(t.segment_value) for s in found.segments for t in s.traits)
    opened, segments = open_model(folder.uri)
    reading = read_everyone(snapshot, opened, 0, Report())
    assert np.isfinite(reading.embedding).all()
    assert np.isfinite(reading.forecast).all()
    monkeypatch.setattr(evaluation, "NEEDED", 5)
    busy = snapshot.before(snapshot.manifest.first + 60 * DAY)
    measures = evaluate(SPEC, busy, opened, segments, folder, Report()).measures
    assert {"aggregates", "rfm", "embedding"} <= {m.subject for m in measures if m.name == "auc"}


def test_a_main_event_that_came_up_only_lately_stops_no_evaluation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = shop(customers=260, seed=1)
    late = pc.greater(table.column("occurred_at"), pa.scalar(START + timedelta(days=50), pa.timestamp("us", tz="UTC")))
    paid = pc.and_(late, pc.equal(table.column("name"), NAMES[2]))
    renamed = pc.if_else(paid, "Order Paid", table.column("name"))
    table = table.set_column(table.schema.get_field_index("name"), "name", renamed)
    whole = Snapshot.open(write_snapshot(table, tmp_path / "snapshot", timezone="UTC").as_uri())
    snapshot = whole.before(whole.manifest.first + 60 * DAY)
    features = fit(snapshot, [NAMES[2], "Order Paid"])
    model = train(SPEC, TrainingData(features, load(snapshot, features), snapshot.now), None, Report()).model
    assert protocol_of(model.plan, snapshot).t0 < snapshot.manifest.first + 50 * DAY
    monkeypatch.setattr(evaluation, "NEEDED", 5)
    result = evaluate(SPEC, snapshot, model, None, Folder((tmp_path / "model").as_uri()), Report())
    assert ("auc", "embedding") in {(m.name, m.subject) for m in result.measures}


def test_a_main_event_of_hardly_anybody_leaves_segments_out_of_an_evaluation(tmp_path: Path) -> None:
    """As where a million customers who only look in are imported beside a shop."""
    table = shop(customers=260, seed=1)
    some = pc.is_in(table.column("customer"), pa.array(["c001", "c002", "c003"]))
    renamed = pc.if_else(some, "Order Paid", table.column("name"))
    table = table.set_column(table.schema.get_field_index("name"), "name", renamed)
    whole = Snapshot.open(write_snapshot(table, tmp_path / "snapshot", timezone="UTC").as_uri())
    snapshot = whole.before(whole.manifest.first + 60 * DAY)
    features = fit(snapshot, ["Order Paid"])
    model = train(SPEC, TrainingData(features, load(snapshot, features), snapshot.now), None, Report()).model
    folder = Folder((tmp_path / "model").as_uri())
    result = evaluate(SPEC, snapshot, model, None, folder, Report())
    assert {m.name for m in result.measures} >= {"rank_me"}
    assert not {m for m in result.measures if m.name in ("ari", "membership_auc")}
    left_out = json.loads(folder.read("evaluation.json"))["left_out"]
    assert "every AUC" in left_out
    assert "segments: 3 customers had a main event by then" in left_out
    assert "3 customers had a main event" in folder.read("report.html").decode()


@pytest.mark.usefixtures("without_live_form")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_customers_who_all_do_the_same_are_in_segments_without_a_rule(tmp_path: Path) -> None:
    rows = [(f"c{customer:02d}", START + timedelta(days=4 * at), NAMES[at % 3]) for customer in range(60) for at in range(15)]
    customers, moments, names = zip(*rows, strict=True)
    table = pa.table({"customer": customers, "subject": customers, "name": names})
    table = table.append_column("occurred_at", pa.array(moments, pa.timestamp("us", tz="UTC")))
    snapshot = Snapshot.open(write_snapshot(table, tmp_path / "snapshot", timezone="UTC").as_uri())
    folder = Folder((tmp_path / "model").as_uri())
    learn(SPEC, snapshot, folder, Report())
    found = discover(SPEC, snapshot, load_model(folder), folder, "", Report())
    assert sum(s.size for s in found.segments if s.level == "MAIN") == 60
    assert {s.rule for s in found.segments} == {None}


def test_too_short_a_history_is_said_and_not_measured(model: BehaviourModel, large: Snapshot) -> None:
    short = large.before(large.manifest.first + 5 * DAY)
    with pytest.raises(TooLittleData) as error:
        protocol_of(model.plan, short)
    assert error.value.needed.endswith("four times the shortest horizon")
    assert error.value.found == "events over 5 days"
