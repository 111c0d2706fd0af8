"""The encoders beside each other, as the product trains, measures and ships them: its own pipeline, with no options but the encoder.

    python bench/encoders.py online-retail PARQUET [--seeds 2] [--encoder gru]...

Prints one JSON line (sheet.py). Of each encoder what its own evaluation says (out of time, one cut a horizon before the data's end),
and what that leaves out: how its embedding lies (spread of its dimensions, how well recency and frequency are read back by a ridge),
how it drifts within a horizon (population stability index of segments, area under the curve of a classifier that is to tell
customers of then from those of now), and what its live form costs. Without any option `decayed_sum` is taken.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
from scipy.stats import entropy
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bench.case import CASES, Case
from bench.onnx_step import inputs_of, microseconds, session_of
from bench.sheet import Sheet, tell
from kindred_worker.data.aggregates import DAY, EventTable, prepared, rfm
from kindred_worker.data.snapshot import Snapshot
from kindred_worker.data.storage import Folder
from kindred_worker.discover import discover
from kindred_worker.evaluate import evaluate
from kindred_worker.learn import learn
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.bundle import LIVE_MANIFEST, READ, STEP, Bundle, load_model, load_segments
from kindred_worker.models.encoders import ENCODERS
from kindred_worker.models.reading import read_everyone
from kindred_worker.report import Report
from kindred_worker.segments.assignment import SegmentModel
from kindred_worker.spec import TrainingSpec

# Of the evaluation: what is told of it, its name there, and whose it is.
ASKED = (
    ("out of time, LR", "auc", "embedding"),
    ("out of time, LR, untrained", "auc", "untrained"),
    ("out of time, LightGBM", "auc_boosted", "embedding"),
    ("out of time, no label", "auc", "forecast"),
    ("membership AUC", "membership_auc", "segments"),
    ("bootstrap ARI", "ari", "segments"),
    ("silhouette", "silhouette", "segments"),
    ("identity recall, halves of a life", "identity_recall", "embedding"),
    ("alignment", "alignment", "embedding"),
    ("uniformity", "uniformity", "embedding"),
    ("RankMe", "rank_me", "embedding"),
)
RECENCY, FREQUENCY = 0, 2  # columns of `rfm`
FOLDS = 5
STEPS_TIMED = 300
PIECES = (1, 64)  # customers in one call of the live form


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", choices=CASES)
    parser.add_argument("path", type=Path)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--encoder", action="append", default=[], choices=ENCODERS)
    given = parser.parse_args()
    torch.set_num_threads(1)
    case, sheet = CASES[given.data], Sheet()
    with tempfile.TemporaryDirectory() as folder:
        snapshot = case.snapshot(given.path, Path(folder))
        for encoder in given.encoder or ENCODERS:
            for seed in range(given.seeds):
                of_one(sheet, case, snapshot, TrainingSpec(encoder=encoder, seed=seed), Path(folder) / f"{encoder}-{seed}")
                print(f"{encoder}, seed {seed + 1} of {given.seeds}", file=sys.stderr, flush=True)
    tell(sheet.rows(), data=given.data, days=case.days)


def of_one(sheet: Sheet, case: Case, snapshot: Snapshot, spec: TrainingSpec, home: Path) -> None:
    """A whole run: learned, segments found, measured; and what its files say and cost."""
    name, output, began = spec.encoder, Folder(home.as_uri()), time.monotonic()
    learn(spec, snapshot, output, Report())
    sheet.add("seconds to learn", name, time.monotonic() - began)
    model = load_model(output)
    discover(spec, snapshot, model, output, "", Report())
    bundle = Bundle.open(home.as_uri())
    segments = load_segments(bundle)
    assert segments is not None
    measures = {(m.name, m.subject): m.value for m in evaluate(spec, snapshot, model, segments, output, Report()).measures}
    for told, figure, subject in ASKED:
        if (figure, subject) in measures:
            sheet.add(told, name, measures[figure, subject])
    lies(sheet, case, snapshot, model, segments, name)
    costs(sheet, bundle, model, name)


def lies(sheet: Sheet, case: Case, snapshot: Snapshot, model: BehaviourModel, segments: SegmentModel, name: str) -> None:
    """How the embedding lies now, and how far it has come from where the same model had it a horizon ago."""
    then = snapshot.now - int(case.days * DAY)
    now, before = read_everyone(snapshot, model, 0, Report()), read_everyone(snapshot.before(then), model, then, Report())
    spread = now.embedding.std(axis=0)
    sheet.add("least spread of a dimension, of the mean", name, float(spread.min() / max(float(spread.mean()), 1e-12)))
    with EventTable(snapshot, case.main, case.value) as events:
        known = rfm(events, snapshot.now)
    place = {customer: at for at, customer in enumerate(now.customers)}
    seen = np.array([place[c] for c in known.customers])
    figures = prepared(known.aligned(known.customers))
    for told, column in (("recency read back, R2", RECENCY), ("frequency read back, R2", FREQUENCY)):
        ridge = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-2, 4, 13)))
        sheet.add(told, name, float(cross_val_score(ridge, now.embedding[seen], figures[:, column], cv=FOLDS, scoring="r2").mean()))
    shares = [
        np.bincount(segments.assign(r.embedding, r.forecast).index + 1, minlength=segments.count + 1) + 0.5
        for r in (before.settled, now.settled)
    ]
    # The population stability index is the divergence of Kullback and Leibler, there and back.
    sheet.add("PSI of segments", name, float(entropy(shares[0], shares[1]) + entropy(shares[1], shares[0])))
    whose = np.concatenate([[place[c] for c in before.customers], np.arange(len(now.customers))])
    when = np.concatenate([np.zeros(len(before.customers)), np.ones(len(now.customers))])
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
    both = np.concatenate([before.embedding, now.embedding])
    auc = cross_val_score(probe, both, when, groups=whose, cv=GroupKFold(FOLDS), scoring="roc_auc").mean()
    sheet.add("then from now, AUC", name, float(auc))


def costs(sheet: Sheet, bundle: Bundle, model: BehaviourModel, name: str) -> None:
    """What a customer's state takes, and what an event costs in the live form, on one thread."""
    sheet.add("state, bytes", name, model.encoder.packing.record.itemsize)
    if LIVE_MANIFEST not in bundle.files:
        return
    folder = bundle.folder
    told = folder.read_json(LIVE_MANIFEST)
    session = session_of(folder.read(STEP))
    sheet.add("live form, KiB", name, sum(told["graphs"][graph]["bytes"] for graph in (STEP, READ)) / 1024)
    for customers in PIECES:
        cost = microseconds(session, inputs_of(told["graphs"][STEP], customers), STEPS_TIMED)
        sheet.add(f"an event of {customers} customers at once, µs each", name, cost["median"] / customers)


if __name__ == "__main__":
    main()
