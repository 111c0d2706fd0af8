"""Figures by subject, one value per seed: what every bench of learning hands back."""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np


class Sheet:
    def __init__(self) -> None:
        self._values: dict[tuple[str, str], list[float]] = {}
        self._draws: dict[tuple[str, str], dict[int, list[float]]] = {}
        self._leads: list[dict[str, Any]] = []

    def add(self, figure: str, subject: str, value: float) -> None:
        self._values.setdefault((figure, subject), []).append(float(value))

    def add_draw(self, figure: str, subject: str, draw: int, value: float) -> None:
        """One of several of a draw: of as many seeds."""
        self._draws.setdefault((figure, subject), {}).setdefault(draw, []).append(float(value))

    def lead(self, figure: str, subject: str, rival: str, called: str = "") -> None:
        """By how much a subject is ahead of a rival, `called` so, on the same draws: a row "… above …" of their differences, whose
        n are draws and not seeds; a subject's figure of a draw is the mean of its seeds."""
        ours, theirs = (self._draws.get((figure, one), {}) for one in (subject, rival))
        values = [float(np.mean(ours[draw]) - np.mean(theirs[draw])) for draw in sorted(ours.keys() & theirs.keys())]
        if values:
            self._leads.append({"figure": f"{figure}, above {called or rival}", "subject": subject, **_summed(values), "values": values})

    def last(self, figure: str, subject: str) -> float:
        return self._values[figure, subject][-1]

    def rows(self) -> list[dict[str, Any]]:
        return [*({"figure": f, "subject": s, **_summed(v)} for (f, s), v in self._values.items()), *self._leads]


def _summed(values: list[float]) -> dict[str, Any]:
    return {"mean": float(np.mean(values)), "sd": float(np.std(values)), "n": len(values)}


def tell(rows: list[dict[str, Any]], **facts: Any) -> None:
    """The last line of a bench: {"facts": …, "rows": [{figure, subject, mean, sd, n, and of leads values}]}."""
    json.dump({"facts": facts, "rows": rows}, sys.stdout)
    sys.stdout.write("\n")
