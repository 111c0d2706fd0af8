"""How surprising an event was to the model, given what it knew of the customer right after the event before.

The next-event head says how likely the kind, the time since and the amount were (NextEvent.surprise, in nats). Scale: the
same as a customer's novelty (segments/novelty.py): one fifth per factor of ten of rarity among the events that the model
learned from, so the median event reads .06, one in a thousand .6, and beyond the data the tail is exponential.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from kindred_worker.data.arrays import EventArrays, pick
from kindred_worker.data.features import MICROS_PER_DAY, Encoded, Int64
from kindred_worker.data.order import content_keys, drawn, event_keys
from kindred_worker.models.batch import batch_of, choose
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.bundle import SURPRISE, Bundle
from kindred_worker.models.reading import pieces
from kindred_worker.report import Report
from kindred_worker.segments.ordinary import Reach, reach_of

Bools = npt.NDArray[np.bool_]
Float64 = npt.NDArray[np.float64]

FORMAT = "kindred.surprise/1"
DECADES = 5.0  # factors of ten of rarity until novelty reads 1
TAIL = 0.02  # share of the events that the tail is fitted on
KNOTS = 60
SAMPLE = 20_000  # events that the scale is taken from
DRAW = 320  # the turn of that draw
CUSTOMERS, EVENTS = 64, 8192  # read at a time


@dataclass(frozen=True)
class Surprise:
    """The scale from nats to novelty."""

    knots: Float64  # (T) nats, rising
    decades: Float64  # (T) -log10 of the share of events beyond each knot
    slope: float  # decades per nat beyond the last knot
    ordinary: Reach | None = None  # of events of customers whom nothing was learned from; None: too few, or not measured

    def novelty(self, nats: Float64) -> Float64:
        """(N) -> (N), 0 ordinary .. 1 rarer than one event in 100,000."""
        beyond = np.maximum(nats - self.knots[-1], 0) * self.slope
        return np.clip((np.interp(nats, self.knots, self.decades) + beyond) / DECADES, 0, 1)

    def to_json(self) -> dict[str, Any]:
        scale = {"knots": self.knots.tolist(), "decades": self.decades.tolist(), "slope": self.slope}
        return {"format": FORMAT, **scale, "ordinary": None if self.ordinary is None else self.ordinary.to_json()}

    @staticmethod
    def from_bytes(content: bytes) -> Surprise:
        told: dict[str, Any] = json.loads(content)
        if told.get("format") != FORMAT:
            raise ValueError(f"{SURPRISE}: format is {told.get('format')!r}, this worker reads {FORMAT!r}")
        ordinary = Reach.from_json(told["ordinary"]) if told.get("ordinary") else None  # none in bundles from before
        return Surprise(np.array(told["knots"]), np.array(told["decades"]), float(told["slope"]), ordinary)


def load_surprise(bundle: Bundle) -> Surprise | None:
    """The bundle's scale; None where it has none."""
    return Surprise.from_bytes(bundle.folder.read(SURPRISE, bundle.files[SURPRISE])) if SURPRISE in bundle.files else None


def fit_surprise(model: BehaviourModel, arrays: EventArrays, seed: int, report: Report, held: Bools | None = None) -> Surprise | None:
    """None for a model without a next-event head. held (N): customers whom the model did not learn from; nor does the scale."""
    if model.next_event is None or not len(arrays.events.time):
        return None
    apart = np.zeros(arrays.count, bool) if held is None else held
    nats = _drawn_surprises(model, arrays, ~apart, (seed, DRAW), report)
    body = np.linspace(0, 1 - TAIL, KNOTS)
    knots: Float64 = np.maximum.accumulate(np.quantile(nats, body)).astype(np.float64) + np.arange(KNOTS) * 1e-9
    excess = nats[nats > knots[-1]] - knots[-1]
    slope = float(1 / (np.log(10) * max(float(excess.mean()) if len(excess) else 0.0, 1e-3)))
    scale = Surprise(knots, -np.log10(1 - body), slope)
    if not apart.any():
        return scale
    return replace(scale, ordinary=reach_of(scale.novelty(_drawn_surprises(model, arrays, apart, (seed, DRAW + 1), report))))


def _drawn_surprises(model: BehaviourModel, arrays: EventArrays, whose: Bools, draw: tuple[int, int], report: Report) -> Float64:
    """Nats of about SAMPLE events of these customers (N); draw: seed and turn."""
    keys = content_keys(arrays)
    chance = SAMPLE / max(1, int(np.diff(arrays.offsets)[whose].sum()))
    found: list[Float64] = []
    offsets = arrays.item_offsets
    for piece in pieces(np.diff(arrays.offsets), CUSTOMERS, EVENTS):
        theirs = np.repeat(whose[piece], np.diff(arrays.offsets)[piece])
        asked = np.flatnonzero((drawn(event_keys(arrays, keys[piece], int(piece[0])), *draw) < chance) & theirs)
        if len(asked):
            report.progress(float(piece[-1]) / arrays.count, "learning what surprises")
            events, begins = choose(arrays, piece, offsets)
            found.append(surprises(model, events, begins, asked))
    return np.concatenate(found) if found else np.zeros(1)


@torch.inference_mode()
def surprises(model: BehaviourModel, events: Encoded, offsets: Int64, asked: Int64) -> Float64:
    """(A) nats of the asked of n events, ascending places, of B customers; offsets (B + 1). Needs a next-event head.

    Each is judged by the state right after the event before it. Events of one moment are judged by the state before it.
    """
    head = model.next_event
    assert head is not None
    owner = np.searchsorted(offsets, asked, side="right") - 1
    is_first = asked == offsets[owner]
    own = events.time[asked]
    at = np.where(is_first, own - 1, np.minimum(events.time[np.maximum(asked - 1, 0)], own - 1))
    gap = np.where(is_first, np.nan, (own - at) / MICROS_PER_DAY)
    place = np.arange(len(asked)) - np.searchsorted(owner, owner)
    reads = np.repeat(own.min(initial=0) - 1, (len(offsets) - 1) * int(place.max(initial=0) + 1)).reshape(len(offsets) - 1, -1)
    reads[owner, place] = at
    reads = np.maximum.accumulate(reads, axis=1)
    read = model.encoder.read_many(model.vectors(batch_of(events, offsets, model.device)), torch.from_numpy(reads).to(model.device))
    embedding = read[torch.from_numpy(owner), torch.from_numpy(place)]
    return head.surprise(embedding, pick(events, asked), gap).double().cpu().numpy()


def judged(model: BehaviourModel, scale: Surprise, events: Encoded, offsets: Int64, asked: Sequence[int]) -> list[float]:
    """Novelty of each asked event, in the order asked."""
    places = np.unique(np.array(asked, np.int64))
    novelty = dict(zip(places.tolist(), scale.novelty(surprises(model, events, offsets, places)).tolist(), strict=True))
    return [novelty[place] for place in asked]
