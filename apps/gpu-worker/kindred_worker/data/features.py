"""The declared features (features.json) and the one featuriser that training and live scoring share.

Categories: index 0 is missing, 1..W the vocabulary in order, then hash buckets: crc32(utf-8) modulo their number.
Numbers: sign(x) * log1p(|x|), standardised, clipped to +-8; missing is NaN here and 0 plus a flag in the model.
A time property counts as the days from the event to that time. Hour and weekday are local to the workspace.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kindred_worker.data.arrow import pc
from kindred_worker.report import InvalidInput

FORMAT = "kindred.features/1"
ITEM_LIMIT = 1000  # items read of one event
CLIP = 8.0
LARGEST = 1e30  # of a number's size: sums and squares of what an event may claim must stay numbers, in 32 bits too
MICROS_PER_DAY = 86_400_000_000

Float32 = npt.NDArray[np.float32]
Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]


NUMERAL = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"  # a text that is a decimal number


@dataclass(frozen=True)
class Vocabulary:
    """Words seen often enough to have an index of their own, and buckets for the others."""

    words: tuple[str, ...]
    buckets: int

    @property
    def size(self) -> int:
        """Indices in use, missing included."""
        return 1 + len(self.words) + self.buckets

    @cached_property
    def _known(self) -> pa.Array:
        return pa.array(self.words, pa.string())

    def index(self, values: pa.Array) -> Int32:
        """Index of each string."""
        unique = values if pa.types.is_dictionary(values.type) else values.dictionary_encode()
        words = cast(pa.Array, unique.dictionary)
        known = pc.index_in(words, value_set=self._known)
        of_word = np.asarray(pc.fill_null(known, -1).to_numpy(zero_copy_only=False), dtype=np.int32) + 1
        for at in np.flatnonzero(of_word == 0):
            of_word[at] = self.hashed(str(words[int(at)].as_py()))
        codes = np.asarray(pc.fill_null(unique.indices, -1).to_numpy(zero_copy_only=False), dtype=np.int64)
        return np.where(codes < 0, 0, np.append(of_word, 0)[codes]).astype(np.int32)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {word: at for at, word in enumerate(self.words, 1)}

    def place(self, word: str | None) -> int:
        """Index of one string."""
        if word is None:
            return 0
        known = self._places.get(word)
        return self.hashed(word) if known is None else known

    def hashed(self, word: str) -> int:
        """Index of a word outside the vocabulary."""
        if self.buckets == 0:
            return 0
        return 1 + len(self.words) + zlib.crc32(word.encode("utf-8", "surrogatepass")) % self.buckets


@dataclass(frozen=True)
class CategoryFeature:
    name: str
    column: str
    kind: Literal["categorical", "boolean"]
    vocabulary: Vocabulary


@dataclass(frozen=True)
class NumberFeature:
    name: str
    column: str
    kind: Literal["numeric", "time"]
    mean: float  # of the signed log1p
    deviation: float

    def scaled(self, values: npt.NDArray[np.float64]) -> Float32:
        """NaN stays NaN."""
        return standardised(values, self.mean, self.deviation)


@dataclass(frozen=True)
class ItemFeature:
    """A list of objects inside an event; the columns of its features are field names."""

    name: str
    column: str
    categories: tuple[CategoryFeature, ...]
    numbers: tuple[NumberFeature, ...]


@dataclass(frozen=True)
class Dropped:
    """A property that the model does not see, and why, for a person."""

    property: str
    reason: str


@dataclass(frozen=True)
class FeatureSpec:
    """What the encoder sees of an event; everything that must be equal in training and in live scoring."""

    timezone: str
    names: Vocabulary
    categories: tuple[CategoryFeature, ...]
    numbers: tuple[NumberFeature, ...]
    items: tuple[ItemFeature, ...]
    main_events: tuple[str, ...]
    # Foreseen beside the main events because they are frequent and shape the embedding.
    other_events: tuple[str, ...]
    value_property: str | None  # its raw amounts are what "value" means
    currency: str | None
    dropped: tuple[Dropped, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        return {"format": FORMAT, "hash": "crc32", "itemLimit": ITEM_LIMIT, "clip": CLIP, **asdict(self)}

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> FeatureSpec:
        if value.get("format") != FORMAT:
            raise InvalidInput(f"features.json: format is {value.get('format')!r}, this worker reads {FORMAT!r}")
        try:
            return FeatureSpec(
                timezone=value["timezone"],
                names=_vocabulary(value["names"]),
                categories=tuple(_category(c) for c in value["categories"]),
                numbers=tuple(NumberFeature(**n) for n in value["numbers"]),
                items=tuple(
                    ItemFeature(
                        i["name"],
                        i["column"],
                        tuple(_category(c) for c in i["categories"]),
                        tuple(NumberFeature(**n) for n in i["numbers"]),
                    )
                    for i in value["items"]
                ),
                main_events=tuple(value["main_events"]),
                other_events=tuple(value["other_events"]),
                value_property=value["value_property"],
                currency=value["currency"],
                dropped=tuple(Dropped(**d) for d in value["dropped"]),
            )
        except (KeyError, TypeError) as error:
            raise InvalidInput(f"features.json: {error}") from error

    @property
    def events(self) -> tuple[str, ...]:
        """Every event that is foreseen, main ones first."""
        return (*self.main_events, *self.other_events)


def _vocabulary(value: Mapping[str, Any]) -> Vocabulary:
    return Vocabulary(tuple(value["words"]), int(value["buckets"]))


def _category(value: Mapping[str, Any]) -> CategoryFeature:
    return CategoryFeature(value["name"], value["column"], value["kind"], _vocabulary(value["vocabulary"]))


@dataclass(frozen=True)
class EncodedItems:
    """The items of n events, flat: event i has `lengths[i]` rows."""

    lengths: Int64  # (n)
    categories: Int32  # (I, fields)
    means: Float32  # (n, number fields) mean over the items of each event that have it, NaN where none has


@dataclass(frozen=True)
class Encoded:
    """n events as arrays, in their order."""

    time: Int64  # (n) microseconds
    name: Int32  # (n)
    categories: Int32  # (n, C)
    numbers: Float32  # (n, G) NaN where missing
    hour: Int32  # (n) 0..23 local
    weekday: Int32  # (n) 0 Monday .. 6
    items: tuple[EncodedItems, ...]
    value: Float32  # (n) raw amount of the value property, 0 where there is none


def columns_read(spec: FeatureSpec) -> list[str]:
    """The snapshot's columns that `encode` needs."""
    value = [f"p:{spec.value_property}"] if spec.value_property else []
    features = [f.column for f in (*spec.categories, *spec.numbers, *spec.items)]
    return list(dict.fromkeys(["occurred_at", "name", *features, *value]))


def encode(spec: FeatureSpec, batch: pa.RecordBatch) -> Encoded:
    """Events (rows of a snapshot) as arrays."""
    occurred = batch.column("occurred_at").cast(pa.timestamp("us", tz="UTC"))
    time = occurred.cast(pa.int64()).to_numpy(zero_copy_only=False).astype(np.int64)
    hour, weekday = local_clock(spec, occurred)
    value = np.zeros(batch.num_rows, dtype=np.float32)
    if spec.value_property and f"p:{spec.value_property}" in batch.schema.names:
        value = amounts(as_numbers(batch.column(f"p:{spec.value_property}")))
    return Encoded(
        time=time,
        name=spec.names.index(batch.column("name").cast(pa.string())),
        categories=_categories(spec.categories, batch.num_rows, batch.column),
        numbers=_numbers(spec.numbers, batch.num_rows, batch.column, time),
        hour=hour,
        weekday=weekday,
        items=tuple(_items(f, batch.column(f.column), time) for f in spec.items),
        value=value,
    )


def local_clock(spec: FeatureSpec, occurred: pa.Array) -> tuple[Int32, Int32]:
    """(n) hour and weekday of times in UTC, local to the workspace."""
    local = occurred.cast(pa.timestamp("us", tz=spec.timezone))
    hour, weekday = pc.hour(local), pc.day_of_week(local)
    return hour.to_numpy(zero_copy_only=False).astype(np.int32), weekday.to_numpy(zero_copy_only=False).astype(np.int32)


def amounts(raw: npt.NDArray[np.float64]) -> Float32:
    """0 where there is none."""
    return np.nan_to_num(raw, nan=0.0).astype(np.float32)


def _categories(features: Sequence[CategoryFeature], rows: int, column: Any) -> Int32:
    out = np.zeros((rows, len(features)), dtype=np.int32)
    for at, feature in enumerate(features):
        out[:, at] = feature.vocabulary.index(as_words(column(feature.column)))
    return out


def _numbers(features: Sequence[NumberFeature], rows: int, column: Any, time: Int64) -> Float32:
    out = np.zeros((rows, len(features)), dtype=np.float32)
    for at, feature in enumerate(features):
        values = column(feature.column)
        raw = days_until(values, time) if feature.kind == "time" else as_numbers(values)
        out[:, at] = feature.scaled(raw)
    return out


def _items(feature: ItemFeature, column: pa.Array, time: Int64) -> EncodedItems:
    lists = cast(pa.ListArray, column)
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    rows = cast(pa.StructArray, pc.list_flatten(lists))
    kept = np.minimum(lengths, ITEM_LIMIT)
    if int(kept.sum()) != int(lengths.sum()):
        place = np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        rows = cast(pa.StructArray, rows.filter(pa.array(place < ITEM_LIMIT)))

    def field_of(name: str) -> pa.Array:
        return cast(pa.Array, pc.struct_field(rows, name))

    event_time = np.repeat(time, kept)
    numbers = _numbers(feature.numbers, len(rows), field_of, event_time)
    return EncodedItems(
        lengths=kept,
        categories=_categories(feature.categories, len(rows), field_of),
        means=means(numbers, np.repeat(np.arange(len(kept)), kept), len(kept)),
    )


def means(numbers: Float32, event: Int64, events: int) -> Float32:
    """(I, g) of the items of events -> (n, g) over those of each event that have it, NaN where none has."""
    out = np.full((events, numbers.shape[1]), np.nan, dtype=np.float32)
    for at in range(numbers.shape[1]):
        present = ~np.isnan(numbers[:, at])
        count = np.bincount(event[present], minlength=events)
        total = np.bincount(event[present], numbers[present, at], minlength=events)
        np.divide(total, count, out=out[:, at], where=count > 0, casting="unsafe")
    return out


Scale = float | npt.NDArray[np.float64]


def standardised(values: npt.NDArray[np.float64], mean: Scale, deviation: Scale) -> Float32:
    """Of numbers, or (n, G) with the scales of G of them. NaN stays NaN."""
    return np.clip((signed_log(values) - mean) / deviation, -CLIP, CLIP).astype(np.float32)


def signed_log(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """sign(x) log1p(|x|); infinities become NaN (missing)."""
    finite = np.where(np.isfinite(values), values, np.nan)
    return np.sign(finite) * np.log1p(np.abs(finite))


def as_words(values: pa.Array) -> pa.Array:
    """Strings; booleans as true and false, numbers as JSON writes them."""
    if pa.types.is_dictionary(values.type) or pa.types.is_string(values.type):
        return values
    return cast(pa.Array, values.cast(pa.string()))


def as_numbers(values: pa.Array) -> npt.NDArray[np.float64]:
    """NaN where missing. A column of numbers becomes one of texts where one in twenty is none: its numerals are numbers
    still, as they are to who reads live (live.py), and the others are missing. Beyond LARGEST: LARGEST."""
    if pa.types.is_string(values.type):
        words = pc.utf8_trim_whitespace(values)
        values = pc.if_else(pc.match_substring_regex(words, f"^(?:{NUMERAL})$"), pc.utf8_ltrim(words, "+"), pa.scalar(None, pa.string()))
    numbers = np.asarray(values.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
    return np.clip(np.where(np.isfinite(numbers), numbers, np.nan), -LARGEST, LARGEST)


def days_until(values: pa.Array, time: Int64) -> npt.NDArray[np.float64]:
    """Days from each event to the time that its property names."""
    if not pa.types.is_timestamp(values.type):
        return np.full(len(values), np.nan)
    present = pc.is_valid(values).to_numpy(zero_copy_only=False)
    micros = pc.fill_null(values.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()), 0).to_numpy(zero_copy_only=False)
    return np.where(present, (micros - time) / MICROS_PER_DAY, np.nan)
