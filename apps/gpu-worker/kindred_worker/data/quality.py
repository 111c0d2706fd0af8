"""The data quality report (quality.json): what each property is like, what the encoder does not see of it, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from kindred_worker.data.profile import Flaw, NumberProfile, WordProfile
from kindred_worker.data.snapshot import Kind
from kindred_worker.spec import Asked

QUALITY = "quality.json"
FORMAT = "kindred.quality/1"
MUCH_DRIFT = 0.25  # PSI; the usual mark of "has changed"


@dataclass(frozen=True)
class PropertyQuality:
    """Of one property of events, or of the items in them (`products.price`)."""

    property: str
    kind: Kind
    missing: float  # share of the events (items) without it
    distinct: int  # values; of numbers, in a sample
    within: float  # share of what varies that varies inside customers; 0: constant for each
    owned: float  # share of the events whose value is one customer's alone
    drift: float  # PSI of the later half of the data against the earlier one
    flaw: Flaw | None
    reason: str
    kept: bool  # the encoder sees it
    asked: Asked | None  # the run says so

    @staticmethod
    def of(
        name: str, kind: Kind, profile: WordProfile | NumberProfile, is_value: bool, guard: bool, asked: Asked | None = None
    ) -> PropertyQuality:
        """`is_value`: it carries what is foreseen, so it is kept whatever it is like. Without `guard` leaks are kept too.
        What is `asked` for goes before all of that."""
        fault = profile.fault()
        reason = fault.reason if fault else ""
        return PropertyQuality(
            property=name,
            kind=kind,
            missing=1 - profile.rows / max(1, profile.asked),
            distinct=profile.distinct,
            within=profile.within,
            owned=profile.owned,
            drift=profile.drift,
            flaw=fault.flaw if fault else None,
            reason="the run asks for that (leaveOutProperties)" if asked == "leave_out" else reason,
            kept=asked == "keep" if asked else fault is None or is_value or (fault.is_leak and not guard),
            asked=asked,
        )

    def note(self) -> str | None:
        """What a person should know of it."""
        if not self.kept:
            return f"{self.property} is left out: {self.reason}."
        if self.flaw is not None:
            return f"{self.property} is seen by the encoder as asked for, although it has a flaw: {self.reason}."
        if self.drift > MUCH_DRIFT:
            return f"{self.property} is no longer what it was: PSI {self.drift:.2f} between the halves of the data."
        return None


@dataclass(frozen=True)
class Quality:
    events: int
    customers: int
    guard: bool
    properties: Sequence[PropertyQuality]

    @property
    def notes(self) -> list[str]:
        return [note for one in self.properties if (note := one.note()) is not None]

    @property
    def left_out(self) -> list[PropertyQuality]:
        return [one for one in self.properties if not one.kept]

    @property
    def most_drift(self) -> float:
        """Of what the encoder sees."""
        return max((one.drift for one in self.properties if one.kept), default=0.0)

    def to_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "events": self.events,
            "customers": self.customers,
            "guard": self.guard,
            "notes": self.notes,
            "properties": [asdict(one) for one in self.properties],
        }
