"""Groups customers: snapshot + encoder -> segments.safetensors, segments.json, and what is said of each segment."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from kindred_worker.data.aggregates import DAY, EventTable, future
from kindred_worker.data.portrait import Feature, portrait
from kindred_worker.data.snapshot import Snapshot
from kindred_worker.data.storage import Folder, WrittenFile
from kindred_worker.export import export
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.bundle import seal
from kindred_worker.models.reading import Reading, read_beginnings, read_everyone
from kindred_worker.report import InvalidInput, Report
from kindred_worker.segments.assignment import SIDECAR, TENSORS, SegmentModel
from kindred_worker.segments.choice import UNSTABLE
from kindred_worker.segments.contrast import contrasts, distinct
from kindred_worker.segments.finding import LEARNED_FROM, Found, History, find_segments, told
from kindred_worker.segments.matching import Overlap, overlaps_with_champion
from kindred_worker.segments.naming import Named, name_segments
from kindred_worker.segments.trait import Trait, trait_of
from kindred_worker.spec import TrainingSpec

Int64 = npt.NDArray[np.int64]

TRAITS = 8
TYPICAL = 5
NEWCOMERS = 0.25  # share of customers that are also read as they were when they were new
WORDS_AT_MOST = 300  # a property with more different values describes nobody
PROPERTIES = 8


@dataclass(frozen=True)
class Segment:
    """DiscoveredSegment of worker.proto."""

    index: int
    name: str
    description: str
    size: int
    share: float
    stability: float
    traits: list[Trait]
    typical_customer_ids: list[str]
    overlaps: list[Overlap]


@dataclass(frozen=True)
class Discovered:
    files: list[WrittenFile]
    events: int
    customers: int
    segments: list[Segment]
    retired_champion_indexes: list[int]


def discover(
    spec: TrainingSpec, snapshot: Snapshot, model: BehaviourModel, output: Folder, champion_customers_uri: str, report: Report
) -> Discovered:
    """Adds the segments to the bundle at `output` and seals it. The same call again writes the same files."""
    now = read_everyone(snapshot, model, 0, report.part(0.0, 0.15))
    newcomers = read_beginnings(snapshot, model, min(NEWCOMERS, NEWCOMERS * LEARNED_FROM / max(1, len(now.customers))), spec.seed, report)
    features = model.features
    with EventTable(snapshot, features.main_events, features.value_property, report.check, described_by(model)) as events:
        report.progress(0.2, "counting what customers do")
        history = history_of(snapshot, model, events, report)
        report.progress(0.3, "looking for segments")
        found = find_segments(now, history, spec.segment_count, spec.seed, report.part(0.3, 0.9), newcomers=newcomers)
        report.progress(0.9, "describing segments")
        described = [*portrait(events, now.customers, now.read_at + 1, features.currency), *expected(now)]
    names = name_segments(described, found.partition.labels, found.model.count, features.main_events)
    overlaps, retired = _overlaps(champion_customers_uri, now.customers, _placed(found, now), found.model.count)
    segments = [
        _segment(index, names[index], now, found, described, features.main_events, overlaps[index]) for index in range(found.model.count)
    ]
    if found.choice is not None:
        for candidate in found.choice.candidates:
            report.metric("segments.stability", candidate.count, candidate.stability)
            report.metric("segments.foresight", candidate.count, candidate.foresight)
            report.metric("segments.score", candidate.count, candidate.score)
    report.progress(0.95, "writing the live form")
    files = _write(model, told(found.model, story_of(found, segments, now)), output)
    report.progress(1.0, f"{len(segments)} segments found")
    return Discovered(files, int(now.events.sum()), len(now.customers), segments, retired)


def described_by(model: BehaviourModel) -> list[str]:
    """Properties that may describe a segment: those that the model kept, with few enough different values."""
    words = [c.name for c in model.features.categories if 2 <= len(c.vocabulary.words) <= WORDS_AT_MOST]
    numbers = [n.name for n in model.features.numbers if n.kind == "numeric" and n.name != model.features.value_property]
    return [*words[:PROPERTIES], *numbers[: PROPERTIES // 2]]


def history_of(snapshot: Snapshot, model: BehaviourModel, events: EventTable, report: Report) -> History | None:
    """Everyone one horizon ago (the middle one), where the data reach back far enough for that to mean something."""
    horizons = sorted({c.horizon_days for c in model.columns if c.horizon_days > 0})
    if not horizons:
        return None
    days = horizons[len(horizons) // 2]
    then = snapshot.now - int(days * DAY)
    if then - snapshot.manifest.first < 2 * days * DAY:
        return None
    reading = read_everyone(snapshot.before(then), model, then, report.part(0.2, 0.3))
    questions = [at for at, c in enumerate(reading.columns) if c.horizon_days <= days and c.kind != "pair"]
    asked = [(reading.columns[q].event, reading.columns[q].horizon_days, reading.columns[q].kind) for q in questions]
    return History(reading, questions, future(events, then, asked).aligned(reading.customers))


def expected(reading: Reading) -> list[Feature]:
    """What the forecast says of the main events, as describing features: the chance within the middle horizon."""
    horizons = sorted({c.horizon_days for c in reading.columns if c.horizon_days > 0})
    return [
        Feature(f"expected:{c.event}", "share", "forecast", False, reading.forecast[:, at].astype(np.float64))
        for at, c in enumerate(reading.columns)
        if c.main and c.kind == "probability" and c.horizon_days == horizons[len(horizons) // 2]
    ]


def story_of(found: Found, segments: Sequence[Segment], now: Reading) -> dict[str, Any]:
    """How the segments were found, in segments.json. Holds no customer's id: a model outlives who asks to be forgotten."""
    rand = found.refits.adjusted_rand
    return {
        "readAt": now.read_at,
        "customers": len(now.customers),
        "choice": found.choice.to_json() if found.choice is not None else {"count": found.model.count, "reason": "asked for"},
        "bootstrap": {"refits": len(rand), "adjustedRand": float(rand.mean()), "deviation": float(rand.std())},
        "strengthError": found.strength_error,
        "segments": [
            {
                "index": s.index,
                "name": s.name,
                "description": s.description,
                "share": s.share,
                "size": s.size,
                "stability": s.stability,
                "isUnstable": s.stability < UNSTABLE,
                "traits": [asdict(t) for t in s.traits],
            }
            for s in segments
        ],
    }


def _segment(
    index: int,
    named: Named,
    now: Reading,
    found: Found,
    described: Sequence[Feature],
    main_events: Sequence[str],
    overlaps: list[Overlap],
) -> Segment:
    labels = found.partition.labels
    members = np.flatnonzero(labels == index)
    squared = ((found.points[members] - found.partition.centres[index]) ** 2).sum(axis=1)
    typical = members[np.argsort(squared, kind="stable")[:TYPICAL]]
    main = main_events[0] if main_events else ""
    return Segment(
        index=index,
        name=named.name,
        description=named.description,
        size=len(members),
        share=len(members) / len(labels),
        stability=float(found.refits.jaccard[index]),
        traits=[trait_of(c, main) for c in distinct(contrasts(described, labels, index), TRAITS)],
        typical_customer_ids=[now.customers[i] for i in typical],
        overlaps=overlaps,
    )


def _placed(found: Found, now: Reading) -> Int64:
    """(N) the segment that live scoring would give, -1 where unseen."""
    return found.model.assign(now.embedding, now.forecast).index.astype(np.int64)


def _overlaps(uri: str, customers: Sequence[str], index: Int64, count: int) -> tuple[list[list[Overlap]], list[int]]:
    if not uri:
        return [[] for _ in range(count)], []
    champion = _champion_segments(uri)
    place = {customer: at for at, customer in enumerate(customers)}
    both = [(place[c], s) for c, s in champion if c in place]
    rows = np.array([r for r, _ in both], dtype=np.int64)
    theirs = np.array([s for _, s in both], dtype=np.int64)
    return overlaps_with_champion(index[rows], theirs, count)


def _champion_segments(uri: str) -> list[tuple[str, int]]:
    """Customer and segment of each row of the champion's customers.parquet (or of the folder that holds it)."""
    folder, name = posixpath.split(uri) if uri.endswith(".parquet") else (uri, "customers.parquet")
    with Folder(folder).open(name) as source:
        try:
            table = pq.read_table(source, columns=["customer", "segment_index"])
        except (pa.ArrowInvalid, KeyError, OSError) as error:
            raise InvalidInput(f"{uri} is no backfill of a model: {error}") from error
    ids, indexes = table.column("customer").to_pylist(), table.column("segment_index").to_pylist()
    return list(zip(cast("list[str]", ids), cast("list[int]", indexes), strict=True))


def _write(model: BehaviourModel, segments: SegmentModel, output: Folder) -> list[WrittenFile]:
    content = segments.to_bytes()
    written = [output.write(TENSORS, content[TENSORS]), output.write(SIDECAR, content[SIDECAR]), *export(model, segments, output)]
    return [*written, seal(output)]
