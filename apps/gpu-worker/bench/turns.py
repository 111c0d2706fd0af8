"""Rates of programs that are measured by turns: each is started once, and trains only while it is asked.

It says "ready" after a few steps, then answers each line "THREADS SECONDS" of its input with {"events_per_second": …}, and
ends with its input. Imports nothing of ours: the peer uses it in an environment of its own.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from time import perf_counter

import torch

WARM = 2  # steps


def turns(steps: Iterator[int]) -> None:
    """`steps` trains for ever and gives the events of each step."""
    run(steps, 0)
    print("ready", flush=True)
    for line in sys.stdin:
        threads, seconds = line.split()
        torch.set_num_threads(int(threads))
        print(json.dumps({"events_per_second": run(steps, float(seconds))}), flush=True)


def run(steps: Iterator[int], seconds: float) -> float:
    for _ in range(WARM):
        next(steps)
    began, events, taken = perf_counter(), 0, 0.0
    while not events or taken < seconds:
        events += next(steps)
        taken = perf_counter() - began
    return events / taken
