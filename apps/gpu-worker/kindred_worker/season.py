"""The forecast's level, moved by what the season brought a year ago.

The newest moments whose future is known lie one horizon back (newest.py): they say how often people come at this time of the year
only where the coming weeks are like the last ones. Where the data reach back a year and a horizon, the coming weeks have a
forerunner, and by how much more (or less) happened then than in the newest window is taken over in part. Two things must be alike for
that. Whoever was there a year ago is known from the data's beginning on only, and looks newer than they were: so the newest
window is read once more as if its data had begun as long before it. And a year brings changes of its own: how far the past year is
believed follows from how much seasons, years and short histories change a level. Moves levels alone: who is likelier stays so.
Figures: docs/adr/0011-the-season-to-come.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from kindred_worker.data.arrays import pick
from kindred_worker.data.features import MICROS_PER_DAY, Encoded, Int64
from kindred_worker.models.batch import batch_of, put
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.modes import mode_of
from kindred_worker.newest import LEVEL_HELD, Customers, some
from kindred_worker.objectives.horizon import Horizon, nats
from kindred_worker.objectives.objective import Moments
from kindred_worker.report import Report

YEAR = 364 * MICROS_PER_DAY  # of whole weeks
# Standard deviations of a level, the logarithm of the hazards up to a horizon:
OF_SEASONS = 0.4  # from one horizon to the next
OF_YEARS = 0.2  # between the same weeks of two years
OF_SHORT_HISTORIES = 0.6  # where it is as long as the horizon; the less, the longer
BEGUN = 0.01  # share of the customers whose first event the data's beginning is taken for: a stray date is none


@dataclass
class _Window:
    """The customers who were there at one time, batch by batch."""

    quiet: list[Tensor] = field(default_factory=list[Tensor])  # (n, M, H) log of the chance that nothing comes, as lately
    happened: list[Tensor] = field(default_factory=list[Tensor])  # (n, M, H) 0/1


@torch.no_grad()
def fit_season(model: BehaviourModel, customers: Customers, now: int, report: Report) -> None:
    """Sets the season of the model's horizon head; `customers` as for fit_newest, which comes before. Nothing where there is no such
    head; 0 for horizons for which the data do not reach back a year more."""
    head = model.horizon
    if head is None:
        return
    model.eval()
    chosen = list(some(customers))
    history = _history(chosen, now)
    asked = [days for days in head.days if days <= min(history, YEAR) / MICROS_PER_DAY]  # the shorter ones
    season = torch.zeros_like(head.season)
    if asked:
        then, lately = _Window(), [_Window() for _ in asked]
        for events, offsets in chosen:
            report.check()
            _read(model, head, events, offsets, now - YEAR, now, then)
            for window, days in zip(lately, asked, strict=True):
                newest = now - round(days * MICROS_PER_DAY)
                _read(model, head, *_since(events, offsets, newest - history), newest, now, window)
        for at, days in enumerate(asked):
            believed = _believed(days * MICROS_PER_DAY / history)
            season[:, at] = believed * (_level(then, at, report) - _level(lately[at], at, report))
    head.season.copy_(season)


def _believed(short: float) -> float:
    """The share of a season's move that is expected again, `short` being horizon / history: the mean of the posterior."""
    return OF_SEASONS**2 / (OF_SEASONS**2 + OF_YEARS**2 + (OF_SHORT_HISTORIES * short) ** 2)


def _history(customers: list[tuple[Encoded, Int64]], now: int) -> int:
    """Microseconds for which there had been data a year before now; less than 0 where there were none."""
    first = np.concatenate([events.time[offsets[:-1]] for events, offsets in customers] or [np.array([now])])
    return now - YEAR - int(np.quantile(first, BEGUN))


def _since(events: Encoded, offsets: Int64, moment: int) -> tuple[Encoded, Int64]:
    """What came later than `moment`, of whom anything did."""
    later = events.time > moment
    lengths = np.diff(np.concatenate([[0], np.cumsum(later)])[offsets])
    return pick(events, np.flatnonzero(later)), np.concatenate([[0], np.cumsum(lengths[lengths > 0])]).astype(np.int64)


def _read(model: BehaviourModel, head: Horizon, events: Encoded, offsets: Int64, at: int, now: int, window: _Window) -> None:
    """Adds who was there at `at`."""
    first = events.time[offsets[:-1]]
    was_there = put(first <= at, model.device)
    moments = Moments(events, offsets, np.maximum(at, first)[:, None], now)
    happened = put(head.targets(moments)["happened"], model.device)
    sight = model.read_many(model.vectors(batch_of(events, offsets, model.device)), put(moments.at, model.device))
    window.quiet.append(head.quiet_lately(sight[was_there, 0]))
    window.happened.append(happened[was_there, 0])


def _level(window: _Window, horizon: int, report: Report) -> Tensor:
    """(M) by how much the level lay higher than the model says: the mode of the posterior, held by as many customers as the level
    of the newest moments."""
    said = torch.cat([quiet[..., horizon] for quiet in window.quiet])  # (N, M)
    happened = torch.cat([happened[..., horizon] for happened in window.happened])

    def missed(level: Tensor) -> Tensor:
        quiet = said * level.exp()
        return nats(quiet, happened).sum() + LEVEL_HELD * level.square().sum() / 2

    return mode_of(missed, said.new_zeros(said.shape[1]), len(said), report)
