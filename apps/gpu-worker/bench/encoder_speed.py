"""Events a second that each encoder learns from, at the same work on a CPU: one JSON line.

The work: 64 customers x 5 slices of 25 to 100 events, embedding and hidden state of width 128, one reading a slice;
forward, backward and gradients of every weight, the event embedder left out. The best of some rounds, because other
work on the machine can only slow them: `python bench/encoder_speed.py [--rounds 8] [--threads 1 2]`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # threads that wait must not take the cores from others

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from kindred_worker.models.decayed_sum import DecayedSum, Shape
from kindred_worker.models.encoder import Encoder, EventVectors
from kindred_worker.models.gated_linear import GatedLinear
from kindred_worker.models.gru import Gru
from kindred_worker.models.recurrent import Recurrent
from kindred_worker.models.transformer import Transformer

SLICES, LENGTHS, WIDTH, EVENT = 64 * 5, (25, 100), 128, 32
DAY = 86_400_000_000
HALF_LIVES, PERIODS = (2.0, 7.0, 21.0, 60.0, 120.0, 240.0, 500.0), (365.25, 182.625)


class PaddedGru(Gru):
    """The same through torch.nn.GRU, as it would be without packed_gru.py."""

    after_each = Recurrent.after_each


# Each encoder, and the code that its training form runs.
ENCODERS: dict[str, tuple[Callable[[], Encoder[Any]], str]] = {
    "decayed_sum": (lambda: DecayedSum(Shape(EVENT, WIDTH, HALF_LIVES, PERIODS)), "flat index_add, no recurrence, no padding"),
    "gru": (lambda: Gru(EVENT, WIDTH, hidden=WIDTH), "packed_gru: no padding, hand-written gradients, no compiler"),
    "gru_padded": (lambda: PaddedGru(EVENT, WIDTH, hidden=WIDTH), "torch.nn.GRU (ATen), buckets of like length"),
    "gated_linear": (
        lambda: GatedLinear(EVENT, WIDTH, layer=WIDTH, layers=1),
        "gated_scan walked through time, 1 layer, buckets of like length",
    ),
    "gated_linear_2_layers": (
        lambda: GatedLinear(EVENT, WIDTH, layer=WIDTH),
        "gated_scan walked through time, 2 layers (the default), buckets",
    ),
    "transformer": (lambda: Transformer(EVENT, WIDTH, hidden=WIDTH), "blocks of 21 flat events, 2 layers, no padding"),
}


def work() -> tuple[EventVectors, torch.Tensor]:
    """The slices, and a time after each of them, (SLICES, 1)."""
    random = np.random.default_rng(0)
    lengths = random.integers(LENGTHS[0], LENGTHS[1] + 1, SLICES)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    time = np.concatenate([np.sort(random.integers(0, 700 * DAY, length)) for length in lengths])
    x = torch.from_numpy(random.normal(size=(offsets[-1], EVENT)).astype(np.float32)).requires_grad_()
    return EventVectors(torch.from_numpy(offsets), torch.from_numpy(time), x), torch.full((SLICES, 1), 730 * DAY)


def seconds(encoder: Encoder[Any], events: EventVectors, at: torch.Tensor, rounds: int) -> float:
    taken: list[float] = []
    for _ in range(rounds + 1):  # the first one warms up
        encoder.zero_grad()
        events.x.grad = None
        begin = perf_counter()
        encoder.read_many(events, at).square().mean().backward()
        taken.append(perf_counter() - begin)
    return min(taken[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    asked = parser.parse_args()
    torch.set_flush_denormal(True)
    events, at = work()
    figures: dict[str, Any] = {}
    for name, (make, path) in ENCODERS.items():
        torch.manual_seed(0)
        encoder = make().train()
        figures[name] = {"path": path, "weights": sum(p.numel() for p in encoder.parameters())}
        for threads in asked.threads:
            torch.set_num_threads(threads)
            figures[name][f"events_per_second_{threads}_threads"] = round(len(events.time) / seconds(encoder, events, at, asked.rounds))
    print(
        json.dumps(
            {
                "benchmark": "encoder_speed",
                "work": f"{SLICES} slices, {len(events.time)} events, width {WIDTH}",
                "load_average": round(os.getloadavg()[0], 1),
                "figures": figures,
            }
        )
    )


if __name__ == "__main__":
    main()
