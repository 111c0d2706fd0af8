"""Who is held out of a training, by a rule that the next one can apply to customers of its own."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Split:
    """Never trained on are customers whose draw by this seed (order.py, turn 0, by their first event) lies below this share."""

    seed: int
    share: float
