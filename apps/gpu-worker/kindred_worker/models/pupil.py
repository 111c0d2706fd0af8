"""The pupil: what a network says of main events, said once more from the tally alone, as far as it can be.

Its numbers, their squares and the products of two of the same event, each weighed: so it says the smooth part of what the network
has learned, which is nearly all, and not the part that falls otherwise with each training. Taught by pupil.py of the worker.
Figures: docs/adr/0016-a-pupil-for-segments.md.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from kindred_worker.models.plan import Plan
from kindred_worker.models.tally import tally_width

FARTHEST = 8.0  # standard deviations: beyond, a product would say more of one customer than of all others
EVEN = 1e-3  # a spread below which everyone is alike
ROWS = 4096  # at a time: bounds memory


class Pupil(nn.Module):
    """Silent until it is taught."""

    def __init__(self, plan: Plan, outputs: int) -> None:
        """`outputs`: O numbers that the network says."""
        super().__init__()
        self.events, width = plan.counted, tally_width(plan)
        each = width // max(1, plan.counted)
        first, second = torch.triu_indices(each, each)
        self.first: Tensor  # which two of an event's numbers are multiplied
        self.second: Tensor
        self.register_buffer("first", first, persistent=False)
        self.register_buffer("second", second, persistent=False)
        self.centre: Tensor  # (P)
        self.spread: Tensor  # (P)
        self.weight: Tensor  # (O, T) of T terms
        self.bias: Tensor  # (O)
        self.speaks: Tensor  # () 0/1, whether it may speak for the network
        self.register_buffer("centre", torch.zeros(width))
        self.register_buffer("spread", torch.ones(width))
        self.register_buffer("weight", torch.zeros(outputs, plan.counted * (each + len(first))))
        self.register_buffer("bias", torch.zeros(outputs))
        self.register_buffer("speaks", torch.zeros(()))

    def forward(self, tally: Tensor) -> Tensor:
        """(…, P) -> (…, O)"""
        return nn.functional.linear(self.terms(tally), self.weight, self.bias)

    def terms(self, tally: Tensor) -> Tensor:
        """(…, P) -> (…, T)"""
        own = ((tally - self.centre) / self.spread).clamp(-FARTHEST, FARTHEST).unflatten(-1, (-1, self.events))
        products = own.index_select(-2, self.first) * own.index_select(-2, self.second)
        return torch.cat([own, products], dim=-2).flatten(-2)

    @torch.no_grad()
    def learn(self, tally: Tensor, said: Tensor, held: float) -> None:
        """(N, P) and what the network says there, (N, O): a ridge regression on standardised terms; `held`, the precision of "it is
        alike for everyone", is in customers."""
        self.centre.copy_(tally.mean(0))
        spread = tally.std(0, correction=0)
        self.spread.copy_(torch.where(spread < EVEN, 1.0, spread))
        terms, level = self._mean(tally), said.double().mean(0)
        square = terms.new_zeros(len(terms), len(terms))
        cross = terms.new_zeros(len(terms), said.shape[1])
        for rows, theirs in self._parts(tally, said):
            square += ((rows - terms).T @ (rows - terms)).double()
            cross += ((rows - terms).T @ (theirs - level)).double()
        weighed = square.diagonal() / len(tally)
        square.diagonal().add_(held * weighed + 1e-6)
        weight = torch.linalg.solve(square, cross).T
        self.weight.copy_(weight)
        self.bias.copy_(level - weight @ terms)

    def _mean(self, tally: Tensor) -> Tensor:
        """(T) in double."""
        return torch.stack([rows.double().sum(0) for rows, _ in self._parts(tally, tally)]).sum(0) / len(tally)

    def _parts(self, tally: Tensor, said: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Terms and what is said, some customers at a time."""
        for part, theirs in zip(tally.split(ROWS), said.split(ROWS), strict=True):
            yield self.terms(part), theirs
