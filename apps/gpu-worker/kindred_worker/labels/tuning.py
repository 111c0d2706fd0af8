"""A copy of the encoder, trained on by the labels: gently, from the model's weights, until held-out labels are foreseen no better.

A fifth of the customers is held out. The copy starts as the model, the head as what is found on the frozen
encoder: so pass 0 is the frozen head, and where no pass foresees the held-out labels better than that, nothing is tuned. Batch
normalisation keeps the statistics of everybody, whom a few labelled customers are not; heads of pretext tasks stay as they are.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from kindred_worker.data.arrays import EventArrays
from kindred_worker.labels.head import Head, Inputs, Scales, fit_head
from kindred_worker.labels.head_inputs import HeadInputs
from kindred_worker.labels.spec import HeadSpec
from kindred_worker.labels.task import Task
from kindred_worker.models.batch import batch_of, choose
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.reading import pieces
from kindred_worker.optimiser import AdamW
from kindred_worker.report import InvalidInput, Report

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

BATCH = 64  # labels a step
READ_CUSTOMERS, READ_EVENTS = 512, 16_384  # read at a time without gradients
STEPS_WANTED, EPOCHS = 400, (8, 40)  # of the optimiser, if the spec does not say; passes within bounds
PATIENCE = 3  # it ends after this part of its passes without a better one: the rate rises first and unsettles what it finds
HELD_OUT = 5  # one part in so many


@dataclass(frozen=True)
class Examples:
    """N labels with the events of their customers: row i of `arrays` is the customer of label i."""

    arrays: EventArrays
    as_of: Int64  # (N) microseconds; nothing at or after it is read
    targets: Float64  # (N)
    group: Int64  # (N) number of the customer

    def at(self, rows: Int64) -> Labelled:
        return Labelled(self, rows)


@dataclass(frozen=True)
class Labelled:
    """Some of the examples."""

    examples: Examples
    rows: Int64  # (M)

    @property
    def targets(self) -> Float64:
        return self.examples.targets[self.rows]

    @property
    def group(self) -> Int64:
        return self.examples.group[self.rows]

    @property
    def lengths(self) -> Int64:
        """(M) events of each."""
        return np.diff(self.examples.arrays.offsets)[self.rows]

    def some(self, rows: Int64) -> Labelled:
        return Labelled(self.examples, self.rows[rows])


@dataclass(frozen=True)
class Tuned:
    model: BehaviourModel  # in eval mode; the given one where tuning did not help
    head: Head
    epochs: int  # passes after which held-out labels were foreseen best; 0: tuning did not help


class _Tuning(nn.Module):
    """The copy with its head."""

    def __init__(self, model: BehaviourModel, scales: Scales, start: Head) -> None:
        super().__init__()
        self.behaviour = copy.deepcopy(model)
        for name, parameter in self.behaviour.named_parameters():
            parameter.requires_grad_(name.startswith(("embedder.", "encoder.")) and parameter.is_floating_point())
        self.output = nn.Linear(len(start.weights), 1).to(model.device)
        with torch.no_grad():
            self.output.weight.copy_(torch.from_numpy(start.weights)[None])
            self.output.bias.fill_(start.bias)
        self.shrinkage = start.shrinkage
        self.inputs = HeadInputs(model.columns, scales, start.shrinkage).to(model.device)

    def begin_step(self) -> None:
        """Dropout works, and running statistics stay as they are."""
        self.train()
        for module in self.modules():
            if isinstance(module, nn.BatchNorm1d):
                module.eval()

    def forward(self, labelled: Labelled) -> Tensor:
        """(M) scores."""
        events, offsets = choose(labelled.examples.arrays, labelled.rows, labelled.examples.arrays.item_offsets)
        model = self.behaviour
        before = torch.from_numpy(labelled.examples.as_of[labelled.rows] - 1).unsqueeze(1).to(model.device)
        sight = model.read_many(model.vectors(batch_of(events, offsets, model.device)), before)[:, 0]
        return self.output(self.inputs(sight.embedding, model.forecast(sight)))[:, 0]

    def head(self) -> Head:
        weights = self.output.weight.detach().cpu().numpy()[0].astype(np.float64)
        return Head(self.shrinkage, weights, float(self.output.bias.detach()[0]))


def tune(task: Task, spec: HeadSpec, model: BehaviourModel, scales: Scales, labelled: Labelled, inputs: Inputs, report: Report) -> Tuned:
    """From M labels; `inputs` are theirs by the model as it is."""
    fit, held = task.folds(labelled.targets, labelled.group, HELD_OUT, spec.seed)[0]
    start = fit_head(task, inputs.at(fit), labelled.targets[fit], labelled.group[fit], spec.seed, report.check)
    tuning = _Tuning(model, scales, start)
    if not any(p.requires_grad for p in tuning.behaviour.parameters()):
        raise InvalidInput("this model's encoder has no weights to tune; learn the head on the frozen encoder")
    learning, tested = labelled.some(fit), labelled.some(held)
    batches = -(-len(fit) // BATCH)
    passes = spec.epochs or int(np.clip(-(-STEPS_WANTED // batches), *EPOCHS))
    optimiser = AdamW(tuning, spec.learning_rate, passes * batches)
    best, kept, epochs = _loss(task, tuning, tested, report), copy.deepcopy(tuning.state_dict()), 0
    for epoch in range(passes):
        if epoch - epochs >= max(3, -(-passes // PATIENCE)):
            break
        _pass(task, tuning, optimiser, learning, spec.seed, epoch, report)
        loss = _loss(task, tuning, tested, report)
        report.metric("head.validation.loss", epoch + 1, loss)
        report.progress((epoch + 1) / passes, f"tuning the encoder, pass {epoch + 1} of at most {passes}")
        if loss < best:
            best, kept, epochs = loss, copy.deepcopy(tuning.state_dict()), epoch + 1
    if epochs == 0:
        return Tuned(model, fit_head(task, inputs, labelled.targets, labelled.group, spec.seed, report.check), 0)
    tuning.load_state_dict(kept)
    tuning.behaviour.requires_grad_(False)
    return Tuned(tuning.behaviour.eval(), tuning.head(), epochs)


def scores(tuned: Tuned, scales: Scales, labelled: Labelled, report: Report) -> Float64:
    """(M) by the tuned encoder and its head."""
    return _read(_Tuning(tuned.model, scales, tuned.head), labelled, report)


def _pass(task: Task, tuning: _Tuning, optimiser: AdamW, labelled: Labelled, seed: int, epoch: int, report: Report) -> None:
    """One pass over the labels; its order and dropout follow from (seed, epoch, step)."""
    order = np.random.default_rng([seed, 1, epoch]).permutation(len(labelled.rows))
    for step in range(0, len(order), BATCH):
        report.check()
        torch.manual_seed(int(np.random.SeedSequence([seed, 2, epoch, step]).generate_state(1)[0]))
        tuning.begin_step()
        batch = labelled.some(order[step : step + BATCH])
        truth = torch.from_numpy(batch.targets.astype(np.float32)).to(tuning.output.weight.device)
        optimiser.clear()
        task.descended(tuning(batch), truth).backward()
        optimiser.step()


def _loss(task: Task, tuning: _Tuning, labelled: Labelled, report: Report) -> float:
    said = torch.from_numpy(task.bounded(_read(tuning, labelled, report)))
    return float(task.loss(said, torch.from_numpy(labelled.targets)))


@torch.inference_mode()
def _read(tuning: _Tuning, labelled: Labelled, report: Report) -> Float64:
    tuning.eval()
    parts: list[Float64] = [np.zeros(0)]
    for piece in pieces(labelled.lengths, READ_CUSTOMERS, READ_EVENTS):
        report.check()
        parts.append(tuning(labelled.some(piece)).double().cpu().numpy())
    return np.concatenate(parts)
