"""Figures by subject, one value per seed: what every bench of learning hands back."""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np


class Sheet:
    def __init__(self) -> None:
        self._values: dict[tuple[str, str], list[float]] = {}

    def add(self, figure: str, subject: str, value: float) -> None:
        self._values.setdefault((figure, subject), []).append(float(value))

    def last(self, figure: str, subject: str) -> float:
        return self._values[figure, subject][-1]

    def rows(self) -> list[dict[str, Any]]:
        return [
            {"figure": f, "subject": s, "mean": float(np.mean(v)), "sd": float(np.std(v)), "n": len(v)}
            for (f, s), v in self._values.items()
        ]


def tell(rows: list[dict[str, Any]], **facts: Any) -> None:
    """The last line of a bench: {"facts": …, "rows": [{figure, subject, mean, sd, n}]}."""
    json.dump({"facts": facts, "rows": rows}, sys.stdout)
    sys.stdout.write("\n")
