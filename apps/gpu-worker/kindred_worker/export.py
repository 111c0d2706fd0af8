"""The live form of a model, three files of its bundle: for scoring where no Python runs.

step.onnx  states and one event each -> new states        read.onnx  states and times -> all that Score says of customers
live.json  what goes in and out, and how packed states are laid out; which events become which inputs says features.json
"""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from kindred_worker import __version__
from kindred_worker.data.features import Encoded, EncodedItems, FeatureSpec
from kindred_worker.data.storage import Folder, WrittenFile
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.bundle import LIVE_MANIFEST, READ, STEP
from kindred_worker.models.live_form import Form, Read, Step, state_tensors
from kindred_worker.models.packing import head_of
from kindred_worker.report import Report
from kindred_worker.segments.assignment import SegmentModel

FORMAT = "kindred.live/1"
OPSET = 18
ENCODERS = ("decayed_sum", "gru", "gated_linear")  # a window's readings have sizes that depend on what is in it
for teller in ("torch.onnx", "onnx_ir", "onnxscript"):  # they tell of every pass, and of every number that is there twice
    logging.getLogger(teller).setLevel(logging.ERROR)
TENSOR_TYPES = {torch.float32: "float32", torch.int64: "int64", torch.int32: "int32"}


def export(model: BehaviourModel, segments: SegmentModel, output: Folder, report: Report) -> list[WrittenFile]:
    """Writes the three files; the manifest last. None for an encoder that has no live form: there scoring needs the worker.

    To make a graph takes seconds; a cancel ends it, and none is written that nobody waits for any more.
    """
    if model.plan.encoder not in ENCODERS:
        return []
    step, read = Step(model), Read(model, segments)
    # Copies: an exporter takes inputs that are one tensor for one input.
    state = [t.clone() for t in state_tensors(model.encoder.initial_state(2)).values()]
    graphs: dict[str, tuple[Form, list[Tensor]]] = {
        STEP: (step, [*state, *event_tensors(_blank(model.features, 2))]),
        READ: (read, [*state, torch.zeros(2, dtype=torch.int64)]),
    }
    files: list[WrittenFile] = []
    told: dict[str, Any] = {}
    for name, (form, inputs) in graphs.items():
        file, told[name] = write_graph(output, name, form, inputs, report)
        files.append(file)
    manifest = {
        "format": FORMAT,
        "version": __version__,
        "opset": OPSET,
        "encoder": model.plan.encoder,
        "state": {"kind": model.encoder.kind.value, "window": model.encoder.window, "record": record_of(model)},
        "late": "An event older than last is not for step: have the worker score it. One at the same time is in order.",
        "times": "int64 microseconds since 1970 UTC; a state is never read before last",
        "graphs": told,
        "forecast": [[c.event, c.then, c.horizon_days, c.kind] for c in model.columns],
        "mainEvents": [list(pair) for pair in model.main_events],
        "segments": segments.count,
    }
    report.check()
    return [*files, output.write_json(LIVE_MANIFEST, manifest)]


def event_tensors(events: Encoded) -> list[Tensor]:
    """n encoded events as `Step` takes them: items padded to the most there are, at least one."""
    arrays = [events.time, *(a.astype(np.int64) for a in (events.name, events.categories))]
    arrays += [events.numbers, events.hour.astype(np.int64), events.weekday.astype(np.int64)]
    for one in events.items:
        padded = np.zeros((len(one.lengths), max(1, int(one.lengths.max(initial=1))), one.categories.shape[1]), np.int64)
        padded[np.arange(padded.shape[1]) < one.lengths[:, None]] = one.categories
        arrays += [padded, one.lengths, one.means]
    return [torch.from_numpy(np.ascontiguousarray(a)) for a in arrays]


def write_graph(output: Folder, name: str, form: Form, inputs: list[Tensor], report: Report) -> tuple[WrittenFile, dict[str, Any]]:
    """A form's graph, made with inputs of its sizes; and what a manifest tells of it."""
    graph = _graph(form, inputs, report)
    report.check()
    file = output.write(name, graph)
    with torch.inference_mode():
        outputs = form(*inputs)
    told = {
        "sha256": file.sha256,
        "bytes": file.bytes,
        "inputs": _described(form.inputs(), inputs),
        "outputs": _described(form.outputs(), outputs),
    }
    return file, told


def _graph(form: Form, inputs: list[Tensor], report: Report) -> bytes:
    form.eval()
    with _cancellable(report), warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        # Traced here: left to itself, the exporter would fall back to a graph for exactly this many customers.
        program = traced(form, inputs)
        made = torch.onnx.export(
            program, input_names=form.inputs(), output_names=form.outputs(), opset_version=OPSET, dynamo=True, verbose=False
        )
    form.eval()  # an exporter may leave the model in training mode, and dropout on
    if made is None:
        raise RuntimeError("no graph was made")
    return _stripped(made.model_proto)


class _Checking(TorchFunctionMode):
    """Calls `check` at each function of tensors, also of those without contents that graphs are made from: an exporter has no place
    of its own for that. Torch expects one to fail; a function of no tensor may be what sets something back, such as gradients."""

    def __init__(self, check: Callable[[], None]) -> None:
        super().__init__()
        self._check = check

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if args and isinstance(args[0], Tensor):
            self._check()
        return func(*args, **(kwargs or {}))


@contextmanager
def _cancellable(report: Report) -> Generator[None]:
    """A cancel ends what torch does within, and is told as one: an exporter wraps errors into errors of its own."""
    try:
        with _Checking(report.check):
            yield
    except Exception:
        report.check()
        raise


def traced(form: Form, inputs: list[Tensor]) -> torch.export.ExportedProgram:
    """The form as a program for any number of customers and of items; raises where something in it is for this many alone."""
    customers, items = torch.export.Dim("customers"), torch.export.Dim("items")
    free = [{0: customers, **({1: items} if name.startswith("items") and name.endswith("categories") else {})} for name in form.inputs()]
    return torch.export.export(form, tuple(inputs), dynamic_shapes=(tuple(free),), strict=False)


def _stripped(graph: onnx.ModelProto) -> bytes:
    """Without the traces of the program that made it."""
    graph.producer_name, graph.producer_version = "kindred-worker", __version__
    del graph.metadata_props[:], graph.graph.metadata_props[:]
    for part in (*graph.graph.node, *graph.graph.value_info, *graph.graph.input, *graph.graph.output, *graph.graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""
    del graph.graph.value_info[:]
    content = io.BytesIO()
    onnx.checker.check_model(graph, full_check=True)
    onnx.save_model(graph, content)
    return content.getvalue()


def _blank(features: FeatureSpec, count: int) -> Encoded:
    """Events of nothing, in the sizes that these features have."""
    zero = np.zeros(count, np.int32)
    items = tuple(
        EncodedItems(
            np.full(count, 2, np.int64), np.zeros((2 * count, len(i.categories)), np.int32), np.zeros((count, len(i.numbers)), np.float32)
        )
        for i in features.items
    )
    categories, numbers = np.zeros((count, len(features.categories)), np.int32), np.zeros((count, len(features.numbers)), np.float32)
    return Encoded(zero.astype(np.int64), zero, categories, numbers, zero, zero, items, zero.astype(np.float32))


def _described(names: list[str], tensors: Any) -> list[dict[str, Any]]:
    """Name, type and shape; the first axis is the customers, a padded one the items."""

    def shape(name: str, tensor: Tensor) -> list[int | str]:
        rest: list[int | str] = list(tensor.shape[1:])
        return ["customers", *(["items", *rest[1:]] if name.startswith("items") and name.endswith("categories") else rest)]

    return [{"name": n, "type": TENSOR_TYPES[t.dtype], "shape": shape(n, t)} for n, t in zip(names, tensors, strict=True)]


def record_of(model: BehaviourModel) -> dict[str, Any]:
    """How a packed state is laid out, field after field, little-endian; `head` is what each one of this model begins with, in hex."""
    record = model.encoder.packing.record
    return {"bytes": record.itemsize, "head": head_of(model.stamp).hex(), "fields": [list(f) for f in record.descr]}
