"""The live form of a head on the encoder as it is: what it says of a customer at any time, from the state that scoring keeps.

head.onnx       states and times -> what is said (task.py)
head.live.json  what goes in and out, and how the model's packed states are laid out: a state of another model is not for it

A tuned encoder has none, for nobody keeps its states.
"""

from __future__ import annotations

import copy
from dataclasses import fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kindred_worker import __version__
from kindred_worker.data.storage import Folder, WrittenFile
from kindred_worker.export import ENCODERS, record_of, write_graph
from kindred_worker.labels.head import Head, Scales
from kindred_worker.labels.head_inputs import HeadInputs
from kindred_worker.labels.task import Saying
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.live_form import Form, state_tensors
from kindred_worker.report import Report

FORMAT = "kindred.live-head/1"
GRAPH, MANIFEST = "head.onnx", "head.live.json"


class ReadHead(Form):
    weights: Tensor  # (P + D)

    def __init__(self, model: BehaviourModel, scales: Scales, head: Head, saying: Saying) -> None:
        super().__init__()
        self.model, self.head_inputs = model, HeadInputs(model.columns, scales, head.shrinkage)
        self.register_buffer("weights", torch.from_numpy(head.weights.astype(np.float32)))
        self.bias, self.saying = head.bias, saying
        self.state: Any = type(model.encoder.initial_state(1))

    def inputs(self) -> list[str]:
        return [*(f.name for f in fields(self.state)), "at"]

    def outputs(self) -> list[str]:
        return list(self.saying.columns)

    def forward(self, *given: Tensor) -> tuple[Tensor, ...]:
        """As `inputs` says -> (N) of each output."""
        sight = self.model.read(self.state(*given[:-1]), given[-1])
        return self.saying.tensors(self.head_inputs(sight.embedding, self.model.forecast(sight)) @ self.weights + self.bias)


def write_live_form(output: Folder, model: BehaviourModel, scales: Scales, head: Head, saying: Saying, report: Report) -> list[WrittenFile]:
    """The manifest last; nothing for an encoder whose states no graph reads (export.py)."""
    if model.plan.encoder not in ENCODERS:
        return []
    local = copy.deepcopy(model).cpu().eval()
    # Copies: an exporter takes inputs that are one tensor for one input.
    state = [t.clone() for t in state_tensors(local.encoder.initial_state(2)).values()]
    graph, told = write_graph(output, GRAPH, ReadHead(local, scales, head, saying), [*state, torch.zeros(2, dtype=torch.int64)], report)
    report.check()
    manifest = {"format": FORMAT, "version": __version__, "state": {"record": record_of(local)}, "graph": told}
    return [graph, output.write_json(MANIFEST, manifest)]
