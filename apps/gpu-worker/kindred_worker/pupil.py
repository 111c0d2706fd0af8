"""Teaches the pupil (models/pupil.py), by whom segments are drawn: what two trainings say alike, without what chance says.

A network's chance is mostly not a function of the tally, and what it knows mostly is. So after a training its log odds of the main
events, and its amounts, as it says them lately, are said once more from the tally: now and where the newest chances were fitted
(newest.py), for customers whom it learned from. No outcome is asked for. Where the pupil says nearly all that the network says of
customers held out, segments are drawn from what it says, in the mean with the tally's own opinion (companion.py); what is said to
people of what will come stays the network's. Where it cannot, or where few are held out, segments are drawn from the network as well.
Figures: docs/adr/0016-a-pupil-for-segments.md.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from kindred_worker.companion import ENOUGH
from kindred_worker.data.features import MICROS_PER_DAY
from kindred_worker.models.batch import batch_of, put
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.newest import Customers, some
from kindred_worker.objectives.horizon import Horizon
from kindred_worker.report import Report

HELD = 1000.0  # the prior's precision: what is learned weighs as much as "it is alike for everyone" where so many readings speak for it
# Of the variance of the network's log odds, above which it speaks; where at each moment ENOUGH customers were held out on the mean, as for
# the tally's own opinion.
FAITHFUL = 0.95


@torch.no_grad()
def teach(model: BehaviourModel, customers: Customers, held_out: Customers, now: int, report: Report) -> float | None:
    """Sets the pupil of the model's horizon head; arguments as for fit_newest, which comes before. Gives what share of the variance of
    the network's log odds it says; nothing where there is no pupil, or nobody to learn from."""
    head = model.horizon
    if head is None or head.pupil is None:
        return None
    model.eval()
    tally, said = _read(model, head, customers, now, report)
    unseen, theirs = _read(model, head, held_out, now, report)
    if not len(tally) or not len(unseen):
        return None
    head.pupil.learn(tally, said, HELD)
    each = fidelity(head.pupil(unseen), theirs)
    found = float(each[: len(each) // 2].mean())
    head.pupil.speaks.fill_(found >= FAITHFUL and len(unseen) >= ENOUGH * (1 + len(head.days)))
    return found


def fidelity(said: Tensor, network: Tensor) -> Tensor:
    """(N, O) both -> (O) share of the variance of what the network says that is said as well."""
    missed, spread = (network - said).square().sum(0), (network - network.mean(0)).square().sum(0)
    return 1 - missed / spread.clamp(min=1e-12)


def _read(model: BehaviourModel, head: Horizon, customers: Customers, now: int, report: Report) -> tuple[Tensor, Tensor]:
    """Of whom was there, now and one horizon before now each: (N, P) what is counted and (N, 2 C H) what the network says of it."""
    at = np.array([*(now - round(days * MICROS_PER_DAY) for days in reversed(head.days)), now], dtype=np.int64)  # ascending
    tally, said = (
        [torch.zeros(0, model.encoder.tally_width, device=model.device)],
        [torch.zeros(0, len(head.tally_bias), device=model.device)],
    )
    for events, offsets in some(customers):
        report.check()
        first = events.time[offsets[:-1]][:, None]
        sight = model.read_many(model.vectors(batch_of(events, offsets, model.device)), put(np.maximum(at, first), model.device))
        there = sight[put(at >= first, model.device)]
        tally.append(there.tally)
        said.append(head.of_mains(there.embedding.float()))
    return torch.cat(tally), torch.cat(said)
