"""Learns the encoder: `train(spec, data, checkpoint, report)`, the plain function that every caller shares.

Recipe and figures: learning.md. AdamW with one cycle; moments drawn at random from each customer's past; the future
after them is the teacher. Every random choice follows from (seed, step), so a resumed run ends in the same weights.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from time import monotonic

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from kindred_worker.checkpoints import Checkpoints
from kindred_worker.data.arrays import EventArrays
from kindred_worker.data.features import MICROS_PER_DAY, Encoded, FeatureSpec, Int64
from kindred_worker.data.order import beginning_keys, canonical_order, drawn, told_apart
from kindred_worker.data.split import Split
from kindred_worker.memory import keep_freed_memory
from kindred_worker.models.batch import batch_of, choose, put
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.plan import Plan, resolve
from kindred_worker.models.reading import rank_me
from kindred_worker.objectives import Moments
from kindred_worker.objectives.geometry import geometry
from kindred_worker.objectives.objective import as_tensors
from kindred_worker.objectives.views import ENOUGH, VIEWS
from kindred_worker.optimiser import AdamW
from kindred_worker.report import Cancelled, Report
from kindred_worker.spec import TrainingSpec

EVENTS_PER_STEP = 20_000  # bounds memory where customers are long
# If the spec does not say: customers per step so that an epoch has about STEPS_PER_EPOCH steps, within bounds; and
# epochs so that there are enough steps to learn from few customers, and not more than needed from many.
BATCH_SIZES, STEPS_PER_EPOCH = (32, 128), 40
STEPS_WANTED, STEPS_AT_MOST = 400, 6_000
EPOCHS, EPOCHS_AT_MOST = 8, 40
CHECKPOINT_SECONDS = 15.0
MEASURED = 2_000_000  # events that the scales of targets are taken from
VALIDATIONS = 8  # in a run, beside the one before its first step
HELD_OUT_AT_MOST = 20_000  # customers: more say nothing new, and are read at every validation
RECALLED = 500  # held-out customers at most among whom one is to be told by their own events


@dataclass(frozen=True)
class TrainingData:
    features: FeatureSpec
    arrays: EventArrays
    now: int  # microseconds; nothing later is known
    # Whom the model that is gone on from has never learned from; none: the spec decides.
    split: Split | None = None


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
    spec: TrainingSpec, data: TrainingData, checkpoint: Checkpoints | None, report: Report, former: BehaviourModel | None = None
) -> Trained:
    """The trained model in eval mode. Resumes from `checkpoint` where it holds one; raises Cancelled when told to.

    With a `former` model of these very features it goes on from its weights, gently, instead of from chance
    (docs/adr/0005-stable-retraining.md).
    """
    torch.set_flush_denormal(True)
    keep_freed_memory()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    plan = former.plan if former is not None else resolve(spec, data.features, data.arrays, data.now)
    model = _begun(spec, data, plan, former).to(device)

    split, learning, tested = _divided(spec, data)
    sampler = _Sampler(spec, plan, data, device, len(learning))
    epochs = spec.continued_epochs if former is not None else _epochs(spec, len(sampler.batches(learning, 0)))
    steps = sum(len(sampler.batches(learning, epoch)) for epoch in range(epochs))
    optimiser = AdamW(model, spec.learning_rate if former is None else spec.continued_learning_rate, steps)
    resumed = checkpoint.resume(model, optimiser) if checkpoint else 0
    if not resumed:
        _validate(model, sampler, tested, plan, report, 0)
    clock = _Clock()

    for at, epoch, customers in sampler.schedule(learning, epochs, resumed):
        try:
            report.check()
        except Cancelled:
            if checkpoint and at > resumed:
                checkpoint.save(at, model, optimiser, report)
            raise
        if checkpoint and clock.is_checkpoint_due():
            checkpoint.save(at, model, optimiser, report)
        torch.manual_seed(_seed_of(spec.seed, at))  # dropout of this step
        model.train()
        embeddings, targets, events = sampler.read(model, customers, np.random.default_rng([spec.seed, 1, at]))
        losses = model.losses(embeddings, targets)
        loss = _weighted(losses, plan)
        optimiser.clear()
        loss.backward()
        optimiser.step()
        rate = clock.rate(events)
        if (at + 1) % 10 == 0 or at + 1 == steps:
            report.progress(0.95 * (at + 1) / steps, f"epoch {epoch + 1} of {epochs}", rate, "events")
            for name, value in {"": loss, **losses}.items():
                report.metric(f"loss.{name}" if name else "loss", at + 1, float(value.detach()))
            report.metric("events_per_second", at + 1, rate)
        if (at + 1) % max(1, steps // VALIDATIONS) == 0 and at + 1 < steps:
            _validate(model, sampler, tested, plan, report, at + 1)

    _smear(model, sampler, learning, report)
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


@torch.no_grad()
def loss_of(spec: TrainingSpec, data: TrainingData, model: BehaviourModel) -> float:
    """The validation loss of a model on the customers that a training on these data would hold out."""
    _, learning, tested = _divided(spec, data)
    sampler = _Sampler(spec, model.plan, data, model.device, len(learning))
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


def _weighted(losses: dict[str, Tensor], plan: Plan) -> Tensor:
    return torch.stack([plan.objectives[name] * value for name, value in losses.items()]).sum()


def _seed_of(seed: int, step: int) -> int:
    return int(np.random.SeedSequence([seed, 2, step]).generate_state(1)[0])


def _divided(spec: TrainingSpec, data: TrainingData) -> tuple[Split, Int64, Int64]:
    """Customers to learn from and customers to test on (held out, unless they are few), of the sampled share.

    Who is held out hangs on a customer's first event and not on an id, which is new with each import: so another import
    learns the same, and a model that continues a former one is tested on customers whom neither has learned from,
    whatever seed this training has.
    """
    customers = canonical_order(data.arrays)
    share = min(spec.held_out * spec.sample_fraction, HELD_OUT_AT_MOST / max(1, len(customers)))
    split = Split(spec.seed, share) if data.split is None else Split(data.split.seed, min(share, data.split.share))
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


class _Sampler:
    """Batches of customers, and moments of their past with what came after."""

    def __init__(self, spec: TrainingSpec, plan: Plan, data: TrainingData, device: torch.device, learning: int) -> None:
        self.spec, self.data, self.device = spec, data, device
        self.batch_size = spec.batch_size or int(np.clip(learning // STEPS_PER_EPOCH, *BATCH_SIZES))
        self.lengths = np.diff(data.arrays.offsets)
        self.item_offsets = data.arrays.item_offsets
        self.shortest = round(plan.horizon_days[0] * MICROS_PER_DAY)

    def batches(self, customers: Int64, epoch: int) -> list[Int64]:
        """Shuffled; a batch ends at `batch_size` customers or `EVENTS_PER_STEP` events."""
        order = customers[np.random.default_rng([self.spec.seed, 3, epoch]).permutation(len(customers))]
        within = np.cumsum(self.lengths[order])
        cuts, begin = [0], 0
        while begin < len(order):
            base = within[begin - 1] if begin else 0
            full = int(np.searchsorted(within, base + EVENTS_PER_STEP, side="right"))
            begin = min(begin + self.batch_size, max(full, begin + 1))
            cuts.append(min(begin, len(order)))
        return [order[a:b] for a, b in itertools.pairwise(cuts)]

    def is_divisible(self, customers: Int64) -> npt.NDArray[np.bool_]:
        """Which of these customers have events enough for two halves."""
        return self.lengths[customers] >= ENOUGH

    def schedule(self, customers: Int64, epochs: int, begin: int) -> Iterator[tuple[int, int, Int64]]:
        """(step, epoch, customers of the batch), from step `begin` on."""
        at = 0
        for epoch in range(epochs):
            for batch in self.batches(customers, epoch):
                if at >= begin:
                    yield at, epoch, batch
                at += 1

    def read(
        self, model: BehaviourModel, customers: Int64, random: np.random.Generator, also: Sequence[str] = ()
    ) -> tuple[dict[str, Tensor], dict[str, dict[str, Tensor]], int]:
        """Embeddings (V, R, D) of each view that the pretext tasks ask for, or `also`; each task's targets; the events read."""
        events, offsets = choose(self.data.arrays, customers, self.item_offsets)
        moments = Moments(events, offsets, self._times(events.time, offsets, random), self.data.now)
        wanted = dict.fromkeys([*also, *(head.view for head in model.objectives.values())])
        views = {name: VIEWS[name](moments, random) for name in wanted}
        targets = {name: as_tensors(head.targets(views[head.view]), self.device) for name, head in model.objectives.items()}
        embeddings = {name: self._embed(model, view, name != "moments" and "moments" in views) for name, view in views.items()}
        return embeddings, targets, sum(len(view.events.time) for view in views.values())

    def _embed(self, model: BehaviourModel, view: Moments, aside: bool) -> Tensor:
        """`aside`: whole customers are read as well, and the encoder's running statistics are to be theirs alone."""
        with _statistics_kept(model.encoder if aside else None):
            vectors = model.vectors(batch_of(view.events, view.offsets, self.device))
            return model.encoder.read_many(vectors, put(view.at, self.device))

    def _times(self, time: Int64, offsets: Int64, random: np.random.Generator) -> Int64:
        """(B, R) ascending: a third right at an event, the others anywhere between the first event and now."""
        count, lengths, now = len(offsets) - 1, np.diff(offsets), self.data.now
        at_events = max(1, self.spec.reads // 3)
        picks = (random.random((count, at_events)) * lengths[:, None]).astype(np.int64)
        first = time[offsets[:-1]][:, None]
        end = np.where(now - self.shortest > first, now - self.shortest, np.maximum(now, first))
        anywhere = first + (random.random((count, self.spec.reads - at_events)) * (end - first)).astype(np.int64)
        return np.sort(np.concatenate([time[offsets[:-1][:, None] + picks], anywhere], axis=1), axis=1)


@contextmanager
def _statistics_kept(module: nn.Module | None) -> Generator[None]:
    """Within, batch normalisation leaves its running statistics as they are."""
    layers = [m for m in module.modules() if isinstance(m, nn.BatchNorm1d)] if module is not None else []
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.momentum = 0.0
    try:
        yield
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum


@torch.no_grad()
def _validate(model: BehaviourModel, sampler: _Sampler, customers: Int64, plan: Plan, report: Report, step: int) -> dict[str, float]:
    """Of customers never trained on, at moments that stay the same: the loss, RankMe of their embeddings, and how the
    embeddings of their earlier and later half lie. Step 0 is the untrained encoder."""
    model.eval()
    total, weight, read, halves = 0.0, 0, [], []
    for at, chosen in enumerate(sampler.batches(customers, 0)):
        report.check()
        also = ("moments", "halves") if len(read) < 50 else ()
        embeddings, targets, _ = sampler.read(model, chosen, np.random.default_rng([sampler.spec.seed, 4, at]), also)
        total += float(_weighted(model.losses(embeddings, targets), plan)) * len(chosen)
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


@torch.no_grad()
def _smear(model: BehaviourModel, sampler: _Sampler, customers: Int64, report: Report) -> None:
    """Amounts are learned as logs; this finds the factor from there to a mean in their own units."""
    head = model.horizon
    if head is None:
        return
    model.eval()
    sums = torch.zeros(2, *head.smear.shape, device=sampler.device)
    for at, chosen in enumerate(sampler.batches(customers, 0)[:100]):
        report.check()
        embeddings, targets, _ = sampler.read(model, chosen, np.random.default_rng([sampler.spec.seed, 5, at]))
        sums += head.smear_of(embeddings["moments"], targets["horizon"])
    ratio = (sums[0] + 1e-6) / (sums[1] + 1e-6)
    head.smear.copy_(ratio.clamp(0.1, 10.0))
