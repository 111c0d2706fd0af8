"""What comes of judging a head beside its rivals, whatever its labels are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
Folds: TypeAlias = list[tuple[Int64, Int64]]
Verdict: TypeAlias = Literal["AHEAD", "LEVEL", "BEHIND"]


@dataclass(frozen=True)
class Standing:
    """Task.figure of one subject, out of fold, with its deviation and 95 % interval over resamples of the customers."""

    subject: str
    figure: float
    deviation: float
    low: float
    high: float
    baseline: bool


@dataclass(frozen=True)
class Comparison:
    labels: int  # learned from
    left_out: int  # labels of customers without an event before
    foreknown: int  # labels older than the end of what the model learned from
    standings: list[Standing]  # the head first
    verdict: Verdict
    sentence: str
    best_rival: str
    lead: float  # by how much the head is better than the best rival, with its interval
    lead_low: float
    lead_high: float
    tuned_epochs: int  # 0: the encoder is as it was
