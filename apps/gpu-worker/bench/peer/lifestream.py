"""pytorch-lifestream 0.7 at the work of bench/training_speed.py, in an environment of its own (requirements.txt beside this file).

    rate FOLDER [--flush-denormals]
    learn FOLDER --seconds 30 60 150 [--flush-denormals]

As its documentation builds CoLES: ColesDataset with SampleSlices, its collate function, CoLESModule on a GRU, Adam. `rate` is
measured by turns (turns.py). `learn` is one training that writes the embeddings of all customers after each of so many seconds
of it, as FOLDER/peer-0.npy, … Its last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

sys.path.append(str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
from ptls.data_load.datasets import MemoryMapDataset
from ptls.data_load.utils import collate_feature_dict
from ptls.frames.coles import ColesDataset, CoLESModule
from ptls.frames.coles.split_strategy import SampleSlices
from ptls.nn import RnnSeqEncoder, TrxEncoder
from turns import turns

CUSTOMERS, SLICES, SHORTEST, LONGEST, WIDTH, EVENT = 64, 5, 25, 100, 128, 32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=("rate", "learn"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--flush-denormals", action="store_true")
    parser.add_argument("--seconds", type=float, nargs="*", default=[])
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(given.flush_denormals)
    torch.manual_seed(0)
    np.random.seed(0)
    customers, module = opened(given.folder)
    if given.task == "rate":
        turns(steps(module, loader(customers)))
        return
    print(json.dumps(learn(module, customers, given.seconds, given.folder)))


def opened(folder: Path) -> tuple[list[dict[str, Any]], CoLESModule]:
    """Customers as the library's feature dictionaries, and its model."""
    data = np.load(folder / "peer.npz")
    columns = {"event_time": data["days"], "name": data["name"] + 1, "hour": data["hour"] + 1, "weekday": data["weekday"] + 1}
    sizes = {"name": int(data["name"].max()) + 2, "hour": 25, "weekday": 8}
    widths = {"name": 16, "hour": 4, "weekday": 4}
    for at, size in enumerate(data["category_sizes"]):
        columns[f"category{at}"] = data["categories"][:, at] + 1  # 0 is the library's padding
        sizes[f"category{at}"], widths[f"category{at}"] = int(size) + 1, max(2, min(16, round(1.6 * size**0.4)))
    for at in range(data["numbers"].shape[1]):
        columns[f"number{at}"] = data["numbers"][:, at]
    bounds = data["offsets"]
    tensors = {
        name: torch.from_numpy(values.astype(np.float32 if values.dtype == np.float32 else np.int64)) for name, values in columns.items()
    }
    customers = [{name: values[begin:end] for name, values in tensors.items()} for begin, end in pairwise(bounds)]
    trx = TrxEncoder(
        embeddings={name: {"in": size, "out": widths[name]} for name, size in sizes.items()},
        numeric_values={name: "identity" for name in columns if name.startswith("number")},
        linear_projection_size=EVENT,
    )
    encoder = RnnSeqEncoder(trx_encoder=trx, hidden_size=WIDTH, type="gru")
    return customers, CoLESModule(seq_encoder=encoder, optimizer_partial=partial(torch.optim.Adam, lr=1e-3))


def loader(customers: list[dict[str, Any]]) -> Any:
    long_enough = [c for c in customers if len(c["event_time"]) >= SHORTEST]
    slices = SampleSlices(split_count=SLICES, cnt_min=SHORTEST, cnt_max=LONGEST)
    dataset = ColesDataset(data=MemoryMapDataset(long_enough), splitter=slices)
    return torch.utils.data.DataLoader(dataset, CUSTOMERS, shuffle=True, drop_last=True, collate_fn=dataset.collate_fn)


def steps(module: CoLESModule, batches: Any) -> Iterator[int]:
    """Trains for ever; the events of each step, and 0 at the end of each epoch."""
    optimiser = torch.optim.Adam(module.parameters(), lr=1e-3)
    module.train()
    while True:
        for batch in batches:
            loss = module._loss(*module.shared_step(*batch))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            yield int(batch[0].seq_lens.sum())
        yield 0


def learn(module: CoLESModule, customers: list[dict[str, Any]], moments: list[float], folder: Path) -> list[dict[str, float]]:
    """The seconds and epochs of training behind each of the embeddings written; writing them does not count."""
    training = steps(module, loader(customers))
    taken, epochs, reached = 0.0, 0, list[dict[str, float]]()
    for moment in moments:
        began, before = perf_counter(), taken
        while taken < moment:
            epochs += not next(training)
            taken = before + perf_counter() - began
        np.save(folder / f"peer-{len(reached)}.npy", embeddings(module, customers))
        module.train()
        reached.append({"seconds": taken, "epochs": epochs})
    return reached


@torch.no_grad()
def embeddings(module: CoLESModule, customers: list[dict[str, Any]]) -> np.ndarray:
    module.eval()
    order = np.argsort([len(c["event_time"]) for c in customers])
    out = np.zeros((len(customers), WIDTH), np.float32)
    for begin in range(0, len(order), CUSTOMERS):
        rows = order[begin : begin + CUSTOMERS]
        out[rows] = module(collate_feature_dict([customers[row] for row in rows])).numpy()
    return out


if __name__ == "__main__":
    main()
