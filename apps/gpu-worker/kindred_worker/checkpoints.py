"""Checkpoints of a training run below its output: safetensors with the step in its name, never pickle."""

from __future__ import annotations

import json

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from kindred_worker.data.storage import Folder
from kindred_worker.optimiser import AdamW
from kindred_worker.report import Report

FOLDER = "checkpoints"


class Checkpoints:
    """Keeps the newest one. `key` names what is trained on what; another key's checkpoints are not resumed."""

    def __init__(self, folder: Folder, key: str) -> None:
        self._folder, self._key = folder, key

    def save(self, step: int, model: nn.Module, optimiser: AdamW, report: Report) -> None:
        former = self._names()
        tensors = {f"model.{k}": v for k, v in model.state_dict().items()}
        tensors |= {f"optimiser.{k}": v for k, v in optimiser.state().items()}
        facts = {"key": self._key, "step": str(step)}
        path = f"{FOLDER}/step-{step:08d}.safetensors"
        content = save({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, metadata=facts)
        written = self._folder.write(path, content)
        for name in former:
            self._folder.delete(f"{FOLDER}/{name}")
        report.checkpoint(step, path, written.sha256, written.bytes)

    def resume(self, model: nn.Module, optimiser: AdamW) -> int:
        """Puts the newest readable checkpoint back; the step it was made after, or 0."""
        for name in reversed(self._names()):
            content = self._folder.read(f"{FOLDER}/{name}")
            try:
                size = int.from_bytes(content[:8], "little")
                facts = json.loads(content[8 : 8 + size])["__metadata__"]
                tensors = load(content)
            except (ValueError, KeyError, SafetensorError):
                continue  # not ours, or cut off: from the one before, or from the start
            if facts.get("key") == self._key:
                model.load_state_dict(_below("model.", tensors))
                optimiser.restore(_below("optimiser.", tensors))
                return int(facts["step"])
        return 0

    def clear(self) -> None:
        """The run is over; its result lies beside."""
        for name in self._names():
            self._folder.delete(f"{FOLDER}/{name}")

    def _names(self) -> list[str]:
        return [n for n in self._folder.names(FOLDER) if n.startswith("step-") and n.endswith(".safetensors")]


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
