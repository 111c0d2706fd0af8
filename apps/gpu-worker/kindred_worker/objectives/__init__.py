"""Pretext tasks: one file each. Adding one is its file, its test and a line here."""

from kindred_worker.objectives.horizon import Horizon
from kindred_worker.objectives.next_event import NextEvent
from kindred_worker.objectives.objective import Moments, Objective
from kindred_worker.objectives.transitions import Transitions

OBJECTIVES: dict[str, type[Horizon | NextEvent | Transitions]] = {
    "horizon": Horizon,
    "next_event": NextEvent,
    "transitions": Transitions,
}

__all__ = ["OBJECTIVES", "Horizon", "Moments", "NextEvent", "Objective", "Transitions"]
