"""The recurrence of a GRU over sequences of any length without padding, with gradients written by hand, for CPUs.

Sequences lie packed as in torch's PackedSequence: the first events of all sequences, then the second ones, the longest
sequence first. So step t works on the first sizes[t] rows of the state, in place, by few products of matrices and
pointwise operations, and everything that belongs to a step (inputs, gates, all gradients) is computed while its few
hundred kilobytes lie in the processor's cache. Autograd through torch.nn.GRU keeps a dozen small tensors per step instead.
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
        gates = hidden.new_empty(len(inputs), 3 * width)  # reset, update, new
        said, out = hidden.new_empty(len(inputs), width), hidden.new_empty(len(inputs), width)  # said: by the state to the new gate
        # Reset and update add what inputs and state say, so their biases are added once.
        bias = torch.cat([b_in[: 2 * width] + b_hidden[: 2 * width], b_in[2 * width :]])
        from_input, from_state, to_new = w_in.T, w_hidden[: 2 * width].T, w_hidden[2 * width :].T
        state = hidden
        for size, (begin, end) in zip(sizes, _steps(sizes), strict=True):
            before = state[:size]
            step = torch.addmm(bias, inputs[begin:end], from_input, out=gates[begin:end])
            step[:, : 2 * width].addmm_(before, from_state).sigmoid_()
            reset, update, new = step.split(width, dim=1)
            _tanh_(new.addcmul_(reset, torch.addmm(b_hidden[2 * width :], before, to_new, out=said[begin:end])))
            state = torch.lerp(new, before, update, out=out[begin:end])
        ctx.save_for_backward(inputs, hidden, w_in, w_hidden, gates, said, out)
        ctx.sizes = sizes
        return out

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride] - the decorator forgets the name of ctx
        ctx: Any, *grads: Tensor
    ) -> tuple[Tensor | None, ...]:
        inputs, hidden, w_in, w_hidden, gates, said, out = cast("tuple[Tensor, ...]", ctx.saved_tensors)
        sizes, width = cast("list[int]", ctx.sizes), hidden.shape[1]
        steps = _steps(sizes)
        d_inputs = torch.empty_like(inputs) if ctx.needs_input_grad[0] else None
        # Inputs are few: products whose rows they are take two thirds of the time of those whose columns they are.
        dw_in, dw_hidden = w_in.new_zeros(w_in.T.shape), torch.zeros_like(w_hidden)
        db_in, db_hidden = w_in.new_zeros(3 * width), w_in.new_zeros(3 * width)
        onward = torch.zeros_like(hidden)  # (C, H) of the state that a step hands on
        # Of a step's gates before their squashing: (C, 3 H) from the state's side; the new gate's, (C, H), from the input's.
        product, apart = hidden.new_empty(len(hidden), 3 * width), torch.empty_like(hidden)
        ones = hidden.new_ones(len(hidden))
        for at in range(len(sizes) - 1, -1, -1):
            size, (begin, end) = sizes[at], steps[at]
            before = out[steps[at - 1][0] :][:size] if at else hidden[:size]
            reset, update, new = gates[begin:end].split(width, dim=1)
            d, d_new = product[:size], apart[:size]
            d_reset, d_update, d_said = d.split(width, dim=1)
            here = onward[:size].add_(grads[0][begin:end])
            torch.addcmul(here, here, update, value=-1, out=d_new)
            torch.sub(out[begin:end], new, out=d_update).mul_(d_new)  # (out - new) = update (before - new)
            torch.ops.aten.tanh_backward.grad_input(d_new, new, grad_input=d_new)
            torch.mul(d_new, said[begin:end], out=d_reset)
            torch.ops.aten.sigmoid_backward.grad_input(d_reset, reset, grad_input=d_reset)
            torch.mul(d_new, reset, out=d_said)
            here.mul_(update).addmm_(d, w_hidden)
            dw_hidden.addmm_(d.T, before)
            db_hidden.addmv_(d.T, ones[:size])
            d_said.copy_(d_new)
            dw_in.addmm_(inputs[begin:end].T, d)
            db_in.addmv_(d.T, ones[:size])
            if d_inputs is not None:
                d_inputs[begin:end] = (w_in.T @ d.T).T
        return d_inputs, onward, dw_in.T, dw_hidden, db_in, db_hidden, None


def _tanh_(x: Tensor) -> Tensor:
    """In place; in torch's vectorised functions on CPUs this takes a third of tanh's time."""
    return x.mul_(2).sigmoid_().mul_(2).sub_(1)


def _steps(sizes: list[int]) -> list[tuple[int, int]]:
    """Where the rows of each step begin and end."""
    return list(pairwise(accumulate(sizes, initial=0)))
