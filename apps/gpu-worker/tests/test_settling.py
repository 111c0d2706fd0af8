"""Who is placed where their last visit has settled: how long that takes, and what it is good for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pyarrow as pa
import pytest

from kindred_worker.data.arrays import load
from kindred_worker.data.fit import fit
from kindred_worker.data.snapshot import Snapshot
from kindred_worker.data.storage import Folder
from kindred_worker.data.visit import pause_of
from kindred_worker.discover import discover
from kindred_worker.export import export
from kindred_worker.learn import learn
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.bundle import READ, Bundle, load_model, load_segments
from kindred_worker.models.live_form import Read, state_tensors
from kindred_worker.models.settling import SETTLED, settling_time
from kindred_worker.report import Cancelled, Report
from kindred_worker.score import Customer, LiveEvent, Score, score
from kindred_worker.segments.assignment import SegmentModel
from kindred_worker.spec import TrainingSpec
from kindred_worker.train import TrainingData, train
from tests.conftest import Stopping
from tests.make_snapshot import write_snapshot

MINUTE, DAY = 60_000_000, 86_400_000_000
BEGIN = 1_700_000_000_000_000
FIRST = ("Page Viewed", "Coupon Applied", "Products Searched")


@dataclass(frozen=True)
class Visited:
    model: BehaviourModel
    segments: SegmentModel
    snapshot: Snapshot
    # Each customer's events, and how many of them come before the last visit.
    lives: dict[str, tuple[list[LiveEvent], int]]

    def placed(self, segments: SegmentModel, more: int) -> list[Score]:
        """Everyone right after so many events of their last visit (0: an hour before it)."""
        return score(self.model, segments, list(self._customers(more)))

    def _customers(self, more: int) -> Iterator[Customer]:
        for name, (events, before) in self.lives.items():
            seen = events[: before + more]
            yield Customer(name, b"", seen, seen[-1].occurred_at if more else events[before].occurred_at - 60 * MINUTE)


@pytest.fixture(scope="module")
def visited(tmp_path_factory: pytest.TempPathFactory) -> Visited:
    """Three kinds of people by what they do first in a visit; hours of nothing within none of them, weeks between them."""
    random = np.random.default_rng(7)
    lives: dict[str, tuple[list[LiveEvent], int]] = {}
    for at in range(300):
        first = FIRST[at % 3]
        others = [name for name in (*FIRST, "Order Completed") if name != first]
        moment, events, before = BEGIN + int(random.uniform(0, 30) * DAY), list[LiveEvent](), 0
        for _ in range(12):
            moment += int(random.uniform(14, 40) * DAY)
            before = len(events)
            for name in (first, *random.permutation(others)[:3]):
                events.append(LiveEvent(str(name), moment, b"{}"))
                moment += int(random.uniform(1, 9) * MINUTE)
        lives[f"c{at:03d}"] = (events, before)
    rows = [(c, e.name, e.occurred_at) for c, (events, _) in lives.items() for e in events]
    table = pa.table(
        {
            "customer": [c for c, _, _ in rows],
            "subject": [c for c, _, _ in rows],
            "name": [n for _, n, _ in rows],
            "occurred_at": pa.array([t for _, _, t in rows], pa.timestamp("us", tz="UTC")),
        }
    )
    folder = tmp_path_factory.mktemp("visits")
    snapshot = Snapshot.open(write_snapshot(table, folder / "snapshot", mainEvents=["Order Completed"]).as_uri())
    spec, output = TrainingSpec(width=32, epochs=4, batch_size=32), Folder((folder / "model").as_uri())
    learn(spec, snapshot, output, Report())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kindred_worker.discover.export", lambda *_: [])  # where it is meant, it is made
        discover(spec, snapshot, load_model(output), output, "", Report())
    bundle = Bundle.open((folder / "model").as_uri())
    segments = load_segments(bundle)
    assert segments is not None
    return Visited(bundle.model(), segments, snapshot, lives)


def test_it_takes_some_pauses_until_a_visit_has_settled_and_is_the_same_each_time(visited: Visited) -> None:
    gaps = [np.diff([e.occurred_at for e in events]) for events, _ in visited.lives.values()]
    pause = pause_of(np.concatenate(gaps).astype(np.float64))
    assert pause is not None
    assert 0 < visited.segments.settling <= SETTLED * pause
    assert settling_time(visited.snapshot, visited.model, 0, Report()) == visited.segments.settling


def test_a_visit_moves_fewer_people_than_where_nobody_waits_for_it_to_settle(visited: Visited) -> None:
    def stay(segments: SegmentModel) -> float:
        before = [s.segment_index for s in visited.placed(segments, 0)]
        during = [[s.segment_index for s in visited.placed(segments, more)] for more in (1, 2, 3)]
        return float(np.mean([np.array(one) == np.array(before) for one in during]))

    settled, at_once = stay(visited.segments), stay(replace(visited.segments, settling=0))
    assert settled > 0.6, (settled, at_once)
    assert settled > at_once + 0.3, (settled, at_once)


def test_places_are_those_of_the_settled_reading_and_the_forecast_is_of_now(visited: Visited) -> None:
    unsettled = replace(visited.segments, settling=0)
    one = Customer("c", b"", visited.lives["c000"][0][:5], visited.lives["c000"][0][4].occurred_at)
    later = replace(one, read_at=one.read_at + visited.segments.settling)
    (told,), (now,), (then,) = (score(visited.model, s, [c]) for s, c in ((visited.segments, one), (unsettled, one), (unsettled, later)))
    assert told.forecast == now.forecast
    assert told.forecast != then.forecast
    assert (told.segment_index, told.strength, told.novelty, told.embedding) == (
        then.segment_index,
        then.strength,
        then.novelty,
        then.embedding,
    )


@pytest.mark.parametrize("checks", [0, 1])  # while a graph is made, and before it is written
def test_a_live_form_that_nobody_waits_for_any_more_leaves_no_file(visited: Visited, tmp_path: Path, checks: int) -> None:
    with pytest.raises(Cancelled):
        export(visited.model, visited.segments, Folder(tmp_path.as_uri()), Stopping(checks))
    assert not list(tmp_path.iterdir())


def test_the_live_form_waits_as_the_scorer_does(visited: Visited, tmp_path: Path) -> None:
    segments, encoder = visited.segments, visited.model.encoder
    export(visited.model, segments, Folder(tmp_path.as_uri()), Report())
    read = ort.InferenceSession(tmp_path / READ, providers=["CPUExecutionProvider"])
    told = visited.placed(segments, 2)
    state, _ = encoder.unpack([s.state for s in told], visited.model.stamp)
    inputs = [*state_tensors(state).values(), encoder.last_time(state)]
    outputs = read.run(None, {i.name: t.numpy() for i, t in zip(read.get_inputs(), inputs, strict=True)})
    found = dict(zip(Read.OUTPUTS, map(np.asarray, outputs), strict=True))
    assert found["segment"].tolist() == [s.segment_index for s in told]
    np.testing.assert_allclose(found["embedding"], np.stack([np.frombuffer(s.embedding, "<f4") for s in told]), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found["probability"], [np.frombuffer(s.forecast, "<f4")[::2] for s in told], rtol=1e-4, atol=1e-4)


def test_where_events_come_by_the_clock_nothing_has_to_settle(tmp_path: Path) -> None:
    names = [f"machine {at}" for at in range(60) for _ in range(50)]
    times = [BEGIN + at * 60 * MINUTE for _ in range(60) for at in range(50)]
    table = pa.table(
        {
            "customer": names,
            "subject": names,
            "name": pa.repeat("Cycle Completed", len(names)),
            "occurred_at": pa.array(times, pa.timestamp("us", tz="UTC")),
        }
    )
    snapshot = Snapshot.open(write_snapshot(table, tmp_path / "snapshot").as_uri())
    features = fit(snapshot)
    model = train(TrainingSpec(width=16, epochs=1), TrainingData(features, load(snapshot, features), snapshot.now), None, Report()).model
    assert settling_time(snapshot, model, 0, Report()) == 0


def test_segments_from_before_there_was_a_settling_place_at_once(visited: Visited) -> None:
    files = visited.segments.to_bytes()
    sidecar = json.loads(files["segments.json"])
    del sidecar["settling"]
    assert SegmentModel.from_bytes({**files, "segments.json": json.dumps(sidecar).encode()}).settling == 0
    assert SegmentModel.from_bytes(files).settling == visited.segments.settling
