"""Small convex problems: the mode of a posterior, by L-BFGS."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import minimize
from torch import Tensor

from kindred_worker.report import Report

Float64 = npt.NDArray[np.float64]

TURNS = 50  # at most


def mode_of(loss: Callable[[Tensor], Tensor], begin: Tensor, count: int, report: Report, turns: int = TURNS) -> Tensor:
    """The argument, of the shape of `begin`, where `loss` (a negative log posterior of `count` observations) is least."""

    @torch.enable_grad()
    def of_one(flat: Float64) -> tuple[float, Float64]:
        """Of one observation, with its gradient."""
        report.check()
        at = torch.from_numpy(flat).to(begin).view_as(begin).requires_grad_(True)
        value = loss(at) / max(1, count)
        (gradient,) = torch.autograd.grad(value, at)
        return float(value.detach()), gradient.double().flatten().cpu().numpy()

    options = {"maxiter": turns, "gtol": 1e-5}
    found = minimize(of_one, begin.double().flatten().cpu().numpy(), jac=True, method="L-BFGS-B", options=options)
    return torch.from_numpy(found.x).to(begin).view_as(begin)
