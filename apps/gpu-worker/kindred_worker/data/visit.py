"""Visits: events that come in one go. Where the gaps between events are of two kinds, a pause tells visits apart."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.signal import argrelmin
from scipy.stats import gaussian_kde

DAY = 86_400_000_000  # microseconds
WITHIN, BETWEEN = 0.15, 0.03  # share of gaps within and between visits, before visits are spoken of
VALLEY = 0.6  # of the lower of the two peaks beside it: how deep a valley must be
BANDWIDTH = 0.15  # of the density of the gaps' logs
FEWEST, SAMPLE = 200, 20_000  # gaps looked at
ALIKE = 1e-3  # gaps that differ by less than this share come by the clock: a density of them has no width


def pause_of(gaps: npt.NDArray[np.float64]) -> int | None:
    """Microseconds without an event that end a visit: the clear valley of the gaps' density (of their logs) nearest to
    a day; None where the gaps are of one kind. `gaps` in microseconds, between neighbouring events of a customer."""
    positive = gaps[gaps > 0]
    if len(positive) < FEWEST:
        return None
    logs = np.log(positive[:: max(1, len(positive) // SAMPLE)])
    if np.ptp(logs) < ALIKE:
        return None
    grid = np.linspace(logs.min(), logs.max(), 256)
    density = gaussian_kde(logs, BANDWIDTH)(grid)
    valleys = [
        float(grid[v])
        for v in argrelmin(density)[0]
        if density[v] < VALLEY * min(density[:v].max(), density[v:].max())
        and (logs < grid[v]).mean() >= WITHIN
        and (logs > grid[v]).mean() >= BETWEEN
    ]
    return int(np.exp(min(valleys, key=lambda v: abs(v - np.log(DAY))))) if valleys else None
