"""Labels that are numbers: the head, its interval, and how it is judged."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
import pyarrow.parquet as pq
import pytest
import torch
from sklearn.metrics import r2_score, root_mean_squared_error
from sklearn.model_selection import GroupKFold

from kindred_worker.data.arrays import EventArrays
from kindred_worker.data.features import FeatureSpec
from kindred_worker.data.snapshot import Snapshot
from kindred_worker.data.storage import Folder
from kindred_worker.labels.asked import read_labelled
from kindred_worker.labels.head import Inputs, fit_head
from kindred_worker.labels.interval import covered
from kindred_worker.labels.judging import judge
from kindred_worker.labels.label import Labels, read_labels
from kindred_worker.labels.learning import learn_head
from kindred_worker.labels.regression import NumberEvaluation, Regression
from kindred_worker.labels.spec import HeadSpec
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.live_form import state_tensors
from kindred_worker.models.reading import stream_states
from kindred_worker.report import Cancelled, InvalidInput, Report, TooLittleData
from kindred_worker.spec import TrainingSpec
from kindred_worker.train import TrainingData, train
from tests.conftest import Stopping
from tests.test_head_tuning import viewing_first
from tests.test_labels import NOW, events_of

Float64 = npt.NDArray[np.float64]

SPEC = HeadSpec(task="REGRESSION")


def numbers(snapshot: Snapshot, scale: float = 1.0) -> Labels:
    """Of the shop in conftest: how many events customers have in all; asked in the middle of the data and at their end."""
    counts = events_of(snapshot)
    customers = sorted(counts)
    values = scale * np.array([counts[customer] for customer in customers], dtype=float)
    times = (snapshot.now, snapshot.now + 1)
    return Labels(customers * 2, np.tile(values, 2), np.repeat(np.array(times, dtype=np.int64), len(customers)))


def learned(snapshot: Snapshot, model: BehaviourModel, folder: Path, labels: Labels, report: Report | None = None) -> NumberEvaluation:
    found = learn_head(snapshot, model, labels, Folder(folder.as_uri()), report or Report(), SPEC).evaluation
    assert isinstance(found, NumberEvaluation)
    return found


def test_a_file_gives_numbers_and_what_is_none_is_refused_with_its_line() -> None:
    assert read_labels("customer,value\na,1.5\nb,-2e3\n", NOW, Regression()).values.tolist() == [1.5, -2000]
    for wrong in ("yes", "", "nan", "inf", "1e16"):
        with pytest.raises(InvalidInput, match=f"line 3: the value '{wrong}' is no number from -1e\\+15 to 1e\\+15"):
            read_labels(f"customer,value\na,1\nb,{wrong}\n", NOW, Regression())


@pytest.mark.usefixtures("without_live_form")
def test_numbers_are_foreseen_of_everyone_and_judged_in_their_unit(snapshot: Snapshot, model: BehaviourModel, tmp_path: Path) -> None:
    labels = numbers(snapshot, scale=1000)
    found = learned(snapshot, model, tmp_path, labels)
    assert [one.subject for one in found.standings] == ["head", "mean", "rfm", "aggregates", "aggregates, boosted"]
    assert all(one.low <= one.figure <= one.high for one in found.standings)
    assert found.standings[1].figure == pytest.approx(labels.values.std(), rel=0.02)
    assert found.explained(found.standings[1].figure) == pytest.approx(0, abs=0.04)
    assert found.standings[0].figure < 0.5 * found.standings[1].figure
    assert found.lead == pytest.approx(min(one.figure for one in found.standings[1:]) - found.standings[0].figure)
    assert f"a root mean square error of {found.standings[0].figure:,.0f} (R² 0." in found.sentence
    said = pq.read_table(tmp_path / "predictions.parquet").to_pydict()
    assert list(said) == ["customer", "number", "low", "high"]
    truth = dict(zip(labels.customers, labels.values, strict=True))
    assert r2_score([truth[customer] for customer in said["customer"]], said["number"]) > 0.7
    ends = np.stack([np.array(said["number"]) + added for added in (found.below, found.above)])
    np.testing.assert_allclose([said["low"], said["high"]], np.clip(ends, labels.values.min(), labels.values.max()))
    assert labels.values.min() <= min(said["number"]) < max(said["number"]) <= labels.values.max()
    told = json.loads((tmp_path / "head.json").read_text())
    assert (told["spec"]["task"], told["evaluation"]["sentence"]) == ("REGRESSION", found.sentence)


@pytest.mark.usefixtures("without_live_form")
def test_the_same_labels_give_the_same_head_and_their_unit_changes_nothing_else(
    snapshot: Snapshot, model: BehaviourModel, tmp_path: Path
) -> None:
    one, other, thousandfold = (
        learned(snapshot, model, tmp_path / name, numbers(snapshot, scale)) for name, scale in (("a", 1), ("b", 1), ("c", 1000))
    )
    assert one == other
    assert [s.figure * 1000 for s in one.standings] == pytest.approx([s.figure for s in thousandfold.standings])
    assert (one.verdict, one.covered) == (thousandfold.verdict, thousandfold.covered)


def test_the_live_form_says_the_number_and_its_interval(snapshot: Snapshot, model: BehaviourModel, tmp_path: Path) -> None:
    learned(snapshot, model, tmp_path, numbers(snapshot, scale=1000))
    manifest = json.loads((tmp_path / "head.live.json").read_text())
    assert [one["name"] for one in manifest["graph"]["outputs"]] == ["number", "low", "high"]
    session = ort.InferenceSession(tmp_path / "head.onnx", providers=["CPUExecutionProvider"])
    written = {row["customer"]: row for row in pq.read_table(tmp_path / "predictions.parquet").to_pylist()}
    for batch in stream_states(snapshot, model, 0, Report(), pack=True):
        state, _ = model.encoder.unpack(batch.packed, model.stamp)
        feeds = {name: tensor.numpy() for name, tensor in state_tensors(state).items()}
        for column, now in zip(("number", "low", "high"), session.run(None, {**feeds, "at": batch.read_at}), strict=True):
            np.testing.assert_allclose(np.asarray(now), [written[customer][column] for customer in batch.customers], rtol=1e-4, atol=1)


def test_a_tuned_copy_foresees_numbers_that_lie_in_the_order_of_events(
    snapshot: Snapshot, features: FeatureSpec, arrays: EventArrays, tmp_path: Path
) -> None:
    trained = train(TrainingSpec(width=16), TrainingData(features, arrays, snapshot.now), None, Report()).model
    labels = viewing_first(snapshot)
    order = replace(labels, values=100 + 50 * labels.values)
    found = learn_head(snapshot, trained, order, Folder(tmp_path.as_uri()), Report(), replace(SPEC, fine_tuned=True)).evaluation
    assert isinstance(found, NumberEvaluation)
    assert found.tuned_epochs > 0
    assert found.explained(found.standings[0].figure) > 0.8
    assert "encoder.safetensors" in {file.name for file in tmp_path.iterdir()}
    said = pq.read_table(tmp_path / "predictions.parquet").to_pydict()
    truth = dict(zip(order.customers, order.values, strict=True))
    assert r2_score([truth[customer] for customer in said["customer"]], said["number"]) > 0.8


def test_too_few_customers_and_labels_that_all_say_the_same_are_refused(snapshot: Snapshot, model: BehaviourModel, tmp_path: Path) -> None:
    labels = numbers(snapshot)
    few = [row for row, customer in enumerate(labels.customers) if customer < "c015"]
    with pytest.raises(TooLittleData, match="too few labels") as refused:
        learned(snapshot, model, tmp_path, Labels([labels.customers[row] for row in few], labels.values[few], labels.as_of[few]))
    assert refused.value.found == "of 15 customers"
    with pytest.raises(TooLittleData) as same:
        learned(snapshot, model, tmp_path, replace(labels, values=np.full(len(labels.values), 7.0)))
    assert same.value.found == "7 for everybody"


def test_a_cancel_ends_it(snapshot: Snapshot, model: BehaviourModel, tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        learned(snapshot, model, tmp_path, numbers(snapshot), Stopping(200))


RANDOM = np.random.default_rng(0)
TRUTH: Float64 = RANDOM.normal(size=600)
GROUP = np.arange(600) // 3
FOLDS = list(GroupKFold(5).split(TRUTH, TRUTH, GROUP))


def judged(head: Float64, rivals: dict[str, Float64], task: Regression | None = None) -> NumberEvaluation:
    found = judge(task or Regression(), TRUTH, GROUP, FOLDS, head, rivals, lambda: None, left_out=0, foreknown=0, tuned_epochs=0)
    assert isinstance(found, NumberEvaluation)
    return found


def test_who_comes_closer_beyond_chance_is_ahead_and_who_does_not_is_behind() -> None:
    good, poor = TRUTH + 0.2 * RANDOM.normal(size=600), TRUTH + 0.8 * RANDOM.normal(size=600)
    ahead, behind = judged(good, {"aggregates": poor}), judged(poor, {"mean": 0 * TRUTH, "aggregates": good})
    assert (ahead.verdict, ahead.best_rival) == ("AHEAD", "aggregates")
    assert 0 < ahead.lead_low < ahead.lead < ahead.lead_high
    assert (behind.verdict, behind.best_rival) == ("BEHIND", "aggregates")
    assert behind.lead_high < 0
    assert "Use that one" in behind.sentence
    assert judged(good, {"aggregates": good + 0.001 * RANDOM.normal(size=600)}).verdict == "LEVEL"


def test_errors_by_weight_are_those_of_scikit_learn_in_the_labels_unit() -> None:
    said = TRUTH + RANDOM.normal(size=600)
    weight = RANDOM.integers(0, 3, 600).astype(float)
    error = Regression(centre=10, spread=40).figure(TRUTH, said)
    assert error(weight) == pytest.approx(40 * root_mean_squared_error(TRUTH, said, sample_weight=weight))


def test_nothing_is_said_beyond_what_labels_say() -> None:
    task = Regression().scaled_to(np.array([0.0, 50.0, 125.0]))
    far = np.array([-9.0, 0.0, 9.0])
    saying = task.saying(np.zeros(3), task.targets(np.array([0.0, 50.0, 125.0])))
    for column, tensor in zip(saying.said(far), saying.tensors(torch.from_numpy(far)), strict=True):
        assert (column >= 0).all()
        assert (column <= 125).all()
        np.testing.assert_allclose(tensor.numpy(), column)
    # Neither by a rival: a miss is judged as it would be said.
    assert judged(99 * TRUTH, {"rfm": 99 * TRUTH}, replace(task, lowest=-1, highest=1, centre=0, spread=1)).lead == 0


def test_nine_of_ten_truths_lie_in_their_interval() -> None:
    """Errors that are not symmetric: so is the interval."""
    said = TRUTH - RANDOM.exponential(size=600)
    found = judged(said, {}, Regression(spread=10))
    assert found.covered == pytest.approx(0.9, abs=0.03)
    assert 0 < found.below < 2
    assert 20 < found.above < 40
    assert found.covered == covered(10 * (TRUTH - said), FOLDS)


def test_labels_of_one_customer_lie_in_one_fold_also_where_the_strength_is_chosen() -> None:
    """The embedding is a customer's own noise: it foresees their other labels, and nobody else's."""
    customers, each = 60, 8
    group = np.repeat(np.arange(customers), each)
    embedding = RANDOM.normal(size=(customers, 40))[group]
    truth = RANDOM.normal(size=customers)[group]
    head = fit_head(Regression(), Inputs(np.zeros((len(group), 1)), embedding), truth, group)
    alone = fit_head(Regression(), Inputs(np.zeros((len(group), 1)), embedding), truth, np.arange(len(group)))
    inputs = Inputs(np.zeros((len(group), 1)), embedding)
    assert head.scores(inputs).std() < 0.5
    assert alone.scores(inputs).std() > 0.7


def test_with_few_numbers_the_head_says_what_is_foreseen_and_with_many_what_they_say() -> None:
    inputs = Inputs(RANDOM.normal(size=(4000, 1)), RANDOM.normal(size=(4000, 40)))
    truth = inputs.foreseen[:, 0] + inputs.embedding[:, 0] + 0.5 * RANDOM.normal(size=4000)
    test = np.arange(2000, 4000)
    few, many = (
        r2_score(truth[test], fit_head(Regression(), inputs.at(rows), truth[rows], rows).scores(inputs.at(test)))
        for rows in (np.arange(40), np.arange(2000))
    )
    assert few > 0.2
    assert many > 0.8


def test_labels_of_two_times_are_each_read_at_theirs(snapshot: Snapshot, model: BehaviourModel) -> None:
    middle = (snapshot.manifest.first + snapshot.now) // 2
    asked = read_labelled(snapshot, model, Labels(["c001", "c001"], np.ones(2), np.array([middle, snapshot.now])), Report())
    assert asked.rows.tolist() == [0, 1]
    assert not np.allclose(asked.embedding[0], asked.embedding[1])
