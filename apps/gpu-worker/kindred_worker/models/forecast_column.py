"""What heads say of a customer, column by column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class ForecastColumn:
    """What one column of the forecast says.

    probability: 0..1, at least one `event` within `horizon_days`.
    value: expected log1p of the summed value (currency) within the horizon; only of events that carry value.
    count: expected log1p of the number of such events within the horizon.
    next: 0..1, the next event of any kind is `event` (horizon_days is 0).
    pair: 0..1, share of "`event`, then `then`" among all neighbouring events to come; the pairs add up to 1.
    """

    event: str
    horizon_days: float
    kind: Literal["probability", "value", "count", "next", "pair"]
    # False for events that are foreseen only to shape the embedding (not a main event of the workspace).
    main: bool = True
    then: str = ""
