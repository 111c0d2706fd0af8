"""The gated linear recurrence h_t = (1 - z_t) h_(t-1) + z_t g(c_t) over sequences side by side, and its gradient.

    z = sigmoid(gate),  g(c) = c + 1/2 where c >= 0, else sigmoid(c)        (minGRU, Feng et al. 2024)
The gradient is the same recurrence backwards. Two ways lead to the same numbers: a CPU walks through time, one operation
an element, without the exponentials and logarithms of the paper's log-space scan; a GPU doubles the stride log2(T) times
(Hillis & Steele 1986). Neither divides by a product of (1 - z), so neither needs logarithms to stay exact for long.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn import functional


def gated_scan(gate: Tensor, candidate: Tensor, start: Tensor) -> Tensor:
    """(T, C, H), (T, C, H), (C, H) -> (T, C, H)."""
    return cast(Tensor, _GatedScan.apply(gate, candidate, start))


class _GatedScan(Function):
    @staticmethod
    def forward(ctx: Any, gate: Tensor, candidate: Tensor, start: Tensor) -> Tensor:
        share = torch.sigmoid(gate)
        new = candidate.clamp(max=0).sigmoid_().add_(candidate.clamp(min=0))
        held = doubled(1 - share, share * new, start) if gate.is_cuda else walked(share, new, start)
        ctx.save_for_backward(share, new, held, start)
        return held

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        share, new, held, start = ctx.saved_tensors
        keep = 1 - share
        reach = (doubled_back if share.is_cuda else walked_back)(keep, gradients[0])
        apart = new.clone()
        apart[0] -= start
        apart[1:] -= held[:-1]
        slope = torch.where(new >= 0.5, 1.0, new * (1 - new))
        return apart.mul_(reach).mul_(share).mul_(keep), slope.mul_(reach).mul_(share), reach[0] * keep[0]


def walked(share: Tensor, new: Tensor, start: Tensor) -> Tensor:
    held = torch.empty_like(new)
    before = start
    for t in range(len(new)):
        before = torch.lerp(before, new[t], share[t], out=held[t])
    return held


def walked_back(keep: Tensor, gradient: Tensor) -> Tensor:
    """What reaches h_t: its own gradient, and what reaches h_(t+1) times keep_(t+1)."""
    reach = gradient.clone()
    for t in range(len(keep) - 1, 0, -1):
        reach[t - 1].addcmul_(reach[t], keep[t])
    return reach


def doubled(keep: Tensor, new: Tensor, start: Tensor) -> Tensor:
    """h_t = keep_t h_(t-1) + new_t: after the round of stride s, step t has taken in the 2 s steps up to it."""
    held, kept, stride = new, keep, 1
    while stride < len(new):
        held = torch.addcmul(held, kept, functional.pad(held[:-stride], (0, 0, 0, 0, stride, 0)))
        kept = kept * functional.pad(kept[:-stride], (0, 0, 0, 0, stride, 0), value=1.0)
        stride *= 2
    return held + kept * start


def doubled_back(keep: Tensor, gradient: Tensor) -> Tensor:
    following = functional.pad(keep[1:], (0, 0, 0, 0, 0, 1))
    return doubled(following.flip(0), gradient.flip(0), torch.zeros_like(gradient[0])).flip(0)
