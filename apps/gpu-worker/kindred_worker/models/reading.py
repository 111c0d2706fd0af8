"""Everyone read at one time: embeddings and the forecast, in the order of the snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from kindred_worker.report import Report

if TYPE_CHECKING:
    from kindred_worker.data.snapshot import Snapshot
    from kindred_worker.models.behaviour import BehaviourModel

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class ForecastColumn:
    """What one column of the forecast says.

    probability: 0..1, at least one `event` within `horizon_days`.
    value: expected log1p of the summed value (currency) within the horizon; only of events that carry value.
    count: expected log1p of the number of such events within the horizon.
    next: 0..1, the next event of any kind is `event` (horizon_days is 0).
    """

    event: str
    horizon_days: float
    kind: Literal["probability", "value", "count", "next"]
    # False for events that are foreseen only to shape the embedding (not a main event of the workspace).
    main: bool = True


@dataclass(frozen=True)
class Reading:
    customers: list[str]
    embedding: Float32  # (N, D)
    forecast: Float32  # (N, F), see ForecastColumn
    columns: list[ForecastColumn]  # (F)
    read_at: int  # microseconds since 1970 UTC
    events: npt.NDArray[np.int64]  # (N) events in each state


def read_everyone(snapshot: Snapshot, model: BehaviourModel, read_at: int, report: Report) -> Reading:
    """Reads every customer of the snapshot at `read_at` (0: the snapshot's now), streamed in batches.

    For an earlier time pass `snapshot.before(time)`: nothing at or after `time` is then seen.
    """
    raise NotImplementedError


def rank_me(embedding: Float32) -> float:
    """Effective rank of the embeddings (RankMe, Garrido et al. 2023): exp of the entropy of singular values."""
    singular = np.linalg.svd(embedding - embedding.mean(axis=0), compute_uv=False)
    share = singular / max(float(singular.sum()), 1e-12) + 1e-7
    return float(np.exp(-np.sum(share * np.log(share))))


def batches_of(count: int, size: int) -> Iterator[slice]:
    """Slices that cover 0..count."""
    for begin in range(0, count, size):
        yield slice(begin, min(begin + size, count))
