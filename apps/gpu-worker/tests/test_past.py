"""What is ordinary beside everyone now: beginnings and moments of lives."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from kindred_worker.data.aggregates import EventTable
from kindred_worker.data.arrays import EventArrays, load
from kindred_worker.data.fit import fit
from kindred_worker.data.portrait import Feature, portrait
from kindred_worker.data.snapshot import Snapshot
from kindred_worker.models import past
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.past import read_beginnings, read_lives, read_past
from kindred_worker.models.reading import read_everyone
from kindred_worker.report import Report
from kindred_worker.segments.contrast import contrasts
from kindred_worker.segments.naming import name_segments
from kindred_worker.segments.novelty import Lives, fit_novelty
from kindred_worker.segments.ordinary import measure_customers
from kindred_worker.segments.trait import trait_of
from kindred_worker.spec import TrainingSpec
from kindred_worker.train import TrainingData, train
from tests.make_snapshot import write_snapshot

HOUR = 3_600_000_000  # microseconds
BEGIN = 1_700_000_000_000_000


def test_an_engine_in_service_is_ordinary_where_the_data_hold_only_finished_lives(tmp_path: Path) -> None:
    snapshot = Snapshot.open(write_snapshot(engines(), tmp_path / "snapshot", shards=1, mainEvents=["Cycle Completed"]).as_uri())
    model = learned(snapshot)
    now = read_everyone(snapshot, model, 0, Report()).embedding
    running = read_lives(snapshot, model, 4, 9, Report()).ordinary  # other moments than what is ordinary was learned from
    without = fit_novelty(np.concatenate([now, read_beginnings(snapshot, model, past.NEWCOMERS, 0, Report())]), 0)
    newcomers, lives = read_past(snapshot, model, 0, Report())
    assert lives is not None
    ordinary = fit_novelty(np.concatenate([now, newcomers, lives.ordinary]), 0, lives)
    told = [float(np.mean(one.score(one.distance(running)))) for one in (without, ordinary)]
    assert told[1] < 0.15 < told[0], told


def test_few_customers_are_read_at_several_moments_and_many_at_a_share_of_them(snapshot: Snapshot, model: BehaviourModel) -> None:
    customers = snapshot.manifest.customers
    many = read_lives(snapshot, model, past.MOST_OF_ONE, 0, Report())
    assert len(many) == past.MOST_OF_ONE * customers
    assert len(many.ordinary) == past.COUNTED * customers
    assert set(np.unique(many.whose[many.counts], return_counts=True)[1]) == {past.COUNTED}
    assert 0 < len(read_lives(snapshot, model, 0.25, 0, Report())) < 0.5 * customers


def test_lives_are_read_right_after_an_event_and_never_in_a_pause(snapshot: Snapshot, model: BehaviourModel, arrays: EventArrays) -> None:
    begins = np.repeat(arrays.events.time[arrays.offsets[:-1]], np.diff(arrays.offsets))
    ages = set(((arrays.events.time - begins) / 86_400_000_000).tolist())
    assert set(read_lives(snapshot, model, past.MOST_OF_ONE, 0, Report()).age.tolist()) <= ages


def test_those_who_are_silent_now_stay_ordinary_however_many_moments_their_lives_are_measured_by(tmp_path: Path) -> None:
    snapshot = Snapshot.open(write_snapshot(engines(), tmp_path / "snapshot", shards=1, mainEvents=["Cycle Completed"]).as_uri())
    model = learned(snapshot)
    now = read_everyone(snapshot, model, 0, Report()).embedding
    newcomers, lives = read_past(snapshot, model, 0, Report())
    assert lives is not None
    assert len(lives) > 5 * len(lives.ordinary)

    def unusual(moments: Lives) -> float:
        population = np.concatenate([now, newcomers, moments.ordinary])
        scale, reach = fit_novelty(population, 0, moments), measure_customers(population, 0, moments)
        assert reach is not None
        return float((scale.score(scale.distance(now)) > reach.novelty[reach.quantiles.index(0.95)]).mean())

    assert unusual(lives) < 0.5 < unusual(replace(lives, counts=np.ones(len(lives), bool)))


def test_the_same_seed_reads_the_same_moments(snapshot: Snapshot, model: BehaviourModel) -> None:
    first, again, other = (read_lives(snapshot, model, 2, seed, Report()) for seed in (3, 3, 4))
    assert np.array_equal(first.embedding, again.embedding)
    assert not np.array_equal(first.embedding, other.embedding)
    assert np.array_equal(first.age, again.age)
    assert 0 <= first.age.min() < first.age.max() <= (snapshot.now - snapshot.manifest.first) / 86_400_000_000


def test_lives_that_go_on_are_read_as_they_are_now(tmp_path: Path) -> None:
    snapshot = Snapshot.open(write_snapshot(engines(in_service=True), tmp_path / "snapshot", shards=1).as_uri())
    newcomers, lives = read_past(snapshot, learned(snapshot), 0, Report())
    assert len(newcomers) > 0
    assert lives is None


def test_machines_are_described_by_their_last_readings_and_by_no_calendar(tmp_path: Path) -> None:
    snapshot = Snapshot.open(write_snapshot(engines(), tmp_path / "snapshot", shards=1, mainEvents=["Cycle Completed"]).as_uri())
    with EventTable(snapshot, ("Cycle Completed",), None, properties=["sensor"]) as events:
        customers = [f"engine {engine}" for engine in range(60)]
        told = {feature.key: feature for feature in portrait(events, customers, snapshot.now + 1, None)}
    assert told["lately:sensor"].values.mean() > told["mean:sensor"].values.mean() + 3  # worn at the end
    assert not {"weekend", "evening", "morning"} & told.keys()
    labels = np.repeat([0, 1], [30, 30])
    apart = Feature("lately:sensor", "", "property:sensor", True, told["lately:sensor"].values + 20 * labels)
    assert [n.name for n in name_segments([apart], labels, 2, ["Cycle Completed"])] == ["Low sensor", "High sensor"]
    near = Feature("lately:sensor", "", "property:sensor", False, 1400 + 6.0 * labels + np.tile([-1.0, 1.0], 30))
    assert trait_of(contrasts([near], labels, 1)[0], "Cycle Completed").label == "sensor 1,406 lately (others 1,400)"


def learned(snapshot: Snapshot) -> BehaviourModel:
    features = fit(snapshot)
    return train(TrainingSpec(width=16, epochs=1), TrainingData(features, load(snapshot, features), snapshot.now), None, Report()).model


def engines(in_service: bool = False) -> pa.Table:
    """Sixty engines of 60 to 140 hourly cycles, whose wear shows in a sensor: all begin at once, or all are in service at the end."""
    random = np.random.default_rng(5)
    customers, times, sensors = list[str](), list[int](), list[float]()
    for engine in range(60):
        life = int(random.integers(60, 140))
        for cycle in range(life):
            customers.append(f"engine {engine}")
            times.append(BEGIN + (cycle - life if in_service else cycle + 1) * HOUR)
            sensors.append(float(20 + 10 * (cycle / life) ** 3 + random.normal()))
    return pa.table(
        {
            "customer": customers,
            "subject": customers,
            "name": pa.repeat("Cycle Completed", len(customers)),
            "occurred_at": pa.array(times, pa.timestamp("us", tz="UTC")),
            "p:sensor": pa.array(sensors),
        }
    )
