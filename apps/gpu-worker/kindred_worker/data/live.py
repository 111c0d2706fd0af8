"""Live events (name, time, JSON properties) featurised as the rows that a snapshot would hold are.

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

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kindred_worker.data.features import (
    ITEM_LIMIT,
    LARGEST,
    MICROS_PER_DAY,
    NUMERAL,
    CategoryFeature,
    Encoded,
    EncodedItems,
    FeatureSpec,
    Float32,
    Int32,
    Int64,
    ItemFeature,
    NumberFeature,
    amounts,
    local_clock,
    means,
    standardised,
)

Properties = dict[str, Any]
# Made once: `json.loads` with such an argument makes one for each call.
DECODER = json.JSONDecoder(parse_constant=lambda _: None)
MOMENT = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?", re.ASCII)


def parse(properties: bytes) -> dict[str, Any]:
    """Raises ValueError when these bytes are no JSON object."""
    if not properties:
        return {}
    try:
        value = DECODER.decode(properties.decode("utf-8", "surrogatepass"))
    except (RecursionError, UnicodeDecodeError) as error:
        raise ValueError(f"properties are not readable JSON: {type(error).__name__}") from error
    if not isinstance(value, dict):
        raise ValueError("properties must be a JSON object")
    return cast("dict[str, Any]", value)


def featurised(spec: FeatureSpec, events: Sequence[tuple[str, int, dict[str, Any]]]) -> Encoded:
    """What `encode` makes of such rows in a snapshot, of events (name, occurred_at in microseconds, properties): value by value,
    for a batch of the live path holds a few dozen, and a column of Arrow costs more than they do."""
    properties = [e[2] for e in events]
    time = np.array([e[1] for e in events], np.int64)
    hour, weekday = local_clock(spec, pa.array(time).cast(pa.timestamp("us", tz="UTC")))
    return Encoded(
        time=time,
        name=np.array([spec.names.place(_clean(e[0])) for e in events], np.int32),
        categories=_categories(spec.categories, properties),
        numbers=_numbers(spec.numbers, properties, time),
        hour=hour,
        weekday=weekday,
        items=tuple(_items(feature, properties, time) for feature in spec.items),
        value=amounts(_values(spec, properties)),
    )


def _categories(features: Sequence[CategoryFeature], properties: Sequence[Properties]) -> Int32:
    """(n, C)"""
    readers = [(COERCE[f.kind], f.name, f.vocabulary) for f in features]
    words = [vocabulary.place(to(one.get(name))) for one in properties for to, name, vocabulary in readers]
    return np.array(words, np.int32).reshape(len(properties), len(features))


def _numbers(features: Sequence[NumberFeature], properties: Sequence[Properties], time: Int64) -> Float32:
    """(n, G)"""
    readers = [(COERCE[f.kind], f.name) for f in features]
    told = [_or_nan(to(one.get(name))) for one in properties for to, name in readers]
    raw = np.array(told, np.float64).reshape(len(properties), len(features))
    for at, feature in enumerate(features):
        if feature.kind == "time":
            raw[:, at] = (raw[:, at] - time) / MICROS_PER_DAY
    return standardised(raw, np.array([f.mean for f in features]), np.array([f.deviation for f in features]))


def _items(feature: ItemFeature, properties: Sequence[Properties], time: Int64) -> EncodedItems:
    lists = [one.get(feature.name) for one in properties]
    kept = [[i for i in cast("list[Any]", one) if isinstance(i, dict)][:ITEM_LIMIT] if isinstance(one, list) else [] for one in lists]
    lengths = np.array([len(one) for one in kept], np.int64)
    items = [cast("Properties", item) for one in kept for item in one]
    numbers = _numbers(feature.numbers, items, np.repeat(time, lengths))
    return EncodedItems(
        lengths=lengths,
        categories=_categories(feature.categories, items),
        means=means(numbers, np.repeat(np.arange(len(kept)), lengths), len(kept)),
    )


def _values(spec: FeatureSpec, properties: Sequence[Properties]) -> npt.NDArray[np.float64]:
    """(n) raw amounts of the value property, NaN where there is none."""
    name = spec.value_property
    if name is None:
        return np.full(len(properties), np.nan)
    kinds: dict[str, str] = {f.column: f.kind for f in spec.categories}
    to = COERCE[kinds.get(f"p:{name}", "numeric")]
    return np.array([_or_nan(_number(to(one.get(name)))) for one in properties], np.float64)


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


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
        return max(-LARGEST, min(number, LARGEST)) if math.isfinite(number) else None
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
