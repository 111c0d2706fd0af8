"""Groups customers: snapshot + encoder -> segments.safetensors, segments.json, and what is said of each segment."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from kindred_worker.data.aggregates import DAY, EventTable, future
from kindred_worker.data.arrow import pc
from kindred_worker.data.portrait import Feature, portrait
from kindred_worker.data.sample import some_of
from kindred_worker.data.snapshot import Snapshot
from kindred_worker.data.storage import Folder, WrittenFile
from kindred_worker.export import export
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.bundle import SURPRISE, seal
from kindred_worker.models.past import read_past
from kindred_worker.models.reading import Reading, read_everyone, stream_states
from kindred_worker.models.settling import settling_time
from kindred_worker.report import InvalidInput, Report
from kindred_worker.segments.assignment import SIDECAR, TENSORS, SegmentModel
from kindred_worker.segments.choice import UNSTABLE
from kindred_worker.segments.contrast import contrasts, told_in_figures
from kindred_worker.segments.finding import Champion, Found, History, find_segments, told
from kindred_worker.segments.hierarchy import NONE, Kin, Level, find_family, overlaps_within
from kindred_worker.segments.kin_naming import differ, name_kin
from kindred_worker.segments.matching import Overlap, overlaps_with_champion
from kindred_worker.segments.naming import Named, name_segments
from kindred_worker.segments.ordinary import Reach
from kindred_worker.segments.rule import Rule, can_be_told, distil
from kindred_worker.segments.space import squared_distances
from kindred_worker.segments.trait import Trait, trait_of
from kindred_worker.spec import TrainingSpec
from kindred_worker.surprise import Surprise

Int64 = npt.NDArray[np.int64]

FITTED_ON = 50_000  # customers at most among whom segments are looked for; who belongs where is then counted among everyone
TRAITS = 8
TYPICAL = 5
WORDS_AT_MOST = 300  # a property with more different values describes nobody
WORDS, NUMBERS = 8, 32  # properties of either kind that may describe


@dataclass(frozen=True)
class Segment:
    """DiscoveredSegment of worker.proto."""

    index: int
    level: Level
    parent: int  # place of the segment of the next coarser level that it is part of, -1: of none
    name: str
    description: str
    size: int
    share: float
    stability: float
    traits: list[Trait]
    typical_customer_ids: list[str]
    overlaps: list[Overlap]
    rule: Rule | None  # None where nearly everyone or hardly anyone is in it, or all behave alike


@dataclass(frozen=True)
class Discovered:
    files: list[WrittenFile]
    events: int
    customers: int
    segments: list[Segment]  # of all levels, by place in the bundle
    retired_champion_indexes: list[int]
    main_event: str  # what "orders" means in the words of traits and rules; empty: nothing
    ordinary: Reach | None  # of customers' novelty
    ordinary_events: Reach | None


@dataclass(frozen=True)
class Places:
    """(N) each: everyone's segment on each level, by place in the bundle; -1: in none of that level."""

    main: Int64
    coarser: Int64
    finer: Int64

    def of(self, level: Level) -> Int64:
        return {"COARSER": self.coarser, "MAIN": self.main, "FINER": self.finer}[level]


def discover(
    spec: TrainingSpec, snapshot: Snapshot, model: BehaviourModel, output: Folder, champion_customers_uri: str, report: Report
) -> Discovered:
    """Adds the segments to the bundle at `output` and seals it. The same call again writes the same files.

    Of more than FITTED_ON customers a sample is looked at, so that what this takes does not grow with them (data/sample.py).
    """
    with some_of(snapshot, model.features, FITTED_ON, spec.seed, report.check) as some:
        return _discover(spec, some, snapshot, model, output, champion_customers_uri, report)


def _discover(
    spec: TrainingSpec, snapshot: Snapshot, everyone: Snapshot, model: BehaviourModel, output: Folder, champion_uri: str, report: Report
) -> Discovered:
    """Segments drawn from `snapshot`, and how many of `everyone` belong to them."""
    settling = settling_time(snapshot, model, spec.seed, report)
    now = read_everyone(snapshot, model, 0, report.part(0.0, 0.15), settling).settled
    newcomers, lives = read_past(snapshot, model, spec.seed, report, settling)
    features = model.features
    with EventTable(snapshot, features.main_events, features.value_property, report.check, described_by(model)) as events:
        report.progress(0.2, "counting what customers do")
        history = history_of(snapshot, model, events, settling, report)
        former = champion_of(champion_uri, now.customers, snapshot, model, settling, report) if spec.continued_epochs else None
        report.progress(0.3, "looking for segments")
        doing = report.part(0.3, 0.9)
        found = find_segments(now, history, spec.segment_count, spec.seed, doing, newcomers=newcomers, lives=lives, champion=former)
        report.progress(0.9, "describing segments")
        described = [*portrait(events, now.customers, now.read_at + 1, features.currency), *expected(now)]
    names = name_segments(described, found.partition.labels, found.model.count, features.main_events)
    report.progress(0.92, "looking for coarser and finer segments")
    family, kin = find_family(found.points, found.partition, partial(differ, described), spec.seed, report.check)
    found = replace(found, model=replace(found.model, family=family, settling=settling))
    labels = found.partition.labels
    places = Places(labels, family.coarser(labels), family.finer(found.points, labels))
    named = dict(enumerate(names)) | name_kin(described, labels, places.finer, family, kin, names, features.main_events)
    overlaps, retired = _overlaps(champion_uri, now.customers, _placed(found, now), found.model.count, kin)
    main = [Kin(at, "MAIN", int(family.coarser_of[at]), float(found.refits.jaccard[at])) for at in range(found.model.count)]
    every = [*main, *kin]
    crowd = (
        _counted(places, now.events, len(every)) if everyone is snapshot else _everyones(everyone, model, found.model, len(every), report)
    )
    segments: list[Segment] = []
    for at, one in enumerate(every):
        report.progress(0.94 + 0.03 * at / len(every), "putting segments into rules")
        segments.append(
            _segment(one, named[one.index], now, found, places, crowd, described, features.main_events, overlaps[one.index], spec.seed)
        )
    if found.choice is not None:
        for candidate in found.choice.candidates:
            report.metric("segments.stability", candidate.count, candidate.stability)
            report.metric("segments.foresight", candidate.count, candidate.foresight)
            report.metric("segments.score", candidate.count, candidate.score)
    report.progress(0.97, "writing the live form")
    files = _write(model, told(found.model, story_of(found, segments, now, crowd)), output, report)
    report.progress(1.0, f"{found.model.count} segments found, {len(kin)} coarser and finer ones")
    main_event = next(iter(features.main_events), "")
    reaches = found.model.ordinary, _ordinary_events(output)
    return Discovered(files, crowd.events, crowd.customers, segments, retired, main_event, *reaches)


def _ordinary_events(bundle: Folder) -> Reach | None:
    return Surprise.from_bytes(bundle.read(SURPRISE)).ordinary if bundle.exists(SURPRISE) else None


@dataclass(frozen=True)
class Crowd:
    """Everyone, as far as segments go."""

    customers: int
    events: int
    sizes: Int64  # (places in the bundle) customers in each segment

    def and_also(self, other: Crowd) -> Crowd:
        return Crowd(self.customers + other.customers, self.events + other.events, self.sizes + other.sizes)


def _counted(places: Places, events: Int64, count: int) -> Crowd:
    """Customers at their `places`, with (N) events each, in `count` segments of all levels."""
    inside = np.concatenate([level[level >= 0] for level in (places.main, places.coarser, places.finer)])
    return Crowd(len(events), int(events.sum()), np.bincount(inside, minlength=count))


def _everyones(snapshot: Snapshot, model: BehaviourModel, segments: SegmentModel, count: int, report: Report) -> Crowd:
    """As `_counted`, streamed. Everybody is in the segment they are nearest to, as those are whom segments are drawn from."""
    crowd = Crowd(0, 0, np.zeros(count, np.int64))
    for part in stream_states(snapshot, model, 0, report, segments.settling):
        points = segments.space.place(part.settled.embedding, part.settled.forecast)
        main = squared_distances(points, segments.centres).argmin(axis=1).astype(np.int64)
        places = Places(main, segments.family.coarser(main), segments.family.finer(points, main))
        crowd = crowd.and_also(_counted(places, part.events, count))
        report.progress(0.93 + 0.01 * crowd.customers / max(1, snapshot.manifest.customers), "counting who belongs to each segment")
    return crowd


def champion_of(
    uri: str, customers: Sequence[str], snapshot: Snapshot, model: BehaviourModel, settling: int, report: Report
) -> Champion | None:
    """The champion's segments, and the same customers as this model reads them at that time; None without a champion, and
    where it placed them later than these data end."""
    if not uri:
        return None
    placed = _champion_places(uri, customers)
    at = placed.read_at
    if not len(placed.customers) or at <= snapshot.manifest.first or at > snapshot.now:
        return None
    reading = read_everyone(snapshot.before(at + 1), model, at, report.part(0.28, 0.3), settling).settled
    segment_of = dict(zip(placed.customers, placed.places.main.tolist(), strict=True))
    labels = np.array([segment_of.get(c, NONE) for c in reading.customers], dtype=np.int64)
    return Champion(reading, labels)


def described_by(model: BehaviourModel) -> list[str]:
    """Properties that may describe a segment: those that the model kept, with few enough different values."""
    words = [c.name for c in model.features.categories if 2 <= len(c.vocabulary.words) <= WORDS_AT_MOST]
    numbers = [n.name for n in model.features.numbers if n.kind == "numeric" and n.name != model.features.value_property]
    return [*words[:WORDS], *numbers[:NUMBERS]]


def history_of(snapshot: Snapshot, model: BehaviourModel, events: EventTable, settling: int, report: Report) -> History | None:
    """Everyone one horizon ago (the middle one), where the data reach back far enough for that to mean something."""
    horizons = sorted({c.horizon_days for c in model.columns if c.horizon_days > 0})
    if not horizons:
        return None
    days = horizons[len(horizons) // 2]
    then = snapshot.now - int(days * DAY)
    if then - snapshot.manifest.first < 2 * days * DAY:
        return None
    reading = read_everyone(snapshot.before(then), model, then, report.part(0.2, 0.3), settling).settled
    questions = [at for at, c in enumerate(reading.columns) if c.horizon_days <= days and c.kind != "pair"]
    asked = [(reading.columns[q].event, reading.columns[q].horizon_days, reading.columns[q].kind) for q in questions]
    return History(reading, questions, future(events, then, asked).aligned(reading.customers))


def expected(reading: Reading) -> list[Feature]:
    """What the forecast says of the main events, as describing features: the chance within the middle horizon."""
    horizons = sorted({c.horizon_days for c in reading.columns if c.horizon_days > 0})
    return [
        Feature(f"expected:{c.event}", "share", "forecast", False, reading.forecast[:, at].astype(np.float64), c.horizon_days)
        for at, c in enumerate(reading.columns)
        if c.main and c.kind == "probability" and c.horizon_days == horizons[len(horizons) // 2]
    ]


def story_of(found: Found, segments: Sequence[Segment], now: Reading, crowd: Crowd) -> dict[str, Any]:
    """How the segments were found, in segments.json. Holds no customer's id: a model outlives who asks to be forgotten."""
    rand = found.refits.adjusted_rand
    return {
        "readAt": now.read_at,
        "settledAfterSeconds": found.model.settling // 1_000_000,
        "customers": crowd.customers,
        "lookedAt": len(now.customers),
        "choice": found.choice.to_json() if found.choice is not None else {"count": found.model.count, "reason": _reason(found)},
        "continued": found.continued,
        "bootstrap": {"refits": len(rand), "adjustedRand": float(rand.mean()), "deviation": float(rand.std()), "way": found.partition.way},
        "strengthError": found.strength_error,
        "segments": [
            {
                "index": s.index,
                "level": s.level,
                "parent": s.parent,
                "name": s.name,
                "description": s.description,
                "share": s.share,
                "size": s.size,
                "stability": s.stability,
                "isUnstable": s.stability < UNSTABLE,
                "traits": [asdict(t) for t in s.traits],
                "rule": None if s.rule is None else asdict(s.rule),
            }
            for s in segments
        ],
    }


def _reason(found: Found) -> str:
    """Why so many, where the number was not chosen."""
    born = found.model.count - found.continued
    return f"{found.continued} go on from the champion, {born} are new" if found.continued else "asked for"


def _segment(
    kin: Kin,
    named: Named,
    now: Reading,
    found: Found,
    places: Places,
    crowd: Crowd,
    described: Sequence[Feature],
    main_events: Sequence[str],
    overlaps: list[Overlap],
    seed: int,
) -> Segment:
    inside = places.of(kin.level) == kin.index
    members = np.flatnonzero(inside)
    squared = ((found.points[members] - found.points[members].mean(axis=0)) ** 2).sum(axis=1)
    typical = members[np.argsort(squared, kind="stable")[:TYPICAL]]
    main = main_events[0] if main_events else ""
    return Segment(
        index=kin.index,
        level=kin.level,
        parent=kin.parent,
        name=named.name,
        description=named.description,
        size=int(crowd.sizes[kin.index]),
        share=float(crowd.sizes[kin.index] / max(1, crowd.customers)),
        stability=kin.stability,
        traits=[trait_of(c, main) for c in told_in_figures(contrasts(described, inside.astype(np.int64), 1), TRAITS)],
        typical_customer_ids=[now.customers[i] for i in typical],
        overlaps=overlaps,
        rule=distil(described, inside, main, seed) if 2 <= len(members) <= len(inside) - 2 and any(map(can_be_told, described)) else None,
    )


def _placed(found: Found, now: Reading) -> Places:
    """The segments that live scoring would give."""
    placed = found.model.assign(now.embedding, now.forecast)
    return Places(placed.index.astype(np.int64), placed.coarser.astype(np.int64), placed.finer.astype(np.int64))


def _overlaps(
    uri: str, customers: Sequence[str], ours: Places, count: int, kin: Sequence[Kin]
) -> tuple[dict[int, list[Overlap]], list[int]]:
    """Each level is matched with the same of the champion. By place in the bundle, and whom none continues."""
    if not uri:
        return {at: [] for at in range(count + len(kin))}, []
    champion = _champion_places(uri, customers)
    theirs = champion.places
    place = {customer: at for at, customer in enumerate(customers)}
    there = np.array([place.get(c, NONE) for c in champion.customers], dtype=np.int64)
    both, rows = there >= 0, there[there >= 0]
    told, retired = overlaps_with_champion(ours.main[rows], theirs.main[both], count)
    found = dict(enumerate(told))
    for level in ("COARSER", "FINER"):
        indexes = [k.index for k in kin if k.level == level]
        overlaps, gone = overlaps_within(ours.of(level)[rows], theirs.of(level)[both], indexes)
        found |= overlaps
        retired = [*retired, *gone]
    return found, retired


@dataclass(frozen=True)
class _Placed:
    customers: list[str]
    places: Places
    read_at: int  # microseconds: the time at which nearly everyone was read


def _champion_places(uri: str, among: Sequence[str]) -> _Placed:
    """Rows of the champion's customers.parquet (or of the folder that holds it), those of these customers."""
    folder, name = posixpath.split(uri) if uri.endswith(".parquet") else (uri, "customers.parquet")
    with Folder(folder).open(name) as source:
        try:
            file = pq.ParquetFile(source)
            levels = [c for c in ("segment_index", "coarser_index", "finer_index") if c in file.schema_arrow.names]
            wanted = pa.array(among, pa.string())
            parts = [
                pa.Table.from_batches([part]).filter(pc.is_in(part.column("customer"), value_set=wanted))
                for part in file.iter_batches(columns=["customer", "read_at", *levels])
            ]
            table = pa.concat_tables(parts or [file.read(columns=["customer", "read_at", *levels])])
            main = table.column("segment_index").to_numpy().astype(np.int64)
        except (pa.ArrowInvalid, KeyError, OSError) as error:
            raise InvalidInput(f"{uri} is no backfill of a model: {error}") from error
    # A model from before there were levels has one.
    coarser, finer = (
        table.column(c).to_numpy().astype(np.int64) if c in levels else np.full(len(main), NONE, dtype=np.int64)
        for c in ("coarser_index", "finer_index")
    )
    times = table.column("read_at").cast(pa.int64()).to_numpy()
    customers = cast("list[str]", table.column("customer").to_pylist())
    return _Placed(customers, Places(main, coarser, finer), int(np.median(times)) if len(times) else 0)


def _write(model: BehaviourModel, segments: SegmentModel, output: Folder, report: Report) -> list[WrittenFile]:
    content = segments.to_bytes()
    written = [output.write(TENSORS, content[TENSORS]), output.write(SIDECAR, content[SIDECAR]), *export(model, segments, output, report)]
    return [*written, seal(output)]
