"""Size of a bundle's live form, and what one event and one reading cost in it on one CPU thread: one JSON line.

`python bench/onnx_step.py BUNDLE_URI [--customers 1 64] [--calls 1000]`: a sealed bundle with segments, such as a run leaves.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import onnxruntime as ort

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from kindred_worker.models.bundle import LIVE_MANIFEST, READ, STEP, Bundle

TYPES = {"float32": np.float32, "int64": np.int64}


def inputs_of(graph: dict[str, Any], customers: int) -> dict[str, np.ndarray]:
    """Zeros in the sizes that the manifest says: what is computed does not depend on the values."""
    sizes = {"customers": customers, "items": 3}
    return {i["name"]: np.zeros([sizes.get(s, s) for s in i["shape"]], TYPES[i["type"]]) for i in graph["inputs"]}


def session_of(graph: bytes) -> ort.InferenceSession:
    """On one thread."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def microseconds(session: ort.InferenceSession, inputs: dict[str, np.ndarray], calls: int) -> dict[str, float]:
    """Median and best of single calls, Python's own cost included."""
    taken: list[float] = []
    for _ in range(calls):
        begin = perf_counter()
        session.run(None, inputs)
        taken.append((perf_counter() - begin) * 1e6)
    return {"median": round(float(np.median(taken)), 1), "best": round(min(taken), 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle")
    parser.add_argument("--customers", type=int, nargs="+", default=[1, 64])
    parser.add_argument("--calls", type=int, default=1000)
    asked = parser.parse_args()
    folder = Bundle.open(asked.bundle).folder
    told = folder.read_json(LIVE_MANIFEST)
    figures: dict[str, Any] = {}
    for name in (STEP, READ):
        graph = told["graphs"][name]
        session = session_of(folder.read(name))
        cost = {str(n): microseconds(session, inputs_of(graph, n), asked.calls) for n in asked.customers}
        figures[name] = {"bytes": graph["bytes"], "microseconds_by_customers": cost}
    about = {"benchmark": "onnx_step", "encoder": told["encoder"], "path": "onnxruntime CPU, 1 thread"}
    print(
        json.dumps(
            {**about, "state_bytes": told["state"]["record"]["bytes"], "load_average": round(os.getloadavg()[0], 1), "figures": figures}
        )
    )


if __name__ == "__main__":
    main()
