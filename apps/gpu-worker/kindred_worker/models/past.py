"""Customers as they once were: with everyone now they make up what is ordinary to a model (segments/novelty.py).

Everyone has once been new, so a newcomer is nothing unheard of; and where most lives have ended (an import of machines that
ran to failure), nearly everyone now is long silent, and only moments of their lives tell what a running one looks like. More of
these are read than are of the population: what is usual at an age, and how much differs, wants many moments, and of a population
of theirs alone everyone who is silent now would be a stranger.
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
FEW, MOST_OF_ONE = 4_000, 80  # moments that are read of all lives together, and of one at most
COUNTED = 8  # moments of a life that are of the population; by the others ages and differences are measured only
# A life has ended where silence has lasted so many times longer than ever within it; of customers with so many events.
SILENT, LIVED = 2, 8


def read_past(snapshot: Snapshot, model: BehaviourModel, seed: int, report: Report, settling: int = 0) -> tuple[Float32, Lives | None]:
    """(M, D) embeddings of customers when they were new, and moments of their lives where most lives have ended;
    none of them before `settling` microseconds after the last event that is seen (settling.py)."""
    customers = max(1, snapshot.manifest.customers)
    newcomers = read_beginnings(snapshot, model, min(NEWCOMERS, MOST / customers), seed, report, settling)
    if ended(snapshot, model, report) <= 0.5:
        return newcomers, None
    return newcomers, read_lives(snapshot, model, min(FEW / customers, MOST_OF_ONE), seed, report, settling)


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


def read_beginnings(snapshot: Snapshot, model: BehaviourModel, share: float, seed: int, report: Report, settling: int = 0) -> Float32:
    """(M, D) embeddings of a `share` of the customers after one of their first events."""

    def places(keys: npt.NDArray[np.uint64], lengths: Int64) -> Int64:
        first = np.array(FIRST_EVENTS)[(drawn(keys, seed, 1) * len(FIRST_EVENTS)).astype(np.int64)]
        return (np.minimum(first, lengths) - 1)[:, None]

    return _read_after(snapshot, model, share, places, (seed, 0, 2), settling, report).embedding


def read_lives(snapshot: Snapshot, model: BehaviourModel, moments: float, seed: int, report: Report, settling: int = 0) -> Lives:
    """Embeddings right after any of their events, each as likely: `moments` of each customer, below 1 of a share of them.

    Read in pauses too, how long these have lasted, the silence at the end among them, would be a large part of what differs.
    """
    reads = max(1, round(moments))

    def places(keys: npt.NDArray[np.uint64], lengths: Int64) -> Int64:
        return np.stack([(drawn(keys, seed, 100 + read) * lengths).astype(np.int64) for read in range(reads)], axis=1)

    return _read_after(snapshot, model, min(1.0, moments), places, (seed, 10, None), settling, report)


@torch.inference_mode()
def _read_after(
    snapshot: Snapshot,
    model: BehaviourModel,
    share: float,
    places: Places,
    draw: tuple[int, int, int | None],
    settling: int,
    report: Report,
) -> Lives:
    """A `share` of the customers, each at the events that `places` says or somewhere before the next one. Nothing later
    is seen, also where it has settled only after the next one came.

    draw: the seed, the turn that chooses customers, and the turn of those that choose how long after the event; None: at once.
    """
    model.eval()
    seed, choosing, waiting = draw
    parts, ages, owners = [np.zeros((0, model.width), np.float32)], [np.zeros(0)], [np.zeros(0, np.uint64)]
    counts = [np.zeros(0, bool)]
    for arrays in stream(snapshot, model.features, report.check):
        keys = content_keys(arrays)
        chosen = np.flatnonzero(drawn(keys, seed, choosing) < share)
        for piece in pieces(np.diff(arrays.offsets)[chosen], CUSTOMERS, EVENTS):
            own, begins, lengths = keys[chosen[piece]], arrays.offsets[:-1][chosen[piece]], np.diff(arrays.offsets)[chosen[piece]]
            for read, place in enumerate(places(own, lengths).T):  # (C)
                report.check()
                at = arrays.events.time[begins + place]
                waited = np.zeros(len(own))
                if waiting is not None:
                    following = np.minimum(begins + place + 1, len(arrays.events.time) - 1)
                    until = np.where(place + 1 == lengths, snapshot.now, arrays.events.time[following])
                    waited = _wait(own, seed, waiting) * np.maximum(until - at - 1, 0)
                events, offsets = choose(arrays, chosen[piece], arrays.item_offsets, place + 1)
                vectors = model.vectors(batch_of(events, offsets, model.device))
                state, _ = model.encoder.update(model.encoder.initial_state(len(own)), vectors)
                moment = at + np.maximum(waited.astype(np.int64), settling)
                parts.append(model.encoder.read(state, torch.from_numpy(moment).to(model.device)).float().cpu().numpy())
                ages.append((moment - arrays.events.time[begins]) / MICROS_PER_DAY)
                owners.append(own)
                counts.append(np.full(len(own), read < COUNTED))
    return Lives(np.concatenate(parts), np.concatenate(ages), np.concatenate(owners), np.concatenate(counts))


def _wait(keys: npt.NDArray[np.uint64], seed: int, turn: int) -> npt.NDArray[np.float64]:
    """(C) share of the time until the next event: none for half of them."""
    return np.where(drawn(keys, seed, turn) < 0.5, 0, drawn(keys, seed, turn + 1))
