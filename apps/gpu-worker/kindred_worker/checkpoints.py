"""Checkpoints of a training run below its output: safetensors with the step in its name, never pickle."""

from __future__ import annotations

import json
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from kindred_worker.data.storage import Folder
from kindred_worker.report import Report

FOLDER = "checkpoints"


class Checkpoints:
    """Keeps the newest one. `key` names what is trained on what; another key's checkpoints are not resumed."""

    def __init__(self, folder: Folder, key: str) -> None:
        self._folder, self._key = folder, key

    def save(self, step: int, model: nn.Module, optimiser: torch.optim.Optimizer, schedule: Any, report: Report) -> None:
        former = self._names()
        state = optimiser.state_dict()
        tensors = {f"model.{k}": v.detach().cpu().contiguous() for k, v in model.state_dict().items()}
        for index, values in state["state"].items():
            for name, value in values.items():
                tensors[f"optimiser.{index}.{name}"] = torch.as_tensor(value).detach().cpu().contiguous()
        facts = {"key": self._key, "step": str(step), "schedule": json.dumps(_plain(schedule.state_dict())),
                 "groups": json.dumps(state["param_groups"])}
        path = f"{FOLDER}/step-{step:08d}.safetensors"
        written = self._folder.write(path, save(tensors, metadata=facts))
        for name in former:
            self._folder.delete(f"{FOLDER}/{name}")
        report.checkpoint(step, path, written.sha256, written.bytes)

    def resume(self, model: nn.Module, optimiser: torch.optim.Optimizer, schedule: Any, report: Report) -> int:
        """Puts the newest readable checkpoint back; the step it was made after, or 0."""
        for name in reversed(self._names()):
            content = self._folder.read(f"{FOLDER}/{name}")
            try:
                size = int.from_bytes(content[:8], "little")
                facts = json.loads(content[8 : 8 + size])["__metadata__"]
                tensors = load(content)
            except (ValueError, KeyError, OSError):
                continue  # cut off by a crash: an older one, or from the start
            if facts["key"] == self._key:
                self._restore(facts, tensors, model, optimiser, schedule)
                return int(facts["step"])
        return 0

    def clear(self) -> None:
        """The run is over; its result lies beside."""
        for name in self._names():
            self._folder.delete(f"{FOLDER}/{name}")

    def _names(self) -> list[str]:
        return [n for n in self._folder.names(FOLDER) if n.startswith("step-") and n.endswith(".safetensors")]

    def _restore(
        self, facts: dict[str, str], tensors: dict[str, Tensor], model: nn.Module,
        optimiser: torch.optim.Optimizer, schedule: Any,
    ) -> None:
        model.load_state_dict({k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")})
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in tensors.items():
            if name.startswith("optimiser."):
                _, index, key = name.split(".")
                state.setdefault(int(index), {})[key] = value
        optimiser.load_state_dict({"state": state, "param_groups": json.loads(facts["groups"])})
        schedule.load_state_dict(json.loads(facts["schedule"]))


def _plain(state: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in state.items() if isinstance(v, int | float | str | bool | list | type(None))}
