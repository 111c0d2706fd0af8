"""When an evaluation reads and asks: one cut, strictly forwards (evaluate.py)."""

from __future__ import annotations

from dataclasses import dataclass

from kindred_worker.data.features import MICROS_PER_DAY
from kindred_worker.data.snapshot import Snapshot
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.report import TooLittleData


@dataclass(frozen=True)
class Protocol:
    days: float  # the horizon
    t0: int  # microseconds
    cut: int
    now: int


def protocol_of(model: BehaviourModel, snapshot: Snapshot) -> Protocol:
    """The longest of the model's horizons up to the middle one that fits three times before t0."""
    span = (snapshot.now - snapshot.manifest.first) / MICROS_PER_DAY
    horizons = sorted(model.plan.horizon_days)
    fitting = [h for h in horizons[: len(horizons) // 2 + 1] if 4 * h <= span]
    if not fitting:
        raise TooLittleData(
            "There is too little time to measure out of time", needed=f"{4 * horizons[0]:.0f} days of events", found=f"{span:.0f} days"
        )
    length = int(fitting[-1] * MICROS_PER_DAY)
    return Protocol(fitting[-1], snapshot.now - 2 * length, snapshot.now - length, snapshot.now)
