"""The conformance suite of encoders: whatever the encoder, these hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from kindred_worker.models.decayed_sum import DecayedSum, Shape
from kindred_worker.models.encoder import Encoder, EventVectors, StateKind
from kindred_worker.models.gated_linear import GatedLinear
from kindred_worker.models.gru import Gru
from kindred_worker.models.transformer import Transformer

DAY = 86_400_000_000
WIDTH = 12


def ready(encoder: Encoder) -> Encoder:
    """As after training: inputs of the readout have means and spreads."""
    for module in encoder.modules():
        if isinstance(module, nn.BatchNorm1d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.uniform_(-0.5, 0.5)
            module.running_var.uniform_(0.5, 2)
    return encoder.eval()


def decayed_sum(**changes: object) -> DecayedSum:
    shape = {"half_life_days": (1.0, 10.0, 100.0), "period_days": (7.0, 365.25), **changes}
    return DecayedSum(Shape(event_width=WIDTH, width=8, **shape))  # pyright: ignore[reportArgumentType]


ENCODERS: dict[str, Callable[[], Encoder]] = {
    "decayed_sum": decayed_sum,
    "decayed_sum-without-context": lambda: decayed_sum(context=0, kept=2),
    "decayed_sum-without-rhythm": lambda: decayed_sum(period_days=()),
    "gru": lambda: Gru(WIDTH, 8, hidden=16),
    "gated_linear": lambda: GatedLinear(WIDTH, 8, layer=16),
    "transformer": lambda: Transformer(WIDTH, 8, hidden=16),
    "transformer-of-short-reach": lambda: Transformer(WIDTH, 8, hidden=16, reach=3),
}


def make(name: str) -> Encoder:
    torch.manual_seed(3)
    return ready(ENCODERS[name]())


def sequences(lengths: Sequence[int], seed: int = 0, ties: bool = False) -> EventVectors:
    random = np.random.default_rng(seed)
    times = [np.sort(random.integers(0, 400 * DAY, size=n)) for n in lengths]
    if ties:
        times = [t // (100 * DAY) * (100 * DAY) for t in times]
    offsets = np.cumsum([0, *lengths])
    x = torch.from_numpy(random.normal(size=(int(offsets[-1]), WIDTH)).astype(np.float32))
    return EventVectors(torch.from_numpy(offsets), torch.from_numpy(np.concatenate([*times, np.zeros(0, np.int64)])), x)


def part(events: EventVectors, rows: list[list[int]]) -> EventVectors:
    """Only these events (indices within each customer), in the order given."""
    begins = events.offsets[:-1].tolist()
    index = torch.tensor([b + r for b, chosen in zip(begins, rows, strict=True) for r in chosen], dtype=torch.int64)
    offsets = torch.tensor(np.cumsum([0, *(len(r) for r in rows)]))
    return EventVectors(offsets, events.time[index], events.x[index])


def in_steps(encoder: Encoder, events: EventVectors, order: list[list[list[int]]], at: Tensor) -> tuple[Tensor, Tensor]:
    """Reads after several updates, packing the state in between; order[step][customer] are event indices."""
    state = encoder.initial_state(len(at))
    rebuild = torch.zeros(len(at), dtype=torch.bool)
    for step in order:
        state, refused = encoder.update(state, part(events, step))
        rebuild |= refused
        state, unreadable = encoder.unpack(encoder.pack(state, 5), 5)
        assert not unreadable.any()
    return encoder.read(state, at), rebuild


@pytest.fixture(params=ENCODERS)
def encoder(request: pytest.FixtureRequest) -> Encoder:
    return make(request.param)


@pytest.mark.parametrize("ties", [False, True])
@torch.inference_mode()
def test_event_by_event_equals_all_at_once_equals_the_training_form(encoder: Encoder, ties: bool) -> None:
    lengths = [1, 5, 90, 2]  # more than any window
    events = sequences(lengths, ties=ties)
    at = torch.full((4,), 500 * DAY)
    batch = encoder.read_many(events, at.unsqueeze(1))[:, 0]
    whole, _ = in_steps(encoder, events, [[list(range(n)) for n in lengths]], at)
    one_by_one, rebuild = in_steps(encoder, events, [[[s] if s < n else [] for n in lengths] for s in range(90)], at)
    torch.testing.assert_close(whole, batch, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(one_by_one, batch, rtol=1e-4, atol=1e-5)
    assert not rebuild.any()


@torch.inference_mode()
def test_the_step_of_the_live_form_equals_the_update(encoder: Encoder) -> None:
    events = sequences([80, 80])
    stepped = updated = encoder.initial_state(2)
    for at in range(80):
        one = part(events, [[at], [at]])
        stepped, (updated, _) = encoder.step(stepped, one.x, one.time), encoder.update(updated, one)
    for field in fields(stepped):
        torch.testing.assert_close(getattr(stepped, field.name), getattr(updated, field.name), rtol=1e-5, atol=1e-5)


@torch.inference_mode()
def test_a_reading_in_the_past_equals_the_sequence_cut_there(encoder: Encoder) -> None:
    events = sequences([40])
    at = torch.tensor([[50 * DAY, 120 * DAY, 120 * DAY, 399 * DAY]])
    read = encoder.read_many(events, at)[0]
    for moment, found in zip(at[0], read, strict=True):
        seen = [i for i, t in enumerate(events.time.tolist()) if t <= int(moment)]
        alone, _ = in_steps(encoder, events, [[seen]], moment.unsqueeze(0))
        torch.testing.assert_close(found, alone[0], rtol=1e-4, atol=1e-5)


@torch.inference_mode()
def test_of_nobody_nothing_is_read(encoder: Encoder) -> None:
    for reads in (1, 3):
        assert encoder.read_many(sequences([]), torch.zeros(0, reads, dtype=torch.int64)).shape == (0, reads, encoder.width)


def test_a_customer_is_read_the_same_alone_and_among_others(encoder: Encoder) -> None:
    events = sequences([3, 200, 0, 7])
    at = torch.full((4, 2), 450 * DAY)
    together = encoder.read_many(events, at)
    for customer, (a, b) in enumerate(pairwise(events.offsets.tolist())):
        alone = EventVectors(torch.tensor([0, b - a]), events.time[a:b], events.x[a:b])
        torch.testing.assert_close(encoder.read_many(alone, at[:1])[0], together[customer], rtol=1e-5, atol=1e-5)


@torch.inference_mode()
def test_a_late_event_counts_as_if_it_had_come_in_order_or_asks_for_a_rebuild(encoder: Encoder) -> None:
    length, at = 20, torch.tensor([450 * DAY])
    events = sequences([length])
    in_order = encoder.read_many(events, at.unsqueeze(1))[0]
    exact = 0
    for late in range(length):
        others = [i for i in range(length) if i != late]
        read, rebuild = in_steps(encoder, events, [[others], [[late]]], at)
        if not rebuild[0]:
            torch.testing.assert_close(read, in_order, rtol=1e-3, atol=1e-4)
            exact += 1
    # The last one is not late. A sum takes in what comes behind its context, a window everything.
    assert {StateKind.RECURRENT: exact == 1, StateKind.ADDITIVE: exact >= 3, StateKind.WINDOW: exact == length}[encoder.kind]


@torch.inference_mode()
def test_with_the_whole_history_still_kept_nothing_is_too_late(encoder: Encoder) -> None:
    short, at = sequences([4], seed=1), torch.tensor([450 * DAY])
    kept = encoder.shape.kept if isinstance(encoder, DecayedSum) else encoder.window
    for late in range(4 if kept >= 4 else 0):
        read, rebuild = in_steps(encoder, short, [[[i for i in range(4) if i != late]], [[late]]], at)
        assert not rebuild[0]
        torch.testing.assert_close(read, encoder.read_many(short, at.unsqueeze(1))[0], rtol=1e-3, atol=1e-4)


@torch.inference_mode()
def test_late_events_of_many_customers_at_once(encoder: Encoder) -> None:
    lengths = [5, 5, 6]
    events = sequences(lengths, seed=4)
    at = torch.full((3,), 450 * DAY)
    order = [[[0, 1, 3], [0, 1, 2, 3], [0, 2, 3, 5]], [[4, 2], [4], [1, 4]]]
    read, rebuild = in_steps(encoder, events, order, at)
    expected = encoder.read_many(events, at.unsqueeze(1))[:, 0]
    torch.testing.assert_close(read[~rebuild], expected[~rebuild], rtol=1e-3, atol=1e-4)
    # The second one's new event is its last: late for nobody.
    assert not rebuild[1]
    if encoder.kind is StateKind.RECURRENT:
        assert rebuild.tolist() == [True, False, True]


@torch.inference_mode()
def test_events_of_one_delivery_may_come_in_any_order(encoder: Encoder) -> None:
    events, at = sequences([9, 4], seed=6), torch.full((2,), 450 * DAY)
    read, rebuild = in_steps(encoder, events, [[[3, 8, 0, 1, 7, 2, 6, 5, 4], [1, 3, 0, 2]]], at)
    torch.testing.assert_close(read, encoder.read_many(events, at.unsqueeze(1))[:, 0], rtol=1e-4, atol=1e-5)
    assert not rebuild.any()


def test_gradients_are_finite_at_every_length(encoder: Encoder) -> None:
    encoder.train()
    events = sequences([1, 2, 300])
    x = events.x.clone().requires_grad_()
    at = torch.tensor([[0, 500 * DAY], [200 * DAY, 600 * DAY], [1, 10_000 * DAY]])
    encoder.read_many(EventVectors(events.offsets, events.time, x), at).square().sum().backward()
    for value in (x, *encoder.parameters()):
        assert value.grad is not None
        assert torch.isfinite(value.grad).all()


@torch.inference_mode()
def test_time_passing_changes_the_reading_and_no_event_is_needed(encoder: Encoder) -> None:
    state, _ = encoder.update(encoder.initial_state(1), sequences([6]))
    early, late = encoder.read(state, torch.tensor([401 * DAY])), encoder.read(state, torch.tensor([800 * DAY]))
    assert not torch.allclose(early, late, atol=1e-3)


@torch.inference_mode()
def test_a_reading_says_the_same_whatever_was_read_before_it(encoder: Encoder) -> None:
    events = sequences([6, 0])
    state, _ = encoder.update(encoder.initial_state(2), events)
    at = torch.full((2,), 800 * DAY)
    alone = encoder.read(state, at)
    encoder.read(state, torch.full((2,), 500 * DAY))
    torch.testing.assert_close(encoder.read(state, at), alone, rtol=0, atol=0)
    torch.testing.assert_close(encoder.read_many(events, torch.tensor([[500 * DAY, 800 * DAY]] * 2))[:, 1], alone, rtol=1e-4, atol=1e-5)


@torch.inference_mode()
def test_no_calendar_is_seen_only_differences_of_time(encoder: Encoder) -> None:
    events, at = sequences([7, 30]), torch.full((2, 1), 450 * DAY)
    moved = EventVectors(events.offsets, events.time - 20_000 * DAY, events.x)  # before 1970
    shifted = encoder.read_many(moved, at - 20_000 * DAY)
    torch.testing.assert_close(shifted, encoder.read_many(events, at), rtol=1e-4, atol=1e-5)
    stepped, _ = in_steps(encoder, moved, [[list(range(5)), list(range(9))], [[5, 6], list(range(9, 30))]], at[:, 0] - 20_000 * DAY)
    torch.testing.assert_close(stepped, shifted[:, 0], rtol=1e-4, atol=1e-5)


@torch.inference_mode()
def test_packed_states_have_one_size_and_come_back_as_they_were(encoder: Encoder) -> None:
    state, _ = encoder.update(encoder.initial_state(3), sequences([6, 0, 90]))
    packed = encoder.pack(state, 5)
    again, unreadable = encoder.unpack(packed, 5)
    assert len({len(p) for p in packed}) == 1
    assert not unreadable.any()
    assert encoder.pack(again, 5) == packed
    torch.testing.assert_close(encoder.last_time(again), encoder.last_time(state))


@torch.inference_mode()
def test_a_state_of_other_weights_or_a_broken_one_asks_for_a_rebuild(encoder: Encoder) -> None:
    state, _ = encoder.update(encoder.initial_state(1), sequences([6]))
    packed = encoder.pack(state, 5)[0]
    _, unreadable = encoder.unpack([packed, packed, packed[:-1], b"", b"x" * len(packed)], 5)
    assert unreadable.tolist() == [False, False, True, False, True]
    assert encoder.unpack([packed], 6)[1].tolist() == [True]


@torch.inference_mode()
def test_order_matters_where_there_is_context() -> None:
    events, at = sequences([12]), torch.tensor([[450 * DAY]])
    turned = EventVectors(events.offsets, events.time, events.x.flip(0))
    flat = sequences([12])
    still = torch.zeros_like(flat.time)  # the same moment for all: only neighbours tell the order

    def spread(encoder: Encoder) -> float:
        a = encoder.read_many(EventVectors(flat.offsets, still, events.x), at)
        b = encoder.read_many(EventVectors(flat.offsets, still, turned.x), at)
        return float((a - b).abs().max())

    assert spread(make("decayed_sum")) > 1e-3
    assert spread(make("decayed_sum-without-context")) < 1e-5
