"""The linear recurrence: both ways equal a slow loop, and so do their gradients."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from kindred_worker.models import scan as scans
from kindred_worker.models.scan import by_doubling, scan, step_by_step

Way = Callable[[Tensor, Tensor, Tensor], Tensor]


def slow(keep: Tensor, new: Tensor, start: Tensor) -> Tensor:
    held: list[Tensor] = []
    for t in range(len(new)):
        held.append(keep[t] * (held[-1] if held else start) + new[t])
    return torch.stack(held)


@pytest.mark.parametrize("way", [step_by_step, by_doubling])
@pytest.mark.parametrize("steps", [1, 2, 7, 64, 1000])
def test_either_way_equals_the_slow_loop_with_its_gradients(way: Way, steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scans, "forwards", way)
    random = torch.Generator().manual_seed(steps)
    inputs = [torch.rand(steps, 3, 5, generator=random), torch.randn(steps, 3, 5, generator=random), torch.randn(3, 5, generator=random)]
    weight = torch.randn(steps, 3, 5, generator=random)
    found = [i.clone().requires_grad_() for i in inputs]
    expected = [i.clone().requires_grad_() for i in inputs]
    held, slowly = scan(*found), slow(*expected)
    torch.testing.assert_close(held, slowly, rtol=1e-5, atol=1e-5)
    (held * weight).sum().backward()
    (slowly * weight).sum().backward()
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-4, atol=1e-5)
