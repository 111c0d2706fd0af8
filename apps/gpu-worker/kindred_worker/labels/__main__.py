"""`python -m kindred_worker.labels --snapshot URI --model URI --labels FILE.csv --output FOLDER` (docs/labels.md)."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

FIGURES: dict[str, str] = {"CLASSIFICATION": "area under the ROC curve", "REGRESSION": "root mean square error"}


def main() -> None:
    arguments = argparse.ArgumentParser(prog="kindred_worker.labels", description=__doc__)
    arguments.add_argument("--snapshot", required=True, help="folder or URI of a snapshot")
    arguments.add_argument("--model", required=True, help="folder or URI of a model")
    arguments.add_argument(
        "--labels", required=True, type=Path, help="CSV: customer, value (0 or 1, or any number), as_of (may be left out)"
    )
    arguments.add_argument("--output", required=True, help="folder for predictions.parquet, head.json and head.safetensors")
    arguments.add_argument("--numbers", action="store_true", help="labels are numbers, not yes or no")
    arguments.add_argument("--fine-tune", action="store_true", help="tune a copy of the encoder to the labels")
    arguments.add_argument("--seed", type=int, default=0)
    given = arguments.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")

    from kindred_worker.data.snapshot import Snapshot
    from kindred_worker.data.storage import Folder
    from kindred_worker.labels.label import read_labels
    from kindred_worker.labels.learning import learn_head
    from kindred_worker.labels.spec import HeadSpec
    from kindred_worker.labels.tasks import TASKS
    from kindred_worker.models.bundle import ENCODER, open_model
    from kindred_worker.report import InvalidInput, Report, TooLittleData

    try:
        snapshot = Snapshot.open(_uri(given.snapshot))
        model, _ = open_model(_uri(given.model))
        spec = HeadSpec(task="REGRESSION" if given.numbers else "CLASSIFICATION", fine_tuned=given.fine_tune, seed=given.seed)
        labels = read_labels(given.labels.read_text(), snapshot.now, TASKS[spec.task])
        learned_until = Folder(_uri(given.model)).read_json(ENCODER).get("now")
        learned = learn_head(snapshot, model, labels, Folder(_uri(given.output)), Report(), spec, learned_until)
    except (InvalidInput, TooLittleData, OSError) as error:
        sys.exit(str(error))
    found = learned.evaluation
    print(f"{found.labels} labels used, {found.left_out} left out (no event before); {FIGURES[spec.task]}, out of fold:")
    for one in found.standings:
        print(f"  {one.figure:.3f} ({one.low:.3f} to {one.high:.3f})  {one.subject}")
    print(found.sentence)
    print(", ".join(file.path for file in learned.files), f"written to {given.output}")


def _uri(place: str) -> str:
    return place if "://" in place else Path(place).resolve().as_uri()


if __name__ == "__main__":
    main()
