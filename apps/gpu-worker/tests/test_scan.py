"""The gated linear recurrence: both ways equal a slow loop, and so do their gradients."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from kindred_worker.models.scan import doubled, doubled_back, gated_scan, walked, walked_back

LENGTHS = [1, 2, 7, 64, 1000]


def slow(gate: Tensor, candidate: Tensor, start: Tensor) -> Tensor:
    share = torch.sigmoid(gate)
    new = torch.where(candidate >= 0, candidate + 0.5, torch.sigmoid(candidate))
    held = [start]
    for t in range(len(gate)):
        held.append((1 - share[t]) * held[-1] + share[t] * new[t])
    return torch.stack(held[1:])


@pytest.mark.parametrize("steps", LENGTHS)
def test_the_scan_equals_the_slow_loop_with_its_gradients(steps: int) -> None:
    random = torch.Generator().manual_seed(steps)
    inputs = [3 * torch.randn(size, generator=random) for size in ((steps, 3, 5), (steps, 3, 5), (3, 5))]
    weight = torch.randn(steps, 3, 5, generator=random)
    found, expected = ([i.clone().requires_grad_() for i in inputs] for _ in range(2))
    held, slowly = gated_scan(*found), slow(*expected)
    torch.testing.assert_close(held, slowly, rtol=1e-5, atol=1e-5)
    (held * weight).sum().backward()
    (slowly * weight).sum().backward()
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("steps", LENGTHS)
def test_doubling_equals_walking_in_both_directions(steps: int) -> None:
    random = torch.Generator().manual_seed(steps)
    share, new = torch.rand(steps, 3, 5, generator=random), torch.randn(steps, 3, 5, generator=random)
    start = torch.randn(3, 5, generator=random)
    torch.testing.assert_close(doubled(1 - share, share * new, start), walked(share, new, start), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(doubled_back(1 - share, new), walked_back(1 - share, new), rtol=1e-5, atol=1e-5)
