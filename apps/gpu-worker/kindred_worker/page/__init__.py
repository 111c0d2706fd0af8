"""report.html: an evaluation as one page that is read without a server and loads nothing.

Made of what evaluation.json holds and nothing else, so it can be made again from that.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from kindred_worker.page.charts import calibration, curves, standings
from kindred_worker.page.verdict import PROBES, SUBJECTS, alarm, claims, leak_alarm, verdict

PAGE = "report.html"
COMPARED = ("rfm", "aggregates", "untrained", "embedding", "aggregates+embedding", "forecast")
CURVES = {
    "loss": "loss",
    "validation.loss": "loss, held-out customers",
    "identity_recall": "identity recall, held out",
    "rank_me": "rank of the embedding (RankMe)",
    "alignment": "alignment (lower: halves agree)",
    "uniformity": "uniformity (lower: evener)",
}
NAMES = {
    "auc": "AUC, logistic regression",
    "auc_boosted": "AUC, LightGBM",
    "auc_200_labels": "AUC with 200 labels",
    "ece": "calibration error",
    "membership_auc": "AUC of the segment alone",
    "eta_squared": "value explained (eta²)",
    "ari": "agreement when redrawn (ARI)",
    "silhouette": "silhouette",
    "smallest_share": "smallest segment's share",
    "rank_me": "rank of the embedding (RankMe)",
    "foreseen": "chances and amounts foreseen",
    "identity_recall": "identity recall",
    "alignment": "alignment",
    "uniformity": "uniformity",
}


def page(told: Mapping[str, Any]) -> str:
    """The page of an evaluation as evaluation.json tells it."""
    measures = told["measures"]
    found = {(m["name"], m["subject"]): m for m in measures}
    columns = [name for name in NAMES if name.startswith("auc")]
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"day": _day, "figure": _figure, "share": _share}
    return environment.get_template("page.html").render(
        told=told,
        columns=columns,
        names=NAMES,
        subjects=SUBJECTS,
        compared=[(s, [found.get((name, s)) for name in columns]) for s in COMPARED if any((n, s) in found for n in columns)],
        partitions=[
            (label, told.get(f"partition:{s}", []), s) for s, label in (("segments", "Segments"), ("rfm", "As many groups by RFM"))
        ],
        found=found,
        claims=claims(told.get("reliability", []), told["protocol"]["event"]),
        charts={
            "standings": standings(measures),
            "calibration": calibration(told.get("reliability", [])),
            "curves": curves(told.get("curves", {}), CURVES),
        },
    )


def _day(micros: int) -> str:
    return datetime.fromtimestamp(micros / 1e6, UTC).date().isoformat()


def _figure(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def _share(value: float) -> str:
    """Nothing and everything are said only where they are meant: a property that two events have is not missing from all."""
    if 0 < value < 0.005:
        return "under 1 %"
    return "over 99 %" if 0.995 < value < 1 else f"{value:.0%}".replace("%", " %")


__all__ = ["PAGE", "PROBES", "alarm", "leak_alarm", "page", "verdict"]
