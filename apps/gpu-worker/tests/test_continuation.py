"""A retraining goes on from the champion's weights where it may; and the same data under other ids learn the same."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from kindred_worker.continuation import Former, open_former, why_anew
from kindred_worker.data.arrays import load
from kindred_worker.data.arrow import pc
from kindred_worker.data.fit import fit
from kindred_worker.data.order import beginning_keys, canonical_order
from kindred_worker.data.snapshot import Snapshot
from kindred_worker.data.split import Split
from kindred_worker.data.storage import Folder
from kindred_worker.learn import learn
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.bundle import load_model, save_model
from kindred_worker.models.plan import Plan, resolve
from kindred_worker.models.reading import read_everyone
from kindred_worker.models.tally import tally_width
from kindred_worker.report import Cancelled, Report
from kindred_worker.sampler import Predecessor
from kindred_worker.spec import TrainingSpec
from kindred_worker.train import TrainingData, loss_of
from tests.conftest import shop
from tests.make_snapshot import write_snapshot

DAY = 86_400_000_000
SPEC = TrainingSpec(width=16, epochs=4, batch_size=32, surprise=0.5)


@pytest.fixture(scope="module")
def champion(snapshot: Snapshot, tmp_path_factory: pytest.TempPathFactory) -> Folder:
    folder = Folder(tmp_path_factory.mktemp("champion").as_uri())
    learn(SPEC, snapshot.before(snapshot.now - 5 * DAY), folder, Report())
    return folder


def facts(folder: Folder) -> dict[str, Any]:
    return json.loads(folder.read("encoder.json"))


def renamed(table: pa.Table) -> pa.Table:
    """The same customers under ids that sort, and fall into shards, in another way."""
    ids = [f"{hash_of(name)}" for name in table.column("customer").to_pylist()]
    at = table.schema.get_field_index("customer")
    return table.set_column(at, "customer", pa.array(ids))


def hash_of(name: str) -> int:
    return int(name[1:]) * 7919 % 10007


def as_learned(folder: Folder) -> BehaviourModel:
    """Without what the tally says, on which all trainings agree."""
    model = load_model(folder)
    assert model.horizon is not None
    model.horizon.foreseen_by.share.zero_()
    return model


def test_a_retraining_stays_nearer_to_the_champion_than_one_from_chance(snapshot: Snapshot, champion: Folder, tmp_path: Path) -> None:
    on, anew = Folder((tmp_path / "on").as_uri()), Folder((tmp_path / "anew").as_uri())
    learn(SPEC, snapshot, on, Report(), champion.uri)
    learn(replace(SPEC, seed=1), snapshot, anew, Report())
    assert (facts(on)["continued"], facts(on)["begunAnewBecause"]) == (True, "")
    assert (facts(anew)["continued"], facts(anew)["begunAnewBecause"]) == (False, "there is no champion yet")
    said = [read_everyone(snapshot, as_learned(f), 0, Report()).forecast for f in (champion, on, anew)]
    moved, apart = (float(np.abs(other - said[0]).mean()) for other in said[1:])
    assert 0 < moved < apart / 3


def test_whom_the_champion_never_learned_from_its_retraining_never_learns_from_either(
    snapshot: Snapshot, champion: Folder, tmp_path: Path
) -> None:
    """By the champion's draw, whatever seed and share the retraining asks for; and so does the next one after it."""
    second, third = Folder((tmp_path / "second").as_uri()), Folder((tmp_path / "third").as_uri())
    learn(replace(SPEC, seed=5, held_out=0.3), snapshot, second, Report(), champion.uri)
    learn(replace(SPEC, seed=6, held_out=0.05), snapshot, third, Report(), second.uri)
    assert [facts(f)["continued"] for f in (second, third)] == [True, True]
    assert [facts(f)["split"] for f in (champion, second, third)] == [{"seed": 0, "share": share} for share in (0.1, 0.1, 0.05)]


def test_a_split_given_decides_who_is_held_out(snapshot: Snapshot) -> None:
    features = fit(snapshot)
    arrays = load(snapshot, features)
    spec = TrainingSpec(width=8, epochs=1, batch_size=32, seed=3)
    formers = (None, *(Predecessor(Split(seed, 0.1), snapshot.now, arrays.count) for seed in (0, 3)))
    data = [TrainingData(features, arrays, snapshot.now, former) for former in formers]
    model = BehaviourModel.create(features, resolve(spec, features, arrays, snapshot.now), 0)
    own, theirs, same = (loss_of(spec, one, model) for one in data)
    assert own == same != theirs


def test_a_retraining_cut_off_resumes_to_the_same_weights(snapshot: Snapshot, champion: Folder, tmp_path: Path) -> None:
    class Stopping(Report):
        """Cancels at a check, some steps after the first epoch was told of."""

        left = 12

        def check(self) -> None:
            self.left -= 1
            if self.left < 0:
                raise Cancelled

    whole, broken = Folder((tmp_path / "whole").as_uri()), Folder((tmp_path / "broken").as_uri())
    learn(SPEC, snapshot, whole, Report(), champion.uri)
    with pytest.raises(Cancelled):
        learn(SPEC, snapshot, broken, Stopping(), champion.uri)
    assert any("checkpoint" in path.name for path in (tmp_path / "broken").iterdir())
    learn(SPEC, snapshot, broken, Report(), champion.uri)
    assert whole.read("encoder.safetensors") == broken.read("encoder.safetensors")


def test_a_champion_from_before_the_tally_is_gone_on_from_with_one(snapshot: Snapshot, champion: Folder, tmp_path: Path) -> None:
    model = load_model(champion)
    older = BehaviourModel(model.features, replace(model.plan, counted=0))
    theirs = {name: value for name, value in model.state_dict().items() if ".tally_" not in name and ".grouping_" not in name}
    older.load_state_dict(theirs)
    folder = Folder((tmp_path / "older").as_uri())
    save_model(folder, older, {k: v for k, v in facts(champion).items() if k not in ("format", "plan")})
    former = open_former(folder.uri)
    assert isinstance(former, Former)
    assert former.model.plan == model.plan
    on = Folder((tmp_path / "on").as_uri())
    learn(SPEC, snapshot, on, Report(), folder.uri)
    assert facts(on)["continued"]
    horizon = load_model(on).horizon
    assert horizon is not None
    assert bool(horizon.foreseen_by.weight.any())


def test_a_champion_from_before_silences_is_gone_on_from_with_them(snapshot: Snapshot, champion: Folder, tmp_path: Path) -> None:
    model = load_model(champion)
    plan = Plan.from_json({name: value for name, value in model.plan.to_json().items() if name != "silent"})
    older = BehaviourModel(model.features, plan)
    width = tally_width(plan)
    assert width < tally_width(model.plan)
    weights = {name: value for name, value in model.state_dict().items() if ".grouping_" not in name}
    older.load_state_dict({name: value[:, :width] if name.endswith(".tally_weight") else value for name, value in weights.items()})
    assert older.horizon is not None
    older.horizon.foreseen_by.share.fill_(0.5)
    folder = Folder((tmp_path / "older").as_uri())
    save_model(folder, older, {k: v for k, v in facts(champion).items() if k not in ("format", "plan")} | {"plan": plan.to_json()})
    former = open_former(folder.uri)
    assert isinstance(former, Former)
    assert former.model.plan == model.plan
    said, says = (read_everyone(snapshot, one, 0, Report()).forecast for one in (load_model(folder), former.model))
    assert np.allclose(said, says, atol=1e-6)
    on = Folder((tmp_path / "on").as_uri())
    learn(SPEC, snapshot, on, Report(), folder.uri)
    assert facts(on)["continued"]
    horizon = load_model(on).horizon
    assert horizon is not None
    assert bool(horizon.foreseen_by.weight[:, width:].any())


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"width": 8}, "another model is asked for"),
        ({"horizon_days": (3.0, 9.0)}, "other horizons are asked for"),
        ({"half_life_days": (3.0,)}, "other half-lives are asked for"),
    ],
)
def test_another_model_is_begun_anew(snapshot: Snapshot, champion: Folder, changed: dict[str, Any], reason: str) -> None:
    former = open_former(champion.uri)
    assert isinstance(former, Former)
    assert why_anew(SPEC, former, former.model.features) == ""
    assert why_anew(replace(TrainingSpec(width=16), **changed), former, former.model.features) == reason


def test_people_who_behave_otherwise_are_learned_anew(snapshot: Snapshot, champion: Folder, tmp_path: Path) -> None:
    folder = Folder(tmp_path.as_uri())
    learn(TrainingSpec(width=16, epochs=1, batch_size=32, surprise=-0.99), snapshot, folder, Report(), champion.uri)
    assert not facts(folder)["continued"]
    assert facts(folder)["begunAnewBecause"].startswith("people behave otherwise")


def test_weights_that_remember_somebody_who_was_erased_are_not_gone_on_from(snapshot: Snapshot, champion: Folder, tmp_path: Path) -> None:
    table = shop()
    kept = table.filter(pc.not_equal(table.column("customer"), "c007"))
    fewer = Snapshot.open(write_snapshot(kept, tmp_path / "fewer", timezone="Europe/Berlin", now=snapshot.now).as_uri())
    folder = Folder((tmp_path / "new").as_uri())
    learn(TrainingSpec(width=16, epochs=1, batch_size=32, surprise=0.5), fewer, folder, Report(), champion.uri)
    assert facts(folder)["begunAnewBecause"] == "events that the champion learned from are gone"


def test_a_champion_that_is_gone_does_not_stop_a_training(snapshot: Snapshot, tmp_path: Path) -> None:
    folder = Folder((tmp_path / "new").as_uri())
    learn(TrainingSpec(width=16, epochs=1, batch_size=32), snapshot, folder, Report(), (tmp_path / "gone").as_uri())
    assert facts(folder)["begunAnewBecause"].startswith("the champion cannot be read")


def test_the_same_data_under_other_ids_learn_the_same(snapshot: Snapshot, tmp_path: Path) -> None:
    table = shop()
    other = Snapshot.open(write_snapshot(renamed(table), tmp_path / "renamed", timezone="Europe/Berlin").as_uri())
    features = fit(snapshot)
    assert fit(other).to_json() == features.to_json()
    one, two = load(snapshot, features), load(other, features)
    names = [[str(c) for c in a.customers.take(pa.array(canonical_order(a))).to_pylist()] for a in (one, two)]
    assert names[1] == [str(hash_of(c)) for c in names[0]]
    assert names[0] != sorted(names[0])
    assert sorted(beginning_keys(one).tolist()) == sorted(beginning_keys(two).tolist())
    folders = [Folder((tmp_path / name).as_uri()) for name in ("one", "two")]
    spec = TrainingSpec(width=16, epochs=2, batch_size=32)
    for folder, data in zip(folders, (snapshot, other), strict=True):
        learn(spec, data, folder, Report())
    weights = [load_model(folder).state_dict() for folder in folders]
    for name, value in weights[0].items():
        np.testing.assert_allclose(value.numpy(), weights[1][name].numpy(), atol=1e-5)
    scales = [json.loads(folder.read("surprise.json")) for folder in folders]
    np.testing.assert_allclose(scales[0]["knots"], scales[1]["knots"], rtol=1e-3)
    assert scales[0]["slope"] == pytest.approx(scales[1]["slope"], rel=1e-3)
