"""What long work tells its caller, and how the caller stops it. Knows nothing of gRPC."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import monotonic


class Cancelled(Exception):
    """The caller no longer wants the result."""


class TooLittleData(Exception):
    """There is not enough to learn from; `needed` and `found` are sentences a person can act on."""

    def __init__(self, message: str, needed: str, found: str) -> None:
        super().__init__(message)
        self.needed = needed
        self.found = found


class InvalidInput(Exception):
    """The spec or the snapshot cannot be used; the message says what to change, `field` in which one of the spec, where it is one."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class HashMismatch(Exception):
    """A file is not the one that its hash names."""


@dataclass(eq=False)
class Report:
    """Receives progress and metrics; this one drops them. Subclasses forward them.

    Long loops call `progress` (or `check`) at least once a second: that is where a cancelled call ends.
    """

    started: float = field(default_factory=monotonic)
    furthest: float = 0.0

    def progress(self, fraction: float, step: str, rate: float = 0.0, unit: str = "") -> None:
        """`fraction` 0..1 of this call, `rate` units a second; remaining seconds follow from the fraction."""
        self.check()
        self.furthest = min(1.0, max(self.furthest, fraction))
        elapsed = monotonic() - self.started
        remaining = elapsed * (1 - self.furthest) / self.furthest if self.furthest > 0.02 else 0.0
        self.on_progress(self.furthest, step, rate, unit, remaining)

    def metric(self, name: str, step: int, value: float) -> None:
        """One point of a curve."""

    def checkpoint(self, step: int, path: str, sha256: str, size: int) -> None:
        """A checkpoint lies complete at `path` below the output."""

    def check(self) -> None:
        """Raises Cancelled when the caller has gone."""

    def on_progress(self, fraction: float, step: str, rate: float, unit: str, remaining: float) -> None:
        """Where a subclass forwards progress."""

    def part(self, begin: float, end: float) -> Report:
        """A report whose 0..1 is this one's begin..end, for work made of several steps."""
        return _Part(self, begin, end)


class _Part(Report):
    def __init__(self, whole: Report, begin: float, end: float) -> None:
        super().__init__()
        self._whole, self._begin, self._end = whole, begin, end

    def progress(self, fraction: float, step: str, rate: float = 0.0, unit: str = "") -> None:
        self._whole.progress(self._begin + (self._end - self._begin) * min(1.0, max(0.0, fraction)), step, rate, unit)

    def metric(self, name: str, step: int, value: float) -> None:
        self._whole.metric(name, step, value)

    def checkpoint(self, step: int, path: str, sha256: str, size: int) -> None:
        self._whole.checkpoint(step, path, sha256, size)

    def check(self) -> None:
        self._whole.check()
