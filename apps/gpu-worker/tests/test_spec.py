"""Whatever a training can be told, can be asked for: dataclass and message say the same."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from kindred_worker.gen.kindred.worker.v1 import worker_pb2 as pb
from kindred_worker.report import InvalidInput
from kindred_worker.rpc.messages import spec_of
from kindred_worker.spec import TrainingSpec

# Each field of the message with something that is not its default, and what it becomes. run.mapper.spec.ts of the gateway holds
# GraphQL to the message; no field is excepted, none is nobody's business.
ASKED: dict[str, tuple[Any, Any]] = {
    "encoder": ("gru", "gru"),
    "objectives": ([pb.ObjectiveSpec(name="order", weight=2)], {"order": 2.0}),
    "width": (32, 32),
    "epochs": (3, 3),
    "batch_size": (16, 16),
    "learning_rate": (0.5, 0.5),
    "horizon_days": ([30.0], (30.0,)),
    "half_life_days": ([7.0], (7.0,)),
    "segment_count": (5, 5),
    "sample_fraction": (0.5, 0.5),
    "seed": (9, 9),
    "main_events": (["Order Completed"], ("Order Completed",)),
    "value_property": ("revenue", "revenue"),
    "keep_leaks": (True, False),
    "keep_properties": (["coupon"], ("coupon",)),
    "leave_out_properties": (["gender"], ("gender",)),
    "continued_epochs": (0, 0),
    "continued_learning_rate": (0.25, 0.25),
    "surprise": (0.0, 0.0),
    "reads": (6, 6),
    "held_out": (0.0, 0.0),
    "item_field": ("products.sku", "products.sku"),
    "item_dropout": (0.0, 0.0),
    "dropout": (0.0, 0.0),
    "precision": ("bfloat16", "bfloat16"),
}
OTHERWISE_NAMED = {"keep_leaks": "leak_guard"}  # and the other way round


def test_every_field_of_a_spec_has_one_in_the_message() -> None:
    named = {OTHERWISE_NAMED.get(field.name, field.name) for field in pb.TrainingSpec.DESCRIPTOR.fields}
    assert named == {field.name for field in fields(TrainingSpec)}
    assert {field.name for field in pb.TrainingSpec.DESCRIPTOR.fields} == set(ASKED)


@pytest.mark.parametrize("name", ASKED)
def test_what_a_message_says_is_what_is_trained(name: str) -> None:
    said, becomes = ASKED[name]
    place = OTHERWISE_NAMED.get(name, name)
    assert getattr(TrainingSpec(), place) != becomes
    assert getattr(spec_of(pb.TrainingSpec(**{name: said})), place) == becomes


def test_a_message_that_says_nothing_asks_for_the_defaults() -> None:
    assert spec_of(pb.TrainingSpec()) == TrainingSpec()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"continued_epochs": 1001}, "continuedEpochs must lie between 0 and 1000"),
        ({"continued_learning_rate": 2.0}, "continuedLearningRate must lie above 0 and at most 1"),
        ({"surprise": -1.0}, "surprise must lie between 0 and 10"),
        ({"reads": 257}, "reads must lie between 1 and 256"),
        ({"held_out": 0.6}, "heldOut must lie between 0 and 0.5"),
        ({"item_dropout": 1.0}, "itemDropout must lie between 0 and 0.9"),
        ({"dropout": 1.0}, "dropout must lie between 0 and 0.9"),
        ({"segment_count": 1}, "segmentCount must be 0 .chosen. or 2 to 64"),
        ({"main_events": ["Order Completed", "Order Completed"]}, "mainEvents: each may be named once"),
    ],
)
def test_what_cannot_be_trained_is_refused(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        spec_of(pb.TrainingSpec(**asked))
