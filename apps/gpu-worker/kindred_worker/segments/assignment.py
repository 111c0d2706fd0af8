"""The segments of one model, as the live path uses them: which segment, how strongly, how novel, where on the map.

Files: segments.safetensors (every array) and segments.json (how the segments were found, and their words).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load, save

from kindred_worker.segments.hierarchy import Family, without_family
from kindred_worker.segments.map import Map
from kindred_worker.segments.novelty import Ageing, Novelty
from kindred_worker.segments.ordinary import Reach
from kindred_worker.segments.space import Space, squared_distances
from kindred_worker.segments.strength import Strength, gaps_between

Float32 = npt.NDArray[np.float32]

FORMAT = "kindred.segments/1"
TENSORS = "segments.safetensors"
SIDECAR = "segments.json"
UNSEEN = -1


@dataclass(frozen=True)
class Assignment:
    """Of B customers."""

    index: npt.NDArray[np.int32]  # (B) place in the bundle; -1: unlike anything seen
    strength: Float32  # (B) probability of the same segment under refits, 0..1; 0 where unseen
    novelty: Float32  # (B) 0 ordinary .. 1 unlike anything seen
    map_xy: Float32  # (B, 2)
    coarser: npt.NDArray[np.int32]  # (B) place of the coarser segment that `index` is part of; -1: of none
    finer: npt.NDArray[np.int32]  # (B) place of the finer segment within `index`; -1: it is not split


@dataclass(frozen=True)
class SegmentModel:
    space: Space
    centres: Float32  # (K, Q)
    strength: Strength
    novelty: Novelty
    map: Map
    family: Family
    # Microseconds after their last event before which nobody is read to be placed (models/settling.py).
    settling: int = 0
    # How far the novelty of ordinary customers reaches; nothing in it is needed to assign. None: too few, or not measured.
    ordinary: Reach | None = None
    # How the segments were found and what they are called; nothing in it is needed to assign.
    story: dict[str, Any] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return len(self.centres)

    @cached_property
    def gaps(self) -> Float32:
        """(K, K) distances between centres."""
        return gaps_between(self.centres)

    def assign(self, embedding: Float32, forecast: Float32) -> Assignment:
        """(B, D), (B, F) -> (B) each. The same customer gets the same answer in any batch, to rounding."""
        points = self.space.place(embedding, forecast)
        squared = squared_distances(points, self.centres)
        index = squared.argmin(axis=1)
        strength = self.strength.of(squared, self.gaps, index)
        distance = self.novelty.distance(embedding)
        unseen = self.novelty.unseen(distance)
        index = np.where(unseen, UNSEEN, index)
        return Assignment(
            index=index.astype(np.int32),
            strength=np.where(unseen, 0, strength).astype(np.float32),
            novelty=self.novelty.score(distance),
            map_xy=self.map.place(points, self.centres),
            coarser=self.family.coarser(index).astype(np.int32),
            finer=self.family.finer(points, index).astype(np.int32),
        )

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """Every array, by its name in the file."""
        novelty = {f"novelty.{n}": getattr(self.novelty, n) for n in _NOVELTY}
        novelty |= {f"ageing.{n}": getattr(self.novelty.ageing, n) for n in _AGEING}
        strength = {f"strength.{n}": getattr(self.strength, n) for n in _STRENGTH}
        own = {
            **{f"space.{n}": getattr(self.space, n) for n in _SPACE},
            "centres": self.centres,
            "map.layout": self.map.layout,
            "map.axes": self.map.axes,
            "family.coarser_of": self.family.coarser_of,
            "family.finer_centres": self.family.finer_centres,
            "family.finer_of": self.family.finer_of,
        }
        return {k: np.ascontiguousarray(v, dtype=np.float32) for k, v in {**own, **novelty, **strength}.items()}

    def to_bytes(self) -> dict[str, bytes]:
        """Content of the two files, by name."""
        sidecar = {
            "format": FORMAT,
            "segmentCount": self.count,
            "story": self.story,
            "strength": {"scale": self.strength.scale},
            "settling": self.settling,
            "map": {"softness": self.map.softness},
            "ordinary": None if self.ordinary is None else self.ordinary.to_json(),
            "novelty": {n: getattr(self.novelty, n) for n in ("residual_scale", "slope", "farthest")},
        }
        text = json.dumps(sidecar, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
        return {TENSORS: save(self.tensors()), SIDECAR: text.encode() + b"\n"}

    @staticmethod
    def from_bytes(files: dict[str, bytes]) -> SegmentModel:
        """Refuses files of another format."""
        sidecar = json.loads(files[SIDECAR])
        if sidecar.get("format") != FORMAT:
            raise ValueError(f"{SIDECAR}: format is {sidecar.get('format')!r}, this worker reads {FORMAT!r}")
        tensors = load(files[TENSORS])
        return SegmentModel(
            space=Space(**{n: tensors[f"space.{n}"] for n in _SPACE}),
            centres=tensors["centres"],
            strength=Strength(scale=float(sidecar["strength"]["scale"]), **{n: tensors[f"strength.{n}"] for n in _STRENGTH}),
            novelty=Novelty(
                _ageing_of(tensors),
                residual_scale=float(sidecar["novelty"]["residual_scale"]),
                slope=float(sidecar["novelty"]["slope"]),
                farthest=float(sidecar["novelty"]["farthest"]),
                **{n: tensors[f"novelty.{n}"] for n in _NOVELTY},
            ),
            map=Map(tensors["map.layout"], tensors["map.axes"], float(sidecar["map"]["softness"])),
            family=_family_of(tensors),
            settling=int(sidecar.get("settling", 0)),  # neither this nor the next in bundles from before there was one
            ordinary=Reach.from_json(sidecar["ordinary"]) if sidecar.get("ordinary") else None,
            story=sidecar["story"],
        )

    def save(self, folder: Path) -> None:
        for name, content in self.to_bytes().items():
            (folder / name).write_bytes(content)

    @staticmethod
    def load(folder: Path) -> SegmentModel:
        return SegmentModel.from_bytes({name: (folder / name).read_bytes() for name in (TENSORS, SIDECAR)})


def _family_of(tensors: dict[str, npt.NDArray[Any]]) -> Family:
    if "family.coarser_of" not in tensors:  # written before there were levels
        return without_family(*tensors["centres"].shape)
    coarser_of, finer_of = (tensors[f"family.{n}"].astype(np.int64) for n in ("coarser_of", "finer_of"))
    return Family(coarser_of, tensors["family.finer_centres"], finer_of)


def _ageing_of(tensors: dict[str, npt.NDArray[Any]]) -> Ageing:
    if "ageing.usual" in tensors:
        return Ageing(*(tensors[f"ageing.{n}"] for n in _AGEING))
    mean = tensors["novelty.mean"]  # written before ages were told apart
    return Ageing(np.zeros_like(mean), np.zeros(1, np.float32), mean[None])


_SPACE = ("knots", "slopes", "projection", "mean", "embedding_projection")
_AGEING = ("direction", "knots", "usual")
_NOVELTY = ("whitening", "directions", "landmarks", "knots", "decades")
_STRENGTH = ("border_weights", "segment_weights", "knots", "values")
