"""The forecast's chances, fitted once more to the newest moments whose future is known in full.

The encoder learns from all times, and so does its horizon head: what it says is true of the mean of them. Chances drift:
with the season, with what the shop does. For each horizon the moment that lies exactly that far back is the newest whose
outcome is known, so the hazards are fitted there once more, all customers at once, held to what all times say by a normal
prior: few customers move them little. The encoder stays as it is. Figures: docs/adr/0010-newest-moments.md.

A model that goes on from another one is held to what that one said as well: two fits a few weeks apart differ by chance as much as
by what people do, and every segment hangs on them. What was said drifts away as a random walk does, so it weighs the less the
longer ago it was. Figures: docs/adr/0005-stable-retraining.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from kindred_worker.companion import ENOUGH, GROUPED, SHARES, Counts, joined, opinion_of, share_of
from kindred_worker.data.features import MICROS_PER_DAY, Encoded, Int64
from kindred_worker.models.batch import batch_of, put
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.encoder import Sight
from kindred_worker.modes import mode_of
from kindred_worker.objectives.horizon import Horizon, nats, of_own_horizon, quiet_of
from kindred_worker.objectives.objective import Moments
from kindred_worker.report import Report

CUSTOMERS = 20_000  # at most: more move the fit no more, and all of them are held in memory at once
# The prior's precision, for an embedding standardised over customers: what is learned anew weighs as much as what all
# times say where about so many customers speak for it.
HELD = 900.0
# And to what the model said that is gone on from: as to the word of the customers whom it had learned from, which after so many days
# is worth one customer's, after half as many two, and so on, where it had learned from many.
DRIFT = 280_000.0
LEVEL_HELD = 25.0  # the first for how often anything comes at all, which moves with the season


@dataclass(frozen=True)
class Window:
    """The customers who were there one horizon before now."""

    embedding: Tensor  # (N, D) then
    happened: Tensor  # (N, M) 0/1, from then until now
    counts: Counts


Customers = Iterable[tuple[Encoded, Int64]]  # events and offsets, batch by batch


def some(customers: Customers) -> Customers:
    """About CUSTOMERS of them."""
    read = 0
    for events, offsets in customers:
        if read >= CUSTOMERS:
            return
        yield events, offsets
        read += len(offsets) - 1


def fit_newest(model: BehaviourModel, customers: Customers, held_out: Customers, now: int, report: Report, kept: float = 0.0) -> None:
    """Sets what the newest moments add to the hazards of the model's horizon head, and the tally's opinions; `held_out` are customers
    from whom the model did not learn, `now` in microseconds, `kept` the precision of what the head says of them so far. Nothing
    where there is no such head."""
    head = model.horizon
    if head is None:
        return
    model.eval()
    windows = _windows(model, head, customers, now, report)
    weight, bias = _fitted(head, windows, report, kept)
    counts = [w.counts for w in windows]
    opinion = opinion_of(head, counts, report, head.foreseen_by, kept)
    unseen = _windows(model, head, held_out, now, report) if opinion is not None else []
    everyone = [joined([seen, w.counts]) for seen, w in zip(counts, unseen, strict=True)] if _are_enough(unseen) else []
    of_everyone = opinion_of(head, everyone, report, head.grouped_by, kept) if everyone else None
    # From here on nothing can be cancelled, so that a model is as it was or as it should be.
    head.newest_weight.copy_(weight)
    head.newest_bias.copy_(bias)
    if opinion is None:
        return
    former = float(opinion.share) if kept and head.foreseen_by.weight.any() else None
    head.foreseen_by.copy_(opinion)
    share = _share(head, unseen, former)
    head.foreseen_by.share.fill_(share)
    head.grouped_by.copy_(head.foreseen_by)
    if of_everyone is not None and share == SHARES[-1]:
        head.grouped_by.copy_(of_everyone)
        head.grouped_by.share.fill_(GROUPED)


def kept_after(customers: int, passed: int) -> float:
    """The precision that is left, so many microseconds later, of what a model said that had learned from so many customers."""
    return 1 / (1 / max(1, min(customers, CUSTOMERS)) + max(0, passed) / MICROS_PER_DAY / DRIFT)


@torch.no_grad()
def _windows(model: BehaviourModel, head: Horizon, customers: Customers, now: int, report: Report) -> list[Window]:
    """One for each horizon, in their order."""
    back = np.array([now - round(days * MICROS_PER_DAY) for days in reversed(head.days)], dtype=np.int64)  # ascending
    embeddings: list[list[Tensor]] = [[] for _ in head.days]
    outcomes: list[list[Tensor]] = [[] for _ in head.days]
    counts: list[list[Counts]] = [[] for _ in head.days]
    for events, offsets in some(customers):
        report.check()
        first = events.time[offsets[:-1]][:, None]
        moments = Moments(events, offsets, np.maximum(back, first), now)
        targets = head.targets(moments)
        happened, amount = put(targets["happened"], model.device), put(targets["amount"], model.device)
        sight = model.read_many(model.vectors(batch_of(events, offsets, model.device)), put(moments.at, model.device))
        was_there = put(back >= first, model.device)
        for horizon in range(len(head.days)):
            moment = len(head.days) - 1 - horizon
            rows = was_there[:, moment]
            embeddings[horizon].append(sight.embedding[rows, moment].float())
            outcomes[horizon].append(happened[rows, moment, :, horizon])
            mains = (rows, moment, slice(head.mains), horizon)
            counts[horizon].append(Counts(sight.tally[rows, moment], happened[mains], amount[mains]))
    return [Window(torch.cat(e), torch.cat(o), joined(c)) for e, o, c in zip(embeddings, outcomes, counts, strict=True)]


@torch.no_grad()
def _fitted(head: Horizon, windows: list[Window], report: Report, kept: float = 0.0) -> tuple[Tensor, Tensor]:
    """What to add to the hazards' weights (M H, D) and biases (M H): the mode of the posterior; `kept`: precision of what the head
    adds so far."""
    rows = torch.cat([w.embedding for w in windows])
    shape = (len(head.events), len(head.days))
    if len(rows) == 0:
        return rows.new_zeros(shape[0] * shape[1], rows.shape[1]), rows.new_zeros(shape[0] * shape[1])
    mean, spread = rows.mean(0), rows.std(0, correction=0).clamp(min=1e-6)
    hazards, happened = head.hazards(rows), torch.cat([w.happened for w in windows])
    rows = (rows - mean) / spread
    each = [len(w.embedding) for w in windows]
    held = torch.cat([torch.full_like(rows[:1], HELD), rows.new_full((1, 1), LEVEL_HELD)], dim=1)  # of weights and bias
    so_far = torch.cat([head.newest_weight * spread, (head.newest_bias + head.newest_weight @ mean).unsqueeze(1)], dim=1)
    kept *= float(so_far[:, :-1].any())  # one from before the newest moments were looked at said nothing of them

    def missed(added: Tensor) -> Tensor:
        hazard = hazards + functional.linear(rows, added[:, :-1], added[:, -1]).unflatten(-1, shape)
        missed = nats(of_own_horizon(quiet_of(hazard), each), happened)  # (N, M)
        moved = (added - so_far)[:, :-1].square().sum()
        return (missed * head.weight.squeeze(-1)).sum() + (held * added.square()).sum() / 2 + kept * moved / 2

    added = mode_of(missed, so_far, max(each), report)
    weight = added[:, :-1] / spread
    return weight, added[:, -1] - weight @ mean


def _are_enough(held_out: list[Window]) -> bool:
    """To tell what the tally's opinion is worth."""
    return len(held_out) > 0 and min(len(w.embedding) for w in held_out) >= ENOUGH


@torch.no_grad()
def _share(head: Horizon, held_out: list[Window], former: float | None) -> float:
    """Of the tally in what is said of the main events, chosen on who was held out; none where those are few. `former`: what it was."""
    if not _are_enough(held_out):
        return 0.0
    missed: list[list[Tensor]] = []
    for share in SHARES:
        head.foreseen_by.share.fill_(share)
        missed.append([_missed(head, window, horizon) for horizon, window in enumerate(held_out)])
    return share_of(missed, former)


def _missed(head: Horizon, window: Window, horizon: int) -> Tensor:
    """(N) nats by which what is said of a window's own horizon missed each customer, over the main events."""
    quiet = head.quiet_lately(Sight(window.embedding, window.counts.tally))[:, : head.mains, horizon]
    return nats(quiet, window.happened[:, : head.mains]).sum(dim=1)
