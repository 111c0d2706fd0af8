"""The forecast's second opinion, from the tally alone: a model that knows no chance.

What is learned differs from training to training, and so do the segments that are drawn from it: two networks rank customers with
an error of 4 % of them. What is counted (models/tally.py) does not differ. A hazard model on it is convex: it has one solution,
whatever the seed. It is fitted where the newest chances are (newest.py), and where it foresees as well as the network does, by other
means, the mean of the two, of their log odds, foresees better than either, and two trainings agree more. How much it has to say is
chosen on customers from whom neither has learned: the greatest share that is not worse than the best by more than one standard error
(Breiman et al. 1984, 3.4.3). Where the sequence tells what counts do not, that is little or nothing.

Where it is as much as it may be, counts say of main events what the network says, and customers are grouped nearly by that alone
(GROUPED): another such model, from everyone, for nobody is told of it and so none need be held out. It comes out the same whatever the
seed, and so nearly do the segments. The rest is the network's, which knows what counts do not, as the season.
Figures: docs/adr/0012-a-second-opinion.md, 0017-segments-from-counts.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from kindred_worker.modes import mode_of
from kindred_worker.objectives.horizon import Horizon, Opinion, nats, of_own_horizon, quiet_of
from kindred_worker.report import Report

# The prior's precision, for counts standardised over customers: what is learned weighs as much as "everyone is alike" where about so
# many customers speak for it.
HELD = 200.0
SHARES = (0.0, 0.25, 0.5)  # in the mean, of which one is chosen; equal weights are hard to beat (Clemen 1989)
GROUPED = 0.9  # its share in what customers are grouped by, where the greatest of SHARES was chosen
EVEN = 1e-3  # a spread below which everyone is alike
ENOUGH = 250  # customers held out, in each window, for a choice: of fewer any share may look as good as another


@dataclass(frozen=True)
class Counts:
    """The customers who were there one horizon before now."""

    tally: Tensor  # (N, P) then
    happened: Tensor  # (N, C) 0/1 for each main event, from then until now
    amount: Tensor  # (N, C) log1p of how much


def joined(counts: Sequence[Counts]) -> Counts:
    return Counts(torch.cat([c.tally for c in counts]), torch.cat([c.happened for c in counts]), torch.cat([c.amount for c in counts]))


@torch.no_grad()
def opinion_of(head: Horizon, windows: Sequence[Counts], report: Report, so_far: Opinion, kept: float = 0.0) -> Opinion | None:
    """What the tally says, by the window of each horizon, in their order; `kept`: precision of the opinion `so_far`, whose share it has.
    None where nothing is counted."""
    rows = torch.cat([w.tally for w in windows])
    if rows.shape[1] == 0 or len(rows) == 0:
        return None
    mean, spread = rows.mean(0), rows.std(0, correction=0)
    spread[spread < EVEN] = 1.0  # what is alike for everyone says nothing, and its rounding is no difference
    former = torch.cat([so_far.weight * spread, (so_far.bias + so_far.weight @ mean).unsqueeze(1)], dim=1)
    kept *= float(former[:, :-1].any())  # one from before there was a tally had no opinion
    chances, much = former.chunk(2)  # (C H, P + 1) each
    hazards = _hazards(head, (rows - mean) / spread, windows, report, chances, kept)
    of_window = much.unflatten(0, (head.mains, -1)).unbind(1)
    amounts = [_amounts((w.tally - mean) / spread, w, f, kept) for w, f in zip(windows, of_window, strict=True)]
    found = torch.cat([hazards, torch.stack(amounts, dim=1).flatten(0, 1)])
    weight = found[:, :-1] / spread
    return Opinion(weight, found[:, -1] - weight @ mean, so_far.share)


@torch.no_grad()
def share_of(missed: Sequence[Sequence[Tensor]], so_far: float | None = None) -> float:
    """The share to choose; `missed` for each of SHARES in each window, (N) nats by which N customers held out were missed. The one
    `so_far` is kept as long as it is not clearly worse than the best, for every segment hangs on it."""
    best = min(range(len(SHARES)), key=lambda at: sum(float(m.mean()) for m in missed[at]))

    def is_as_good(at: int) -> bool:
        worse = [share - least for share, least in zip(missed[at], missed[best], strict=True)]
        # The windows are the same people's: their errors add up.
        return sum(float(w.mean()) for w in worse) <= sum(float(w.std()) / len(w) ** 0.5 for w in worse)

    if so_far in SHARES and is_as_good(SHARES.index(so_far)):
        return so_far
    return SHARES[max(at for at in range(best, len(SHARES)) if at == best or is_as_good(at))]


def _hazards(head: Horizon, rows: Tensor, windows: Sequence[Counts], report: Report, so_far: Tensor, kept: float) -> Tensor:
    """(C H, P + 1) weights and bias of the hazards: the mode of the posterior, held to `so_far`, its like, with precision `kept`."""
    shape = (head.mains, len(head.days))
    happened = torch.cat([w.happened for w in windows])
    each = [len(w.tally) for w in windows]
    held = torch.cat([torch.full_like(rows[:1], HELD), rows.new_full((1, 1), 1e-3)], dim=1)

    def missed(weights: Tensor) -> Tensor:
        said = functional.linear(rows, weights[:, :-1], weights[:, -1]).unflatten(-1, shape)
        moved = (weights - so_far)[:, :-1].square().sum()
        return nats(of_own_horizon(quiet_of(said), each), happened).sum() + (held * weights.square()).sum() / 2 + kept * moved / 2

    return mode_of(missed, so_far, len(rows), report)


def _amounts(rows: Tensor, window: Counts, so_far: Tensor, kept: float) -> Tensor:
    """(C, P + 1) weights and bias of how much, where anything came: ridge regressions, held to `so_far`, their like, as well."""
    found = rows.new_zeros(window.amount.shape[1], rows.shape[1] + 1)
    for at, (happened, amount) in enumerate(zip(window.happened.unbind(1), window.amount.unbind(1), strict=True)):
        came = happened > 0
        if not came.any():
            continue
        here, much = rows[came].double(), amount[came].double()
        centre, level = here.mean(0), much.mean()
        within = here - centre
        held = (HELD + kept) * torch.eye(rows.shape[1], dtype=here.dtype, device=here.device)
        weight = torch.linalg.solve(within.T @ within + held, within.T @ (much - level) + kept * so_far[at, :-1].double())
        found[at] = torch.cat([weight, (level - centre @ weight).unsqueeze(0)]).to(rows)
    return found
