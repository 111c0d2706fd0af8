"""Live events (name, time, JSON properties) as the rows that a snapshot would hold, for the same featuriser.

Coercions: a number where a word is expected is written as JSON writes it, true and false likewise; a decimal numeral
in a string is a number; an ISO 8601 string (YYYY-MM-DD, or with a time) is a time; anything else of the wrong type is missing.
Scoring without Python does the same to the letter: both are held to libs/contracts/golden/features.json.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import pyarrow as pa

from kindred_worker.data.features import NUMERAL, FeatureSpec, ItemFeature

TIME = pa.timestamp("us", tz="UTC")
MOMENT = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?", re.ASCII)
TYPES = {"categorical": pa.string(), "boolean": pa.string(), "numeric": pa.float64(), "time": TIME}


def parse(properties: bytes) -> dict[str, Any]:
    """Raises ValueError when these bytes are no JSON object."""
    if not properties:
        return {}
    try:
        value = json.loads(properties, parse_constant=lambda _: None)
    except (RecursionError, UnicodeDecodeError) as error:
        raise ValueError(f"properties are not readable JSON: {type(error).__name__}") from error
    if not isinstance(value, dict):
        raise ValueError("properties must be a JSON object")
    return cast("dict[str, Any]", value)


def rows(spec: FeatureSpec, events: Sequence[tuple[str, int, dict[str, Any]]]) -> pa.RecordBatch:
    """Events (name, occurred_at in microseconds, properties) as a record batch with the columns that `encode` needs."""
    columns: dict[str, pa.Array] = {
        "occurred_at": pa.array([e[1] for e in events], pa.int64()).cast(TIME),
        "name": pa.array([_clean(e[0]) for e in events], pa.string()),
    }
    for feature in (*spec.categories, *spec.numbers):
        to = COERCE[feature.kind]
        columns[feature.column] = pa.array([to(e[2].get(feature.name)) for e in events], TYPES[feature.kind])
    for feature in spec.items:
        columns[feature.column] = _lists(feature, [e[2].get(feature.name) for e in events])
    if spec.value_property and f"p:{spec.value_property}" not in columns:
        amounts = [_number(e[2].get(spec.value_property)) for e in events]
        columns[f"p:{spec.value_property}"] = pa.array(amounts, pa.float64())
    return pa.RecordBatch.from_pydict(columns)


def _lists(feature: ItemFeature, values: Sequence[Any]) -> pa.Array:
    fields = (*feature.categories, *feature.numbers)
    offsets = [0]
    columns: list[list[Any]] = [[] for _ in fields]
    for value in values:
        items = [i for i in cast("list[Any]", value) if isinstance(i, dict)] if isinstance(value, list) else []
        for column, one in zip(columns, fields, strict=True):
            to = COERCE[one.kind]
            column.extend(to(cast("dict[str, Any]", i).get(one.name)) for i in items)
        offsets.append(offsets[-1] + len(items))
    arrays = [pa.array(c, TYPES[f.kind]) for c, f in zip(columns, fields, strict=True)]
    struct = pa.StructArray.from_arrays(arrays, names=[f.name for f in fields])
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), struct)


def _clean(text: str) -> str:
    """Without lone surrogates, which are no text."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text


def _word(value: Any) -> str | None:
    if isinstance(value, str):
        return _clean(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if math.isfinite(value) and value.is_integer() and abs(value) < 1e21 else repr(value)
    return str(value) if isinstance(value, int) and abs(value) < 10**21 else None


def _boolean(value: Any) -> str | None:
    word = _word(value)
    return word if word in ("true", "false") else None


def _number(value: Any) -> float | None:
    if isinstance(value, str) and not re.fullmatch(NUMERAL, value.strip()):
        return None
    if isinstance(value, bool | int | float | str):
        try:
            number = float(value)
        except OverflowError:
            return None
        return number if math.isfinite(number) else None
    return None


def _time(value: Any) -> int | None:
    if not isinstance(value, str) or not MOMENT.fullmatch(value):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    utc = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return int(utc.timestamp() * 1e6)


COERCE: dict[str, Callable[[Any], Any]] = {
    "categorical": _word,
    "boolean": _boolean,
    "numeric": _number,
    "time": _time,
}
