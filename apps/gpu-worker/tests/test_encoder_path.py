"""Every encoder goes the whole way: learn, discover, backfill, and live scores that equal it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from kindred_worker.data.snapshot import Snapshot
from kindred_worker.data.storage import Folder
from kindred_worker.discover import discover
from kindred_worker.embed import embed
from kindred_worker.gen.kindred.worker.v1 import worker_pb2 as pb
from kindred_worker.learn import learn
from kindred_worker.models.bundle import load_model, open_model
from kindred_worker.models.encoders import ENCODERS
from kindred_worker.report import InvalidInput, Report
from kindred_worker.rpc.messages import spec_of
from kindred_worker.score import Customer, LiveEvent, score
from kindred_worker.spec import TrainingSpec
from tests.test_features import as_event
from tests.test_train import Keeping


@pytest.mark.usefixtures("without_live_form")
@pytest.mark.parametrize("encoder", ENCODERS)
def test_a_run_with_each_encoder_ends_in_segments_and_live_scores(encoder: str, snapshot: Snapshot, tmp_path: Path) -> None:
    spec = TrainingSpec(encoder=encoder, width=16, epochs=4, batch_size=16, segment_count=3)
    folder, report = Folder(tmp_path.as_uri()), Keeping()
    learn(spec, snapshot, folder, report)
    assert report.metrics["validation.loss"][-1] < report.metrics["validation.loss"][0]
    found = discover(spec, snapshot, load_model(folder), folder, "", Report())
    assert sum(s.size for s in found.segments if s.level == "MAIN") == found.customers
    model, segments = open_model(folder.uri)
    assert segments is not None
    embed(snapshot, model, segments, folder, 0, Report())
    stored = {row["customer"]: row for row in pq.read_table(tmp_path / "customers.parquet").to_pylist()}
    history: dict[str, list[LiveEvent]] = {}
    for batch in snapshot.batches():
        for row in batch.to_pylist():
            history.setdefault(row["customer"], []).append(LiveEvent(*as_event(row)))
    # Half of the events at once, then the others: the state between is packed.
    before = score(model, segments, [Customer(c, b"", e[: len(e) // 2], 0) for c, e in history.items()])
    after = score(model, segments, [Customer(b.id, b.state, history[b.id][len(history[b.id]) // 2 :], snapshot.now) for b in before])
    for result in after:
        row = stored[result.id]
        assert not result.rebuild
        np.testing.assert_allclose(np.frombuffer(result.embedding, "<f4"), np.frombuffer(row["embedding"], "<f4"), rtol=1e-3, atol=1e-4)
        assert result.strength == pytest.approx(row["strength"], abs=1e-2)
        assert result.novelty == pytest.approx(row["novelty"], abs=1e-2)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_what_a_run_asks_for_reaches_the_trainer(encoder: str) -> None:
    assert spec_of(pb.TrainingSpec(encoder=encoder)).encoder == encoder


def test_an_unknown_encoder_is_refused_with_the_names_of_those_there_are(snapshot: Snapshot, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="'oracle' is unknown; there are decayed_sum, gru, gated_linear, transformer"):
        learn(TrainingSpec(encoder="oracle"), snapshot, Folder(tmp_path.as_uri()), Report())
