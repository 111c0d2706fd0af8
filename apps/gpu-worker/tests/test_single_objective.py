"""Each pretext task alone, from training through segments to the live form; and what an evaluation then says."""

from __future__ import annotations

from pathlib import Path

import pytest
from torch import Tensor

from kindred_worker import evaluate as evaluation
from kindred_worker import export as exporting
from kindred_worker.data.snapshot import Snapshot
from kindred_worker.data.storage import Folder
from kindred_worker.discover import discover
from kindred_worker.evaluate import evaluate
from kindred_worker.export import traced
from kindred_worker.learn import learn
from kindred_worker.models.bundle import LIVE_MANIFEST, Bundle, load_model
from kindred_worker.models.live_form import Form, Read
from kindred_worker.objectives import OBJECTIVES
from kindred_worker.report import Report
from kindred_worker.spec import TrainingSpec

DAY = 86_400_000_000
# How a reading forecasts is one of theirs, or by the horizons (of the default tasks), or not at all: others are traced alike.
READ_DIFFERENTLY = ("next_event", "transitions", "masked_event")


def spec_of(name: str) -> TrainingSpec:
    return TrainingSpec(objectives={name: 1.0}, width=8, epochs=1, batch_size=32, segment_count=3)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_each_pretext_task_alone_is_enough_for_segments_and_their_live_form(
    name: str, snapshot: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The live form as a program; to make files of it takes seconds and is told of in test_encoder_export.py."""

    def program(form: Form, inputs: list[Tensor], _: Report) -> bytes:
        if isinstance(form, Read) and name in READ_DIFFERENTLY:
            assert len(traced(form.eval(), inputs).graph_signature.user_outputs) == len(form.outputs())
        return b""

    monkeypatch.setattr(exporting, "_graph", program)
    output = Folder(tmp_path.as_uri())
    learn(spec_of(name), snapshot, output, Report())
    found = discover(spec_of(name), snapshot, load_model(output), output, "", Report())
    assert [s.level for s in found.segments].count("MAIN") == 3
    assert LIVE_MANIFEST in Bundle.open(tmp_path.as_uri()).files


def test_who_foresees_nothing_is_measured_by_probes_alone(snapshot: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "NEEDED", 5)
    busy, output = snapshot.before(snapshot.manifest.first + 60 * DAY), Folder(tmp_path.as_uri())  # later on hardly anyone comes
    learn(spec_of("masked_event"), busy, output, Report())
    measures = evaluate(spec_of("masked_event"), busy, load_model(output), None, output, Report()).measures
    assert ("auc", "embedding") in {(m.name, m.subject) for m in measures}
    assert [(m.name, m.value) for m in measures if m.subject.startswith("forecast")] == [("foreseen", 0.0)]
