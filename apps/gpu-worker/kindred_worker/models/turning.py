"""Sums that fade and turn: what knows the season of each event relative to the time of reading.

With a period and values v_i,  z(t) = sum_i 2^(-(t - t_i) / halflife) e^(i omega (t - t_i)) v_i,  kept as its real and imaginary
part. They add up as sums that only fade do, so an event that comes late is taken in exactly.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Turning(nn.Module):
    """P periods in days, each with several values that fade and turn together; slower than the slowest half-life, and than two turns."""

    def __init__(self, period_days: Sequence[float], half_life_days: Sequence[float], values: int) -> None:
        super().__init__()
        self.values, self.size = values, len(period_days) * values
        slow = max(half_life_days, default=500.0)
        self.rate: Tensor  # (P) halvings per day
        self.omega: Tensor  # (P) radians per day
        self.register_buffer("rate", torch.tensor([1.0 / max(slow, 2 * period) for period in period_days]), persistent=False)
        self.register_buffer("omega", torch.tensor([2 * math.pi / period for period in period_days]), persistent=False)

    def of(self, values: Tensor, days: Tensor) -> Tensor:
        """(n, size) of events -> (n, 2, size) `days` (n) after them."""
        return torch.stack(self._turned(values, days), dim=1)

    def later(self, sums: Tensor, days: Tensor) -> Tensor:
        """(N, 2, size) `days` (N) later."""
        (re_cos, re_sin), (im_cos, im_sin) = self._turned(sums[:, 0], days), self._turned(sums[:, 1], days)
        return torch.stack([re_cos - im_sin, re_sin + im_cos], dim=1)

    def _turned(self, parts: Tensor, days: Tensor) -> tuple[Tensor, Tensor]:
        """(n, size) `days` (n) later: faded, times the cosine and times the sine of how far they turned."""
        if not self.size:
            return parts, parts
        angle, share = days.unsqueeze(1) * self.omega, torch.exp2(-days.unsqueeze(1) * self.rate)
        cos, sin = (torch.cos(angle) * share).unsqueeze(2), (torch.sin(angle) * share).unsqueeze(2)
        each = parts.unflatten(1, (-1, self.values))
        return (each * cos).flatten(1), (each * sin).flatten(1)
