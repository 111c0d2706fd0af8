"""The pictures of the evaluation page as inline SVG, by matplotlib."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.typing import RcKeyType

from kindred_worker.page.verdict import PROBES, SUBJECTS

# Text stays text, to be read and searched.
STYLE: dict[RcKeyType, Any] = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
NOTHING = {"Date": None, "Creator": None, "Type": None, "Format": None}
OURS, THEIRS, QUIET = "#2457c5", "#b3541e", "#9aa0a6"


def standings(measures: Sequence[Mapping[str, Any]]) -> str:
    """AUC of each kind of features by each probe, with its deviation."""
    subjects = [s for s in SUBJECTS if any(m["subject"] == s and m["name"] in PROBES for m in measures)]
    if not subjects:
        return ""
    with _style("standings"):
        figure = Figure(figsize=(7, 0.8 + 0.4 * len(subjects)), layout="constrained")
        axes = figure.subplots()
        for (name, label), marker, up in zip(PROBES.items(), "os", (-0.12, 0.12), strict=True):
            found = [m for m in measures if m["name"] == name and m["subject"] in subjects]
            axes.errorbar(
                [m["value"] for m in found],
                [subjects.index(m["subject"]) + up for m in found],
                xerr=[m["deviation"] for m in found],
                fmt=marker,
                label=label,
                color=OURS if name == "auc" else THEIRS,
            )
        axes.set_yticks(range(len(subjects)), [SUBJECTS[s] for s in subjects])
        axes.invert_yaxis()
        axes.set_xlabel("AUC, out of time (bars: one deviation)")
        axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=len(PROBES))  # above: every row holds a figure
        return _svg(figure)


def calibration(reliability: Sequence[Mapping[str, float]]) -> str:
    """What was claimed against what happened; the size of a point is the number of customers."""
    if not reliability:
        return ""
    most = max(r["customers"] for r in reliability)
    with _style("calibration"):
        figure = Figure(figsize=(3.8, 3.6), layout="constrained")
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color=QUIET, linestyle="--", label="as claimed")
        claimed, happened = [r["claimed"] for r in reliability], [r["happened"] for r in reliability]
        axes.plot(claimed, happened, color=OURS)
        axes.scatter(claimed, happened, [8 + 60 * r["customers"] / most for r in reliability], color=OURS, label="happened")
        axes.set(xlabel="claimed chance", ylabel="share who came", xlim=(0, 1), ylim=(0, 1))
        axes.legend(frameon=False)
        return _svg(figure)


def curves(points: Mapping[str, Sequence[Sequence[float]]], shown: Mapping[str, str]) -> str:
    """Curves over training, a small picture each: `points` are (step, value), `shown` says which and how they are called."""
    drawn = [name for name in shown if points.get(name)]
    if not drawn:
        return ""
    columns = min(3, len(drawn))
    rows = -(-len(drawn) // columns)
    with _style("curves"):
        figure = Figure(figsize=(2.9 * columns, 2.1 * rows), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes, name in zip(grid, drawn, strict=False):
            axes.plot([p[0] for p in points[name]], [p[1] for p in points[name]], color=OURS, marker="." if len(points[name]) < 20 else "")
            axes.set_title(shown[name], fontsize=9)
            axes.set_xlabel("optimiser step")
        for axes in grid[len(drawn) :]:
            axes.remove()
        return _svg(figure)


def _style(name: str) -> AbstractContextManager[None]:
    """Ids in a picture follow from its name and content: the same in every run, none twice in a page."""
    return mpl.rc_context({**STYLE, "svg.hashsalt": name})


def _svg(figure: Figure) -> str:
    """As an element of an HTML page: no prolog, no name spaces (a URL each), no ids but those that are referred to."""
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata=NOTHING, transparent=True)
    text = stream.getvalue()
    text = re.sub(r"<style.*?</style>", "", text[text.index("<svg") :], flags=re.DOTALL)
    return re.sub(r' xmlns(:\w+)?="[^"]*"', "", re.sub(r'<g id="[^"]*"', "<g", text))
