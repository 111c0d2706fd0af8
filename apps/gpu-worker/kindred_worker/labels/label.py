"""Labels that somebody gives of some customers: a value each, 0 or 1 or any number, and the time as of which it was asked.

Nothing at or after that time is seen of a customer when the label is learned from.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO

import numpy as np
import numpy.typing as npt

from kindred_worker.labels.task import Task
from kindred_worker.report import InvalidInput

COLUMNS = ("customer", "value", "as_of")


@dataclass(frozen=True)
class Labels:
    """N labels; a customer may have several, as of different times."""

    customers: list[str]
    values: npt.NDArray[np.float64]  # (N) as the task reads them
    as_of: npt.NDArray[np.int64]  # (N) microseconds


def read_labels(text: str, now: int, task: Task) -> Labels:
    """From CSV with the columns customer, value and as_of (ISO 8601, UTC where it says no zone; empty: `now`).

    Refuses what cannot be read, saying which line, why, and what to write instead.
    """
    rows = csv.DictReader(StringIO(text.lstrip("\ufeff")))
    missing = [name for name in COLUMNS[:2] if name not in (rows.fieldnames or ())]
    if missing:
        raise InvalidInput(f"labels: the first line lacks the column {missing[0]!r}; it must name {', '.join(COLUMNS)}")
    customers, values, times = list[str](), list[float](), list[int]()
    seen: dict[tuple[str, int], int] = {}
    for row in rows:
        line = rows.line_num
        customer = (row["customer"] or "").strip()
        if not customer:
            raise InvalidInput(f"labels, line {line}: the customer is empty")
        said = (row["value"] or "").strip()
        try:
            value = task.value(said)
        except ValueError as error:
            raise InvalidInput(f"labels, line {line}: the value {said!r} {error}") from error
        time = _time((row.get("as_of") or "").strip(), now, line)
        if (customer, time) in seen:
            raise InvalidInput(f"labels, line {line}: {customer!r} has a label as of that time already, in line {seen[customer, time]}")
        seen[customer, time] = line
        customers.append(customer)
        values.append(value)
        times.append(time)
    return Labels(customers, np.array(values), np.array(times, dtype=np.int64))


def _time(text: str, now: int, line: int) -> int:
    if not text:
        return now
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput(f"labels, line {line}: as_of {text!r} is no time; write it as 2026-01-31T10:00:00Z") from error
    micros = round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1e6)
    if micros > now:
        raise InvalidInput(f"labels, line {line}: as_of {text} lies after the end of the data")
    return micros
