"""Messages of the contract <-> the worker's own dataclasses."""

from __future__ import annotations

from collections.abc import Sequence

from kindred_worker.data.storage import WrittenFile
from kindred_worker.gen.kindred.worker.v1 import worker_pb2 as pb
from kindred_worker.report import InvalidInput
from kindred_worker.spec import TrainingSpec


def spec_of(message: pb.TrainingSpec) -> TrainingSpec:
    """Unset or zero means the default. Raises InvalidInput."""
    default = TrainingSpec()
    weights = {o.name: o.weight or 1.0 for o in message.objectives}
    if len(weights) < len(message.objectives):
        raise InvalidInput("objectives: each may be named once")
    return TrainingSpec(
        encoder=message.encoder or default.encoder,
        objectives=weights or default.objectives,
        width=message.width or default.width,
        epochs=message.epochs,
        batch_size=message.batch_size or default.batch_size,
        learning_rate=message.learning_rate or default.learning_rate,
        horizon_days=tuple(message.horizon_days),
        half_life_days=tuple(message.half_life_days),
        segment_count=message.segment_count,
        sample_fraction=message.sample_fraction or default.sample_fraction,
        seed=message.seed,
        main_events=tuple(message.main_events),
        value_property=message.value_property,
    ).checked()


def completed(files: Sequence[WrittenFile], events: int, customers: int) -> pb.Completed:
    return pb.Completed(files=[file_of(f) for f in files], events=events, customers=customers)


def file_of(file: WrittenFile) -> pb.ArtifactFile:
    return pb.ArtifactFile(path=file.path, sha256=file.sha256, bytes=file.bytes)
