"""How long after a visit a customer is again who they are, and no longer who is here just now.

Segments are drawn from everyone at one time, when nearly nobody is in the midst of a visit. Read right after an event,
the shortest sums are full of it: on the simulated shop two of five customers then left their segment with each visit,
for one of people long silent, and came back within the week. So nobody is placed before their last visit has settled:
whoever was here since is read as they will be then, if nothing else comes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from kindred_worker.data.arrays import stream
from kindred_worker.data.order import content_keys, drawn
from kindred_worker.data.snapshot import Snapshot
from kindred_worker.data.visit import SAMPLE, pause_of
from kindred_worker.models.batch import batch_of, choose
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.reading import CUSTOMERS, EVENTS, pieces
from kindred_worker.report import Report

MOST, FEWEST = 1_000, 50  # customers that it is measured on
TURN = 300  # of the draw
STEPS = (0, 0.5, 1, 2, 3, 4, 5, 6, 8)  # pauses between visits after which it may have settled
SETTLED = 10  # and after which it has, whatever is measured
TRACE = 0.1  # of what sets two customers apart: so much of a visit may be left


def settling_time(snapshot: Snapshot, model: BehaviourModel, seed: int, report: Report) -> int:
    """Microseconds after the last event from which on little of the visit is left in the embedding: the first of STEPS at
    which its mean squared distance to the settled one is at most TRACE of that between two customers. 0 where events do
    not come in visits, or where a visit leaves no more than that at once."""
    gaps, states = _read(snapshot, model, seed, report)
    pause = pause_of(gaps)
    if pause is None or sum(len(last) for _, last in states) < FEWEST:
        return 0
    delays = [round(step * pause) for step in STEPS]
    settled = _embedded(model, states, SETTLED * pause)
    spread = np.maximum(settled.std(axis=0), 1e-6)
    for delay in delays:
        apart = float((((_embedded(model, states, delay) - settled) / spread) ** 2).mean()) / 2  # 1: as two who have nothing in common
        if apart <= TRACE:
            return delay
    return SETTLED * pause


@torch.inference_mode()
def _read(snapshot: Snapshot, model: BehaviourModel, seed: int, report: Report) -> tuple[np.ndarray, list[tuple[Any, torch.Tensor]]]:
    """Microseconds between neighbouring events of some customers, ascending; and states of others, each with the times of
    their last events."""
    everyone = max(1, snapshot.manifest.customers)
    gaps, states = [np.zeros(0)], list[tuple[Any, torch.Tensor]]()
    model.eval()
    for arrays in stream(snapshot, model.features, report.check):
        keys, lengths = content_keys(arrays), np.diff(arrays.offsets)
        owner = np.repeat(np.arange(arrays.count), lengths)
        counted = np.repeat(drawn(keys, 0, TURN + 1) < SAMPLE / everyone, lengths)
        gaps.append(np.diff(arrays.events.time)[(owner[1:] == owner[:-1]) & counted[1:]].astype(np.float64))
        chosen = np.flatnonzero(drawn(keys, seed, TURN) < MOST / everyone)
        for piece in pieces(lengths[chosen], CUSTOMERS, EVENTS):
            report.check()
            events, begins = choose(arrays, chosen[piece], arrays.item_offsets)
            state, _ = model.encoder.update(model.encoder.initial_state(len(piece)), model.vectors(batch_of(events, begins, model.device)))
            states.append((state, model.encoder.last_time(state)))
    return np.sort(np.concatenate(gaps)), states


@torch.inference_mode()
def _embedded(model: BehaviourModel, states: list[tuple[Any, torch.Tensor]], delay: int) -> np.ndarray:
    """(N, D), everybody so long after their last event."""
    return np.concatenate([model.encoder.read(state, last + delay).float().cpu().numpy() for state, last in states])
