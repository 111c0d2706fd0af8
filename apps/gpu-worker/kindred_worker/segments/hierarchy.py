"""Coarser and finer: the chosen partition as the middle of a tree of segments.

Upwards, the centres of the partition are joined (Ward's linkage) into as few groups as come back when everything is
found again on resampled customers and still tell most of what the partition tells. Downwards, a segment is split where
its parts come back, are large enough to be of use, and differ in something that a person can count.

A customer's place in the partition says all: the coarser segment is the one that the place is part of, and the finer
one is the nearest of those that the place is split into. So nothing can lie outside its parent. A segment that joins
no other has no coarser one, and one that does not split has no finer ones: each level is a cut through one tree, and
every level places everyone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
import numpy.typing as npt
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.metrics import adjusted_rand_score

from kindred_worker.segments.choice import SMALLEST
from kindred_worker.segments.matching import Overlap, contingency, overlaps_with_champion, relabelled
from kindred_worker.segments.partition import LARGEST, Partition, drawn_anew, fit_partition, refit
from kindred_worker.segments.space import squared_distances

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]
Level = Literal["COARSER", "MAIN", "FINER"]

NONE = -1
REFITS = 8
REFIT_STARTS = 4
MOST_PARTS = 3  # that one segment is split into
FEWEST_CUSTOMERS = 40  # in a part
FOUND_AGAIN = 0.75  # least mean Jaccard over refits of a part, or of a joined segment (Hennig 2007: "valid, stable")


@dataclass(frozen=True)
class Family:
    """The levels of one model. Places in its bundle: the K of the partition, then the coarser ones, then the finer ones."""

    coarser_of: Int64  # (K) place of the coarser segment that each segment is part of; -1: it joins no other
    finer_centres: Float32  # (F, Q)
    finer_of: Int64  # (F) the segment that each is a part of

    @property
    def coarser_count(self) -> int:
        return len(np.unique(self.coarser_of[self.coarser_of >= 0]))

    def coarser(self, index: npt.NDArray[np.integer]) -> Int64:
        """(B) segments, -1 unseen -> (B) places of their coarser segments, -1 for none."""
        return np.where(index >= 0, self.coarser_of[index], NONE)

    def finer(self, points: Float32, index: npt.NDArray[np.integer]) -> Int64:
        """(B, Q), (B) segments -> (B) places of the finer segments within them, -1 for none."""
        if not len(self.finer_of):
            return np.full(len(index), NONE, dtype=np.int64)
        squared = squared_distances(points, self.finer_centres)
        squared = np.where(self.finer_of == np.asarray(index)[:, None], squared, np.inf)
        first = len(self.coarser_of) + self.coarser_count
        return np.where(np.isfinite(squared).any(axis=1), squared.argmin(axis=1) + first, NONE)


@dataclass(frozen=True)
class Kin:
    """A segment of the coarser or the finer level."""

    index: int
    level: Level
    parent: int  # place of the segment it is part of, -1: of none
    stability: float


def without_family(count: int, width: int) -> Family:
    """One level only."""
    return Family(np.full(count, NONE, dtype=np.int64), np.zeros((0, width), np.float32), np.zeros(0, dtype=np.int64))


def find_family(
    points: Float32, partition: Partition, differ: Callable[[Int64, Int64], bool], seed: int, check: Callable[[], None]
) -> tuple[Family, list[Kin]]:
    """`differ(members, parts)` says whether parts (M) of some customers, by row, differ in something a person can count."""
    count = len(partition.centres)
    coarser_of, joined = _joined(points, partition, seed, check)
    kin = [Kin(count + at, "COARSER", NONE, stability) for at, stability in enumerate(joined)]
    centres: list[Float32] = []
    finer_of: list[int] = []
    for segment in range(count):
        members = np.flatnonzero(partition.labels == segment)
        split = _split(points[members], len(points), lambda parts, rows=members: differ(rows, parts), seed + segment, check)
        if split is None:
            continue
        parts, stability = split
        first = count + len(joined) + len(finer_of)
        kin += [Kin(first + at, "FINER", segment, float(found)) for at, found in enumerate(stability)]
        finer_of += [segment] * len(parts.centres)
        centres.append(parts.centres)
    finer = np.concatenate(centres) if centres else np.zeros((0, points.shape[1]), np.float32)
    return Family(coarser_of, finer, np.array(finer_of, dtype=np.int64)), kin


def _joined(points: Float32, partition: Partition, seed: int, check: Callable[[], None]) -> tuple[Int64, list[float]]:
    """(K) place of each segment's coarser one, and how often each of those is found again."""
    count = len(partition.centres)
    groupings = [_groups(partition.centres, number) for number in range(2, max(2, count // 2) + 1)] if count > 2 else []
    if not groupings:
        return np.full(count, NONE, dtype=np.int64), []
    rand = np.zeros((REFITS, len(groupings)))
    jaccard = [np.zeros((REFITS, int(g.max()) + 1)) for g in groupings]
    for turn in range(REFITS):
        check()
        draws = np.random.default_rng((seed, turn))
        chosen = draws.integers(0, len(points), min(len(points), LARGEST))
        again = fit_partition(points[chosen], count, int(draws.integers(2**31)), REFIT_STARTS)
        labels = squared_distances(points, again.centres).argmin(axis=1)
        for at, groups in enumerate(groupings):
            number = int(groups.max()) + 1
            ours, theirs = groups[partition.labels], _groups(again.centres, number)[labels]
            rand[turn, at] = adjusted_rand_score(ours, theirs)
            jaccard[at][turn] = _jaccards(relabelled(theirs, ours, number), ours, number)
    told = np.array([_told(partition, groups) for groups in groupings])
    best = int((rand.mean(axis=0) * told).argmax())
    groups, found = groupings[best], jaccard[best].mean(axis=0)
    together = [g for g in range(len(found)) if (groups == g).sum() > 1 and found[g] >= FOUND_AGAIN]
    places = {g: count + at for at, g in enumerate(together)}
    return np.array([places.get(int(g), NONE) for g in groups], dtype=np.int64), [float(found[g]) for g in together]


def _groups(centres: Float32, number: int) -> Int64:
    """(K) which of `number` groups each centre falls into."""
    return cast("Int64", fcluster(linkage(centres.astype(np.float64), "ward"), number, "maxclust").astype(np.int64) - 1)


def _told(partition: Partition, groups: Int64) -> float:
    """Share of the spread between the segments that lies between their groups, 0..1."""
    sizes = np.bincount(partition.labels, minlength=len(groups)).astype(np.float64)
    number = int(groups.max()) + 1
    means = np.stack([np.average(partition.centres[groups == g], axis=0, weights=sizes[groups == g] + 1e-9) for g in range(number)])
    middle = np.average(partition.centres, axis=0, weights=sizes)
    between = (sizes * ((means[groups] - middle) ** 2).sum(axis=1)).sum()
    return float(between / max((sizes * ((partition.centres - middle) ** 2).sum(axis=1)).sum(), 1e-12))


def _jaccards(again: Int64, ours: Int64, number: int) -> npt.NDArray[np.float64]:
    both = np.diag(contingency(again, ours, number, number))
    either = np.bincount(ours, minlength=number) + np.bincount(again, minlength=number) - both
    return both / np.maximum(either, 1)


def _split(
    points: Float32, everyone: int, differ: Callable[[Int64], bool], seed: int, check: Callable[[], None]
) -> tuple[Partition, npt.NDArray[np.float64]] | None:
    """The parts of one segment that come back best, and how often each does; None where it is of one piece."""
    least = max(FEWEST_CUSTOMERS, SMALLEST * everyone)
    best: tuple[Partition, npt.NDArray[np.float64]] | None = None
    for number in range(2, MOST_PARTS + 1):
        if len(points) < number * least:
            break
        check()
        parts = fit_partition(points, number, seed, REFIT_STARTS)
        if np.bincount(parts.labels, minlength=number).min() < least or not differ(parts.labels):
            continue
        found = refit(points, parts, drawn_anew(number, REFIT_STARTS), REFITS, seed, check).jaccard
        if found.min() >= max(FOUND_AGAIN, 0.0 if best is None else best[1].min()):
            best = parts, found
    return best


def overlaps_within(new: Int64, champion: Int64, indexes: list[int]) -> tuple[dict[int, list[Overlap]], list[int]]:
    """Overlaps of the segments of one level with the champion's of the same, by place in the bundle, and the champion's
    that none continues. (M) places of the customers that both models place; -1: not in a segment of this level."""
    theirs = np.unique(champion[champion >= 0])
    if not indexes or not len(theirs):
        return {index: [] for index in indexes}, [int(t) for t in theirs]
    # Whoever is in no segment of the level is counted as one more, so that shares and Jaccards are of everyone.
    compact = np.searchsorted(np.array(indexes), new)
    ours = np.where(new >= 0, compact, len(indexes))
    others = np.where(champion >= 0, np.searchsorted(theirs, champion), len(theirs))
    told, _ = overlaps_with_champion(ours, others, len(indexes) + 1)
    by_index = {
        index: [_of(o, int(theirs[o.champion_index])) for o in told[at] if o.champion_index < len(theirs)]
        for at, index in enumerate(indexes)
    }
    continued = {o.champion_index for overlaps in by_index.values() for o in overlaps if o.matched}
    return by_index, [int(t) for t in theirs if t not in continued]


def _of(overlap: Overlap, index: int) -> Overlap:
    return Overlap(index, overlap.jaccard, overlap.share_of_new, overlap.share_of_champion, overlap.matched)
