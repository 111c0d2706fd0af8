"""The packed GRU is torch's own cell: same states, same gradients, whatever the lengths."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from kindred_worker.models.packed_gru import packed_gru


def weights_of(cell: nn.GRU) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Weights and biases of the only layer, each of the input and of the state."""
    of_input, of_state, bias_of_input, bias_of_state = cell.parameters()
    return (of_input, of_state), (bias_of_input, bias_of_state)


@pytest.mark.parametrize("sizes", [[1], [4, 4, 4], [5, 5, 4, 2, 1], [6, 1, 1, 1, 1, 1, 1]])
def test_states_and_gradients_are_those_of_torch(sizes: list[int]) -> None:
    torch.manual_seed(0)
    cell = nn.GRU(7, 6).double()
    inputs = torch.randn(sum(sizes), 7, dtype=torch.float64, requires_grad=True)
    hidden = torch.randn(7, 6, dtype=torch.float64, requires_grad=True)  # one state more than there are sequences
    ours = packed_gru(inputs, hidden, *weights_of(cell), sizes)
    theirs = cell(PackedSequence(inputs, torch.tensor(sizes)), hidden[: sizes[0]].unsqueeze(0))[0].data
    torch.testing.assert_close(ours, theirs)
    above = torch.randn_like(ours)
    learned = [inputs, hidden, *cell.parameters()]
    for mine, expected in zip(
        torch.autograd.grad((ours * above).sum(), learned), torch.autograd.grad((theirs * above).sum(), learned), strict=True
    ):
        torch.testing.assert_close(mine, expected)


def test_a_second_derivative_is_refused_instead_of_wrong() -> None:
    cell = nn.GRU(2, 3)
    inputs = torch.randn(3, 2, requires_grad=True)
    after = packed_gru(inputs, torch.zeros(2, 3), *weights_of(cell), [2, 1])
    (first,) = torch.autograd.grad(after.square().sum(), inputs, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()
