"""Learns the encoder: `train(spec, data, checkpoint, report)`, the plain function that every caller shares.

Recipe and figures: learning.md. AdamW with one cycle; moments drawn at random from each customer's past; the future
after them is the teacher. Every random choice follows from (seed, step), so a resumed run ends in the same weights.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from time import monotonic

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from kindred_worker.checkpoints import Checkpoints
from kindred_worker.data.arrays import EventArrays
from kindred_worker.data.features import Encoded, Int64
from kindred_worker.data.order import beginning_keys, canonical_order, drawn, told_apart
from kindred_worker.data.split import Split
from kindred_worker.memory import keep_freed_memory
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.plan import Plan, resolve
from kindred_worker.models.reading import rank_me
from kindred_worker.newest import fit_newest, kept_after
from kindred_worker.objectives.geometry import geometry
from kindred_worker.optimiser import AdamW
from kindred_worker.report import Cancelled, Report
from kindred_worker.sampler import Sampler, TrainingData
from kindred_worker.season import fit_season
from kindred_worker.spec import TrainingSpec
from kindred_worker.step import Step
from kindred_worker.team import ALONE, Team

# If the spec does not say: epochs so that there are enough steps to learn from few customers, and not more than needed
# from many.
STEPS_WANTED, STEPS_AT_MOST = 400, 6_000
EPOCHS, EPOCHS_AT_MOST = 8, 40
CHECKPOINT_SECONDS = 15.0
MEASURED = 2_000_000  # events that the scales of targets are taken from
VALIDATIONS = 8  # in a run, beside the one before its first step
HELD_OUT_AT_MOST = 20_000  # customers: more say nothing new, and are read at every validation
RECALLED = 500  # held-out customers at most among whom one is to be told by their own events


@dataclass(frozen=True)
class Trained:
    model: BehaviourModel
    steps: int
    events: int  # learned from
    customers: int
    held_out: int  # customers whose halves identity recall tells apart
    split: Split
    # Of held-out customers, at the end: validation.loss, rank_me, identity_recall, alignment, uniformity.
    metrics: dict[str, float]


def train(
    spec: TrainingSpec,
    data: TrainingData,
    checkpoint: Checkpoints | None,
    report: Report,
    former: BehaviourModel | None = None,
    team: Team = ALONE,
) -> Trained:
    """The trained model in eval mode. Resumes from `checkpoint` where it holds one; raises Cancelled when told to.

    With a `former` model of these very features it goes on from its weights, gently, instead of from chance
    (docs/adr/0005-stable-retraining.md). All of a `team` do the same at the same time; what only its first one does (progress,
    checkpoints, validation) the others leave out.
    """
    torch.set_flush_denormal(True)
    keep_freed_memory()
    device = team.device
    plan = former.plan if former is not None else resolve(spec, data.features, data.arrays, data.now)
    model = _begun(spec, data, plan, former).to(device)

    split, learning, tested = _divided(spec, data)
    sampler = Sampler(spec, plan, data, device, len(learning))
    epochs = spec.continued_epochs if former is not None else _epochs(spec, len(sampler.batches(learning, 0)))
    steps = sum(len(sampler.batches(learning, epoch)) for epoch in range(epochs))
    optimiser = AdamW(model, spec.learning_rate if former is None else spec.continued_learning_rate, steps)
    resumed = team.begin(model, optimiser, checkpoint.resume(model, optimiser) if checkpoint else 0)
    if not resumed and team.leads:
        _validate(model, sampler, tested, plan, report, 0)
    step, clock = team.spread(Step(model, _is_halved(spec, device))), _Clock()

    for at, epoch, customers in sampler.schedule(learning, epochs, resumed):
        try:
            report.check()
        except Cancelled:
            if checkpoint and at > resumed:
                checkpoint.save(at, model, optimiser, report)
            raise
        if checkpoint and clock.is_checkpoint_due():
            checkpoint.save(at, model, optimiser, report)
        torch.manual_seed(_seed_of(spec.seed, at, *team.salt))  # dropout of this step
        model.train()
        batch = sampler.draw(model, team.share(customers), np.random.default_rng([spec.seed, 1, at, *team.salt]))
        losses = step(batch)
        loss = _weighted(losses, plan)
        optimiser.clear()
        loss.backward()
        optimiser.step()
        team.agree(model)
        if not team.leads:
            continue
        rate = clock.rate(batch.events * team.size)
        if (at + 1) % 10 == 0 or at + 1 == steps:
            report.progress(0.95 * (at + 1) / steps, f"epoch {epoch + 1} of {epochs}", rate, "events")
            for name, value in _told({"loss": loss, **{f"loss.{name}": value for name, value in losses.items()}}).items():
                report.metric(name, at + 1, value)
            report.metric("events_per_second", at + 1, rate)
        if (at + 1) % max(1, steps // VALIDATIONS) == 0 and at + 1 < steps:
            _validate(model, sampler, tested, plan, report, at + 1)

    metrics: dict[str, float] = {}
    if team.leads:
        _finish(model, sampler, learning, tested, report)
        metrics = _validate(model, sampler, tested, plan, report, steps)
    model.eval()
    recalled = min(RECALLED, int(sampler.is_divisible(tested).sum()))
    return Trained(model, steps, len(data.arrays.events.time), data.arrays.count, recalled, split, metrics)


def _begun(spec: TrainingSpec, data: TrainingData, plan: Plan, former: BehaviourModel | None) -> BehaviourModel:
    """Before the first step: fresh weights and scales from the data, or the former model's (the scales are the units in
    which its heads speak)."""
    model = BehaviourModel.create(data.features, plan, spec.seed)
    if former is not None:
        model.load_state_dict(former.state_dict())
        return model
    for head in model.objectives.values():
        head.measure(_some(data.arrays.events))
    return model


def _kept(data: TrainingData) -> float:
    """How firmly the newest chances are held to those of the model that is gone on from."""
    return kept_after(data.former.customers, data.now - data.former.now) if data.former is not None else 0.0


@torch.no_grad()
def loss_of(spec: TrainingSpec, data: TrainingData, model: BehaviourModel) -> float:
    """The validation loss of a model on the customers that a training on these data would hold out."""
    _, learning, tested = _divided(spec, data)
    sampler = Sampler(spec, model.plan, data, model.device, len(learning))
    return _validate(model, sampler, tested, model.plan, Report(), 0)["validation.loss"]


def _some(events: Encoded) -> Encoded:
    """Every nth event, MEASURED or fewer of them, without their items: enough for scales."""
    step = -(-len(events.time) // MEASURED)
    return replace(events, name=events.name[::step], value=events.value[::step]) if step > 1 else events


class _Clock:
    """Wall time decides only when checkpoints are made and what the rate is, never what is learned."""

    def __init__(self) -> None:
        self._began = self._saved = monotonic()
        self._events = 0

    def is_checkpoint_due(self) -> bool:
        if monotonic() - self._saved <= CHECKPOINT_SECONDS:
            return False
        self._saved = monotonic()
        return True

    def rate(self, events: int) -> float:
        """Events a second so far, with these."""
        self._events += events
        return self._events / max(monotonic() - self._began, 1e-9)


def _is_halved(spec: TrainingSpec, device: torch.device) -> bool:
    """Whether products of matrices are computed in bfloat16: as asked, else on a GPU that can."""
    return spec.precision == "bfloat16" if spec.precision else device.type == "cuda" and torch.cuda.is_bf16_supported()


def _told(values: dict[str, Tensor]) -> dict[str, float]:
    """Read by the host at once: a GPU is waited for a single time."""
    return dict(zip(values, torch.stack([value.detach() for value in values.values()]).tolist(), strict=True))


def _weighted(losses: dict[str, Tensor], plan: Plan) -> Tensor:
    return torch.stack([plan.objectives[name] * value for name, value in losses.items()]).sum()


def _seed_of(seed: int, step: int, *salt: int) -> int:
    return int(np.random.SeedSequence([seed, 2, step, *salt]).generate_state(1)[0])


def _divided(spec: TrainingSpec, data: TrainingData) -> tuple[Split, Int64, Int64]:
    """Customers to learn from and customers to test on (held out, unless they are few), of the sampled share.

    Who is held out hangs on a customer's first event and not on an id, which is new with each import: so another import
    learns the same, and a model that continues a former one is tested on customers whom neither has learned from,
    whatever seed this training has.
    """
    customers = canonical_order(data.arrays)
    share = min(spec.held_out * spec.sample_fraction, HELD_OUT_AT_MOST / max(1, len(customers)))
    begun = data.former.split if data.former is not None else Split(spec.seed, share)
    split = Split(begun.seed, min(share, begun.share))
    drawn_at = drawn(told_apart(beginning_keys(data.arrays)[customers]), split.seed, 0)
    sampled = drawn_at <= max(spec.sample_fraction, drawn_at.min(initial=1.0))
    held = sampled & (drawn_at < split.share) & (sampled.sum() >= 20)
    learning = customers[sampled & ~held]
    return split, learning, customers[held] if held.any() else learning


def never_learned_from(split: Split, arrays: EventArrays) -> npt.NDArray[np.bool_]:
    """(N) customers whom that split holds out."""
    customers = canonical_order(arrays)
    held = np.zeros(arrays.count, bool)
    held[customers] = drawn(told_apart(beginning_keys(arrays)[customers]), split.seed, 0) < split.share
    return held


def _epochs(spec: TrainingSpec, steps_per_epoch: int) -> int:
    if spec.epochs:
        return spec.epochs
    wanted = max(EPOCHS, math.ceil(STEPS_WANTED / steps_per_epoch))
    return max(1, min(wanted, EPOCHS_AT_MOST, STEPS_AT_MOST // steps_per_epoch or 1))


@torch.no_grad()
def _validate(model: BehaviourModel, sampler: Sampler, customers: Int64, plan: Plan, report: Report, step: int) -> dict[str, float]:
    """Of customers never trained on, at moments that stay the same: the loss, RankMe of their embeddings, and how the
    embeddings of their earlier and later half lie. Step 0 is the untrained encoder."""
    model.eval()
    forward, total, weight, read, halves = Step(model), 0.0, 0, [], []
    for at, chosen in enumerate(sampler.batches(customers, 0)):
        report.check()
        also = ("moments", "halves") if len(read) < 50 else ()
        batch = sampler.draw(model, chosen, np.random.default_rng([sampler.spec.seed, 4, at]), also)
        embeddings = forward.embeddings(batch)
        total += float(_weighted(model.losses(embeddings, batch.targets), plan)) * len(chosen)
        weight += len(chosen)
        if also:
            read.append(embeddings["moments"][:, -1].cpu().numpy())
            halves.append(embeddings["halves"].cpu().numpy().reshape(len(chosen), 2, -1)[sampler.is_divisible(chosen)])
    metrics = {"validation.loss": total / weight, "rank_me": rank_me(np.concatenate(read))}
    paired = np.concatenate(halves)[:RECALLED]
    if len(paired) > 1:
        found = geometry(paired[:, 0], paired[:, 1])
        metrics |= {"identity_recall": found.identity_recall, "alignment": found.alignment, "uniformity": found.uniformity}
    for name, value in metrics.items():
        report.metric(name, step, value)
    return metrics


def _finish(model: BehaviourModel, sampler: Sampler, learning: Int64, tested: Int64, report: Report) -> None:
    """What is fitted once the encoder is learned."""
    data = sampler.data
    report.progress(0.95, "fitting amounts")
    _smear(model, sampler, learning, report)
    report.progress(0.96, "fitting the newest moments")
    fit_newest(model, sampler.whole(learning), sampler.whole(tested), data.now, report, _kept(data))
    report.progress(0.97, "fitting the season")
    fit_season(model, sampler.whole(learning), data.now, report)


@torch.no_grad()
def _smear(model: BehaviourModel, sampler: Sampler, customers: Int64, report: Report) -> None:
    """Amounts are learned as logs; this finds the factor from there to a mean in their own units."""
    head = model.horizon
    if head is None:
        return
    model.eval()
    forward = Step(model)
    sums = torch.zeros(2, *head.smear.shape, device=sampler.device)
    for at, chosen in enumerate(sampler.batches(customers, 0)[:100]):
        report.check()
        batch = sampler.draw(model, chosen, np.random.default_rng([sampler.spec.seed, 5, at]))
        sums += head.smear_of(forward.embeddings(batch)["moments"], batch.targets["horizon"])
    ratio = (sums[0] + 1e-6) / (sums[1] + 1e-6)
    head.smear.copy_(ratio.clamp(0.1, 10.0))
