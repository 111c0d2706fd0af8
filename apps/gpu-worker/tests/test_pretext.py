"""Pretext tasks that shape the embedding without foreseeing, each loss against a slow loop written from its paper."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from kindred_worker.data.arrays import EventArrays
from kindred_worker.data.features import FeatureSpec
from kindred_worker.data.snapshot import Snapshot
from kindred_worker.models.plan import event_codes, resolve
from kindred_worker.objectives import OBJECTIVES, Moments, Objective
from kindred_worker.objectives.barlow_twins import barlow_twins
from kindred_worker.objectives.contrastive import HARD, MARGIN
from kindred_worker.objectives.geometry import geometry
from kindred_worker.objectives.masked_event import MaskedEvent
from kindred_worker.objectives.objective import as_tensors
from kindred_worker.objectives.order import Order
from kindred_worker.objectives.vicreg import vicreg
from kindred_worker.report import Report
from kindred_worker.spec import TrainingSpec
from kindred_worker.train import TrainingData, train

WIDTH = 8


@pytest.fixture(scope="module")
def made(snapshot: Snapshot, features: FeatureSpec, arrays: EventArrays) -> dict[str, Objective]:
    plan = resolve(TrainingSpec(width=WIDTH), features, arrays, snapshot.now)
    torch.manual_seed(0)
    return {name: create(features, plan) for name, create in OBJECTIVES.items()}


def drawn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


def of_slices(head: Objective, customers: list[int], arrays: EventArrays) -> dict[str, Tensor]:
    told = {"customer": np.array(customers)[:, None]}
    moments = Moments(arrays.events, arrays.offsets, np.zeros((len(customers), 1), np.int64), 0, told)
    return as_tensors(head.targets(moments), torch.device("cpu"))


def test_contrastive_loss_draws_slices_together_and_pushes_the_hardest_others_away(made: dict[str, Objective], arrays: EventArrays) -> None:
    customers = [0, 0, 0, 0, 1, 1, 1, 1, -1, -1, -1, -1, 3, 3, 3, 3]
    embedding = drawn(16, 1, WIDTH) + 1.5  # near each other, so that margins are felt
    loss = float(made["contrastive"].loss(embedding, of_slices(made["contrastive"], customers, arrays)))
    points = [(row / np.linalg.norm(row)) for row in embedding[:, 0].numpy()]
    terms: list[float] = []
    mine = [i for i in range(16) if customers[i] >= 0]
    for i in mine:
        terms += [0.5 * float(np.sum((points[i] - points[j]) ** 2)) for j in mine if j > i and customers[j] == customers[i]]
        others = sorted(float(np.linalg.norm(points[i] - points[j])) for j in mine if customers[j] != customers[i])
        terms += [0.5 * max(0.0, MARGIN - d) ** 2 for d in others[:HARD]]
    assert loss == pytest.approx(sum(terms) / len(terms), rel=1e-4)


def test_vicreg_is_invariance_variance_and_covariance() -> None:
    a, b = drawn(2, 12, 5)
    n, d = a.shape
    invariance = sum(float(a[i, j] - b[i, j]) ** 2 for i in range(n) for j in range(d)) / (n * d)
    variance = covariance = 0.0
    for z in (a.numpy().astype(float), b.numpy().astype(float)):
        mean = [sum(z[i][j] for i in range(n)) / n for j in range(d)]
        c = [[sum((z[k][i] - mean[i]) * (z[k][j] - mean[j]) for k in range(n)) / (n - 1) for j in range(d)] for i in range(d)]
        variance += sum(max(0.0, 1 - math.sqrt(c[j][j] + 1e-4)) for j in range(d)) / d / 2
        covariance += sum(c[i][j] ** 2 for i in range(d) for j in range(d) if i != j) / d
    expected = (25 * invariance + 25 * variance + 1 * covariance) / 25  # the paper's coefficients
    assert float(vicreg(a, b)) == pytest.approx(expected, rel=1e-4)


def test_barlow_twins_wants_the_identity_as_correlation() -> None:
    a, b = drawn(2, 12, 5)
    n, d = a.shape
    x, y = ([[float((z[i, j] - z[:, j].mean()) / z[:, j].std(correction=0)) for j in range(d)] for i in range(n)] for z in (a, b))
    loss = 0.0
    for i in range(d):
        for j in range(d):
            c = sum(x[k][i] * y[k][j] for k in range(n)) / n
            loss += (1 - c) ** 2 if i == j else 0.005 * c**2
    assert float(barlow_twins(a, b)) == pytest.approx(loss / d, rel=1e-3)


@pytest.mark.parametrize("name", ["vicreg", "barlow_twins"])
def test_two_slices_of_each_known_customer_are_compared(made: dict[str, Objective], name: str, arrays: EventArrays) -> None:
    head = made[name].eval()
    customers = [0] * 4 + [-1] * 4 + [2] * 4
    embedding = drawn(12, 1, WIDTH)
    a = [r for r in range(0, 12, 2) if customers[r] >= 0]
    expanded = head.get_submodule("expander")(embedding[:, 0])
    said = {"vicreg": vicreg, "barlow_twins": barlow_twins}[name](expanded[a], expanded[[r + 1 for r in a]])
    torch.testing.assert_close(head.loss(embedding, of_slices(head, customers, arrays)), said)


def test_order_loss_is_the_cross_entropy_of_genuine_runs(made: dict[str, Objective]) -> None:
    head = made["order"]
    assert isinstance(head, Order)
    embedding = drawn(6, 1, WIDTH)
    genuine, known = [1, 0, 1, 0, 1, 0], [1, 1, 0, 0, 1, 1]
    told = {"genuine": torch.tensor(genuine).float().unsqueeze(1), "known": torch.tensor(known).float().unsqueeze(1)}
    total = 0.0
    for at in range(6):
        p = 1 / (1 + math.exp(-float(head.head(embedding[at, 0]).detach())))
        total -= known[at] * math.log(p if genuine[at] else 1 - p)
    assert float(head.loss(embedding, told).detach()) == pytest.approx(total / sum(known), rel=1e-5)


def test_masked_event_loss_is_that_of_a_loop(made: dict[str, Objective], features: FeatureSpec, arrays: EventArrays) -> None:
    head = made["masked_event"]
    assert isinstance(head, MaskedEvent)
    head.measure(arrays.events)
    codes = event_codes(features).tolist()
    names, values = np.array([[codes[0], 999], [codes[1], codes[0]]]), np.array([[20.0, 0.0], [0.0, 5.0]], np.float32)
    known, days = np.array([[1, 1], [1, 0]], np.float32), np.array([[0.5, 3.0], [0.0, 9.0]], np.float32)
    told = {"days": days, "name": names, "value": values, "known": known}
    targets = head.targets(Moments(arrays.events, arrays.offsets, np.zeros((2, 2), np.int64), 0, told))
    embedding = drawn(2, 2, WIDTH)
    kind, amount, asked, amounts = 0.0, 0.0, 0, 0
    for b, r in np.ndindex(2, 2):
        if not known[b, r]:
            continue
        with torch.no_grad():
            logits, said = head.said(embedding[b, r], torch.tensor(days[b, r]))
        p = torch.softmax(logits, -1)
        kind -= math.log(float(p[codes.index(names[b, r]) if names[b, r] in codes else len(codes)]))
        asked += 1
        if values[b, r]:
            error = abs(float(said) - (math.log1p(values[b, r]) - float(head.center)) / float(head.spread))
            amount += 0.5 * error**2 if error < 1 else error - 0.5
            amounts += 1
    loss = head.loss(embedding, {k: torch.from_numpy(v) for k, v in targets.items()})
    assert float(loss.detach()) == pytest.approx(kind / asked + 0.5 * amount / amounts, rel=1e-5)


@pytest.mark.parametrize("name", ["contrastive", "vicreg", "barlow_twins"])
def test_customers_too_short_for_slices_teach_nothing(made: dict[str, Objective], name: str, arrays: EventArrays) -> None:
    embedding = drawn(4, 1, WIDTH).requires_grad_()
    loss = made[name].loss(embedding, of_slices(made[name], [-1] * 4, arrays))
    loss.backward()
    assert float(loss.detach()) == 0
    assert embedding.grad is None or not embedding.grad.any()


@pytest.mark.parametrize("name", ["masked_event", "contrastive", "order", "vicreg", "barlow_twins"])
def test_every_task_can_be_mixed_with_the_horizon_and_learned_alone(
    name: str, snapshot: Snapshot, features: FeatureSpec, arrays: EventArrays
) -> None:
    data = TrainingData(features, arrays, snapshot.now)

    for objectives in ({name: 1.0}, {"horizon": 1.0, name: 0.1}):
        said: dict[str, list[float]] = {}

        class Keeping(Report):
            def metric(self, name: str, step: int, value: float) -> None:
                said.setdefault(name, []).append(value)  # noqa: B023 - of this very run

        trained = train(TrainingSpec(width=16, epochs=8, batch_size=16, learning_rate=0.01, objectives=objectives), data, None, Keeping())
        assert list(trained.model.objectives) == list(objectives)
        assert all(math.isfinite(value) for values in said.values() for value in values)
        assert said["validation.loss"][-1] < said["validation.loss"][0]


def test_geometry_is_what_loops_over_pairs_find() -> None:
    a, b = drawn(2, 9, 4).numpy()
    b = a + 0.7 * b
    found = geometry(a, b)
    rows = [r / np.linalg.norm(r) for r in np.concatenate([a, b])]
    nearest = [min((j for j in range(18) if j != i), key=lambda j, i=i: float(np.sum((rows[i] - rows[j]) ** 2))) for i in range(18)]
    assert found.identity_recall == sum(nearest[i] == (i + 9) % 18 for i in range(18)) / 18
    assert 0 < found.identity_recall < 1
    assert found.alignment == pytest.approx(sum(float(np.sum((rows[i] - rows[i + 9]) ** 2)) for i in range(9)) / 9, rel=1e-5)
    potentials = [math.exp(-2 * float(np.sum((rows[i] - rows[j]) ** 2))) for i in range(18) for j in range(i)]
    assert found.uniformity == pytest.approx(math.log(sum(potentials) / len(potentials)), rel=1e-5)
