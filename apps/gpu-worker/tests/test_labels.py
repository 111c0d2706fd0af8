"""A few labels on the encoder, frozen or tuned."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import roc_auc_score

from kindred_worker.data.snapshot import Snapshot
from kindred_worker.data.storage import Folder
from kindred_worker.labels.asked import read_labelled
from kindred_worker.labels.classification import Evaluation
from kindred_worker.labels.head import Inputs, fit_head
from kindred_worker.labels.label import Labels, read_labels
from kindred_worker.labels.learning import LearnedHead, learn_head
from kindred_worker.labels.spec import HeadSpec
from kindred_worker.labels.tasks import TASKS
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.bundle import save_model
from kindred_worker.models.reading import read_everyone
from kindred_worker.report import InvalidInput, Report, TooLittleData

DAY = 86_400_000_000
NOW = 1_767_225_600_000_000  # 2026-01-01


def events_of(snapshot: Snapshot) -> Counter[str]:
    counts = Counter[str]()
    for batch in snapshot.batches(["customer"]):
        counts.update(batch.column("customer").to_pylist())
    return counts


def everyone(snapshot: Snapshot) -> Labels:
    """Of the shop in conftest: whether a customer has more events than half of them; asked at the end."""
    counts = events_of(snapshot)
    customers = sorted(counts)
    busy = np.array([counts[customer] for customer in customers])
    return Labels(customers, (busy > np.median(busy)).astype(float), np.full(len(customers), snapshot.now + 1))


def test_a_file_gives_customers_values_and_times() -> None:
    labels = read_labels("customer,value,as_of\na,1,2025-06-01\nb,no,2025-06-01T12:00:00+02:00\nc,0,\n", NOW, TASKS["CLASSIFICATION"])
    assert labels.customers == ["a", "b", "c"]
    assert labels.values.tolist() == [1, 0, 0]
    assert labels.as_of.tolist() == [1_748_736_000_000_000, 1_748_772_000_000_000, NOW]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("customer\na\n", "lacks the column 'value'"),
        ("customer,value\na,maybe\n", "line 2: the value 'maybe' is neither 0 nor 1"),
        ("customer,value\n,1\n", "line 2: the customer is empty"),
        ("customer,value,as_of\na,1,soon\n", "line 2: as_of 'soon' is no time"),
        ("customer,value,as_of\na,1,2031-01-01\n", "lies after the end of the data"),
        ("customer,value\na,1\nb,0\na,0\n", "line 4: 'a' has a label as of that time already, in line 2"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_its_line_and_the_reason(text: str, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        read_labels(text, NOW, TASKS["CLASSIFICATION"])


def test_a_customer_is_read_as_it_was_before_its_label(snapshot: Snapshot, model: BehaviourModel) -> None:
    middle = (snapshot.manifest.first + snapshot.now) // 2
    then = read_everyone(snapshot.before(middle), model, middle - 1, Report())
    asked = read_labelled(
        snapshot, model, Labels(then.customers[::-1], np.zeros(len(then.customers)), np.full(len(then.customers), middle)), Report()
    )
    assert asked.rows.tolist() == list(range(len(then.customers)))
    np.testing.assert_allclose(asked.embedding, then.embedding[::-1], rtol=1e-4, atol=1e-5)


def test_labels_of_the_unknown_and_of_those_who_came_later_are_left_out(snapshot: Snapshot, model: BehaviourModel) -> None:
    labels = Labels(["c001", "nobody", "c002"], np.ones(3), np.array([snapshot.now, snapshot.now, snapshot.manifest.first]))
    assert read_labelled(snapshot, model, labels, Report()).rows.tolist() == [0]


def test_with_few_labels_the_head_says_what_is_foreseen_and_with_many_what_they_say() -> None:
    """The truth is half foreseen, half in the embedding, of whose 40 numbers 39 mean nothing."""
    random = np.random.default_rng(0)
    count = 4000
    inputs = Inputs(random.normal(size=(count, 1)), random.normal(size=(count, 40)))
    labels = (inputs.foreseen[:, 0] + inputs.embedding[:, 0] + random.normal(size=count) > 0).astype(float)
    test = np.arange(2000, count)
    foreseen = roc_auc_score(labels[test], inputs.foreseen[test, 0])
    few, many = (
        roc_auc_score(labels[test], fit_head(TASKS["CLASSIFICATION"], inputs.at(rows), labels[rows], rows).scores(inputs.at(test)))
        for rows in (np.arange(40), np.arange(2000))
    )
    assert few > foreseen - 0.05
    assert many > foreseen + 0.08


def said_of(folder: Path) -> dict[str, float]:
    table = pq.read_table(folder / "predictions.parquet")
    return dict(zip(table.column("customer").to_pylist(), table.column("probability").to_pylist(), strict=True))


def learned(snapshot: Snapshot, model: BehaviourModel, folder: Path, spec: HeadSpec | None = None) -> LearnedHead:
    return learn_head(snapshot, model, everyone(snapshot), Folder(folder.as_uri()), Report(), spec)


@pytest.mark.usefixtures("without_live_form")
def test_labels_give_everyone_a_probability_and_are_judged_beside_aggregates(
    snapshot: Snapshot, model: BehaviourModel, tmp_path: Path
) -> None:
    found = learned(snapshot, model, tmp_path).evaluation
    assert [one.subject for one in found.standings] == ["head", "forecast", "rfm", "aggregates", "aggregates, boosted"]
    assert [one.baseline for one in found.standings] == [False, True, True, True, True]
    assert all(one.low <= one.figure <= one.high for one in found.standings)
    said = said_of(tmp_path)
    assert len(said) == snapshot.manifest.customers
    labels = everyone(snapshot)
    assert found.standings[0].figure > 0.8
    assert roc_auc_score(labels.values, [said[customer] for customer in labels.customers]) > 0.8
    assert np.mean(list(said.values())) == pytest.approx(labels.values.mean(), abs=0.05)
    assert isinstance(found, Evaluation)
    assert (found.labels, found.positives, found.left_out, found.foreknown) == (90, int(labels.values.sum()), 0, 0)
    told = json.loads((tmp_path / "head.json").read_text())
    assert told["evaluation"]["sentence"] == found.sentence
    assert told["spec"]["fine_tuned"] is False


@pytest.mark.usefixtures("without_live_form")
def test_labels_whose_outcome_the_model_may_have_learned_from_are_counted_and_told(
    snapshot: Snapshot, model: BehaviourModel, tmp_path: Path
) -> None:
    labels = everyone(snapshot)
    until = int(labels.as_of.max()) + 1
    found = learn_head(snapshot, model, labels, Folder(tmp_path.as_uri()), Report(), learned_until=until).evaluation
    assert found.foreknown == len(labels.customers)
    assert "may know their outcome" in found.sentence


def test_too_few_labels_are_refused_with_what_is_needed(snapshot: Snapshot, model: BehaviourModel, tmp_path: Path) -> None:
    labels = Labels([f"c{at:03d}" for at in range(15)], np.tile([0.0, 1.0], 8)[:15], np.full(15, snapshot.now))
    with pytest.raises(TooLittleData, match="too few labels"):
        learn_head(snapshot, model, labels, Folder(tmp_path.as_uri()), Report())


@pytest.mark.parametrize(
    ("kind", "figure"), [([], "area under the ROC curve of"), (["--numbers"], "root mean square error of")], ids=["yes or no", "numbers"]
)
def test_the_command_tells_how_good_the_labels_are(
    kind: list[str], figure: str, snapshot_uri: str, model: BehaviourModel, tmp_path: Path
) -> None:
    save_model(Folder((tmp_path / "model").as_uri()), model, {})
    (tmp_path / "labels.csv").write_text("customer,value\n" + "".join(f"c{at:03d},{at % 2}\n" for at in range(90)))
    given = ["--snapshot", snapshot_uri, "--model", str(tmp_path / "model"), "--labels", str(tmp_path / "labels.csv")]
    done = subprocess.run(
        [sys.executable, "-m", "kindred_worker.labels", *given, *kind, "--output", str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "90 labels used, 0 left out" in done.stdout
    assert figure in done.stdout
    assert (tmp_path / "out" / "predictions.parquet").exists()
