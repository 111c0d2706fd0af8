"""Recommends items: a mixture of evidence (evidence.py) with learned weights, and the reason that weighed most.

The mixture is a conditional logit (McFadden 1974): softmax over all items of weights . evidence, fitted on baskets of the
latest WINDOW of the data, with counts that know nothing from then on (taste reads an encoder that has learned from all of the
data, so it weighs a little more than it is worth); afterwards the statistics are taken over all of the data. Repeating
oneself, popularity and companions thus weigh what they are worth in this data.

Files: items.safetensors (every array) and items.json (names, words, weights). Serving reads them too
(apps/serving/src/recommendation) and computes the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from safetensors.numpy import load, save

from kindred_worker.items.basket import ItemField
from kindred_worker.items.evidence import EVIDENCE, History, ItemStatistics, evidence
from kindred_worker.items.taste import Taste, basket_loss

Float32 = npt.NDArray[np.float32]
Reason = Literal["bought_before", "goes_with", "taste", "popular"]

FORMAT = "kindred.items/1"
TENSORS, SIDECAR = "items.safetensors", "items.json"
# Which evidence each reason adds up, in the order of EVIDENCE.
REASONS: dict[Reason, slice] = {"bought_before": slice(0, 8), "goes_with": slice(8, 9), "popular": slice(9, 11), "taste": slice(11, 12)}


@dataclass(frozen=True)
class Recommendation:
    item: int
    probability: float  # of all that may be taken next, this item's share
    reason: Reason
    companion: int  # with `goes_with`: the item of their own that it goes with; else -1


@dataclass(frozen=True)
class Recommender:
    field: ItemField
    events: tuple[str, ...]  # whose items count
    statistics: ItemStatistics
    taste: Taste
    weights: Float32  # (len(EVIDENCE))

    def scores(self, history: History, embedding: Float32) -> Float32:
        """(N, W)"""
        return evidence(history, self.statistics, self.taste.score(embedding)) @ self.weights

    def recommend(self, history: History, embedding: Float32, first: int, exclude_owned: bool = False) -> list[list[Recommendation]]:
        """For each of N customers their best items, best first; ties by the item's place."""
        proof = evidence(history, self.statistics, self.taste.score(embedding))
        score = proof @ self.weights
        results: list[list[Recommendation]] = []
        for at in range(history.count):
            mine = history.item[history.owner == at]
            chance = np.exp(score[at] - score[at].max())
            chance /= chance.sum()
            allowed = np.ones(len(chance), bool)
            if exclude_owned:
                allowed[mine] = False
            places = np.flatnonzero(allowed)
            best = places[np.lexsort((places, -score[at][places]))[:first]]
            results.append([Recommendation(int(v), float(chance[v]), *self._reason(proof[at, v], proof[at], v, mine)) for v in best])
        return results

    def _reason(self, own: Float32, everything: Float32, item: int, mine: npt.NDArray[np.int64]) -> tuple[Reason, int]:
        """What sets this item apart from the average item for this customer."""
        lead = (own - everything.mean(axis=0)) * self.weights
        weighed: dict[Reason, float] = {reason: float(lead[places].sum()) for reason, places in REASONS.items()}
        if item not in mine:
            del weighed["bought_before"]
        companion = self._companion(item, mine)
        if companion < 0:
            del weighed["goes_with"]
        reason = max(weighed, key=lambda r: weighed[r])
        return reason, companion if reason == "goes_with" else -1

    def _companion(self, item: int, mine: npt.NDArray[np.int64]) -> int:
        """The customer's item that names this one most strongly; -1 if none does."""
        held = np.unique(mine[mine != item])
        said = np.where(self.statistics.neighbour[held] == item, self.statistics.cosine[held], 0).max(axis=1, initial=0)
        return int(held[said.argmax()]) if len(held) and said.max() > 0 else -1

    def to_bytes(self) -> dict[str, bytes]:
        of = self.statistics
        tensors = {
            "popular": of.popular,
            "repeat": of.repeat,
            "neighbour": of.neighbour,
            "cosine": of.cosine,
            "taste.mean": self.taste.mean,
            "taste.projection": self.taste.projection,
            "taste.vectors": self.taste.vectors,
        }
        sidecar = {
            "format": FORMAT,
            "property": self.field.property,
            "field": self.field.field,
            "listAt": self.field.list_at,
            "fieldAt": self.field.field_at,
            "events": list(self.events),
            "words": list(self.field.words),
            "halfLifeDays": list(of.half_life_days),
            "weights": dict(zip(EVIDENCE, self.weights.astype(float).tolist(), strict=True)),
        }
        text = json.dumps(sidecar, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
        return {TENSORS: save({k: np.ascontiguousarray(v) for k, v in tensors.items()}), SIDECAR: text.encode() + b"\n"}

    @staticmethod
    def from_bytes(files: dict[str, bytes]) -> Recommender:
        """Refuses files of another format."""
        told: dict[str, Any] = json.loads(files[SIDECAR])
        if told.get("format") != FORMAT:
            raise ValueError(f"{SIDECAR}: format is {told.get('format')!r}, this worker reads {FORMAT!r}")
        tensors = load(files[TENSORS])
        short, long = told["halfLifeDays"]
        return Recommender(
            ItemField(told["listAt"], told["fieldAt"], told["property"], told["field"], tuple(told["words"])),
            tuple(told["events"]),
            ItemStatistics((short, long), tensors["popular"], tensors["repeat"], tensors["neighbour"], tensors["cosine"]),
            Taste(*(tensors[f"taste.{n}"] for n in ("mean", "projection", "vectors"))),
            np.array([told["weights"][name] for name in EVIDENCE], np.float32),
        )


def fit_weights(
    proof: Float32, row: npt.NDArray[np.int64], item: npt.NDArray[np.int64], check: Callable[[], None] = lambda: None
) -> Float32:
    """The conditional logit's weights: `proof` (N, W, K) for N baskets whose items are flat, item[i] in basket row[i];
    `check` is called at each turn (cancel)."""
    x, rows, items = torch.from_numpy(proof), torch.from_numpy(row), torch.from_numpy(item)
    weights = torch.zeros(proof.shape[-1], requires_grad=True)
    optimiser = torch.optim.LBFGS([weights], max_iter=60, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        check()
        optimiser.zero_grad()
        loss = basket_loss(x @ weights, rows, items) + 1e-4 * weights.square().sum()
        loss.backward()
        return loss

    optimiser.step(closure)
    return weights.detach().numpy().copy()
