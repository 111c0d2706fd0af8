"""A cancel is looked for inside the long steps of other libraries too: exporters, trees, optimisers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import thread_time

import numpy as np
import pytest
import torch

from kindred_worker import evaluate as evaluation
from kindred_worker.data.snapshot import Snapshot
from kindred_worker.data.storage import Folder
from kindred_worker.evaluate import evaluate
from kindred_worker.export import export
from kindred_worker.items.recommender import fit_weights
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.bundle import LIVE_MANIFEST
from kindred_worker.models.reading import read_everyone
from kindred_worker.report import Cancelled, Report
from kindred_worker.segments.assignment import SegmentModel
from kindred_worker.segments.finding import find_segments
from kindred_worker.segments.probe import boosted
from kindred_worker.spec import TrainingSpec
from tests.conftest import Stopping

DAY = 86_400_000_000


class Leaving(Report):
    """Cancels at the nth check after the probes of an evaluation began."""

    def __init__(self, checks: int) -> None:
        super().__init__()
        self.left, self.begun = checks, False

    def progress(self, fraction: float, step: str, rate: float = 0.0, unit: str = "") -> None:
        super().progress(fraction, step, rate, unit)
        self.begun |= step == "probes on frozen features"

    def check(self) -> None:
        self.left -= self.begun
        if self.left < 0:
            raise Cancelled


class Timing(Report):
    """Says how long a cancel waits at most, in seconds of this thread: others may be busy too."""

    def __init__(self) -> None:
        super().__init__()
        self.checks, self.longest, self.last = 0, 0.0, thread_time()

    def check(self) -> None:
        now = thread_time()
        self.checks, self.longest, self.last = self.checks + 1, max(self.longest, now - self.last), now


@pytest.fixture(scope="module")
def segments(snapshot: Snapshot, model: BehaviourModel) -> SegmentModel:
    return find_segments(read_everyone(snapshot, model, 0, Report()), None, 3, 0, Report(), refits=2).model


@pytest.mark.parametrize("checks", [0, 1, 300, 900])  # before any tree; among those of the first, the second and the last boosted probe
def test_a_cancel_ends_the_probes_of_an_evaluation(
    snapshot: Snapshot, model: BehaviourModel, segments: SegmentModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checks: int
) -> None:
    monkeypatch.setattr(evaluation, "NEEDED", 5)
    busy = snapshot.before(snapshot.manifest.first + 60 * DAY)  # later on hardly anyone comes
    report = Leaving(checks)
    with pytest.raises(Cancelled):
        evaluate(TrainingSpec(width=8, epochs=1, segment_count=3), busy, model, segments, Folder(tmp_path.as_uri()), report)
    assert report.furthest == 0.7  # of that very step


def test_a_cancel_ends_the_making_of_a_live_form_and_harms_none_made_later(
    model: BehaviourModel, segments: SegmentModel, tmp_path: Path
) -> None:
    whole, timing = Folder((tmp_path / "whole").as_uri()), Timing()
    files = export(model, segments, whole, timing)
    assert timing.longest < 2
    for share in (0.3, 0.8):  # while the first graph, and the second, is made
        left = tmp_path / "left"
        with pytest.raises(Cancelled):
            export(model, segments, Folder(left.as_uri()), Stopping(int(share * timing.checks)))
        assert not (left / LIVE_MANIFEST).exists()
        assert torch.is_grad_enabled()
    again = export(model, segments, Folder((tmp_path / "again").as_uri()), Report())
    assert [file.sha256 for file in again] == [file.sha256 for file in files]


def looks(work: Callable[[Callable[[], None]], object]) -> int:
    """How often a work looks for a cancel."""
    count = 0

    def check() -> None:
        nonlocal count
        count += 1

    work(check)
    return count


def test_trees_and_weights_are_fitted_a_step_at_a_time() -> None:
    random = np.random.default_rng(0)
    features, labels = random.normal(size=(100, 3)), random.integers(0, 2, 100).astype(np.float64)
    assert looks(lambda check: boosted(features, labels, features, check)) == 200  # trees
    proof = random.normal(size=(50, 4, 2)).astype(np.float32)
    assert looks(lambda check: fit_weights(proof, np.arange(50), random.integers(0, 4, 50), check)) > 1
