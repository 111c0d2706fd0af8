"""One event as a vector: embeddings of names, categories, calendar and items, beside scaled numbers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kindred_worker.data.features import FeatureSpec, ItemFeature
from kindred_worker.models.batch import EventBatch, ItemBatch
from kindred_worker.models.tally import Counted

NAME_WIDTH, CALENDAR_WIDTH, ITEM_WIDTH = 16, 4, 32


def _width(size: int) -> int:
    return max(2, min(16, round(1.6 * size**0.4)))


class EventEmbedder(nn.Module):
    """EventBatch -> (n, width), float32 whatever the products are computed in; what is only counted stands behind it."""

    def __init__(self, features: FeatureSpec, width: int, item_dropout: float, is_counted: bool = False) -> None:
        super().__init__()
        self.name = nn.Embedding(features.names.size, NAME_WIDTH)
        self.hour = nn.Embedding(24, CALENDAR_WIDTH)
        self.weekday = nn.Embedding(7, CALENDAR_WIDTH)
        sizes = [c.vocabulary.size for c in features.categories]
        self.categories = nn.ModuleList(nn.Embedding(size, _width(size)) for size in sizes)
        self.items = nn.ModuleList(_ItemBag(i, item_dropout) for i in features.items)
        inputs = NAME_WIDTH + 2 * CALENDAR_WIDTH + sum(_width(s) for s in sizes) + 2 * len(features.numbers)
        inputs += sum(ITEM_WIDTH + 1 + 2 * len(i.numbers) for i in features.items)
        self.mix = nn.Linear(inputs, width)
        self.counted = Counted(features) if is_counted else None

    def forward(self, batch: EventBatch) -> Tensor:
        parts = [self.name(batch.name), self.hour(batch.hour), self.weekday(batch.weekday)]
        parts += [embed(batch.categories[:, at]) for at, embed in enumerate(self.categories)]
        parts.append(with_flags(batch.numbers))
        parts += [bag(one) for bag, one in zip(self.items, batch.items, strict=True)]
        return self.whole(parts, batch.name, batch.numbers)

    def whole(self, parts: list[Tensor], name: Tensor, numbers: Tensor) -> Tensor:
        """The vector of an event from all that is embedded of it."""
        learned = self.mix(torch.cat(parts, dim=1)).float()
        return learned if self.counted is None else torch.cat([learned, self.counted(name, numbers)], dim=1)


class _ItemBag(nn.Module):
    """The items of an event, averaged: (n, ITEM_WIDTH + 1 + 2 g)."""

    def __init__(self, feature: ItemFeature, dropout: float) -> None:
        super().__init__()
        sizes = [c.vocabulary.size for c in feature.categories]
        self.fields = nn.ModuleList(nn.EmbeddingBag(size, ITEM_WIDTH, mode="mean") for size in sizes)
        self.dropout = nn.Dropout(dropout)

    def forward(self, batch: ItemBatch) -> Tensor:
        pooled = batch.means.new_zeros(len(batch.lengths), ITEM_WIDTH)
        for at, field in enumerate(self.fields):
            # mean over each event's items; an event without items gives zeros
            words = batch.categories[:, at].contiguous()
            pooled = pooled + field(words, batch.begins.to(words.dtype))
        size = torch.log1p(batch.lengths.to(pooled.dtype)).unsqueeze(1) / 3
        return torch.cat([self.dropout(pooled), size, with_flags(batch.means)], dim=1)


def with_flags(numbers: Tensor) -> Tensor:
    """(n, g) with NaN -> (n, 2 g): 0 for missing, and a flag that says so."""
    missing = torch.isnan(numbers)
    return torch.cat([torch.nan_to_num(numbers, nan=0.0), missing.to(numbers.dtype)], dim=1)
