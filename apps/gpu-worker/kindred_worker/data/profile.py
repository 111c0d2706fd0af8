"""Statistics of one property over a snapshot, gathered batch by batch, and the leak guard that judges them.

A leak says who a customer is and nothing of what they do. A task that tells customers apart then learns that alone, and
forgets behaviour while its own figures rise (learning.md), so the encoder must not see it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kindred_worker.data.arrow import pc
from kindred_worker.data.features import signed_log

MOST_WORDS = 200_000  # distinct words counted at a time; above, the rare ones are forgotten
SAMPLE = 100_000  # numbers kept to judge whether they are ids, and their drift
ENOUGH = 50  # customers with a repeated value, before "always the same for a customer" is believed
SAME_SHARE = 0.02  # below this share of variation inside customers, a property says who, not what
UNIQUE_SHARE = 0.9  # above this share of distinct values, a property is an id
OWNED_SHARE = 0.9  # above this share of events whose value is one customer's alone, it is one in disguise
BETWEEN_SHARE = 0.5  # of the variation that lies between customers, where it changes by small steps only
RARE = 20  # values, below which nothing can be learned
BINS = 20  # words compared by themselves between the halves of the data; numbers are compared by tenths

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

Flaw = Literal["rare", "always_the_same", "id", "constant_of_customer", "id_in_disguise"]
LEAKS: tuple[Flaw, ...] = ("id", "constant_of_customer", "id_in_disguise")


@dataclass(frozen=True)
class Fault:
    """Why the encoder must not see a property."""

    flaw: Flaw
    reason: str  # for a person

    @property
    def is_leak(self) -> bool:
        """It tells who someone is; of the other flaws nothing can be learned at all."""
        return self.flaw in LEAKS


CONSTANT = Fault("constant_of_customer", "constant for a customer: it says who someone is, not what they do")


@dataclass
class WordProfile:
    """Of a categorical or boolean property."""

    words: Counter[str] = field(default_factory=Counter[str])
    late: Counter[str] = field(default_factory=Counter[str])  # the same of the later half of the data
    owners: Counter[str] = field(default_factory=Counter[str])  # customers who have a word
    asked: int = 0  # rows, with or without the property
    rows: int = 0  # with it
    repeated: int = 0  # customers who have the property more than once
    varied: int = 0  # of these, customers with more than one value
    pruned: bool = False

    def add(self, values: pa.Array, customer: Int64, is_late: Bools) -> None:
        """`customer`: a code per row, rows of a customer together; `is_late`: in the later half of the data."""
        unique = values.dictionary_encode()
        names = unique.dictionary.to_pylist()
        codes = pc.fill_null(unique.indices, -1).to_numpy(zero_copy_only=False)
        present = codes >= 0
        self.asked += len(codes)
        self.rows += int(present.sum())
        codes, customer, is_late = codes[present].astype(np.int64), customer[present], is_late[present]
        pairs = np.unique(customer * max(1, len(names)) + codes) % max(1, len(names))
        for counter, counted in ((self.words, codes), (self.late, codes[is_late]), (self.owners, pairs)):
            counter.update(dict(zip(names, np.bincount(counted, minlength=len(names)).tolist(), strict=True)))
        if len(self.words) > MOST_WORDS:
            self.words = Counter(dict(self.words.most_common(MOST_WORDS // 2)))
            self.late, self.owners = (Counter({w: c[w] for w in self.words}) for c in (self.late, self.owners))
            self.pruned = True
        same_customer = customer[1:] == customer[:-1]
        self.repeated += len(np.unique(customer[1:][same_customer]))
        self.varied += len(np.unique(customer[1:][same_customer & (codes[1:] != codes[:-1])]))

    @property
    def distinct(self) -> int:
        return len(self.words)

    @property
    def within(self) -> float:
        """Share of the customers with several values in whom these differ."""
        return self.varied / max(1, self.repeated)

    @property
    def owned(self) -> float:
        """Share of the rows whose word is one customer's alone."""
        return sum(c for word, c in self.words.items() if self.owners[word] == 1) / max(1, self.rows)

    @property
    def drift(self) -> float:
        """PSI of the later half of the data against the earlier one, over the commonest words and all others as one."""
        common = [word for word, _ in self.words.most_common(BINS)]
        later = np.array([self.late[w] for w in common], dtype=np.float64)
        both = np.array([self.words[w] for w in common], dtype=np.float64)
        rest = self.late.total() - later.sum()
        earlier = np.append(both - later, self.words.total() - both.sum() - rest)
        return stability_index(earlier, np.append(later, rest))

    def fault(self) -> Fault | None:
        """Why the encoder must not see it, or None."""
        if self.rows < RARE:
            return Fault("rare", f"only {self.rows} events have it")
        if self.distinct < 2:
            return Fault("always_the_same", "always the same value")
        if self.pruned or self.distinct > UNIQUE_SHARE * self.rows:
            return Fault("id", "nearly every event has a value of its own: an id")
        if self.repeated < ENOUGH:
            return None
        if self.within < SAME_SHARE:
            return CONSTANT
        if self.owned > OWNED_SHARE:
            return Fault("id_in_disguise", "nearly every value is one customer's alone, though it changes: an id in disguise")
        return None


@dataclass
class NumberProfile:
    """Of a numeric or time property; moments are of its signed log1p."""

    asked: int = 0
    rows: int = 0
    total: float = 0.0
    squares: float = 0.0
    repeated: int = 0
    again: int = 0  # rows of customers with more than one
    inner: float = 0.0  # sum of squares inside customers
    outer: float = 0.0  # sum of squares of the same rows around the overall mean so far
    pairs: int = 0  # neighbouring rows of one customer
    steps: float = 0.0  # half the sum of squared differences between them
    sample: list[Float64] = field(default_factory=list[Float64])
    sample_late: list[Bools] = field(default_factory=list[Bools])
    sample_owner: list[Int64] = field(default_factory=list[Int64])
    sampled: int = 0

    def add(self, values: Float64, customer: Int64, is_late: Bools) -> None:
        """NaN is missing; the rest as in WordProfile."""
        present = np.isfinite(values)
        self.asked += len(values)
        raw, customer, is_late = values[present], customer[present], is_late[present]
        if not len(raw):
            return
        logs = signed_log(raw)
        self._keep(raw, customer, is_late)
        self.rows += len(logs)
        self.total += float(logs.sum())
        self.squares += float((logs**2).sum())
        _, group = np.unique(customer, return_inverse=True)
        size = np.bincount(group)
        mean = np.bincount(group, logs) / size
        again = size[group] > 1
        self.repeated += int((size > 1).sum())
        self.again += int(again.sum())
        self.inner += float(((logs - mean[group])[again] ** 2).sum())
        self.outer += float(((logs - self.mean)[again] ** 2).sum())
        neighbours = customer[1:] == customer[:-1]
        self.pairs += int(neighbours.sum())
        self.steps += float((np.diff(logs)[neighbours] ** 2).sum()) / 2

    def _keep(self, raw: Float64, customer: Int64, is_late: Bools) -> None:
        room = SAMPLE - self.sampled
        if room <= 0:
            return
        # Codes begin anew in every batch; the rows before make them differ.
        self.sample_owner.append(customer[:room] + (self.rows << 20))
        self.sample.append(raw[:room])
        self.sample_late.append(is_late[:room])
        self.sampled += len(self.sample[-1])

    @property
    def mean(self) -> float:
        return self.total / self.rows if self.rows else 0.0

    @property
    def deviation(self) -> float:
        variance = self.squares / self.rows - self.mean**2 if self.rows else 1.0
        return float(np.sqrt(max(variance, 0.0))) or 1.0

    @property
    def values(self) -> Float64:
        """A sample: those of the first customers."""
        return np.concatenate([np.zeros(0), *self.sample])

    @property
    def distinct(self) -> int:
        """Of the sample."""
        return len(np.unique(self.values))

    @property
    def within(self) -> float:
        """Share of the variation that lies inside customers (of those with several values)."""
        return min(1.0, self.inner / self.outer) if self.outer > 0 else 0.0

    @property
    def step(self) -> float:
        """How far a value lies from the customer's one before, as a share of the variation over all; 1: nothing is kept."""
        if not self.pairs or self.outer <= 0:
            return 1.0
        return (self.steps / self.pairs) / (self.outer / self.again)

    @property
    def owned(self) -> float:
        """Share of the sampled rows whose value comes again and is one customer's alone."""
        if not self.sampled:
            return 0.0
        _, value, times = np.unique(self.values, return_inverse=True, return_counts=True)
        _, owner = np.unique(np.concatenate(self.sample_owner), return_inverse=True)
        owners = np.bincount(np.unique(value.astype(np.int64) * (owner.max() + 1) + owner) // (owner.max() + 1))
        return float(times[(owners == 1) & (times > 1)].sum()) / self.sampled

    @property
    def drift(self) -> float:
        """PSI of the later half of the data against the earlier one, over the tenths of the earlier."""
        if not self.sampled:
            return 0.0
        values, late = self.values, np.concatenate(self.sample_late)
        if late.all() or not late.any():
            return 0.0
        edges = np.unique(np.quantile(values[~late], np.linspace(0, 1, 11)[1:-1]))
        place = np.searchsorted(edges, values, side="right")
        return stability_index(*(np.bincount(place[half], minlength=len(edges) + 1).astype(np.float64) for half in (~late, late)))

    def fault(self) -> Fault | None:
        """Why the encoder must not see it, or None."""
        if self.rows < RARE:
            return Fault("rare", f"only {self.rows} events have it")
        values = self.values
        distinct = len(np.unique(values))
        if distinct < 2:
            return Fault("always_the_same", "always the same value")
        whole = bool(np.all(values == np.floor(values)))
        if whole and len(values) >= 1000 and distinct > UNIQUE_SHARE * len(values):
            return Fault("id", "nearly every event has a whole number of its own: an id")
        if self.repeated < ENOUGH:
            return None
        if self.within < SAME_SHARE:
            return CONSTANT
        if self.step < SAME_SHARE and self.within < 1 - BETWEEN_SHARE:
            return Fault("id_in_disguise", "each customer has a range of their own and moves in it by small steps: an id in disguise")
        if self.owned > OWNED_SHARE:
            return Fault("id_in_disguise", "nearly every value is one customer's alone, though it changes: an id in disguise")
        return None


def stability_index(earlier: Float64, later: Float64) -> float:
    """Population stability index of two histograms over the same bins; 0 where one is empty. Above .25 much has changed."""
    if not (earlier.sum() and later.sum()):
        return 0.0
    p, q = ((counts + 0.5) / (counts.sum() + 0.5 * len(counts)) for counts in (earlier, later))
    return float(((q - p) * np.log(q / p)).sum())
