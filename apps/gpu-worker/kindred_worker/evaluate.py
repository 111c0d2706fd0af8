"""Measures encoder and segments out of time, beside what people use today: -> evaluation.json and report.html.

One cut, strictly forwards: with a horizon H, t0 = now - 2H and cut = now - H. A second encoder with the same spec
learns from what happened before t0 and sees nothing else, vocabularies and scalers included. Probes are fitted on
features read at t0 with labels from [t0, cut), and tested on features read at the cut with labels from [cut, now).
The shipped model has seen the test period and takes no part; what is measured is the recipe on this data.
An alarm says where learning told customers apart better and foresaw them worse, or where the encoder was given what tells who
someone is (page/verdict.py).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from math import ceil
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score, silhouette_score

from kindred_worker.data.aggregates import EventTable, Table, aggregates, outcome, prepared, rfm
from kindred_worker.data.arrays import load
from kindred_worker.data.fit import examine
from kindred_worker.data.profile import LEAKS
from kindred_worker.data.quality import Quality
from kindred_worker.data.recognised import recognised
from kindred_worker.data.sample import Sample, sample_of, some_of
from kindred_worker.data.snapshot import Snapshot
from kindred_worker.data.storage import Folder, WrittenFile
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.reading import Reading, rank_me, read_everyone
from kindred_worker.page import PAGE, alarm, leak_alarm, page, verdict
from kindred_worker.protocol import Protocol, protocol_of
from kindred_worker.report import Report
from kindred_worker.segments.assignment import SegmentModel
from kindred_worker.segments.finding import find_segments
from kindred_worker.segments.partition import drawn_anew, fit_partition, refit
from kindred_worker.segments.probe import Figure, auc, boosted, few_labels, logistic, reliability, resampled
from kindred_worker.segments.strength import expected_calibration_error
from kindred_worker.spec import TrainingSpec
from kindred_worker.train import TrainingData, train

Float64 = npt.NDArray[np.float64]

EVALUATION = "evaluation.json"
STEPS = 250  # optimiser steps of the second encoder: a bounded budget, less than a run's own
REFITS, REFIT_STARTS = 10, 5
FEW = 200  # labels
NEEDED = 50  # customers of either class before an AUC is said
SILHOUETTE_OF = 3000
MEASURED_ON = 50_000  # customers at most
DEFAULT_COUNT = 6  # segments, where the model has none yet


@dataclass(frozen=True)
class Measure:
    """As in worker.proto."""

    name: str
    subject: str
    value: float
    deviation: float = 0.0
    baseline: bool = False


@dataclass(frozen=True)
class Evaluated:
    files: list[WrittenFile]
    events: int
    customers: int
    measures: list[Measure]
    sample: Sample | None  # None: everyone was measured


@dataclass
class _Sheet:
    """Collects the measures and the data behind them."""

    measures: list[Measure] = field(default_factory=list[Measure])
    behind: dict[str, Any] = field(default_factory=dict[str, Any])

    def add(self, name: str, subject: str, figure: Figure | float, baseline: bool = False) -> None:
        """A figure that could not be had (NaN) is left out."""
        one = figure if isinstance(figure, Figure) else Figure(figure, 0.0)
        if np.isfinite(one.value):
            self.measures.append(Measure(name, subject, one.value, one.deviation, baseline))


@dataclass(frozen=True)
class _Second:
    """The encoder that is measured: learned from what happened before t0."""

    model: BehaviourModel
    steps: int
    held_out: int  # customers whose halves identity recall tells apart
    quality: Quality
    curves: dict[str, list[tuple[int, float]]]  # (step, value); step 0 is untrained

    def change(self, name: str) -> tuple[float, float] | None:
        """A curve's first and last value, where it begins untrained."""
        points = self.curves.get(name, [])
        return (points[0][1], points[-1][1]) if points and points[0][0] == 0 else None


@dataclass(frozen=True)
class _Sides:
    """Population at one time, everything in the same order of customers."""

    customers: list[str]
    came: Float64  # (N) 0/1 in the horizon after
    value: Float64  # (N) log1p of the value in it
    embedding: Float64
    forecast: Float64
    untrained: Float64
    rfm: Float64
    aggregates: Float64


def evaluate(
    spec: TrainingSpec, snapshot: Snapshot, model: BehaviourModel, segments: SegmentModel | None, output: Folder, report: Report
) -> Evaluated:
    """Writes evaluation.json and its page. Raises TooLittleData where the data are too short for one cut.

    Of more than MEASURED_ON customers a sample is measured (data/sample.py).
    """
    features = model.features
    with some_of(snapshot, features, MEASURED_ON, spec.seed, report.check) as some:
        protocol, sample = protocol_of(model.plan, some), sample_of(snapshot, some, spec.seed)
        learned = _second_encoder(spec, some, model, protocol, report.part(0.0, 0.5))
        second, leaks = learned.model, _leaks(learned.quality, some)
        with EventTable(some, features.main_events, features.value_property, report.check, leaks) as events:
            known_by = [recognised(events, name, protocol.t0) for name in leaks]
            untrained = BehaviourModel.create(second.features, second.plan, spec.seed + 1).eval()
            report.progress(0.5, "reading customers at two times in the past")
            settling = segments.settling if segments is not None else 0
            before, fit_on = _read(some, second, untrained, events, protocol.t0, protocol.days, settling, report.part(0.5, 0.6))
            after, test_on = _read(some, second, untrained, events, protocol.cut, protocol.days, settling, report.part(0.6, 0.7))
    sheet = _Sheet()
    sheet.behind["sample"] = None if sample is None else asdict(sample)
    sheet.behind["protocol"] = {
        **asdict(protocol),
        "fitted_on": len(fit_on.customers),
        "tested_on": len(test_on.customers),
        "positives": float(test_on.came.mean()) if len(test_on.came) else 0.0,
        "encoder_steps": learned.steps,
        "encoder_saw": "events before t0 only",
        "event": list(features.main_events),
        "recipe": asdict(spec),
    }
    left_out: list[str] = []
    report.progress(0.7, "probes on frozen features")
    sheet.behind["alarms"] = [said for one in known_by if one is not None and (said := leak_alarm(one)) is not None]
    if _can_be_tested(fit_on) and _can_be_tested(test_on):
        _probes(sheet, fit_on, test_on, second, protocol, report)
        _newcomers(sheet, test_on, set(before.customers), second, protocol)
        report.check()
        sheet.behind["alarms"] += _alarms(learned, fit_on, test_on)
    else:
        left_out.append(f"every AUC: fewer than {NEEDED} customers came, or stayed away, within the horizon")
    _health(sheet, learned)
    report.progress(0.85, "segments beside segments from recency, frequency and money")
    count = segments.count if segments is not None else spec.segment_count or DEFAULT_COUNT
    few = min(len(fit_on.customers), len(test_on.customers))
    if few >= 2 * count:
        _segments(sheet, before.settled, after.settled, fit_on, test_on, count, spec.seed, report)
    else:
        left_out.append(f"segments: {few} customers had a main event by then, and {count} segments are drawn")
    if left_out:
        sheet.behind["left_out"] = "; ".join(left_out)
    sheet.add("rank_me", "embedding", rank_me(after.embedding))
    sheet.add("foreseen", "forecast", len(model.columns))
    told: dict[str, Any] = {"format": "kindred.evaluation/1", "measures": [asdict(m) for m in sheet.measures], **sheet.behind}
    told["verdict"] = verdict(told["measures"])
    files = [output.write_json(EVALUATION, told), output.write(PAGE, page(told).encode())]
    report.progress(1.0, "evaluated")
    return Evaluated(files, int(after.events.sum()), len(after.customers), sheet.measures, sample)


def _second_encoder(spec: TrainingSpec, snapshot: Snapshot, model: BehaviourModel, protocol: Protocol, report: Report) -> _Second:
    report.progress(0.0, "a second encoder, from earlier events only")
    earlier = snapshot.before(protocol.t0)
    asked = replace(spec, main_events=model.features.main_events, value_property=model.features.value_property or "")
    fitted = examine(earlier, asked, report.check, earlier=True)
    arrays = load(earlier, fitted.features, report.check)
    batch = spec.batch_size or min(128, max(1, arrays.count // 20))
    epochs = spec.epochs or max(2, ceil(STEPS * batch / max(arrays.count, 1)))
    budget = replace(spec, horizon_days=model.plan.horizon_days, batch_size=batch, epochs=epochs)
    aside = _Aside(report.part(0.05, 1.0))
    trained = train(budget, TrainingData(fitted.features, arrays, protocol.t0), None, aside)
    return _Second(trained.model, trained.steps, trained.held_out, fitted.quality, aside.curves)


class _Aside(Report):
    """Progress, but the curves are kept back: the run's are those of its own encoder."""

    def __init__(self, whole: Report) -> None:
        super().__init__()
        self._whole = whole
        self.curves: dict[str, list[tuple[int, float]]] = {}

    def progress(self, fraction: float, step: str, rate: float = 0.0, unit: str = "") -> None:
        self._whole.progress(fraction, f"a second encoder, from earlier events only: {step}", rate, unit)

    def metric(self, name: str, step: int, value: float) -> None:
        self.curves.setdefault(name, []).append((step, value))

    def check(self) -> None:
        self._whole.check()


def _health(sheet: _Sheet, learned: _Second) -> None:
    """How embeddings of held-out customers lie, beside the untrained encoder's."""
    for name in ("identity_recall", "alignment", "uniformity"):
        change = learned.change(name)
        if change is not None:
            for subject, value in zip(("untrained", "embedding"), change, strict=True):
                spread = np.sqrt(value * (1 - value) / (2 * learned.held_out)) if name == "identity_recall" else 0.0
                sheet.add(name, subject, Figure(value, float(spread)), subject == "untrained")
    # The rate of events depends on the machine, and the file on the data alone.
    sheet.behind["curves"] = {name: points for name, points in learned.curves.items() if name != "events_per_second"}
    sheet.behind["held_out"] = learned.held_out
    sheet.behind["quality"] = learned.quality.to_json()


def _leaks(quality: Quality, snapshot: Snapshot) -> list[str]:
    """Properties of events that tell who a customer is and that the encoder sees, because the run asks for them or the guard is off."""
    of_events = {c.column for c in snapshot.manifest.columns}
    leaks = [one for one in quality.properties if one.flaw in LEAKS and one.kept and (one.asked == "keep" or not quality.guard)]
    return [one.property for one in leaks if f"p:{one.property}" in of_events]


def _alarms(learned: _Second, fit_on: _Sides, test_on: _Sides) -> list[str]:
    """What a person must look at before this recipe is trusted."""
    recall = learned.change("identity_recall")
    if recall is None:
        return []
    truth = test_on.came
    trained = logistic(fit_on.embedding, fit_on.came, test_on.embedding)
    untrained = logistic(fit_on.untrained, fit_on.came, test_on.untrained)
    gain = resampled(
        lambda rows: float(roc_auc_score(truth[rows], trained[rows]) - roc_auc_score(truth[rows], untrained[rows])), len(truth), truth
    )
    said = alarm(recall, learned.held_out, gain.value, gain.deviation)
    return [said] if said else []


def _read(
    snapshot: Snapshot,
    model: BehaviourModel,
    untrained: BehaviourModel,
    events: EventTable,
    time: int,
    days: float,
    settling: int,
    report: Report,
) -> tuple[Reading, _Sides]:
    """Everyone at `time`, and the population of the rival (a main event before it) with what came after."""
    seen = snapshot.before(time)
    reading = read_everyone(seen, model, time, report.part(0, 0.4), settling)
    raw = read_everyone(seen, untrained, time, report.part(0.4, 0.8))
    truth = outcome(events, time, days)
    rows = {customer: at for at, customer in enumerate(reading.customers)}
    kept = [c for c in truth.customers if c in rows]
    order = np.array([rows[c] for c in kept], dtype=np.int64)

    def features(table: Table) -> Float64:
        return prepared(table.aligned(kept))

    answers = truth.aligned(kept)
    return reading, _Sides(
        customers=kept,
        came=answers[:, 0],
        value=answers[:, 1],
        embedding=reading.embedding[order].astype(np.float64),
        forecast=reading.forecast[order].astype(np.float64),
        untrained=raw.embedding[order].astype(np.float64),
        rfm=features(rfm(events, time)),
        aggregates=features(aggregates(events, time)),
    )


def _can_be_tested(side: _Sides) -> bool:
    return bool(min((side.came == 1).sum(), (side.came == 0).sum()) >= NEEDED)


def _probes(sheet: _Sheet, fit_on: _Sides, test_on: _Sides, model: BehaviourModel, protocol: Protocol, report: Report) -> None:
    """AUC of "a main event within the horizon", each kind of features by the same probes."""
    truth = test_on.came
    if model.horizon is not None:
        foreseen = _chance(test_on.forecast, model, protocol.days)
        sheet.add("auc", "forecast", auc(truth, foreseen))
        sheet.add("ece", "forecast", expected_calibration_error(foreseen.astype(np.float32), truth))
        sheet.behind["reliability"] = reliability(foreseen, truth)
    rivals: list[tuple[str, Float64, Float64, bool]] = [
        ("embedding", fit_on.embedding, test_on.embedding, False),
        ("untrained", fit_on.untrained, test_on.untrained, True),
        ("rfm", fit_on.rfm, test_on.rfm, True),
        ("aggregates", fit_on.aggregates, test_on.aggregates, True),
        ("aggregates+embedding", _joined(fit_on), _joined(test_on), False),
    ]
    for subject, learned, tested, baseline in rivals:
        report.check()
        sheet.add("auc", subject, auc(truth, logistic(learned, fit_on.came, tested)), baseline)
        sheet.add("auc_boosted", subject, auc(truth, boosted(learned, fit_on.came, tested, report.check)), baseline)
        if subject in ("embedding", "aggregates"):
            sheet.add(f"auc_{FEW}_labels", subject, few_labels(learned, fit_on.came, tested, truth, FEW), baseline)


def _joined(side: _Sides) -> Float64:
    return np.concatenate([side.aggregates, side.embedding], axis=1)


def _newcomers(sheet: _Sheet, test_on: _Sides, known: set[str], model: BehaviourModel, protocol: Protocol) -> None:
    """Customers whom the encoder never saw, apart."""
    if model.horizon is None:
        return
    fresh = np.array([c not in known for c in test_on.customers])
    came = test_on.came[fresh]
    if min((came == 1).sum(), (came == 0).sum()) >= NEEDED:
        sheet.add("auc", "forecast of unseen customers", auc(came, _chance(test_on.forecast[fresh], model, protocol.days)))


def _chance(forecast: Float64, model: BehaviourModel, days: float) -> Float64:
    """The chance that any main event comes within the horizon, as the heads foresee it without a label."""
    none = np.ones(len(forecast))
    for at, column in enumerate(model.columns):
        if column.main and column.kind == "probability" and abs(column.horizon_days - days) < 1e-6:
            none *= 1 - forecast[:, at]
    return 1 - none


def _segments(
    sheet: _Sheet, before: Reading, after: Reading, fit_on: _Sides, test_on: _Sides, count: int, seed: int, report: Report
) -> None:
    """Segments drawn at t0 and read at the cut; RFM at the same number beside them."""
    found = find_segments(before, None, count, seed, report.part(0.85, 0.9), REFITS)
    space = found.model.space
    theirs = {c: at for at, c in enumerate(before.customers)}
    mine = {c: at for at, c in enumerate(after.customers)}
    learned = found.points[[theirs[c] for c in fit_on.customers]]
    tested = space.place(after.embedding, after.forecast)[[mine[c] for c in test_on.customers]]
    _one_partition(sheet, "segments", learned, tested, fit_on, test_on, count, seed, report, found.partition.centres)
    sheet.add("ece", "strength", found.strength_error)
    mean, deviation = fit_on.rfm.mean(axis=0), np.maximum(fit_on.rfm.std(axis=0), 1e-9)
    rfm_then, rfm_now = (((s.rfm - mean) / deviation).astype(np.float32) for s in (fit_on, test_on))
    _one_partition(sheet, "rfm", rfm_then, rfm_now, fit_on, test_on, count, seed, report, None)


def _one_partition(
    sheet: _Sheet,
    subject: str,
    learned: npt.NDArray[np.float32],
    tested: npt.NDArray[np.float32],
    fit_on: _Sides,
    test_on: _Sides,
    count: int,
    seed: int,
    report: Report,
    centres: npt.NDArray[np.float32] | None,
) -> None:
    """`centres` drawn at t0 (None: k-means draws them); each customer is scored by the rate of their segment at t0."""
    baseline = subject == "rfm"
    if centres is None:
        centres = fit_partition(learned, count, seed).centres
    then = ((learned[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
    now = ((tested[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
    size = np.bincount(then, minlength=count)
    rate = (np.bincount(then, fit_on.came, minlength=count) + fit_on.came.mean()) / (size + 1)
    if _can_be_tested(test_on):
        sheet.add("membership_auc", subject, auc(test_on.came, rate[now]), baseline)
        means = np.bincount(now, test_on.value, minlength=count) / np.maximum(np.bincount(now, minlength=count), 1)

        def eta(rows: npt.NDArray[np.int64]) -> float:
            values = test_on.value[rows]
            return float(1 - ((values - means[now[rows]]) ** 2).mean() / max(float(values.var()), 1e-12))

        sheet.add("eta_squared", subject, resampled(eta, len(now), test_on.came), baseline)
    redrawn = fit_partition(tested, count, seed)
    again = refit(tested, redrawn, drawn_anew(count, REFIT_STARTS), REFITS, seed, report.check)
    sheet.add("ari", subject, Figure(float(again.adjusted_rand.mean()), float(again.adjusted_rand.std())), baseline)
    sheet.add("smallest_share", subject, float(np.bincount(redrawn.labels, minlength=count).min() / len(tested)), baseline)
    rows = np.random.default_rng(seed).permutation(len(tested))[:SILHOUETTE_OF]
    if len(np.unique(redrawn.labels[rows])) > 1:
        sheet.add("silhouette", subject, float(silhouette_score(tested[rows], redrawn.labels[rows])), baseline)
    sheet.behind[f"partition:{subject}"] = [
        {
            "index": at,
            "customers": int((now == at).sum()),
            "rate_before": float(rate[at]),
            "rate_after": float(test_on.came[now == at].mean()) if (now == at).any() else None,
            "stability": float(again.jaccard[at]),
        }
        for at in range(count)
    ]
