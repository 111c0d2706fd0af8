"""Labelled customers as they were at the time of their label, and the events that tell it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch

from kindred_worker.data.arrays import EventArrays, join, stream
from kindred_worker.data.features import Encoded
from kindred_worker.data.snapshot import Snapshot
from kindred_worker.labels.label import Labels
from kindred_worker.labels.tuning import Examples
from kindred_worker.models.batch import batch_of, choose
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.reading import CUSTOMERS, EVENTS, pieces
from kindred_worker.report import Report

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Asked:
    """M of the N labels: those of customers with an event before the label's time."""

    rows: npt.NDArray[np.int64]  # (M) places among the labels, ascending
    embedding: Float32  # (M, D)
    forecast: Float32  # (M, F)


@torch.inference_mode()
def read_labelled(snapshot: Snapshot, model: BehaviourModel, labels: Labels, report: Report) -> Asked:
    """Each customer right before the label's time; streamed, so memory does not grow with customers."""
    model.eval()
    of_customer: dict[str, list[int]] = {}
    for row, customer in enumerate(labels.customers):
        of_customer.setdefault(customer, []).append(row)
    rows: list[npt.NDArray[np.int64]] = [np.zeros(0, np.int64)]
    embeddings: list[Float32] = [np.zeros((0, model.width), np.float32)]
    forecasts: list[Float32] = [np.zeros((0, len(model.columns)), np.float32)]
    for arrays in stream(snapshot, model.features, report.check):
        known = cast("list[str]", arrays.customers.to_pylist())
        pairs = [(at, row) for at, customer in enumerate(known) for row in of_customer.get(customer, ())]
        places, wanted = (np.array([pair[side] for pair in pairs], dtype=np.int64) for side in (0, 1))
        begun = arrays.events.time[arrays.offsets[:-1][places]] < labels.as_of[wanted]
        places, wanted = places[begun], wanted[begun]
        for piece in pieces(np.diff(arrays.offsets)[places], CUSTOMERS, EVENTS):
            report.check()
            events, begins = choose(arrays, places[piece], arrays.item_offsets)
            before = torch.from_numpy(labels.as_of[wanted[piece]] - 1).unsqueeze(1).to(model.device)
            sight = model.read_many(model.vectors(batch_of(events, begins, model.device)), before)[:, 0]
            rows.append(wanted[piece])
            embeddings.append(sight.embedding.float().cpu().numpy())
            forecasts.append(model.forecast(sight).float().cpu().numpy())
    found = np.concatenate(rows)
    order = np.argsort(found)
    return Asked(found[order], np.concatenate(embeddings)[order], np.concatenate(forecasts)[order])


def read_examples(snapshot: Snapshot, model: BehaviourModel, labels: Labels, rows: npt.NDArray[np.int64], report: Report) -> Examples:
    """The labels at `rows` (M) with all events of their customers, in memory: tuning passes over them many times."""
    of_customer: dict[str, list[int]] = {}
    for place, row in enumerate(rows):
        of_customer.setdefault(labels.customers[row], []).append(place)
    parts: list[Encoded] = []
    lengths: list[npt.NDArray[np.int64]] = [np.zeros(0, np.int64)]
    found: list[int] = []
    for arrays in stream(snapshot, model.features, report.check):
        known = cast("list[str]", arrays.customers.to_pylist())
        pairs = [(at, place) for at, customer in enumerate(known) for place in of_customer.get(customer, ())]
        if pairs:
            events, begins = choose(arrays, np.array([at for at, _ in pairs], dtype=np.int64), arrays.item_offsets)
            parts.append(events)
            lengths.append(np.diff(begins))
            found += [place for _, place in pairs]
    order = np.argsort(np.array(found, dtype=np.int64))
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.concatenate(lengths))])
    customers = [labels.customers[rows[place]] for place in found]
    arrays = EventArrays(pa.array(customers, pa.string()), offsets, join(parts, model.features))
    events, begins = choose(arrays, order.astype(np.int64), arrays.item_offsets)
    customers = [customers[at] for at in order]
    _, group = np.unique(customers, return_inverse=True)
    return Examples(
        EventArrays(pa.array(customers, pa.string()), begins, events), labels.as_of[rows], labels.values[rows], group.astype(np.int64)
    )
