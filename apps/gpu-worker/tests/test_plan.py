"""What the plan of a model takes from the data."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from kindred_worker.data.arrays import load
from kindred_worker.data.fit import fit
from kindred_worker.data.snapshot import Snapshot
from kindred_worker.models import plan as planning
from kindred_worker.models.plan import resolve
from kindred_worker.spec import TrainingSpec
from tests.make_snapshot import write_snapshot


def test_horizons_look_beyond_the_visit_that_is_going_on(tmp_path: Path) -> None:
    """Four events minutes apart, about once a month: what is foreseen lies weeks ahead, not minutes."""
    random = np.random.default_rng(0)
    rows = [
        (f"c{customer:02d}", moment + timedelta(minutes=float(random.exponential(10)) + 11 * at), name)
        for customer in range(60)
        for visit in range(12)
        for moment in [datetime(2025, 1, 1, tzinfo=UTC) + timedelta(days=30 * visit + float(random.uniform(-8, 8)))]
        for at, name in enumerate(("Looked", "Asked", "Bought", "Thanked"))
    ]
    names, moments, events = zip(*sorted(rows), strict=True)
    table = pa.table({"customer": names, "subject": names, "name": events, "occurred_at": pa.array(moments, pa.timestamp("us", tz="UTC"))})
    snapshot = Snapshot.open(write_snapshot(table, tmp_path, timezone="UTC").as_uri())
    features = fit(snapshot)
    plan = resolve(TrainingSpec(), features, load(snapshot, features), snapshot.now)
    assert min(plan.horizon_days) >= 14, plan.horizon_days


def test_where_events_come_by_the_clock_it_is_asked_how_long_a_customer_goes_on(tmp_path: Path) -> None:
    """A reading every hour, for 100 to 300 hours: whether one comes within the hour says nothing of a machine."""
    rows = [
        (f"m{machine:02d}", datetime(2025, 1, 1, tzinfo=UTC) + timedelta(hours=hour))
        for machine in range(60)
        for hour in range(100 + 3 * machine)
    ]
    names, moments = zip(*rows, strict=True)
    events = ["Read"] * len(rows)
    table = pa.table({"customer": names, "subject": names, "name": events, "occurred_at": pa.array(moments, pa.timestamp("us", tz="UTC"))})
    snapshot = Snapshot.open(write_snapshot(table, tmp_path, timezone="UTC").as_uri())
    features = fit(snapshot)
    plan = resolve(TrainingSpec(), features, load(snapshot, features), snapshot.now)
    assert plan.horizon_days == (1.0, 2.0, 3.0), plan.horizon_days


def test_where_events_are_too_many_whole_customers_spread_over_the_data_stand_for_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Customer c comes every 1 + c days, so the sample's gaps tell whom it holds."""
    begin = datetime(2025, 1, 1, tzinfo=UTC)
    rows = [(f"c{c:03d}", begin + timedelta(days=(1 + c) * at), "Bought") for c in range(100) for at in range(10)]
    names, moments, events = zip(*rows, strict=True)
    table = pa.table({"customer": names, "subject": names, "name": events, "occurred_at": pa.array(moments, pa.timestamp("us", tz="UTC"))})
    snapshot = Snapshot.open(write_snapshot(table, tmp_path, shards=1, timezone="UTC").as_uri())
    features = fit(snapshot)
    arrays = load(snapshot, features)
    whole = resolve(TrainingSpec(), features, arrays, snapshot.now)
    monkeypatch.setattr(planning, "SAMPLED", 250)
    sampled = resolve(TrainingSpec(), features, arrays, snapshot.now)
    assert sampled.half_life_days == whole.half_life_days  # of the whole span
    np.testing.assert_allclose(sampled.hazard_days, whole.hazard_days, atol=4)  # every fourth customer
    assert sampled.hazard_days != whole.hazard_days
