"""The live form of a head: what its graph says of the states that scoring keeps is what the head says of everyone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pyarrow.parquet as pq

from kindred_worker.data.snapshot import Snapshot
from kindred_worker.data.storage import Folder
from kindred_worker.labels.learning import learn_head
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.live_form import state_tensors
from kindred_worker.models.reading import stream_states
from kindred_worker.report import Report
from tests.test_labels import everyone

DAY = 86_400_000_000


def test_a_head_read_from_kept_states_says_what_was_written_for_everyone(model: BehaviourModel, snapshot: Snapshot, tmp_path: Path) -> None:
    learned = learn_head(snapshot, model, everyone(snapshot), Folder(tmp_path.as_uri()), Report())
    assert {"head.onnx", "head.live.json"} <= {file.path for file in learned.files}
    manifest = json.loads((tmp_path / "head.live.json").read_text())
    session = ort.InferenceSession(tmp_path / "head.onnx", providers=["CPUExecutionProvider"])
    assert [one["name"] for one in manifest["graph"]["inputs"]] == [one.name for one in session.get_inputs()]
    written = pq.read_table(tmp_path / "predictions.parquet").to_pydict()
    of = dict(zip(written["customer"], written["probability"], strict=True))
    seen = 0
    for batch in stream_states(snapshot, model, 0, Report(), pack=True):
        state, unreadable = model.encoder.unpack(batch.packed, model.stamp)
        assert not unreadable.any()
        assert all(packed.startswith(bytes.fromhex(manifest["state"]["record"]["head"])) for packed in batch.packed)
        feeds = {name: tensor.numpy() for name, tensor in state_tensors(state).items()}
        now = np.asarray(session.run(None, {**feeds, "at": batch.read_at})[0])
        np.testing.assert_allclose(now, [of[customer] for customer in batch.customers], atol=1e-4)
        # It is the time that moves it: nothing else has come.
        later = np.asarray(session.run(None, {**feeds, "at": batch.read_at + 90 * DAY})[0])
        assert np.abs(later - now).max() > 1e-3
        seen += len(batch.customers)
    assert seen == len(of) > 0
