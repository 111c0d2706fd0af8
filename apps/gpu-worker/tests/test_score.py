"""Scoring live events: equal to reading everything from scratch, whatever the batch, however events arrive."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import pyarrow.parquet as pq
import pytest

from kindred_worker.data.snapshot import Snapshot
from kindred_worker.data.storage import Folder
from kindred_worker.embed import embed
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.reading import read_everyone
from kindred_worker.report import Report
from kindred_worker.score import Customer, LiveEvent, score
from kindred_worker.segments.assignment import Assignment, SegmentModel
from tests.test_features import as_event


class Halves:
    """Segments by the sign of the first number: this file is about scores, not about segments."""

    settling = 0

    def assign(self, embedding: np.ndarray, forecast: np.ndarray) -> Assignment:
        count = len(embedding)
        assert forecast.shape[0] == count
        one = np.ones(count, np.float32)
        none = np.full(count, -1, np.int32)
        return Assignment((embedding[:, 0] > 0).astype(np.int32), one, 0 * one, embedding[:, :2], none, none)


HALVES = cast(SegmentModel, Halves())


@pytest.fixture(scope="module")
def history(snapshot: Snapshot) -> dict[str, list[LiveEvent]]:
    events: dict[str, list[LiveEvent]] = {}
    for batch in snapshot.batches():
        for row in batch.to_pylist():
            events.setdefault(row["customer"], []).append(LiveEvent(*as_event(row)))
    return events


def vector(packed: bytes) -> np.ndarray:
    return np.frombuffer(packed, "<f4")


def test_event_by_event_equals_the_backfill(
    model: BehaviourModel, snapshot: Snapshot, history: dict[str, list[LiveEvent]], tmp_path: Path
) -> None:
    embed(snapshot, model, HALVES, Folder(tmp_path.as_uri()), 0, Report())
    stored = {row["customer"]: row for row in pq.read_table(tmp_path / "customers.parquet").to_pylist()}
    assert set(stored) == set(history)
    states = dict.fromkeys(history, b"")
    for at in range(max(map(len, history.values()))):
        chunk = [Customer(c, states[c], e[at : at + 1], snapshot.now) for c, e in history.items() if len(e) > at]
        results = score(model, HALVES, chunk)
        assert [r.id for r in results] == [c.id for c in chunk]
        assert not any(r.rebuild or r.error for r in results)
        states.update({r.id: r.state for r in results})
    final = score(model, HALVES, [Customer(c, s, [], snapshot.now) for c, s in states.items()])
    for result in final:
        row = stored[result.id]
        np.testing.assert_allclose(vector(result.embedding), vector(row["embedding"]), rtol=1e-3, atol=1e-4)
        assert result.segment_index == row["segment_index"]
        assert len(result.state) == len(row["state"])
        assert row["events"] == len(history[result.id])
        told = vector(result.forecast).reshape(-1, 2)
        assert model.main_events == [(kept["event"], kept["horizon_days"]) for kept in row["forecast"]]
        for (probability, expected_value), kept in zip(told, row["forecast"], strict=True):
            assert probability == pytest.approx(kept["probability"], abs=1e-4)
            assert expected_value == pytest.approx(kept["expected_value"], rel=1e-2, abs=1e-3)


def test_states_of_the_backfill_go_on_live(
    model: BehaviourModel, snapshot: Snapshot, history: dict[str, list[LiveEvent]], tmp_path: Path
) -> None:
    cut = int(np.median([e.occurred_at for events in history.values() for e in events]))
    embed(snapshot.before(cut), model, HALVES, Folder(tmp_path.as_uri()), 0, Report())
    states = {row["customer"]: row["state"] for row in pq.read_table(tmp_path / "customers.parquet").to_pylist()}
    live = [Customer(c, states.get(c, b""), [e for e in events if e.occurred_at >= cut], snapshot.now) for c, events in history.items()]
    whole = [Customer(c, b"", events, snapshot.now) for c, events in history.items()]
    for a, b in zip(score(model, HALVES, live), score(model, HALVES, whole), strict=True):
        np.testing.assert_allclose(vector(a.embedding), vector(b.embedding), rtol=1e-3, atol=1e-4)


def test_everyone_is_read_as_the_live_path_reads_them(
    model: BehaviourModel, snapshot: Snapshot, history: dict[str, list[LiveEvent]]
) -> None:
    reading = read_everyone(snapshot, model, 0, Report())
    assert reading.forecast.shape == (len(history), len(reading.columns))
    live = score(model, HALVES, [Customer(c, b"", history[c], snapshot.now) for c in reading.customers])
    np.testing.assert_allclose(reading.embedding, np.stack([vector(r.embedding) for r in live]), rtol=1e-3, atol=1e-4)
    chances = {(c.event, c.horizon_days): i for i, c in enumerate(reading.columns) if c.kind == "probability"}
    for (event, days), (probability, _) in zip(model.main_events, vector(live[0].forecast).reshape(-1, 2), strict=True):
        assert probability == pytest.approx(float(reading.forecast[0, chances[event, days]]), abs=1e-4)


def test_one_customers_nonsense_leaves_the_others_alone(model: BehaviourModel, history: dict[str, list[LiveEvent]]) -> None:
    events = history["c001"]
    good = Customer("good", b"", events, 0)
    bad = Customer("bad", b"", [LiveEvent("Order Completed", 0, b"{]")], 0)
    foreign = Customer("foreign", b"not a state", events[:1], 0)
    far = Customer("far", b"", [LiveEvent("Order Completed", 1 << 62, b"{}")], 0)
    nothing = Customer("nothing", b"", [], 1_700_000_000_000_000)
    alone = score(model, HALVES, [good])[0]
    one, two, three, four, five = score(model, HALVES, [bad, good, foreign, far, nothing])
    assert "Expecting" in one.error or "JSON" in one.error
    np.testing.assert_allclose(vector(two.embedding), vector(alone.embedding), rtol=1e-4, atol=1e-5)
    assert three.rebuild
    assert not three.state
    assert "9999" in four.error or "years" in four.error
    assert np.isfinite(vector(five.embedding)).all()
