"""What sets a segment apart: each describing feature, compared between the segment and everyone else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kindred_worker.data.portrait import Feature
from kindred_worker.segments.phrase import number, percent, span

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

WORTH_TELLING = 0.25  # least standardised difference
CERTAIN = 5.0  # least |t|: with hundreds of features and a dozen segments, less comes about by chance
KNOWN_OF = 0.25  # least share of the segment that the feature applies to
NEEDED = 15  # customers on either side
FELT, MANIFOLD = 0.05, 1.5  # shares that differ by less than the first, and not by this factor either, read alike
TWINS = 0.85  # correlation from which one feature says what the other says


@dataclass(frozen=True)
class Contrast:
    feature: Feature
    effect: float  # Cohen's d, on the feature's scale
    lift: float  # mean of the segment over mean of the rest, at most 99
    segment_value: float
    rest_value: float

    @property
    def key(self) -> str:
        return self.feature.key

    @property
    def is_high(self) -> bool:
        return self.effect > 0

    @property
    def reads_alike(self) -> bool:
        """Whether its two figures are the same to a person: "under 1 % (others under 1 %)" tells nothing, nor does "46 % (others 48 %)"."""
        kind, unit = self.key.partition(":")[0], self.feature.unit
        if kind in ("event_rate", "mean", "lately"):  # told as a ratio, or with as many places as it takes
            return False
        less, more = sorted((self.segment_value, self.rest_value))
        if unit == "share" and more - less < FELT and more < MANIFOLD * less:
            return True
        shown = span if unit == "days" else percent if unit == "share" or kind == "trend" else number
        return shown(self.segment_value) == shown(self.rest_value)


def contrasts(features: Sequence[Feature], labels: Int64, segment: int) -> list[Contrast]:
    """Real differences, the strongest first. A difference has to be large, certain, and there in both halves of the
    customers: one noisy feature must not name a segment."""
    found = [c for f in features if (c := contrast(f, labels == segment)) is not None]
    return sorted(found, key=lambda c: -abs(c.effect))


def contrast(feature: Feature, inside: npt.NDArray[np.bool_]) -> Contrast | None:
    """None where there is no real difference between `inside` (N) and the rest."""
    known = np.isfinite(feature.values)
    ours, theirs = known & inside, known & ~inside
    if min(ours.sum(), theirs.sum()) < NEEDED or ours.sum() < KNOWN_OF * inside.sum():
        return None
    scale = _scaled(feature)
    effect = _standardised(scale[ours], scale[theirs])
    certain = abs(effect) / np.sqrt(1 / ours.sum() + 1 / theirs.sum())
    if abs(effect) < WORTH_TELLING or certain < CERTAIN:
        return None
    half = np.arange(len(inside)) % 2 == 0
    for part in (half, ~half):
        if (ours & part).sum() < 5 or _standardised(scale[ours & part], scale[theirs & part]) * np.sign(effect) < abs(effect) / 3:
            return None
    top = np.quantile(feature.values[known], 0.995)
    values = np.minimum(feature.values, top)
    mine, other = float(values[ours].mean()), float(values[theirs].mean())
    lift = mine / other if abs(other) > 1e-9 else (99.0 if mine > 1e-9 else 1.0)
    return Contrast(feature, effect, float(np.clip(lift, 0, 99)), mine, other)


def effect_of(feature: Feature, inside: npt.NDArray[np.bool_], rest: npt.NDArray[np.bool_]) -> float:
    """Cohen's d between `inside` and `rest` (N) on the feature's scale; 0 where it applies to none of either."""
    known = np.isfinite(feature.values)
    if not (known & inside).any() or not (known & rest).any():
        return 0.0
    scale = _scaled(feature)
    return _standardised(scale[known & inside], scale[known & rest])


def distinct(found: Sequence[Contrast], count: int) -> list[Contrast]:
    """The strongest of each family, leaving out those that only repeat a stronger one."""
    told: list[Contrast] = []
    for one in found:
        if len(told) == count:
            break
        if all(one.feature.family != t.feature.family and not _are_twins(one.feature, t.feature) for t in told):
            told.append(one)
    return told


def told_in_figures(found: Sequence[Contrast], count: int) -> list[Contrast]:
    """As `distinct`, of those whose two figures differ to a reader."""
    return distinct([one for one in found if not one.reads_alike], count)


def _are_twins(a: Feature, b: Feature) -> bool:
    known = np.isfinite(a.values) & np.isfinite(b.values)
    if known.sum() < 20:
        return False
    x, y = a.values[known], b.values[known]
    if x.std() < 1e-9 or y.std() < 1e-9:
        return False
    return abs(float(np.corrcoef(x, y)[0, 1])) > TWINS


def _scaled(feature: Feature) -> Float64:
    return np.log1p(np.maximum(feature.values, 0)) if feature.is_skewed else feature.values


def _standardised(ours: Float64, theirs: Float64) -> float:
    """Cohen's d with the pooled deviation."""
    free = max(len(ours) + len(theirs) - 2, 1)
    pooled = np.sqrt((ours.var() * len(ours) + theirs.var() * len(theirs)) / free)
    return float((ours.mean() - theirs.mean()) / max(float(pooled), 1e-9))
