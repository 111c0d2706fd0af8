"""When an evaluation reads and asks: one cut, strictly forwards (evaluate.py)."""

from __future__ import annotations

from dataclasses import dataclass

from kindred_worker.data.features import MICROS_PER_DAY
from kindred_worker.data.snapshot import Snapshot
from kindred_worker.models.plan import Plan
from kindred_worker.report import TooLittleData
from kindred_worker.segments.phrase import span


@dataclass(frozen=True)
class Protocol:
    days: float  # the horizon
    t0: int  # microseconds
    cut: int
    now: int


def protocol_of(plan: Plan, snapshot: Snapshot) -> Protocol:
    """The longest of the model's horizons up to the middle one that fits three times before t0."""
    reach = (snapshot.now - snapshot.manifest.first) / MICROS_PER_DAY
    horizons = sorted(plan.horizon_days)
    fitting = [h for h in horizons[: len(horizons) // 2 + 1] if 4 * h <= reach]
    if not fitting:
        raise TooLittleData(
            "There is too little time to measure out of time",
            needed=f"events over {span(4 * horizons[0])}, four times the shortest horizon",
            found=_reaching(reach),
        )
    length = int(fitting[-1] * MICROS_PER_DAY)
    return Protocol(fitting[-1], snapshot.now - 2 * length, snapshot.now - length, snapshot.now)


def _reaching(days: float) -> str:
    if days < 0:
        return "none that is not later than the workspace's clock"
    if days == 0:
        return "all of them at the same time (intake sets times before 1970, or more than a day ahead, to that bound)"
    return f"events over {span(days)}"
