"""Some of the customers of a snapshot, as a snapshot of their own.

Segments, portraits and probes are statistics of a population. From some number of customers on, more of them change no figure by
what another day would; they only take time and memory. So a large population is looked at through a sample of customers, each
with all events, and what is said of everyone (how many belong where) is counted in a stream.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from kindred_worker.data.arrays import stream
from kindred_worker.data.arrow import pc
from kindred_worker.data.features import FeatureSpec
from kindred_worker.data.order import content_keys, drawn
from kindred_worker.data.snapshot import Shard, Snapshot
from kindred_worker.data.storage import Folder

TURN = 330  # of the draw
ROWS = 65_536  # written at a time
FILE = "events.parquet"


@dataclass(frozen=True)
class Sample:
    """PopulationSample of worker.proto."""

    customers: int  # looked at
    population: int  # there are
    drawn: str  # how, in words


def sample_of(everyone: Snapshot, some: Snapshot, seed: int) -> Sample | None:
    """What is to be told of `some`, which some_of gave; None where that is everyone."""
    if some is everyone:
        return None
    return Sample(some.manifest.customers, everyone.manifest.customers, f"by a hash of what they did and the seed {seed}")


@contextmanager
def some_of(
    snapshot: Snapshot, features: FeatureSpec, most: int, seed: int, check: Callable[[], None] = lambda: None
) -> Generator[Snapshot]:
    """The snapshot itself where it has no more than `most` customers. Else one of about `most` of them, drawn by what they did
    alone (order.py), in TMPDIR for as long as the context lasts."""
    share = most / max(1, snapshot.manifest.customers)
    if share >= 1:
        yield snapshot
        return
    chosen = _drawn(snapshot, features, share, seed, check)
    with tempfile.TemporaryDirectory(prefix="kindred-sample-") as folder:
        rows = _write(snapshot, chosen, Path(folder) / FILE, check)
        manifest = replace(
            snapshot.manifest, events=rows, customers=len(chosen), shards=(Shard(FILE, "", rows, len(chosen)),), now=snapshot.now
        )
        yield Snapshot(Folder(Path(folder).as_uri()), manifest)


def _drawn(snapshot: Snapshot, features: FeatureSpec, share: float, seed: int, check: Callable[[], None]) -> pa.StringArray:
    """Their ids."""
    bare = replace(features, categories=(), numbers=(), items=())  # what the keys are made of
    found = [pa.array([], pa.string())]
    for arrays in stream(snapshot, bare, check):
        found.append(arrays.customers.filter(pa.array(drawn(content_keys(arrays), seed, TURN) < share)))
    return pa.concat_arrays(found)


def _write(snapshot: Snapshot, customers: pa.StringArray, path: Path, check: Callable[[], None]) -> int:
    """The number of events."""
    manifest = snapshot.manifest
    columns = ["customer", "occurred_at", "name", *(c.column for c in manifest.columns), *(i.column for i in manifest.items)]
    waiting: list[pa.RecordBatch] = []
    writer: pq.ParquetWriter | None = None
    rows = 0
    try:
        for batch in snapshot.batches(columns, check):
            kept = batch.filter(pc.is_in(batch.column("customer").cast(pa.string()), value_set=customers))
            writer = writer or pq.ParquetWriter(path, batch.schema)
            waiting.append(kept)
            rows += kept.num_rows
            if sum(part.num_rows for part in waiting) >= ROWS:
                writer.write_table(pa.Table.from_batches(waiting))
                waiting = []
        if writer and waiting:
            writer.write_table(pa.Table.from_batches(waiting))
    finally:
        if writer:
            writer.close()
    return rows
