"""A snapshot as ingestion writes it (docs/snapshot.md): immutable sharded Parquet under one manifest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

import pyarrow as pa
import pyarrow.parquet as pq

from kindred_worker.data.arrow import pc
from kindred_worker.data.storage import Folder
from kindred_worker.report import InvalidInput

FORMAT = "kindred.snapshot/1"
ROWS = 32_768  # per batch: bounds memory, whatever the size of a shard

Kind = Literal["categorical", "numeric", "boolean", "time"]
KINDS: tuple[Kind, ...] = ("categorical", "numeric", "boolean", "time")


@dataclass(frozen=True)
class Column:
    """One property with a typed column of its own."""

    column: str
    property: str
    kind: Kind


@dataclass(frozen=True)
class Items:
    """A property that is a list of objects; fields are (name, kind)."""

    column: str
    property: str
    fields: tuple[tuple[str, Kind], ...]


@dataclass(frozen=True)
class Shard:
    path: str
    sha256: str
    rows: int
    customers: int


@dataclass(frozen=True)
class Manifest:
    """manifest.json; times are microseconds since 1970 UTC."""

    workspace: str
    snapshot: str
    now: int
    clock: str
    timezone: str
    currency: str | None
    main_events: tuple[str, ...]
    value_property: str | None
    events: int
    customers: int
    first: int
    last: int
    columns: tuple[Column, ...]
    items: tuple[Items, ...]
    names: tuple[tuple[str, int], ...]
    shards: tuple[Shard, ...]
    content_hash: str

    @staticmethod
    def parse(value: dict[str, Any]) -> Manifest:
        """Refuses a manifest that cannot be used, saying which field and why."""
        if value.get("format") != FORMAT:
            raise InvalidInput(f"manifest.json: format is {value.get('format')!r}, this worker reads {FORMAT!r}")
        try:
            columns = [Column(c["column"], c["property"], c["kind"]) for c in value["columns"]]
            items = [Items(i["column"], i["property"], tuple((f["name"], f["kind"]) for f in i["fields"])) for i in value["items"]]
            return Manifest(
                workspace=str(value["workspaceId"]),
                snapshot=str(value["snapshotId"]),
                now=int(value["now"]),
                clock=str(value.get("clock", "LIVE")),
                timezone=str(value.get("timezone") or "UTC"),
                currency=value.get("currency"),
                main_events=tuple(value.get("mainEvents") or ()),
                value_property=value.get("valueProperty"),
                events=int(value["events"]),
                customers=int(value["customers"]),
                first=int(value.get("firstOccurredAt") or 0),
                last=int(value.get("lastOccurredAt") or 0),
                # Kinds of a later format (text, image, vector) are not read yet: those columns are left out.
                columns=tuple(c for c in columns if c.kind in KINDS),
                items=tuple(replace(i, fields=tuple(f for f in i.fields if f[1] in KINDS)) for i in items),
                names=tuple((str(n["name"]), int(n["events"])) for n in value["names"]),
                shards=tuple(Shard(s["path"], s["sha256"], int(s["rows"]), int(s["customers"])) for s in value["shards"]),
                content_hash=str(value.get("contentHash", "")),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidInput(f"manifest.json: {type(error).__name__} at {error}") from error


@dataclass(frozen=True)
class Snapshot:
    """Read with `batches`; `before` gives the same snapshot as it was at an earlier time."""

    folder: Folder
    manifest: Manifest
    until: int | None = None  # only events that occurred before this are seen

    @staticmethod
    def open(uri: str, check: Callable[[], None] = lambda: None) -> Snapshot:
        """Opens and verifies every shard's hash. `check` is called between pieces (cancel)."""
        folder = Folder(uri)
        manifest = Manifest.parse(folder.read_json("manifest.json"))
        for shard in manifest.shards:
            folder.verify(shard.path, shard.sha256, check)
        return Snapshot(folder, manifest)

    def before(self, time: int) -> Snapshot:
        """What was known just before `time` (microseconds): neither events nor vocabularies from later."""
        return replace(self, until=time if self.until is None else min(time, self.until))

    @property
    def now(self) -> int:
        """The workspace's now, or the cut of an earlier view, in microseconds."""
        return self.manifest.now if self.until is None else min(self.until, self.manifest.now)

    def batches(self, columns: list[str] | None = None, check: Callable[[], None] = lambda: None) -> Iterator[pa.RecordBatch]:
        """Record batches in the order of the snapshot: customer, occurred_at, sequence within a shard.

        A customer may continue in the next batch, never in another shard. `occurred_at` is always among the columns.
        """
        wanted = None if columns is None else list(dict.fromkeys([*columns, "occurred_at"]))
        for shard in self.manifest.shards:
            with self.folder.open(shard.path) as source:
                try:
                    file = pq.ParquetFile(source)
                    read = file.iter_batches(batch_size=ROWS, columns=wanted, use_threads=False)
                except (pa.ArrowInvalid, OSError) as error:
                    raise InvalidInput(f"{shard.path} is not readable as Parquet: {error}") from error
                for batch in read:
                    check()
                    kept = self._seen(batch)
                    if kept.num_rows:
                        yield kept

    def _seen(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        if self.until is None:
            return batch
        occurred = batch.column("occurred_at").cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
        return batch.filter(cast(pa.BooleanArray, pc.less(occurred, pa.scalar(self.until, pa.int64()))))
