"""Reads everyone into customers.parquet (docs/snapshot.md, Backfill), streamed: memory does not grow with customers."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic
from typing import BinaryIO, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from kindred_worker.data.snapshot import Snapshot
from kindred_worker.data.storage import Folder, WrittenFile
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.reading import StateBatch, stream_states
from kindred_worker.report import Report
from kindred_worker.segments.assignment import Assignment, SegmentModel

CUSTOMERS = "customers.parquet"
TIME = pa.timestamp("us", tz="UTC")
FORECAST = pa.list_(
    pa.struct(
        [
            ("event", pa.string()),
            ("horizon_days", pa.float64()),
            ("probability", pa.float64()),
            ("expected_value", pa.float64()),
        ]
    )
)
SCHEMA = pa.schema(
    [
        ("customer", pa.string()),
        ("state", pa.binary()),
        ("embedding", pa.binary()),
        ("segment_index", pa.int32()),
        ("coarser_index", pa.int32()),
        ("finer_index", pa.int32()),
        ("strength", pa.float64()),
        ("novelty", pa.float64()),
        ("map_x", pa.float32()),
        ("map_y", pa.float32()),
        ("read_at", TIME),
        ("events", pa.int64()),
        ("first_event_at", TIME),
        ("last_event_at", TIME),
        ("forecast", FORECAST),
    ]
)


@dataclass(frozen=True)
class Embedded:
    files: list[WrittenFile]
    events: int
    customers: int


def embed(
    snapshot: Snapshot, model: BehaviourModel, segments: SegmentModel | None, output: Folder, read_at: int, report: Report
) -> Embedded:
    """`read_at` in microseconds, 0: the snapshot's now. A customer with later events is read at the last of them."""
    events = customers = 0
    began = monotonic()

    def fill(stream: BinaryIO) -> None:
        nonlocal events, customers
        with pq.ParquetWriter(stream, SCHEMA, compression="zstd") as writer:
            for part in stream_states(snapshot, model, read_at, report, 0 if segments is None else segments.settling, pack=True):
                writer.write_batch(_rows(part, model, assigned(segments, part.settled.embedding, part.settled.forecast)))
                customers += len(part.customers)
                events += int(part.events.sum())
                done = customers / max(1, snapshot.manifest.customers)
                report.progress(0.99 * done, "reading customers", customers / max(monotonic() - began, 1e-9), "customers")

    written = output.write_with(CUSTOMERS, fill)
    return Embedded([written], events, customers)


def assigned(segments: SegmentModel | None, embedding: np.ndarray, forecast: np.ndarray) -> Assignment:
    """Places in segments; before there are any, nothing fits."""
    if segments is not None:
        return segments.assign(embedding, forecast)
    none, nowhere = np.zeros(len(embedding), np.float32), np.full(len(embedding), -1, np.int32)
    return Assignment(nowhere, none, none, np.zeros((len(embedding), 2), np.float32), nowhere, nowhere)


def _rows(part: StateBatch, model: BehaviourModel, place: Assignment) -> pa.RecordBatch:
    embedding = part.settled.embedding.astype("<f4")
    said = part.main
    assert said is not None
    count, each = len(part.customers), len(said.events)
    forecast = pa.ListArray.from_arrays(
        pa.array(np.arange(count + 1) * each, pa.int32()),
        pa.StructArray.from_arrays(
            [
                pa.array([e for e, _ in said.events] * count, pa.string()),
                pa.array([d for _, d in said.events] * count, pa.float64()),
                pa.array(said.probability.double().cpu().numpy().ravel(), pa.float64()),
                pa.array(said.expected_value.double().cpu().numpy().ravel(), pa.float64()),
            ],
            names=["event", "horizon_days", "probability", "expected_value"],
        ),
    )
    columns = [
        pa.array(part.customers, pa.string()),
        pa.array(part.packed, pa.binary()),
        pa.array([row.tobytes() for row in embedding], pa.binary()),
        pa.array(place.index, pa.int32()),
        pa.array(place.coarser, pa.int32()),
        pa.array(place.finer, pa.int32()),
        pa.array(place.strength.astype(np.float64)),
        pa.array(place.novelty.astype(np.float64)),
        pa.array(place.map_xy[:, 0], pa.float32()),
        pa.array(place.map_xy[:, 1], pa.float32()),
        _times(part.read_at),
        pa.array(part.events, pa.int64()),
        _times(part.first),
        _times(part.last),
        cast(pa.Array, forecast),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


def _times(micros: np.ndarray) -> pa.Array:
    return pa.array(micros, pa.int64()).cast(TIME)
