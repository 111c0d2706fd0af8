"""The interface of encoders: what a model of sequences must offer so that training, scoring and backfill can use it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from kindred_worker.data.features import Int64
from kindred_worker.models.packing import Packing
from kindred_worker.models.plan import Plan

State = TypeVar("State")


class StateKind(Enum):
    """What a state is, and so what a late event costs."""

    ADDITIVE = "additive"  # a sum: late events are added exactly (here: within the kept neighbours)
    RECURRENT = "recurrent"  # depends on order: late events need a rebuild
    WINDOW = "window"  # the last n events themselves: late events are put where they belong


@dataclass(frozen=True)
class Sight:
    """What is made of customers at one time each; further axes before the last are moments."""

    embedding: Tensor  # (N, D) learned
    tally: Tensor  # (N, P) counted

    def __getitem__(self, rows: Any) -> Sight:
        """Of some of the customers, or at some of the moments."""
        return Sight(self.embedding[rows], self.tally[rows])


@dataclass(frozen=True)
class EventVectors:
    """n embedded events of B customers, flat and in order."""

    offsets: Tensor  # (B + 1) int64
    time: Tensor  # (n) int64 microseconds
    x: Tensor  # (n, E)
    # (B + 1) the same offsets where the host knows them, so that no device has to be asked how many there are of what.
    known_offsets: Int64 | None = None

    @property
    def offsets_on_host(self) -> Int64:
        """A GPU is waited for where they are not known."""
        return self.offsets.cpu().numpy() if self.known_offsets is None else self.known_offsets

    @property
    def lengths_on_host(self) -> Int64:
        """(B) events of each customer."""
        return np.diff(self.offsets_on_host)


class Encoder(nn.Module, ABC, Generic[State]):
    """States are batches of N customers. Times are int64 microseconds."""

    kind: ClassVar[StateKind]
    width: int  # D, of the embedding
    window: int = 0  # n of a WINDOW
    tally_width: int = 0  # P, of what is only counted
    packing: Packing  # how a state lies in bytes

    @classmethod
    @abstractmethod
    def of(cls, plan: Plan) -> Encoder[Any]:
        """Untrained, as the plan says."""

    @abstractmethod
    def initial_state(self, count: int) -> State:
        """N customers without events."""

    @abstractmethod
    def update(self, state: State, events: EventVectors) -> tuple[State, Tensor]:
        """The state after these events, late ones included; and (N) bool: cannot be taken in, rebuild from all events."""

    @abstractmethod
    def step(self, state: State, x: Tensor, time: Tensor) -> State:
        """The state after one event each, (N, E) at (N), none older than the last one: `update` as the live form needs it,
        without sizes that depend on what is in the tensors."""

    @abstractmethod
    def read(self, state: State, at: Tensor) -> Tensor:
        """Embedding (N, D) at times (N), not before each state's last event."""

    @abstractmethod
    def read_many(self, events: EventVectors, at: Tensor, seen: Tensor | None = None) -> Tensor:
        """Training form: embeddings (B, R, D) at ascending times (B, R), each from the events up to it.

        `seen` (s): rows of the events that any reading sees, ascending, where the host knows them; else a GPU may be waited for.
        """

    def tally_of(self, state: State, at: Tensor) -> Tensor:
        """What is only counted (tally.py), (N, P) at times (N)."""
        return torch.zeros(at.shape[0], 0, device=at.device)

    def tally_many(self, events: EventVectors, at: Tensor) -> Tensor:
        """The same, (B, R, P) at ascending times (B, R)."""
        return torch.zeros(*at.shape, 0, device=at.device)

    @abstractmethod
    def pack(self, state: State, stamp: int) -> list[bytes]:
        """States as versioned bytes; `stamp` (uint32) names the weights they belong to."""

    @abstractmethod
    def unpack(self, packed: list[bytes], stamp: int) -> tuple[State, Tensor]:
        """The states, and (N) bool: not readable by these weights, rebuild. Empty bytes are customers without events."""

    @abstractmethod
    def last_time(self, state: State) -> Tensor:
        """(N) time of the last event, 0 without events."""
