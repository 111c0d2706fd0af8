"""Pretext tasks: one file each. Adding one is its file, its test and a line here."""

from kindred_worker.objectives.horizon import Horizon
from kindred_worker.objectives.next_event import NextEvent
from kindred_worker.objectives.objective import Moments, Objective

OBJECTIVES: dict[str, type[Horizon] | type[NextEvent]] = {"horizon": Horizon, "next_event": NextEvent}

__all__ = ["OBJECTIVES", "Horizon", "Moments", "NextEvent", "Objective"]
