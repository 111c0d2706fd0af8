"""Everyone read at one time: embeddings and the forecast, in the order of the snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from time import monotonic
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch

from kindred_worker.data.arrays import stream
from kindred_worker.models.batch import batch_of, choose
from kindred_worker.models.forecast_column import ForecastColumn
from kindred_worker.report import Report

if TYPE_CHECKING:
    from kindred_worker.data.snapshot import Snapshot
    from kindred_worker.models.behaviour import BehaviourModel, MainForecast
    from kindred_worker.models.encoder import Sight

Float32 = npt.NDArray[np.float32]
CUSTOMERS, EVENTS = 1024, 16_384  # read at a time: bounds memory


@dataclass(frozen=True)
class Said:
    """What a model says of customers at one time each."""

    embedding: Float32  # (N, D)
    forecast: Float32  # (N, F), see ForecastColumn; as it groups customers, where that is asked for


@dataclass(frozen=True)
class Reading:
    customers: list[str]
    embedding: Float32  # (N, D)
    forecast: Float32  # (N, F), see ForecastColumn
    columns: list[ForecastColumn]  # (F)
    read_at: int  # microseconds since 1970 UTC
    events: npt.NDArray[np.int64]  # (N) events in each state
    once_settled: Said | None = None  # what customers are grouped by; None: as it is (settling.py, companion.py)

    @property
    def settled(self) -> Reading:
        """The same customers where their last visit has settled, as they are grouped: what segments are drawn from."""
        if self.once_settled is None:
            return self
        return replace(self, embedding=self.once_settled.embedding, forecast=self.once_settled.forecast, once_settled=None)


def read_everyone(snapshot: Snapshot, model: BehaviourModel, read_at: int, report: Report, settling: int = 0) -> Reading:
    """Reads every customer of the snapshot at `read_at` (0: the snapshot's now), streamed in batches; and once more not
    before `settling` microseconds after their last event, where that is more than nothing.

    For an earlier time pass `snapshot.before(time)`: nothing at or after `time` is then seen.
    """
    report.progress(0.0, "reading customers", 0.0, "customers")
    customers: list[str] = []
    parts: list[StateBatch] = []
    began = monotonic()
    for part in stream_states(snapshot, model, read_at, report, settling):
        customers += part.customers
        parts.append(replace(part, customers=[], packed=[]))
        done = len(customers) / max(1, snapshot.manifest.customers)
        report.progress(done, "reading customers", len(customers) / max(monotonic() - began, 1e-9), "customers")
    now = _joined(model, [p.now for p in parts])
    return Reading(
        customers=customers,
        embedding=now.embedding,
        forecast=now.forecast,
        columns=model.columns,
        read_at=read_at or snapshot.now,
        events=np.concatenate([p.events for p in parts] or [np.zeros(0, np.int64)]),
        once_settled=_joined(model, [p.settled for p in parts]) if settling or model.groups_apart else None,
    )


def _joined(model: BehaviourModel, parts: list[Said]) -> Said:
    return Said(
        np.concatenate([p.embedding for p in parts] or [np.zeros((0, model.width), np.float32)]),
        np.concatenate([p.forecast for p in parts] or [np.zeros((0, len(model.columns)), np.float32)]),
    )


@dataclass(frozen=True)
class StateBatch:
    """Some customers, read: what Reading holds of them, and what only backfill needs."""

    customers: list[str]
    now: Said
    settled: Said  # as customers are grouped; the same as `now` where nothing has to settle and they are grouped by what is foreseen
    packed: list[bytes]  # states; empty unless asked for
    read_at: npt.NDArray[np.int64]  # (N) microseconds, never before the last event
    main: MainForecast | None  # of `now`; None unless states are asked for
    events: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    last: npt.NDArray[np.int64]


@torch.inference_mode()
def stream_states(
    snapshot: Snapshot, model: BehaviourModel, read_at: int, report: Report, settling: int = 0, pack: bool = False
) -> Iterator[StateBatch]:
    """States of everyone from scratch, in pieces of at most CUSTOMERS customers and about EVENTS events."""
    model.eval()
    at = read_at or snapshot.now
    apart = settling > 0 or model.groups_apart
    for arrays in stream(snapshot, model.features, report.check):
        offsets = arrays.item_offsets
        for chosen in pieces(np.diff(arrays.offsets), CUSTOMERS, EVENTS):
            report.check()
            events, begins = choose(arrays, chosen, offsets)
            first, last = events.time[begins[:-1]], events.time[begins[1:] - 1]
            state, _ = model.encoder.update(model.encoder.initial_state(len(chosen)), model.vectors(batch_of(events, begins, model.device)))
            when = np.maximum(last, at)
            present = model.read(state, torch.from_numpy(when).to(model.device))
            now = said(model, present)
            yield StateBatch(
                customers=cast("list[str]", arrays.customers.take(pa.array(chosen)).to_pylist()),
                now=now,
                settled=grouped(model, model.read(state, torch.from_numpy(np.maximum(when, last + settling)).to(model.device)))
                if apart
                else now,
                packed=model.encoder.pack(state, model.stamp) if pack else [],
                main=model.main_forecast(present) if pack else None,
                read_at=when,
                events=np.diff(begins),
                first=first,
                last=last,
            )


def said(model: BehaviourModel, sight: Sight) -> Said:
    return Said(sight.embedding.float().cpu().numpy(), model.forecast(sight).float().cpu().numpy())


def grouped(model: BehaviourModel, sight: Sight) -> Said:
    return Said(sight.embedding.float().cpu().numpy(), model.grouping(sight).float().cpu().numpy())


def pieces(lengths: npt.NDArray[np.int64], customers: int, events: int) -> Iterator[npt.NDArray[np.int64]]:
    """Neighbouring customers, at most so many, ending where their events reach about so many."""
    if len(lengths) == 0:
        return
    piece = np.cumsum(lengths) // events
    begins = np.flatnonzero(np.append(True, piece[1:] != piece[:-1]))
    for begin, end in zip(begins, np.append(begins[1:], len(lengths)), strict=True):
        for part in batches_of(int(end - begin), customers):
            yield np.arange(begin + part.start, begin + part.stop)


def rank_me(embedding: Float32) -> float:
    """Effective rank of the embeddings (RankMe, Garrido et al. 2023): exp of the entropy of singular values."""
    singular = np.linalg.svd(embedding - embedding.mean(axis=0), compute_uv=False)
    share = singular / max(float(singular.sum()), 1e-12) + 1e-7
    return float(np.exp(-np.sum(share * np.log(share))))


def batches_of(count: int, size: int) -> Iterator[slice]:
    """Slices that cover 0..count."""
    for begin in range(0, count, size):
        yield slice(begin, min(begin + size, count))
