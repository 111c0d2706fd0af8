"""The featuriser on the worked cases that scoring without Python is held to as well (libs/contracts/golden/features.json)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kindred_worker.data.features import FeatureSpec
from kindred_worker.data.live import featurised, parse

GOLDEN = json.loads((Path(__file__).resolve().parents[3] / "libs/contracts/golden/features.json").read_text())


def nan_for_none(values: list[float | None]) -> list[float]:
    return [float("nan") if v is None else v for v in values]


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda c: c["title"])
def test_an_event_is_encoded_as_worked_out(case: dict[str, Any]) -> None:
    spec = FeatureSpec.from_json(GOLDEN["features"])
    event, expected = case["event"], case["expected"]
    found = featurised(spec, [(event["name"], event["occurredAt"], parse(event["properties"].encode()))])
    assert int(found.name[0]) == expected["name"]
    assert found.categories[0].tolist() == expected["categories"]
    assert (int(found.hour[0]), int(found.weekday[0])) == (expected["hour"], expected["weekday"])
    np.testing.assert_allclose(found.numbers[0], nan_for_none(expected["numbers"]), atol=1e-5)
    for one, other in zip(found.items, expected["lists"], strict=True):
        assert one.categories.tolist() == other["categories"]
        np.testing.assert_allclose(one.means[0], nan_for_none(other["means"]), atol=1e-5)
