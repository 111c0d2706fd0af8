"""The resolved plan of a model: what the spec left open, taken from the data. It comes back in encoder.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from kindred_worker.data.arrays import EventArrays, spans
from kindred_worker.data.features import MICROS_PER_DAY, FeatureSpec, Int64
from kindred_worker.data.visit import pause_of
from kindred_worker.report import InvalidInput
from kindred_worker.spec import TrainingSpec

# Half-lives that suit two years of data, in days; other spans scale them.
HALF_LIVES, THEIR_SPAN = (2.0, 7.0, 21.0, 60.0, 120.0, 240.0, 500.0), 730.0
# Rhythms of people, in days; one is used where the data spans it with a quarter to spare.
PERIODS = (365.25, 182.625)
# Horizons a person would choose, in days.
HORIZONS = (
    1 / 24,
    1 / 8,
    1 / 4,
    1 / 2,
    1,
    2,
    3,
    5,
    7,
    10,
    14,
    21,
    30,
    45,
    60,
    90,
    120,
    180,
    270,
    365,
    730,
)
HAZARD_BINS = 12
SAMPLED = 2_000_000  # events
CLOCKWORK = 1.5  # gaps whose 95th percentile is less than this many times their median come by the clock


@dataclass(frozen=True)
class Plan:
    encoder: str
    width: int
    event_width: int
    half_life_days: tuple[float, ...]
    period_days: tuple[float, ...]
    horizon_days: tuple[float, ...]
    hazard_days: tuple[float, ...]  # upper edges of the bins of the time to the next event
    objectives: dict[str, float]
    dropout: float
    item_dropout: float
    counted: int = 0  # main events that stand in the tally beside what is learned (tally.py); 0 where the encoder keeps none
    silent: bool = False  # whether the tally is read with what so long a silence says (silence.py)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> Plan:
        try:
            given: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in value.items()}
            return Plan(**given)
        except TypeError as error:
            raise InvalidInput(f"encoder.json: {error}") from error


def resolve(spec: TrainingSpec, features: FeatureSpec, arrays: EventArrays, now: int) -> Plan:
    """`now` in microseconds: the data's end."""
    time = arrays.events.time
    arrays = _sampled(arrays)
    span = max((now - int(time.min())) / MICROS_PER_DAY, 1e-3)
    gaps = _gaps(arrays, np.ones(len(arrays.events.time), bool))
    scaled = tuple(float(f"{h * span / THEIR_SPAN:.3g}") for h in HALF_LIVES)
    counted = counted_of(spec.encoder, features)
    return Plan(
        encoder=spec.encoder,
        width=spec.width,
        event_width=32,
        half_life_days=spec.half_life_days or scaled,
        period_days=tuple(p for p in PERIODS if span >= 1.25 * p),
        horizon_days=tuple(sorted(spec.horizon_days)) or _horizons(features, arrays, span),
        hazard_days=_hazard_edges(gaps, span),
        objectives=dict(spec.objectives),
        dropout=spec.dropout,
        item_dropout=spec.item_dropout,
        counted=counted,
        silent=counted > 0,
    )


def counted_of(encoder: str, features: FeatureSpec) -> int:
    """How many main events stand in the tally; of an encoder whose state is sums."""
    return len(features.main_events) if encoder == "decayed_sum" else 0


def _sampled(arrays: EventArrays) -> EventArrays:
    """Customers spread evenly over the whole, with SAMPLED events or somewhat fewer: enough for quantiles of gaps."""
    if len(arrays.events.time) <= SAMPLED:
        return arrays
    share = SAMPLED / len(arrays.events.time)
    chosen = np.unique((np.arange(int(arrays.count * share)) / share).astype(np.int64))
    lengths = np.diff(arrays.offsets)[chosen]
    events = arrays.events
    rows = spans(arrays.offsets[:-1][chosen], lengths)
    kept = replace(events, time=events.time[rows], name=events.name[rows])  # of the other columns nothing is asked here
    return EventArrays(arrays.customers, np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)]), kept)


def _gaps(arrays: EventArrays, chosen: np.ndarray) -> np.ndarray:
    """Days between neighbouring chosen events of a customer."""
    owner = np.repeat(np.arange(arrays.count), np.diff(arrays.offsets))[chosen]
    time = arrays.events.time[chosen]
    return np.diff(time)[owner[1:] == owner[:-1]] / MICROS_PER_DAY


def _horizons(features: FeatureSpec, arrays: EventArrays, span: float) -> tuple[float, ...]:
    """Three horizons near the median, the 85th and the 95th percentile of the gaps between main events.

    Gaps within a visit do not count: what comes within the hour says that somebody is here, not who they are. Where the
    events come by the clock (a machine's readings), the next one says nothing, and it is asked how long it goes on: shares
    of the median customer's life.
    """
    pause = pause_of(_gaps(arrays, np.ones(len(arrays.events.time), bool)) * MICROS_PER_DAY) or 0
    codes = _codes(features, features.main_events)
    gaps = _gaps(arrays, np.isin(arrays.events.name, codes))
    gaps = gaps[gaps * MICROS_PER_DAY > pause]
    wanted = np.quantile(gaps, (0.5, 0.85, 0.95)) if len(gaps) >= 20 else np.array([span / 24, span / 8, span / 4])
    if len(gaps) >= 20 and wanted[-1] < CLOCKWORK * wanted[0]:
        wanted = np.median(_lives(arrays)) * np.array([1 / 8, 1 / 4, 1 / 2])
    ladder = np.array([h for h in HORIZONS if h <= span / 3.5] or [span / 4])
    found: list[int] = []
    for days in wanted:
        nearest = int(np.argmin(np.abs(np.log(ladder) - np.log(days))))
        found.append(max(nearest, found[-1] + 1) if found else nearest)
    top = len(ladder) - 1
    kept = sorted({min(f, top - (len(found) - 1 - at)) for at, f in enumerate(found)} & set(range(len(ladder))))
    return tuple(float(ladder[k]) for k in kept) or (float(ladder[0]),)


def _lives(arrays: EventArrays) -> np.ndarray:
    """Days between each customer's first and last event."""
    some = np.diff(arrays.offsets) > 0
    return (arrays.events.time[arrays.offsets[1:][some] - 1] - arrays.events.time[arrays.offsets[:-1][some]]) / MICROS_PER_DAY


def _hazard_edges(gaps: np.ndarray, span: float) -> tuple[float, ...]:
    positive = gaps[gaps > 0]
    if len(positive) < 20:
        return tuple(span * f for f in (0.01, 0.05, 0.1, 0.25, 0.5, 1.0))
    edges = np.quantile(positive, np.linspace(0, 1, HAZARD_BINS + 1)[1:])
    return tuple(sorted({float(f"{e:.4g}") for e in edges}))


def _codes(features: FeatureSpec, names: Sequence[str]) -> Int64:
    known = {word: 1 + at for at, word in enumerate(features.names.words)}
    return np.array([known.get(n, features.names.hashed(n)) for n in names], dtype=np.int64)


def event_codes(features: FeatureSpec) -> Int64:
    """Name indices of the foreseen events, in the order of `features.events`."""
    return _codes(features, features.events)
