"""How long after a visit a customer is again who they are, and no longer who is here just now.

Segments are drawn from everyone at one time, when nearly nobody is in the midst of a visit. Read right after an event,
the shortest sums are full of it: on the simulated shop two of five customers then left their segment with each visit,
for one of people long silent, and came back within the week. So nobody is placed before their last visit has settled:
whoever was here since is read as they will be then, if nothing else comes.
"""

from __future__ import annotations

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
    pause = _pause(snapshot, model, report)
    if pause is None:
        return 0
    delays = [round(step * pause) for step in STEPS]
    readings = _after_last(snapshot, model, [*delays, SETTLED * pause], seed, report)  # (S + 1, N, D)
    settled = readings[-1]
    if settled.shape[0] < FEWEST:
        return 0
    spread = np.maximum(settled.std(axis=0), 1e-6)
    for delay, reading in zip(delays, readings, strict=False):
        apart = float((((reading - settled) / spread) ** 2).mean()) / 2  # 1: as two customers who have nothing in common
        if apart <= TRACE:
            return delay
    return SETTLED * pause


def _pause(snapshot: Snapshot, model: BehaviourModel, report: Report) -> int | None:
    share = min(1.0, SAMPLE / max(1, snapshot.manifest.customers))
    found: list[np.ndarray] = [np.zeros(0)]
    for arrays in stream(snapshot, model.features, report.check):
        chosen = np.repeat(drawn(content_keys(arrays), 0, TURN + 1) < share, np.diff(arrays.offsets))
        owner = np.repeat(np.arange(arrays.count), np.diff(arrays.offsets))
        found.append(np.diff(arrays.events.time)[(owner[1:] == owner[:-1]) & chosen[1:]].astype(np.float64))
    return pause_of(np.sort(np.concatenate(found)))


@torch.inference_mode()
def _after_last(snapshot: Snapshot, model: BehaviourModel, delays: list[int], seed: int, report: Report) -> np.ndarray:
    """(S, N, D): some customers so long after their last event each."""
    share = min(1.0, MOST / max(1, snapshot.manifest.customers))
    parts = [np.zeros((len(delays), 0, model.width), np.float32)]
    model.eval()
    for arrays in stream(snapshot, model.features, report.check):
        chosen = np.flatnonzero(drawn(content_keys(arrays), seed, TURN) < share)
        for piece in pieces(np.diff(arrays.offsets)[chosen], CUSTOMERS, EVENTS):
            report.check()
            events, begins = choose(arrays, chosen[piece], arrays.item_offsets)
            state, _ = model.encoder.update(model.encoder.initial_state(len(piece)), model.vectors(batch_of(events, begins, model.device)))
            last = model.encoder.last_time(state)
            parts.append(np.stack([model.encoder.read(state, last + delay).float().cpu().numpy() for delay in delays]))
    return np.concatenate(parts, axis=1)
