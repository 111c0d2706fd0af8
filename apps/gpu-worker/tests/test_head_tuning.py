"""Fine-tuning: a copy of the encoder, trained on by the labels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from kindred_worker.data.snapshot import Snapshot
from kindred_worker.data.storage import Folder
from kindred_worker.labels.asked import read_examples, read_labelled
from kindred_worker.labels.classification import Classification
from kindred_worker.labels.head import Scales, fit_head
from kindred_worker.labels.label import Labels
from kindred_worker.labels.learning import learn_head
from kindred_worker.labels.spec import HeadSpec
from kindred_worker.labels.tuning import Labelled, Tuned, scores, tune
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.reading import read_everyone
from kindred_worker.report import Cancelled, InvalidInput, Report
from tests.test_labels import everyone

# The model of these tests is untrained, so that there is much to tune: steps may be larger than the default's.
TASK = Classification()
SPEC = HeadSpec(fine_tuned=True, learning_rate=3e-3, epochs=40)


def viewing_first(snapshot: Snapshot) -> Labels:
    """Of the shop in conftest: who views before ordering, which is in the order of events alone."""
    labels = everyone(snapshot)
    return Labels(labels.customers, np.array([int(customer[1:]) % 2 for customer in labels.customers], dtype=float), labels.as_of)


class Prepared:
    def __init__(self, snapshot: Snapshot, model: BehaviourModel) -> None:
        labels = viewing_first(snapshot)
        self.model = model
        asked = read_labelled(snapshot, model, labels, Report())
        reading = read_everyone(snapshot, model, 0, Report())
        self.scales = Scales.of(reading.embedding, reading.forecast, model.columns)
        self.inputs = self.scales.inputs(asked.embedding, asked.forecast, model.columns)
        self.labelled = Labelled(read_examples(snapshot, model, labels, asked.rows, Report()), np.arange(len(asked.rows)))

    def tuned(self, spec: HeadSpec = SPEC, report: Report | None = None) -> Tuned:
        return tune(TASK, spec, self.model, self.scales, self.labelled, self.inputs, report or Report())


@pytest.fixture(scope="module")
def prepared(snapshot: Snapshot, model: BehaviourModel) -> Prepared:
    return Prepared(snapshot, model)


def test_the_copy_begins_as_the_frozen_encoder_with_the_frozen_head(prepared: Prepared) -> None:
    head = fit_head(TASK, prepared.inputs, prepared.labelled.targets, prepared.labelled.group)
    by_gradient = scores(Tuned(prepared.model, head, 1), prepared.scales, prepared.labelled, Report())
    np.testing.assert_allclose(by_gradient, head.scores(prepared.inputs), rtol=1e-3, atol=1e-3)


def test_tuning_moves_the_copy_and_foresees_held_out_labels_better(prepared: Prepared) -> None:
    losses: dict[int, float] = {}

    class Listening(Report):
        def metric(self, name: str, step: int, value: float) -> None:
            losses[step] = value

    before = {name: value.clone() for name, value in prepared.model.state_dict().items()}
    tuned = prepared.tuned(report=Listening())
    assert tuned.epochs > 0
    assert losses[tuned.epochs] == min(losses.values())
    assert losses[tuned.epochs] < losses[1]
    moved = [name for name, value in tuned.model.state_dict().items() if not torch.equal(value, before[name])]
    assert any(name.startswith("encoder.") for name in moved)
    assert not any(name.startswith("heads.") for name in moved)
    for name, value in prepared.model.state_dict().items():
        assert torch.equal(value, before[name]), f"{name} of the model itself was changed"


def test_the_same_seed_tunes_to_the_same_weights(prepared: Prepared) -> None:
    one, other = prepared.tuned(), prepared.tuned()
    assert one.epochs == other.epochs
    for name, value in one.model.state_dict().items():
        assert torch.equal(value, other.model.state_dict()[name]), name


def test_it_stops_soon_after_held_out_labels_are_foreseen_no_better(prepared: Prepared) -> None:
    passes = 0

    class Counting(Report):
        def metric(self, name: str, step: int, value: float) -> None:
            nonlocal passes
            passes = step

    # Steps so large that every pass is worse than the frozen head.
    tuned = prepared.tuned(HeadSpec(fine_tuned=True, learning_rate=0.1, epochs=40), Counting())
    assert passes < 40
    assert passes - tuned.epochs <= 14  # a third of them


def test_where_no_pass_helps_the_head_stands_on_the_model_as_it_is(prepared: Prepared) -> None:
    random = np.random.default_rng(0)
    noise = Labelled(
        type(prepared.labelled.examples)(
            prepared.labelled.examples.arrays,
            prepared.labelled.examples.as_of,
            random.integers(0, 2, 90).astype(float),
            prepared.labelled.group,
        ),
        prepared.labelled.rows,
    )
    found = tune(
        TASK, HeadSpec(fine_tuned=True, learning_rate=0.1, epochs=5), prepared.model, prepared.scales, noise, prepared.inputs, Report()
    )
    assert found.epochs == 0
    assert found.model is prepared.model


def test_a_cancel_ends_it(prepared: Prepared) -> None:
    class Gone(Report):
        def check(self) -> None:
            raise Cancelled("the caller has gone")

    with pytest.raises(Cancelled):
        prepared.tuned(report=Gone())


def test_a_tuned_head_is_judged_and_kept_with_its_encoder(snapshot: Snapshot, model: BehaviourModel, tmp_path: Path) -> None:
    found = learn_head(snapshot, model, viewing_first(snapshot), Folder(tmp_path.as_uri()), Report(), SPEC)
    assert found.evaluation.tuned_epochs > 0
    assert found.evaluation.standings[0].figure > 0.8  # logistic regression on the frozen encoder: about .5
    assert {file.path for file in found.files} == {"head.safetensors", "predictions.parquet", "encoder.safetensors", "head.json"}
    assert json.loads((tmp_path / "head.json").read_text())["evaluation"]["tuned_epochs"] == found.evaluation.tuned_epochs
    assert pq.read_metadata(tmp_path / "predictions.parquet").num_rows == snapshot.manifest.customers


@pytest.mark.parametrize("given", [HeadSpec(learning_rate=0.0), HeadSpec(learning_rate=2.0), HeadSpec(epochs=-1), HeadSpec(epochs=1000)])
def test_a_spec_that_cannot_be_is_refused(given: HeadSpec) -> None:
    with pytest.raises(InvalidInput, match="must lie"):
        given.checked()


def test_labels_of_one_customer_at_two_times_are_each_read_at_theirs(snapshot: Snapshot, model: BehaviourModel) -> None:
    middle = (snapshot.manifest.first + snapshot.now) // 2
    labels = Labels(["c001", "c002", "c001"], np.array([1.0, 0.0, 0.0]), np.array([middle, snapshot.now, snapshot.now + 1]))
    asked = read_labelled(snapshot, model, labels, Report())
    examples = read_examples(snapshot, model, labels, asked.rows, Report())
    assert examples.group[0] == examples.group[2] != examples.group[1]
    assert examples.as_of.tolist() == labels.as_of.tolist()
    lengths = np.diff(examples.arrays.offsets)
    assert lengths[0] == lengths[2]
