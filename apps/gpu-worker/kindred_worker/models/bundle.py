"""The model bundle, a directory of files under one bundle.json whose sha256 is the model's hash.

encoder.safetensors  weights         encoder.json   resolved plan, sizes, metrics
features.json        features        segments.*     written by Discover (segments/assignment.py)
items.*              what is recommended, where events carry lists of items (items/recommender.py)
surprise.json        the scale of events' novelty, where there is a next-event head (surprise.py)
quality.json         what each property of the data was like (data/quality.py)
step.onnx, read.onnx, live.json   the same model for scoring without Python, where its encoder has that form (export.py)
bundle.json          the sha256 of each file above
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save

from kindred_worker.data.features import FeatureSpec
from kindred_worker.data.quality import QUALITY
from kindred_worker.data.storage import Folder, WrittenFile
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.plan import Plan
from kindred_worker.report import HashMismatch, InvalidInput
from kindred_worker.segments.assignment import SegmentModel

FORMAT = "kindred.bundle/1"
ENCODER_FORMAT = "kindred.encoder/1"
BUNDLE, WEIGHTS, ENCODER, FEATURES = "bundle.json", "encoder.safetensors", "encoder.json", "features.json"
SEGMENTS = ("segments.safetensors", "segments.json")
ITEMS = ("items.safetensors", "items.json")
SURPRISE = "surprise.json"
STEP, READ, LIVE_MANIFEST = "step.onnx", "read.onnx", "live.json"
FILES = (WEIGHTS, ENCODER, FEATURES, QUALITY, *ITEMS, SURPRISE, *SEGMENTS, STEP, READ, LIVE_MANIFEST)


def save_model(folder: Folder, model: BehaviourModel, facts: dict[str, Any]) -> list[WrittenFile]:
    """Writes the three files of the encoder; `facts` go into encoder.json beside the plan."""
    weights = save({k: v.detach().cpu().contiguous() for k, v in model.state_dict().items()})
    return [
        folder.write(WEIGHTS, weights),
        folder.write_json(FEATURES, model.features.to_json()),
        folder.write_json(ENCODER, {"format": ENCODER_FORMAT, "plan": model.plan.to_json(), **facts}),
    ]


def load_model(folder: Folder, hashes: dict[str, str] | None = None) -> BehaviourModel:
    """The model in eval mode. With `hashes` (file -> sha256) a file with another content is refused unparsed."""
    known = hashes or {}
    weights = folder.read(WEIGHTS, known.get(WEIGHTS))
    encoder = folder.read_json(ENCODER, known.get(ENCODER))
    features = FeatureSpec.from_json(folder.read_json(FEATURES, known.get(FEATURES)))
    if encoder.get("format") != ENCODER_FORMAT:
        raise InvalidInput(f"{ENCODER}: format is {encoder.get('format')!r}, this worker reads {ENCODER_FORMAT!r}")
    model = BehaviourModel(features, Plan.from_json(encoder["plan"]))
    try:
        model.load_state_dict(load(weights))
    except (SafetensorError, RuntimeError) as error:
        raise InvalidInput(f"{WEIGHTS} does not fit {ENCODER}: {error}") from error
    model.stamp = int.from_bytes(hashlib.sha256(weights).digest()[:4], "little")
    model.eval()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    return model


def seal(folder: Folder) -> WrittenFile:
    """Writes bundle.json over the files that lie there; its sha256 is the model's hash."""
    files = [
        {"path": name, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        for name in FILES
        if folder.exists(name)
        for content in [folder.read(name)]
    ]
    return folder.write_json(BUNDLE, {"format": FORMAT, "files": files})


@dataclass(frozen=True)
class Bundle:
    """An opened bundle: its hash, and the sha256 of each file."""

    folder: Folder
    hash: str
    files: dict[str, str]

    @staticmethod
    def open(uri: str, expected: str = "") -> Bundle:
        """Refuses a bundle.json with another hash than `expected` (where given), and any changed file in it."""
        folder = Folder(uri)
        content = folder.read(BUNDLE)
        found = hashlib.sha256(content).hexdigest()
        if expected and found != expected:
            raise HashMismatch(f"{uri} holds another model: its hash is {found}")
        value = folder.read_json(BUNDLE, found)
        if value.get("format") != FORMAT:
            raise InvalidInput(f"{BUNDLE}: format is {value.get('format')!r}, this worker reads {FORMAT!r}")
        try:
            files = {str(f["path"]): str(f["sha256"]) for f in value["files"]}
        except (KeyError, TypeError) as error:
            raise InvalidInput(f"{BUNDLE}: {error}") from error
        for path, sha256 in files.items():
            folder.verify(path, sha256)
        return Bundle(folder, found, files)

    def model(self) -> BehaviourModel:
        return load_model(self.folder, self.files)


def load_segments(bundle: Bundle) -> SegmentModel | None:
    """The bundle's segments, None before Discover."""
    if not all(name in bundle.files for name in SEGMENTS):
        return None
    return SegmentModel.from_bytes({name: bundle.folder.read(name, bundle.files[name]) for name in SEGMENTS})


def open_model(uri: str) -> tuple[BehaviourModel, SegmentModel | None]:
    """Model and segments of a sealed bundle; before it is sealed, the model that Train wrote there."""
    folder = Folder(uri)
    if not folder.exists(BUNDLE):
        return load_model(folder), None
    bundle = Bundle.open(uri)
    return bundle.model(), load_segments(bundle)
