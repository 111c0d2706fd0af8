"""Features: what is kept, what is dropped and why, and that a live event looks like its row in a snapshot."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from kindred_worker.data.arrays import EventArrays, load, stream
from kindred_worker.data.features import CategoryFeature, Encoded, FeatureSpec, NumberFeature, Vocabulary, as_numbers, encode
from kindred_worker.data.live import COERCE, featurised, parse
from kindred_worker.data.snapshot import Snapshot


def test_ids_and_constants_of_a_customer_are_left_out_with_a_reason(features: FeatureSpec) -> None:
    dropped = {d.property: d.reason for d in features.dropped}
    assert "constant for a customer" in dropped["email"]
    assert "an id" in dropped["request_id"]
    assert {c.name for c in features.categories} == {"channel", "gift"}
    assert {n.name for n in features.numbers} == {"revenue", "deliver_by"}


def test_the_value_and_the_main_events_are_guessed(features: FeatureSpec) -> None:
    assert features.value_property == "revenue"
    assert features.main_events[0] == "Order Completed"
    assert set(features.main_events) == {"Order Completed", "Product Added", "Product Viewed"}


def test_features_survive_their_file(features: FeatureSpec) -> None:
    assert FeatureSpec.from_json(json.loads(json.dumps(features.to_json()))) == features


def as_event(row: dict[str, Any]) -> tuple[str, int, bytes]:
    """The event that ingestion stored as this row."""
    given = {k[2:]: v for k, v in row.items() if k[:2] in ("p:", "i:") and v is not None}
    text = json.dumps(given, default=lambda t: t.isoformat())
    return row["name"], round(row["occurred_at"].timestamp() * 1e6), text.encode()


def test_a_live_event_is_encoded_like_its_row_in_the_snapshot(snapshot: Snapshot, features: FeatureSpec) -> None:
    for batch in snapshot.batches():
        stored = encode(features, batch)
        events = [as_event(row) for row in batch.to_pylist()]
        live = featurised(features, [(name, time, parse(text)) for name, time, text in events])
        for one in fields(Encoded):
            if one.name != "items":
                np.testing.assert_array_equal(getattr(live, one.name), getattr(stored, one.name), err_msg=one.name)
        for a, b in zip(live.items, stored.items, strict=True):
            np.testing.assert_array_equal(a.lengths, b.lengths)
            np.testing.assert_array_equal(a.categories, b.categories)
            np.testing.assert_array_equal(a.means, b.means)


GOLDEN = FeatureSpec(
    timezone="America/New_York",
    names=Vocabulary(("Order Completed", "Page Viewed"), 4),
    categories=(
        CategoryFeature("channel", "p:channel", "categorical", Vocabulary(("web", "app"), 8)),
        CategoryFeature("gift", "p:gift", "boolean", Vocabulary(("false", "true"), 0)),
    ),
    numbers=(NumberFeature("revenue", "p:revenue", "numeric", 2.0, 0.5), NumberFeature("due", "p:due", "time", 0.0, 1.0)),
    items=(),
    main_events=("Order Completed",),
    other_events=(),
    value_property="revenue",
    currency=None,
)


@pytest.mark.parametrize(
    ("event", "name", "categories", "numbers", "hour", "weekday"),
    [
        # 2024-03-10 07:30 UTC is 03:30 in New York, minutes after its clocks went forward; a Sunday.
        (
            ("Order Completed", {"channel": "app", "gift": True, "revenue": 9.0, "due": "2024-03-12T07:30:00Z"}),
            1,
            [2, 2],
            [0.60517019, 1.09861229],
            3,
            6,
        ),
        (("Never Seen", {"channel": 5.0, "gift": "no", "revenue": "-9", "due": "soon"}), 6, [9, 0], [-8.0, np.nan], 3, 6),
        (("Page Viewed", {}), 2, [0, 0], [np.nan, np.nan], 3, 6),
    ],
)
def test_golden_vectors(
    event: tuple[str, dict[str, Any]], name: int, categories: list[int], numbers: list[float], hour: int, weekday: int
) -> None:
    moment = int(datetime(2024, 3, 10, 7, 30, tzinfo=UTC).timestamp() * 1e6)
    found = featurised(GOLDEN, [(event[0], moment, event[1])])
    assert found.name.tolist() == [name]
    assert found.categories.tolist() == [categories]
    np.testing.assert_allclose(found.numbers, [numbers], rtol=1e-6)
    assert (found.hour.tolist(), found.weekday.tolist()) == ([hour], [weekday])


@pytest.mark.parametrize("text", [b"[1]", b"{", b"\xff", b"[" * 100_000, b"null"])
def test_properties_that_are_no_json_object_are_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"JSON|Expecting|decode|codec"):
        parse(text)


def test_hostile_values_are_missing_not_fatal() -> None:
    text = '{"revenue": 1e999, "channel": {"a": [1]}, "gift": [], "due": 17, "__proto__": 1}'
    found = featurised(GOLDEN, [("\ud800 lone", 0, parse(text.encode())), ("\x00", 1, {"revenue": float("nan")})])
    assert np.isnan(found.numbers).all()
    assert found.categories.tolist() == [[0, 0], [0, 0]]


def test_customers_that_cross_batches_stay_whole(
    snapshot: Snapshot, features: FeatureSpec, arrays: EventArrays, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kindred_worker.data.snapshot.ROWS", 7)
    small = load(snapshot, features)
    assert len(list(stream(snapshot, features))) > 2
    assert small.customers.equals(arrays.customers)
    np.testing.assert_array_equal(small.offsets, arrays.offsets)
    np.testing.assert_array_equal(small.events.numbers, arrays.events.numbers)
    np.testing.assert_array_equal(small.events.items[0].means, arrays.events.items[0].means)


def test_an_earlier_view_sees_nothing_later(snapshot: Snapshot, features: FeatureSpec, arrays: EventArrays) -> None:
    cut = int(np.median(arrays.events.time))
    earlier = load(snapshot.before(cut), features)
    assert snapshot.before(cut).now == cut
    assert earlier.events.time.max() < cut
    assert len(earlier.events.time) == int((arrays.events.time < cut).sum())


def test_numerals_in_a_column_of_texts_are_the_numbers_that_live_events_have(features: FeatureSpec) -> None:
    texts = ["30.0", " 7 ", "+5", "-.5", "5.", "1e3", "five", "", "1e999", "0x10", "nan", "1,5", None]
    found = as_numbers(pa.array(texts))
    assert np.array_equal(found, [30, 7, 5, -0.5, 5, 1000, *[np.nan] * 7], equal_nan=True)
    assert features.value_property is not None
    live = featurised(features, [("Order Completed", 0, {features.value_property: text}) for text in texts])
    assert np.array_equal(live.value, np.nan_to_num(found).astype(np.float32))


@pytest.mark.parametrize(("said", "taken"), [(12.5, 12.5), ("12.5", 12.5), (1e31, 1e30), (-1e300, -1e30), ("1e300", 1e30), (10**40, 1e30)])
def test_a_number_is_no_larger_than_sums_of_squares_can_bear_in_a_snapshot_and_live(said: Any, taken: float) -> None:
    assert as_numbers(pa.array([said if isinstance(said, str) else float(said)]))[0] == taken
    assert COERCE["numeric"](said) == taken
