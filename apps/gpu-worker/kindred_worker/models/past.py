"""Customers as they once were: with everyone now they make up what is ordinary to a model (segments/novelty.py).

Everyone has once been new, so a newcomer is nothing unheard of; and where most lives have ended (an import of machines that
ran to failure), nearly everyone now is long silent, and only moments of their lives tell what a running one looks like.
Elsewhere such moments are left out: what customers once did hides what is strange today.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch

from kindred_worker.data.arrays import stream
from kindred_worker.data.features import MICROS_PER_DAY
from kindred_worker.data.order import content_keys, drawn
from kindred_worker.data.snapshot import Snapshot
from kindred_worker.models.batch import batch_of, choose
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.reading import CUSTOMERS, EVENTS, pieces
from kindred_worker.report import Report
from kindred_worker.segments.novelty import Lives

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]
# Keys of C customers and how many events they have, (C) each -> (C, R): after which of them they are read, from 0.
Places = Callable[[npt.NDArray[np.uint64], Int64], Int64]

MOST = 5_000  # newcomers
NEWCOMERS = 0.25  # share of customers that are read as they were when they were new
FIRST_EVENTS = (1, 1, 2, 3, 5, 8)  # a newcomer is one after so many events
FEW, MOMENTS = 4_000, 8  # moments that are read of all lives together, and of one at most
# A life has ended where silence has lasted so many times longer than ever within it; of customers with so many events.
SILENT, LIVED = 2, 8


def read_past(snapshot: Snapshot, model: BehaviourModel, seed: int, report: Report) -> tuple[Float32, Lives | None]:
    """(M, D) embeddings of customers when they were new, and moments of their lives where most lives have ended."""
    customers = max(1, snapshot.manifest.customers)
    newcomers = read_beginnings(snapshot, model, min(NEWCOMERS, MOST / customers), seed, report)
    if ended(snapshot, model, report) <= 0.5:
        return newcomers, None
    return newcomers, read_lives(snapshot, model, min(FEW / customers, MOMENTS), seed, report)


def ended(snapshot: Snapshot, model: BehaviourModel, report: Report) -> float:
    """Share of the customers whose life has ended."""
    found = 0
    for arrays in stream(snapshot, model.features, report.check):
        time, begins = arrays.events.time, arrays.offsets[:-1]
        lengths = np.diff(arrays.offsets)
        if not len(time):
            continue
        gaps = np.diff(time, prepend=time[0])
        gaps[begins[lengths > 0]] = 0  # from one customer to the next
        longest = np.maximum.reduceat(gaps, begins[lengths > 0])
        silent = snapshot.now - time[arrays.offsets[1:][lengths > 0] - 1]
        found += int(((silent > SILENT * longest) & (lengths[lengths > 0] >= LIVED)).sum())
    return found / max(1, snapshot.manifest.customers)


def read_beginnings(snapshot: Snapshot, model: BehaviourModel, share: float, seed: int, report: Report) -> Float32:
    """(M, D) embeddings of a `share` of the customers after one of their first events."""

    def places(keys: npt.NDArray[np.uint64], lengths: Int64) -> Int64:
        first = np.array(FIRST_EVENTS)[(drawn(keys, seed, 1) * len(FIRST_EVENTS)).astype(np.int64)]
        return (np.minimum(first, lengths) - 1)[:, None]

    return _read_after(snapshot, model, share, places, (seed, 0, 2), report).embedding


def read_lives(snapshot: Snapshot, model: BehaviourModel, moments: float, seed: int, report: Report) -> Lives:
    """Embeddings after any of their events, each as likely: `moments` of each customer, below 1 of a share of them."""
    reads = max(1, round(moments))

    def places(keys: npt.NDArray[np.uint64], lengths: Int64) -> Int64:
        return np.stack([(drawn(keys, seed, 100 + read) * lengths).astype(np.int64) for read in range(reads)], axis=1)

    return _read_after(snapshot, model, min(1.0, moments), places, (seed, 10, 200), report)


@torch.inference_mode()
def _read_after(
    snapshot: Snapshot, model: BehaviourModel, share: float, places: Places, draw: tuple[int, int, int], report: Report
) -> Lives:
    """A `share` of the customers, each at the events that `places` says or somewhere before the next one.

    draw: the seed, the turn that chooses customers, and the first turn of those that choose how long after the event.
    """
    model.eval()
    seed, choosing, waiting = draw
    parts, ages = [np.zeros((0, model.width), np.float32)], [np.zeros(0)]
    for arrays in stream(snapshot, model.features, report.check):
        keys = content_keys(arrays)
        chosen = np.flatnonzero(drawn(keys, seed, choosing) < share)
        for piece in pieces(np.diff(arrays.offsets)[chosen], CUSTOMERS, EVENTS):
            report.check()
            events, begins = choose(arrays, chosen[piece], arrays.item_offsets)
            own = keys[chosen[piece]]
            place = begins[:-1, None] + places(own, np.diff(begins))  # (C, R)
            at = events.time[place]
            is_last = place + 1 == begins[1:, None]
            until = np.where(is_last, snapshot.now, events.time[np.minimum(place + 1, len(events.time) - 1)])
            waits = [_wait(own, seed, waiting + 2 * read) for read in range(place.shape[1])]
            waited = np.stack(waits, axis=1) * np.maximum(until - at - 1, 0)
            moments = np.sort(at + waited.astype(np.int64), axis=1)
            vectors = model.vectors(batch_of(events, begins, model.device))
            embedding = model.encoder.read_many(vectors, torch.from_numpy(moments).to(model.device))
            parts.append(embedding.flatten(0, 1).float().cpu().numpy())
            ages.append(((moments - events.time[begins[:-1], None]) / MICROS_PER_DAY).ravel())
    return Lives(np.concatenate(parts), np.concatenate(ages))


def _wait(keys: npt.NDArray[np.uint64], seed: int, turn: int) -> npt.NDArray[np.float64]:
    """(C) share of the time until the next event: none for half of them."""
    return np.where(drawn(keys, seed, turn) < 0.5, 0, drawn(keys, seed, turn + 1))
