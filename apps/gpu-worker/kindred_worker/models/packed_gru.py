"""The recurrence of a GRU over sequences of any length without padding, with gradients written by hand, for CPUs.

Sequences lie packed as in torch's PackedSequence: the first events of all sequences, then the second ones, the longest
sequence first. So step t works on the first sizes[t] rows of the state, in place, by one product of matrices and few
pointwise operations; and all that does not wait for the step before (inputs, weights' gradients) is one product over all
events. Autograd through torch.nn.GRU keeps a dozen small tensors per step instead.
"""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def packed_gru(inputs: Tensor, hidden: Tensor, weights: tuple[Tensor, Tensor], biases: tuple[Tensor, Tensor], sizes: list[int]) -> Tensor:
    """(N, I) packed events from states (C, H) on -> (N, H), the state after each event.

    `weights` (3 H, I) and (3 H, H), `biases` (3 H) twice, in torch.nn.GRU's order: reset, update, new. `sizes` (T)
    sequences at each step, not ascending, sizes[0] <= C and N in all.
    """
    return cast(Tensor, _PackedGru.apply(inputs, hidden, *weights, *biases, sizes))


class _PackedGru(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, hidden: Tensor, w_in: Tensor, w_hidden: Tensor, b_in: Tensor, b_hidden: Tensor, sizes: list[int]
    ) -> Tensor:
        width = hidden.shape[1]
        gates = torch.addmm(b_in, inputs, w_in.T)  # (N, 3 H): becomes reset, update, new
        out, new_hidden = hidden.new_empty(len(inputs), width), hidden.new_empty(len(inputs), width)
        product = hidden.new_empty(len(hidden), 3 * width)
        turned, state = w_hidden.T, hidden
        for size, (begin, end) in zip(sizes, _steps(sizes), strict=True):
            before, step = state[:size], gates[begin:end]
            said = torch.addmm(b_hidden, before, turned, out=product[:size])
            step[:, : 2 * width].add_(said[:, : 2 * width]).sigmoid_()
            reset, update, new = step.split(width, dim=1)
            new_hidden[begin:end] = said[:, 2 * width :]
            new.addcmul_(reset, new_hidden[begin:end]).tanh_()
            state = torch.lerp(new, before, update, out=out[begin:end])
        ctx.save_for_backward(inputs, hidden, w_in, w_hidden, gates, new_hidden, out)
        ctx.sizes = sizes
        return out

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride] - the decorator forgets the name of ctx
        ctx: Any, *grads: Tensor
    ) -> tuple[Tensor | None, ...]:
        inputs, hidden, w_in, w_hidden, gates, new_hidden, out = cast("tuple[Tensor, ...]", ctx.saved_tensors)
        sizes, width = cast("list[int]", ctx.sizes), hidden.shape[1]
        steps = _steps(sizes)
        # Of each event's gates: (N, 3 H) from the state, and the new gate's from the input, which the reset gate does not touch.
        d_state, d_new = torch.empty_like(gates), torch.empty_like(out)
        before = torch.empty_like(out)  # (N, H) the state that each event met
        onward = torch.zeros_like(hidden)  # (C, H) of the state that a step hands on
        for at in range(len(sizes) - 1, -1, -1):
            size, (begin, end) = sizes[at], steps[at]
            met = before[begin:end].copy_(out[steps[at - 1][0] :][:size] if at else hidden[:size])
            reset, update, new = gates[begin:end].split(width, dim=1)
            d_reset, d_update, d_said = d_state[begin:end].split(width, dim=1)
            here = onward[:size].add_(grads[0][begin:end])
            # new: here (1 - update) (1 - new^2)
            d = torch.addcmul(here, here, update, value=-1, out=d_new[begin:end])
            torch.mul((met - new).mul_(d), update, out=d_update)
            d.addcmul_(d, new.square(), value=-1)
            torch.mul(d, reset, out=d_said)
            torch.mul(d_said, new_hidden[begin:end], out=d_reset).mul_(1 - reset)
            here.mul_(update).addmm_(d_state[begin:end], w_hidden)
        dw_hidden, db_hidden = d_state.T @ before, d_state.sum(0)
        d_state[:, 2 * width :] = d_new
        d_inputs = d_state @ w_in if ctx.needs_input_grad[0] else None
        return d_inputs, onward, d_state.T @ inputs, dw_hidden, d_state.sum(0), db_hidden, None


def _steps(sizes: list[int]) -> list[tuple[int, int]]:
    """Where the rows of each step begin and end."""
    return list(pairwise(accumulate(sizes, initial=0)))
