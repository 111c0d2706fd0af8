"""Encoded events as tensors. Flat: no padding, an offset per customer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kindred_worker.data.arrays import EventArrays, select, spans
from kindred_worker.data.features import Encoded, Int64


@dataclass(frozen=True)
class ItemBatch:
    categories: Tensor  # (I, fields) int
    begins: Tensor  # (n) where the items of each event begin
    lengths: Tensor  # (n)
    means: Tensor  # (n, g) NaN where missing


@dataclass(frozen=True)
class EventBatch:
    """n events of B customers; those of customer b are offsets[b]..offsets[b + 1], in order."""

    offsets: Tensor  # (B + 1) int64
    time: Tensor  # (n) int64 microseconds
    name: Tensor  # (n) int
    categories: Tensor  # (n, C) int
    numbers: Tensor  # (n, G) NaN where missing
    hour: Tensor  # (n) int
    weekday: Tensor  # (n) int
    items: tuple[ItemBatch, ...]
    known_offsets: Int64  # the same as `offsets`, on the host


def put(array: np.ndarray, device: torch.device) -> Tensor:
    """A view on the CPU; on a GPU a copy from pinned memory, for which nobody waits (from pageable memory it would be waited for)."""
    tensor = torch.from_numpy(np.ascontiguousarray(array))
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


def batch_of(events: Encoded, offsets: Int64, device: torch.device) -> EventBatch:
    """All of `events` as one batch."""

    def tensor(array: np.ndarray) -> Tensor:
        return put(array, device)

    items = tuple(
        ItemBatch(tensor(i.categories), tensor(np.cumsum(i.lengths) - i.lengths), tensor(i.lengths), tensor(i.means)) for i in events.items
    )
    return EventBatch(
        tensor(offsets),
        tensor(events.time),
        tensor(events.name),
        tensor(events.categories),
        tensor(events.numbers),
        tensor(events.hour),
        tensor(events.weekday),
        items,
        offsets,
    )


def choose(arrays: EventArrays, customers: Int64, item_offsets: tuple[Int64, ...], first: Int64 | None = None) -> tuple[Encoded, Int64]:
    """Events of the chosen customers, and their offsets (len(customers) + 1); of each the `first` ones, where it is given."""
    lengths = np.diff(arrays.offsets)[customers] if first is None else first
    events = select(arrays.events, spans(arrays.offsets[:-1][customers], lengths), item_offsets)
    return events, np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
