"""The leak trap: Online Retail II with a column that says who a customer is and nothing else.

    python bench/leak_trap.py PARQUET [--seeds 3]

The product's own evaluation (out of time, its last 90 days) of three recipes, each on the data as they are, with the noise
column and the guard, and with the guard off: the defaults, the defaults with a contrastive task beside, and that task alone.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch

from bench.case import baskets, with_noise, write_retail
from bench.sheet import Sheet, tell
from kindred_worker.data.arrays import load
from kindred_worker.data.fit import examine
from kindred_worker.data.snapshot import Snapshot
from kindred_worker.data.storage import Folder
from kindred_worker.evaluate import evaluate
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.plan import resolve
from kindred_worker.report import Report
from kindred_worker.spec import TrainingSpec

DEFAULTS = TrainingSpec().objectives
RECIPES = {"defaults": DEFAULTS, "defaults + contrastive": {**DEFAULTS, "contrastive": 1.0}, "contrastive": {"contrastive": 1.0}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    torch.set_num_threads(1)
    sheet = Sheet()
    with tempfile.TemporaryDirectory() as folder:
        plain = baskets(given.path)
        clean = Snapshot.open(write_retail(plain, Path(folder) / "clean").as_uri())
        trapped = Snapshot.open(write_retail(with_noise(plain), Path(folder) / "trapped").as_uri())
        for name, objectives in RECIPES.items():
            for seed in range(given.seeds):
                spec = TrainingSpec(objectives=objectives, horizon_days=(30.0, 90.0, 180.0), segment_count=5, seed=seed)
                judged(sheet, f"{name}, as it is", clean, spec)
                judged(sheet, f"{name}, guarded", trapped, spec)
                judged(sheet, f"{name}, guard off", trapped, replace(spec, leak_guard=False))
                print(f"{name}: seed {seed + 1} of {given.seeds}", file=sys.stderr, flush=True)
    tell(sheet.rows())


def judged(sheet: Sheet, subject: str, snapshot: Snapshot, spec: TrainingSpec) -> None:
    fitted = examine(snapshot, spec)
    model = BehaviourModel.create(fitted.features, resolve(spec, fitted.features, load(snapshot, fitted.features), snapshot.now), 0).eval()
    with tempfile.TemporaryDirectory() as folder:
        measured = {
            (m.name, m.subject): m.value for m in evaluate(spec, snapshot, model, None, Folder(Path(folder).as_uri()), Report()).measures
        }
        told = json.loads((Path(folder) / "evaluation.json").read_text())
    sheet.add("AUC of the embedding, LR", subject, measured["auc", "embedding"])
    sheet.add("AUC of the untrained encoder, LR", subject, measured["auc", "untrained"])
    sheet.add("identity recall", subject, measured["identity_recall", "embedding"])
    sheet.add("the alarm fires", subject, float(bool(told["alarms"])))
    sheet.add("the guard names the column", subject, float(any(one.property == "noise" for one in fitted.quality.left_out)))


if __name__ == "__main__":
    main()
