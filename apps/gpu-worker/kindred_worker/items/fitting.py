"""Fits the recommender of a trained model: taste and statistics up to the window, the weights inside of it, then the
statistics again over everything."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from kindred_worker.data.arrays import EventArrays
from kindred_worker.data.features import Int64
from kindred_worker.data.order import UInt64, content_keys, drawn, mixed, told_apart
from kindred_worker.items.basket import Baskets, ItemField, baskets_of, item_events, item_field
from kindred_worker.items.evidence import EVIDENCE, evidence, histories, statistics
from kindred_worker.items.recommender import Recommender, fit_weights
from kindred_worker.items.taste import learn_taste
from kindred_worker.models.batch import batch_of, choose
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.reading import pieces
from kindred_worker.report import Report

Float32 = npt.NDArray[np.float32]

FEWEST_BASKETS = 200  # below, weights would be guesses
WINDOW = 0.1  # latest share of the baskets, that the weights are fitted on
LEARNED_FROM = 30_000  # baskets at most that taste is learned from
NUMBERS = 40_000_000  # of evidence held at once, while weights are fitted
FITTED_ON = 1_500  # baskets at most
DRAWS = (310, 311)  # the turns of the draws of the one and of the others
LEARNED_OF = 4_000_000  # items of all baskets together, about: more would only take memory


def fit_recommender(model: BehaviourModel, arrays: EventArrays, now: int, asked: str, seed: int, report: Report) -> Recommender | None:
    """None where the data has no lists of items, or too few baskets. Raises InvalidInput where `asked` is no field of items."""
    field = item_field(model.features, asked)
    if field is None:
        return None
    names = item_events(model.features, arrays, field)
    baskets = baskets_of(model.features, arrays, field, names, LEARNED_OF)
    if len(baskets) < FEWEST_BASKETS:
        return None
    return _fitted(model, arrays, baskets, field, names, now, seed, report)


def _fitted(
    model: BehaviourModel,
    arrays: EventArrays,
    baskets: Baskets,
    field: ItemField,
    names: tuple[str, ...],
    now: int,
    seed: int,
    report: Report,
) -> Recommender:
    items, keys = len(field.words), _keys(arrays, baskets)
    begin = int(np.quantile(baskets.time, 1 - WINDOW, method="lower"))
    before = _drawn(keys, baskets.time < begin, LEARNED_FROM, seed, DRAWS[0])
    report.progress(0.0, "reading customers before their baskets")
    learned = baskets.chosen(before)
    taste = learn_taste(read_before(model, arrays, learned, report), learned, keys[before], items, seed, report.part(0.2, 0.8))
    asked = baskets.chosen(_drawn(keys, baskets.time >= begin, min(FITTED_ON, _held(items)), seed, DRAWS[1]))
    embedding = read_before(model, arrays, asked, report)
    # Evidence as it was at the window's beginning or, of the customer's own past, just before the basket.
    known = statistics(baskets.before(begin), items, begin)
    report.check()
    proof = evidence(histories(baskets, asked.owner, asked.time), known, taste.score(embedding))
    weights = fit_weights(proof, asked.row, asked.item, report.check)
    report.progress(1.0, "recommendations learned")
    return Recommender(field, names, statistics(baskets, items, now), taste, weights)


def _held(items: int) -> int:
    return max(50, NUMBERS // (items * len(EVIDENCE)))


def _keys(arrays: EventArrays, baskets: Baskets) -> UInt64:
    """(M) a hash of each basket's time and of all that its customer did: where in the data they stand plays no part."""
    time = np.ascontiguousarray(baskets.time).view(np.uint64)
    return told_apart(mixed(content_keys(arrays)[baskets.owner] ^ mixed(time)))


def _drawn(keys: UInt64, chosen: npt.NDArray[np.bool_], most: int, seed: int, turn: int) -> Int64:
    """Rows of at most so many of the chosen baskets, in order."""
    rows = np.flatnonzero(chosen)
    return rows if len(rows) <= most else np.sort(rows[np.argsort(drawn(keys[rows], seed, turn))[:most]])


@torch.inference_mode()
def read_before(model: BehaviourModel, arrays: EventArrays, baskets: Baskets, report: Report) -> Float32:
    """(M, D) embeddings of the baskets' customers, each just before its basket."""
    model.eval()
    offsets = arrays.item_offsets
    customers, places = np.unique(baskets.owner, return_inverse=True)
    within = np.arange(len(baskets)) - np.searchsorted(baskets.owner, baskets.owner)  # which of the customer's, in order
    reads = np.bincount(places)
    out = np.zeros((len(baskets), model.width), np.float32)
    for piece in pieces(np.diff(arrays.offsets)[customers], 64, 8192):
        report.check()
        events, begins = choose(arrays, customers[piece], offsets)
        rows = np.flatnonzero((places >= piece[0]) & (places <= piece[-1]))
        at = np.full((len(piece), int(reads[piece].max())), np.iinfo(np.int64).min)
        at[places[rows] - piece[0], within[rows]] = baskets.time[rows] - 1
        at = np.maximum.accumulate(at, axis=1)  # what is left over repeats the last one
        vectors = model.vectors(batch_of(events, begins, model.device))
        read = model.encoder.read_many(vectors, torch.from_numpy(at).to(model.device))
        out[rows] = read.float().cpu().numpy()[places[rows] - piece[0], within[rows]]
    return out
