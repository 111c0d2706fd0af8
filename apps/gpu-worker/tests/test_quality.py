"""The data quality report, and the leak guard: what tells who someone is, is named and left out."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from kindred_worker.data.fit import Fitted, examine
from kindred_worker.data.profile import NumberProfile, WordProfile, stability_index
from kindred_worker.data.quality import MUCH_DRIFT, QUALITY
from kindred_worker.data.snapshot import Snapshot
from kindred_worker.data.storage import Folder
from kindred_worker.learn import learn
from kindred_worker.report import InvalidInput
from kindred_worker.spec import TrainingSpec
from tests.conftest import shop
from tests.make_snapshot import write_snapshot
from tests.test_train import Keeping


def with_noise(table: pa.Table, seed: int = 0) -> pa.Table:
    """The shop with properties that say who someone is in several disguises, and some that look like it but do not."""
    random = np.random.default_rng(seed)
    customer = np.array(table.column("customer").to_pylist())
    _, code = np.unique(customer, return_inverse=True)
    place = np.arange(len(code)) - np.searchsorted(code, code)  # the how manieth event
    walk = np.cumsum(random.normal(0, 0.25, len(code)))
    walk -= walk[np.searchsorted(code, code)]  # from each customer's first event on
    columns: dict[str, pa.Array] = {
        "p:loyalty_number": pa.array(7000.0 + code),
        "p:device": pa.array([f"device-{c}-{p // 4}" for c, p in zip(code, place, strict=True)]),
        "p:terminal": pa.array(((code * 7919 + place // 4 * 104_729) % 1_000_003).astype(float)),
        # A level of one's own that wanders: it never stays the same, and still says who it is.
        "p:score": pa.array(np.exp(random.uniform(0, 6, code.max() + 1)[code] + walk)),
        "p:rating": pa.array(random.integers(1, 6, len(code)).astype(float)),
        "p:position": pa.array(place.astype(float)),
        "p:campaign": pa.array([f"campaign-{random.integers(0, 40)}" for _ in code]),
    }
    for name, values in columns.items():
        table = table.append_column(name, values)
    return table


@pytest.fixture(scope="module")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return Snapshot.open(write_snapshot(with_noise(shop()), tmp_path_factory.mktemp("noisy")).as_uri())


@pytest.fixture(scope="module")
def fitted(noisy: Snapshot) -> Fitted:
    return examine(noisy, TrainingSpec())


LEAKS = {
    "loyalty_number": "constant_of_customer",
    "email": "constant_of_customer",
    "request_id": "id",
    "device": "id_in_disguise",
    "terminal": "id_in_disguise",
    "score": "id_in_disguise",
}


def test_what_tells_who_someone_is_is_named_and_left_out(fitted: Fitted) -> None:
    found = {one.property: one for one in fitted.quality.properties}
    assert {name: found[name].flaw for name in LEAKS} == LEAKS
    seen = {f.name for f in (*fitted.features.categories, *fitted.features.numbers)}
    assert seen == {"channel", "gift", "revenue", "deliver_by", "rating", "position", "campaign"}
    assert {d.property for d in fitted.features.dropped} == set(LEAKS)
    for name in LEAKS:
        assert any(note.startswith(f"{name} is left out: ") for note in fitted.quality.notes)


def test_without_the_guard_it_is_seen_and_said(noisy: Snapshot) -> None:
    unguarded = examine(noisy, TrainingSpec(leak_guard=False))
    assert {f.name for f in (*unguarded.features.categories, *unguarded.features.numbers)} >= set(LEAKS)
    assert not unguarded.features.dropped
    for name in LEAKS:
        assert any(note.startswith(f"{name} is seen by the encoder as asked for, although") for note in unguarded.quality.notes)


def test_what_nothing_can_be_learned_from_is_left_out_whatever_is_asked(tmp_path: Path) -> None:
    table = shop().append_column("p:version", pa.array(["1"] * shop().num_rows))
    unguarded = examine(Snapshot.open(write_snapshot(table, tmp_path).as_uri()), TrainingSpec(leak_guard=False))
    assert [d.property for d in unguarded.features.dropped] == ["version"]


def seen(found: Fitted) -> set[str]:
    features = found.features
    items = {f"{item.name}.{f.name}" for item in features.items for f in (*item.categories, *item.numbers)}
    return {f.name for f in (*features.categories, *features.numbers)} | items


def test_a_property_is_kept_or_left_out_by_name_and_the_guard_goes_on_for_all_others(noisy: Snapshot, fitted: Fitted) -> None:
    asked = examine(noisy, TrainingSpec(keep_properties=("device", "email"), leave_out_properties=("channel", "score", "products.price")))
    assert seen(asked) == seen(fitted) - {"channel", "products.price"} | {"device", "email"}
    told = {one.property: one for one in asked.quality.properties}
    assert (told["device"].asked, told["device"].flaw, told["device"].kept) == ("keep", "id_in_disguise", True)
    assert (told["score"].asked, told["score"].flaw, told["score"].kept) == ("leave_out", "id_in_disguise", False)
    notes = asked.quality.notes
    assert any(note.startswith("device is seen by the encoder as asked for, although it has a flaw: nearly every value") for note in notes)
    assert "channel is left out: the run asks for that (leaveOutProperties)." in notes
    assert {d.property for d in asked.features.dropped} == set(LEAKS) - {"device", "email"} | {"channel", "products.price"}


def test_of_a_list_what_is_said_of_one_property_goes_before(noisy: Snapshot, fitted: Fitted) -> None:
    whole = examine(noisy, TrainingSpec(leave_out_properties=("products",)))
    assert seen(whole) == {name for name in seen(fitted) if not name.startswith("products.")}
    but_one = examine(noisy, TrainingSpec(leave_out_properties=("products",), keep_properties=("products.price",)))
    assert seen(but_one) == seen(whole) | {"products.price"}


def test_what_is_rare_or_always_the_same_is_kept_where_it_is_asked_for(tmp_path: Path) -> None:
    rows = shop().num_rows
    table = shop().append_column("p:version", pa.array(["1"] * rows)).append_column("p:seldom", pa.array([1.0] * 3 + [None] * (rows - 3)))
    snapshot = Snapshot.open(write_snapshot(table, tmp_path / "snapshot").as_uri())
    spec = TrainingSpec(width=8, epochs=1, keep_properties=("version", "seldom"))
    assert seen(examine(snapshot, spec)) >= {"version", "seldom"}
    learned = learn(spec, snapshot, Folder((tmp_path / "model").as_uri()), Keeping())
    assert learned.files


def test_a_value_that_is_left_out_is_not_guessed_and_one_that_is_named_is_refused(noisy: Snapshot) -> None:
    assert examine(noisy, TrainingSpec()).features.value_property == "revenue"
    guessed = examine(noisy, TrainingSpec(leave_out_properties=("revenue",)))
    assert guessed.features.value_property is None
    assert "revenue" not in seen(guessed)
    with pytest.raises(InvalidInput, match="leaveOutProperties: 'revenue' carries the value that is foreseen; name another"):
        examine(noisy, TrainingSpec(value_property="revenue", leave_out_properties=("revenue",)))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"keep_properties": ("emial", "channel")}, "keepProperties: no property is named 'emial'; "),
        ({"leave_out_properties": ("products.sku",)}, "leaveOutProperties: no property is named 'products.sku'; "),
    ],
)
def test_a_name_that_no_property_has_is_refused(noisy: Snapshot, asked: dict[str, tuple[str, ...]], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        examine(noisy, replace(TrainingSpec(), **asked))


def test_a_property_cannot_be_kept_and_left_out() -> None:
    with pytest.raises(InvalidInput, match="leaveOutProperties: channel cannot be in keepProperties too"):
        TrainingSpec(keep_properties=("channel", "gift"), leave_out_properties=("channel",)).checked()


def test_the_report_says_what_each_property_is_like(fitted: Fitted) -> None:
    found = {one.property: one for one in fitted.quality.properties}
    table = with_noise(shop())
    assert {"products.product_id", "products.price", "products.new"} <= set(found)
    for name in ("channel", "revenue", "device", "rating"):
        values = table.column(f"p:{name}")
        assert found[name].missing == pytest.approx(values.null_count / len(values))
        assert found[name].distinct == len({v for v in values.to_pylist() if v is not None})
    owners: dict[str, set[str]] = {}
    for who, campaign in zip(table.column("customer").to_pylist(), table.column("p:campaign").to_pylist(), strict=True):
        owners.setdefault(campaign, set()).add(who)
    alone = sum(len(owners[c]) == 1 for c in table.column("p:campaign").to_pylist())
    assert found["campaign"].owned == pytest.approx(alone / table.num_rows)
    assert found["device"].owned == 1
    assert found["email"].within == 0
    assert found["channel"].within > 0.9


def test_a_property_that_changes_over_time_is_said_and_kept(tmp_path: Path) -> None:
    table = shop()
    moments = np.array([t.timestamp() for t in table.column("occurred_at").to_pylist()])
    late = moments > (moments.min() + moments.max()) / 2
    random = np.random.default_rng(0)
    table = table.append_column("p:price", pa.array(random.lognormal(np.where(late, 3.0, 1.0), 0.5)))
    table = table.append_column("p:shelf", pa.array(np.where(random.random(len(late)) < np.where(late, 0.9, 0.1), "new", "old")))
    found = examine(Snapshot.open(write_snapshot(table, tmp_path).as_uri()), TrainingSpec())
    drifts = {one.property: one.drift for one in found.quality.properties}
    assert min(drifts["price"], drifts["shelf"]) > 1
    assert max(drifts["channel"], drifts["gift"]) < MUCH_DRIFT
    assert any(note.startswith("price is no longer what it was") for note in found.quality.notes)
    assert {"price"} <= {f.name for f in found.features.numbers}


def test_the_stability_index_is_that_of_its_definition() -> None:
    earlier, later = np.array([600.0, 300.0, 100.0]), np.array([200.0, 300.0, 500.0])
    expected = sum((b / 1000 - a / 1000) * np.log(b / a) for a, b in zip(earlier, later, strict=True))
    assert stability_index(earlier, later) == pytest.approx(expected, rel=0.01)
    assert stability_index(earlier, np.zeros(3)) == 0


def test_profiles_are_the_same_in_whatever_batches_the_events_come() -> None:
    random = np.random.default_rng(2)
    customer = np.repeat(np.arange(60), 10)
    late = random.random(600) < 0.5
    numbers, words = random.lognormal(0, 1, 600), pa.array([f"w{w}" for w in random.integers(0, 30, 600)])
    whole, parts = (NumberProfile(), WordProfile()), (NumberProfile(), WordProfile())
    for profiles, size in ((whole, 600), (parts, 50)):  # five customers at a time
        for at in range(0, 600, size):
            rows = slice(at, at + size)
            profiles[0].add(numbers[rows], customer[rows] % 5 if size == 50 else customer[rows], late[rows])
            profiles[1].add(words[rows], customer[rows], late[rows])
    for one, other in zip(whole, parts, strict=True):
        assert (one.distinct, one.drift) == (other.distinct, other.drift)
        assert one.owned == pytest.approx(other.owned)
        assert one.within == pytest.approx(other.within, rel=0.1)  # numbers: around the mean so far


def test_a_model_brings_its_quality_report(noisy: Snapshot, fitted: Fitted, tmp_path: Path) -> None:
    folder, report = Folder(tmp_path.as_uri()), Keeping()
    learned = learn(TrainingSpec(width=8, epochs=1), noisy, folder, report)
    assert QUALITY in [f.path for f in learned.files]
    written = folder.read_json(QUALITY)
    assert written["properties"] == json.loads(json.dumps([asdict(one) for one in fitted.quality.properties]))
    assert written["notes"] == fitted.quality.notes
    assert report.metrics["quality.left_out"] == [len(LEAKS)]
