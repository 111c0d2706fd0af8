"""Taste: which items the learned embedding foresees in the next basket.

A linear head on the frozen encoder: score of item v = (A z) . e_v + b_v, learned by a softmax over all items against the
items of the basket that followed, each with the same share. The encoder is not touched, so nothing else changes by it.
b_v is the item's popularity while it was learned; the mixture knows a fresher one, so taste is told without it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from kindred_worker.data.features import Int64
from kindred_worker.data.order import UInt64, drawn
from kindred_worker.items.basket import Baskets
from kindred_worker.report import Report

Float32 = npt.NDArray[np.float32]

WIDTH = 16
# More passes, or wider vectors, learn the past by heart: on later baskets they say less.
EPOCHS, BATCH, RATE, DECAY = 2, 256, 5e-3, 0.1
DRAW = 300  # the turn of the first pass's draw


@dataclass(frozen=True)
class Taste:
    mean: Float32  # (D) of the embeddings
    projection: Float32  # (D, E) from the centred embedding; scales are in it
    vectors: Float32  # (W, E)

    def score(self, embedding: Float32) -> Float32:
        """(N, D) -> (N, W), without b."""
        return (((embedding - self.mean) @ self.projection) @ self.vectors.T).astype(np.float32)


class TasteHead(nn.Module):
    def __init__(self, width: int, items: int) -> None:
        super().__init__()
        self.project = nn.Linear(width, WIDTH, bias=False)
        self.items = nn.Parameter(torch.randn(items, WIDTH) * 0.05)
        self.bias = nn.Parameter(torch.zeros(items))

    def forward(self, z: Tensor) -> Tensor:
        """(B, D) standardised -> (B, W)."""
        return self.project(z) @ self.items.T + self.bias


def basket_loss(score: Tensor, row: Tensor, item: Tensor) -> Tensor:
    """Mean over B baskets of the cross-entropy between the softmax of `score` (B, W) and equal shares of the basket's
    items, which are given flat: item[i] lies in basket row[i]."""
    share = 1 / torch.bincount(row, minlength=len(score)).clamp(min=1).to(score.dtype)
    picked = torch.log_softmax(score, dim=-1)[row, item]
    return -(picked * share[row]).sum() / len(score)


def learn_taste(embedding: Float32, baskets: Baskets, keys: UInt64, items: int, seed: int, report: Report) -> Taste:
    """From embeddings (M, D), each read just before its basket; the baskets' keys (M) say in which order they are learned from."""
    mean, deviation = embedding.mean(axis=0), np.maximum(embedding.std(axis=0), 1e-3)
    z = torch.from_numpy(((embedding - mean) / deviation).astype(np.float32))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        head = TasteHead(embedding.shape[1], items)
    counts = np.bincount(baskets.item, minlength=items) + 0.5
    with torch.no_grad():
        head.bias.copy_(torch.from_numpy(np.log(counts / counts.sum()).astype(np.float32)))
    optimiser = torch.optim.AdamW(head.parameters(), RATE, weight_decay=DECAY)
    for epoch in range(EPOCHS):
        order = np.argsort(drawn(keys, seed, DRAW + epoch))
        for begin in range(0, len(order), BATCH):
            report.check()
            rows: Int64 = np.sort(order[begin : begin + BATCH])
            part = baskets.chosen(rows)
            loss = basket_loss(head(z[torch.from_numpy(rows)]), torch.from_numpy(part.row), torch.from_numpy(part.item))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            report.progress((epoch + begin / len(order)) / EPOCHS, "learning which items come next")
    projection = head.project.weight.detach().numpy().T / deviation[:, None]
    return Taste(mean.astype(np.float32), projection.astype(np.float32), head.items.detach().numpy().copy())
