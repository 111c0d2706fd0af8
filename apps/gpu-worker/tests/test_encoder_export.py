"""The live form: what the exported graphs say is what the model and the scorer say."""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import torch

from kindred_worker import newest
from kindred_worker.data.arrays import EventArrays, select
from kindred_worker.data.snapshot import Snapshot
from kindred_worker.data.storage import Folder
from kindred_worker.discover import discover
from kindred_worker.export import ENCODERS, event_tensors
from kindred_worker.learn import learn
from kindred_worker.models import plan
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.bundle import LIVE_MANIFEST, READ, STEP, Bundle, load_model, load_segments
from kindred_worker.models.live_form import Read, Step, state_tensors
from kindred_worker.report import Report
from kindred_worker.segments.assignment import SegmentModel
from kindred_worker.spec import TrainingSpec

DAY = 86_400_000_000


@dataclass(frozen=True)
class Live:
    model: BehaviourModel
    segments: SegmentModel
    arrays: EventArrays
    now: int
    step: ort.InferenceSession
    read: ort.InferenceSession
    folder: Path


def bundle_of(encoder: str, objectives: list[str], snapshot: Snapshot, folder: Path) -> Bundle:
    spec = TrainingSpec(encoder, dict.fromkeys(objectives, 1.0), width=16, epochs=2, batch_size=16, segment_count=3)
    output = Folder(folder.as_uri())
    learn(spec, snapshot, output, Report())
    discover(spec, snapshot, load_model(output), output, "", Report())
    return Bundle.open(folder.as_uri())


@pytest.fixture(scope="module", autouse=True)
def in_seasons() -> Generator[None]:
    """With sums that turn, and customers grouped apart from what is foreseen: these data are too few and too short for either."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "PERIODS", (40.0, 20.0))
        patch.setattr(newest, "ENOUGH", 0)
        patch.setattr(newest, "share_of", lambda *_: newest.SHARES[-1])
        yield


# Every encoder that has a live form; and every way to forecast: all there is, hardly anything, and nothing at all.
LIVE = {
    "decayed_sum": ["horizon", "next_event", "transitions"],
    "gru": ["masked_event"],
    "gated_linear": ["next_event", "contrastive"],
}


@pytest.fixture(scope="module", params=LIVE)
def live(request: pytest.FixtureRequest, snapshot: Snapshot, arrays: EventArrays, tmp_path_factory: pytest.TempPathFactory) -> Live:
    folder = tmp_path_factory.mktemp("live")
    bundle = bundle_of(request.param, LIVE[request.param], snapshot, folder)
    segments = load_segments(bundle)
    assert segments is not None
    step, read = (ort.InferenceSession(folder / name, providers=["CPUExecutionProvider"]) for name in (STEP, READ))
    return Live(bundle.model(), segments, arrays, snapshot.now, step, read, folder)


def run(session: ort.InferenceSession, inputs: list[torch.Tensor]) -> list[np.ndarray]:
    found = session.run(None, {i.name: t.numpy() for i, t in zip(session.get_inputs(), inputs, strict=True)})
    return [np.asarray(one) for one in found]


@torch.inference_mode()
def stepped(live: Live, events: int) -> list[torch.Tensor]:
    """States of everyone who has so many events, after them, by the graph; every step is compared with the model's own."""
    chosen = np.flatnonzero(np.diff(live.arrays.offsets) >= events)
    state = list(state_tensors(live.model.encoder.initial_state(len(chosen))).values())
    form = Step(live.model).eval()
    for at in range(events):
        event = event_tensors(select(live.arrays.events, live.arrays.offsets[:-1][chosen] + at, live.arrays.item_offsets))
        found = run(live.step, [*state, *event])
        for one, other in zip(found, form(*state, *event), strict=True):
            np.testing.assert_allclose(one, other.numpy(), rtol=1e-5, atol=1e-5)
        state = [torch.from_numpy(f) for f in found]
    return state


def test_every_step_and_reading_equals_the_models_within_a_hundred_thousandth(live: Live) -> None:
    state = stepped(live, 8)
    for days in (0, 3, 400):  # no event in between
        inputs = [*state, torch.full((len(state[0]),), live.now + days * DAY)]
        with torch.inference_mode():
            expected = Read(live.model, live.segments).eval()(*inputs)
        for name, one, other in zip(Read.OUTPUTS, run(live.read, inputs), expected, strict=True):
            # Strength is steep near borders: what differs in the last digits of an embedding shows there tenfold.
            np.testing.assert_allclose(one, other.numpy(), rtol=1e-5, atol=1e-4 if name in ("strength", "map") else 1e-5, err_msg=name)


def test_a_reading_places_customers_where_the_scorer_places_them(live: Live) -> None:
    state = stepped(live, 5)
    count = len(state[0])
    # Far from anyone too: a state blown up is nothing that was ever seen.
    state[0] = torch.cat([state[0][: count // 2], state[0][count // 2 :] * 50])
    found = dict(zip(Read.OUTPUTS, run(live.read, [*state, torch.full((count,), live.now)]), strict=True))
    placed = live.segments.assign(found["embedding"], found["grouping"])
    np.testing.assert_array_equal(found["segment"], placed.index)
    np.testing.assert_array_equal(found["finer"], placed.finer)
    np.testing.assert_allclose(found["strength"], placed.strength, atol=1e-4)
    np.testing.assert_allclose(found["novelty"], placed.novelty, atol=1e-3)  # a root of a difference: float32 in another order
    np.testing.assert_allclose(found["map"], placed.map_xy, atol=1e-4)


def test_the_manifest_names_inputs_hashes_and_the_packed_record_and_no_framework(live: Live) -> None:
    text = (live.folder / LIVE_MANIFEST).read_text()
    told = json.loads(text)
    assert LIVE_MANIFEST in Bundle.open(live.folder.as_uri()).files
    for name, session in ((STEP, live.step), (READ, live.read)):
        content = (live.folder / name).read_bytes()
        assert told["graphs"][name]["bytes"] == len(content)
        assert [i["name"] for i in told["graphs"][name]["inputs"]] == [i.name for i in session.get_inputs()]
        assert [o["name"] for o in told["graphs"][name]["outputs"]] == [o.name for o in session.get_outputs()]
        assert not any(word in content.lower() for word in (b"torch", b"site-packages", b"kindred_worker"))
    assert "torch" not in text.lower()
    record = np.dtype([(n, t, tuple(s[0]) if s else ()) for n, t, *s in told["state"]["record"]["fields"]])
    state = live.model.encoder.initial_state(1)
    assert record.itemsize == told["state"]["record"]["bytes"] == len(live.model.encoder.pack(state, 0)[0])


@torch.inference_mode()
def test_customers_may_be_grouped_apart_from_what_people_read(live: Live) -> None:
    if live.model.plan.encoder != "decayed_sum":
        assert not live.model.groups_apart
        return
    state = stepped(live, 5)
    at = torch.full((len(state[0]),), live.now)
    found = dict(zip(Read.OUTPUTS, run(live.read, [*state, at]), strict=True))
    sight = live.model.read(Read(live.model, live.segments).state(*state), at)
    network = live.model.forecast(sight)
    assert live.model.groups_apart
    assert not np.allclose(found["grouping"], network, atol=1e-3)
    np.testing.assert_allclose(found["probability"], live.model.main_forecast(sight).probability, atol=1e-5)
    first = len(live.model.plan.horizon_days)  # columns of the first event
    np.testing.assert_allclose(found["probability"][:, :first], network[:, :first], atol=1e-5)


def test_an_encoder_with_a_window_has_no_live_form_and_any_other_has(snapshot: Snapshot, tmp_path: Path) -> None:
    assert tuple(LIVE) == ENCODERS
    assert not {STEP, READ, LIVE_MANIFEST} & set(bundle_of("transformer", ["horizon"], snapshot, tmp_path).files)
