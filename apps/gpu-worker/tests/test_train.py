"""Training: the same seed gives the same weights, a resumed run ends in the same files, and a cancel is quick."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

import kindred_worker.train as training
from kindred_worker.data.arrays import EventArrays
from kindred_worker.data.features import FeatureSpec
from kindred_worker.data.snapshot import Snapshot
from kindred_worker.data.storage import Folder
from kindred_worker.learn import learn
from kindred_worker.report import Cancelled, HashMismatch, InvalidInput, Report, TooLittleData
from kindred_worker.spec import TrainingSpec
from kindred_worker.train import TrainingData, train
from tests.conftest import START, Stopping, shop
from tests.make_snapshot import write_snapshot

SPEC = TrainingSpec(width=16, epochs=4, batch_size=16, seed=5)


class Keeping(Report):
    def __init__(self) -> None:
        super().__init__()
        self.metrics: dict[str, list[float]] = {}
        self.fractions: list[float] = []
        self.checkpoints: list[int] = []

    def metric(self, name: str, step: int, value: float) -> None:
        self.metrics.setdefault(name, []).append(value)

    def on_progress(self, fraction: float, step: str, rate: float, unit: str, remaining: float) -> None:
        self.fractions.append(fraction)

    def checkpoint(self, step: int, path: str, sha256: str, size: int) -> None:
        self.checkpoints.append(step)


def files(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}


@pytest.fixture(scope="module")
def whole(snapshot: Snapshot, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Keeping]:
    """A run from beginning to end, and what it told."""
    folder, report = tmp_path_factory.mktemp("whole"), Keeping()
    learn(SPEC, snapshot, Folder(folder.as_uri()), report)
    return folder, report


def test_a_run_learns_and_tells_how_it_goes(whole: tuple[Path, Keeping]) -> None:
    _, report = whole
    assert {"loss", "loss.horizon", "loss.next_event", "events_per_second"} <= set(report.metrics)
    assert {"validation.loss", "rank_me", "identity_recall", "alignment", "uniformity"} <= set(report.metrics)
    assert report.metrics["validation.loss"][-1] < report.metrics["validation.loss"][0]
    assert report.fractions == sorted(report.fractions)
    assert report.fractions[-1] == 1.0


def test_a_run_cut_off_anywhere_resumes_to_the_same_files(
    whole: tuple[Path, Keeping], snapshot: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken"
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", 0.0)  # after every step
    stops = 0
    while True:
        try:
            learn(SPEC, snapshot, Folder(broken.as_uri()), Stopping(40 + 10 * stops))  # what no checkpoint follows is cut off too
            break
        except Cancelled:
            stops += 1
    assert stops >= 1
    assert files(broken) == files(whole[0])
    assert not list((broken / "checkpoints").iterdir())


def test_a_finished_run_asked_for_again_only_says_so(whole: tuple[Path, Keeping], snapshot: Snapshot) -> None:
    before, report = files(whole[0]), Keeping()
    again = learn(SPEC, snapshot, Folder(whole[0].as_uri()), report)
    assert {f.path: f.sha256 for f in again.files} == {name: hashlib.sha256(content).hexdigest() for name, content in before.items()}
    assert files(whole[0]) == before
    assert not report.metrics


def test_a_damaged_checkpoint_is_passed_over(snapshot: Snapshot, tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "step-00000007.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{")
    learn(SPEC, snapshot, Folder(tmp_path.as_uri()), Report())
    assert (tmp_path / "encoder.safetensors").exists()


def test_training_learns_from_the_sample_only(snapshot: Snapshot, features: FeatureSpec, arrays: EventArrays) -> None:
    data = TrainingData(features, arrays, snapshot.now)
    few = train(TrainingSpec(width=8, epochs=1, sample_fraction=0.3), data, None, Report())
    many = train(TrainingSpec(width=8, epochs=1), data, None, Report())
    assert not torch.equal(few.model.embedder.mix.weight, many.model.embedder.mix.weight)


def test_a_cancel_ends_the_work_within_two_seconds(snapshot: Snapshot, features: FeatureSpec, arrays: EventArrays) -> None:
    class Late(Stopping):
        asked = 0.0

        def check(self) -> None:
            self.left -= 1
            if self.left == 0:
                self.asked = monotonic()
            if self.left < -1:
                raise Cancelled

    report = Late(5)
    with pytest.raises(Cancelled):
        train(TrainingSpec(epochs=1000), TrainingData(features, arrays, snapshot.now), None, report)
    assert monotonic() - report.asked < 2


def test_too_little_data_says_how_much_is_needed(tmp_path: Path) -> None:
    snapshot = Snapshot.open(write_snapshot(shop(customers=6), tmp_path / "s").as_uri())
    with pytest.raises(TooLittleData) as refused:
        learn(SPEC, snapshot, Folder((tmp_path / "o").as_uri()), Report())
    assert refused.value.needed == "50 customers and 500 events"
    assert refused.value.found.startswith("6 customers and ")
    assert not (tmp_path / "o").exists()


def test_horizons_too_long_to_be_measured_are_refused_before_anything_is_learned(tmp_path: Path) -> None:
    snapshot = Snapshot.open(write_snapshot(shop(), tmp_path / "s").as_uri())
    with pytest.raises(TooLittleData, match="too little time") as refused:
        learn(replace(SPEC, horizon_days=(365.0,)), snapshot, Folder((tmp_path / "o").as_uri()), Report())
    assert refused.value.needed == "events over 4 years, four times the shortest horizon"
    assert not (tmp_path / "o").exists()


def test_events_all_at_the_same_time_are_told_as_such(tmp_path: Path) -> None:
    table = shop()
    at = table.schema.get_field_index("occurred_at")
    table = table.set_column(at, "occurred_at", pa.array([START] * len(table), pa.timestamp("us", tz="UTC")))
    with pytest.raises(TooLittleData) as refused:
        learn(SPEC, Snapshot.open(write_snapshot(table, tmp_path / "s").as_uri()), Folder((tmp_path / "o").as_uri()), Report())
    assert refused.value.found.startswith("all of them at the same time")


def test_events_later_than_the_clock_are_told_as_such(tmp_path: Path) -> None:
    before = int(START.timestamp() * 1e6) - 1
    with pytest.raises(TooLittleData) as refused:
        learn(SPEC, Snapshot.open(write_snapshot(shop(), tmp_path / "s", now=before).as_uri()), Folder((tmp_path / "o").as_uri()), Report())
    assert refused.value.found == "none that is not later than the workspace's clock"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"main_events": ("Nothing Such",)}, "no event is named 'Nothing Such'"),
        ({"value_property": "channel"}, "no numeric property"),
        ({"encoder": "oracle"}, "encoder: 'oracle' is unknown"),
        ({"sample_fraction": 0.1}, "sampleFraction 0.1 leaves 9 of 90 customers to learn from; 50 are needed"),
        ({"objectives": {"tarot": 1.0}}, "objectives: 'tarot' is unknown; there are horizon, next_event, .*, contrastive, order, vicreg"),
    ],
)
def test_a_spec_that_cannot_be_used_is_refused(snapshot: Snapshot, tmp_path: Path, changed: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        learn(TrainingSpec(**changed), snapshot, Folder(tmp_path.as_uri()), Report())


def test_a_changed_shard_is_refused(tmp_path: Path) -> None:
    folder = write_snapshot(shop(), tmp_path)
    shard = folder / "events-000.parquet"
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(bytes(content))
    with pytest.raises(HashMismatch):
        Snapshot.open(folder.as_uri())


def test_horizons_come_from_the_data(snapshot: Snapshot, features: FeatureSpec, arrays: EventArrays) -> None:
    plan = train(TrainingSpec(width=8, epochs=1), TrainingData(features, arrays, snapshot.now), None, Report()).model.plan
    span = (snapshot.now - int(arrays.events.time.min())) / 86_400_000_000
    assert len(plan.horizon_days) == 3
    assert np.all(np.diff(plan.horizon_days) > 0)
    assert plan.horizon_days[-1] <= span / 3
