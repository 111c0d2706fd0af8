"""Statistics of one property over a snapshot, gathered batch by batch, and the leak guard that judges them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kindred_worker.data.arrow import pc
from kindred_worker.data.features import signed_log

MOST_WORDS = 200_000  # distinct words counted at a time; above, the rare ones are forgotten
SAMPLE = 100_000  # numbers kept to judge whether they are ids
ENOUGH = 50  # customers with a repeated value, before "always the same for a customer" is believed
SAME_SHARE = 0.02  # below this share of variation inside customers, a property says who, not what
UNIQUE_SHARE = 0.9  # above this share of distinct values, a property is an id
RARE = 20  # values, below which nothing can be learned

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]


@dataclass
class WordProfile:
    """Of a categorical or boolean property."""

    words: Counter[str] = field(default_factory=Counter[str])
    rows: int = 0
    repeated: int = 0  # customers who have the property more than once
    varied: int = 0  # of these, customers with more than one value
    pruned: bool = False

    def add(self, values: pa.Array, customer: Int64) -> None:
        """`customer`: a code per row, rows of a customer together."""
        unique = values.dictionary_encode()
        codes = pc.fill_null(unique.indices, -1).to_numpy(zero_copy_only=False)
        present = codes >= 0
        counts = np.bincount(codes[present], minlength=len(unique.dictionary))
        self.words.update(dict(zip(unique.dictionary.to_pylist(), counts.tolist(), strict=True)))
        self.rows += int(present.sum())
        if len(self.words) > MOST_WORDS:
            self.words = Counter(dict(self.words.most_common(MOST_WORDS // 2)))
            self.pruned = True
        codes, customer = codes[present], customer[present]
        same_customer = customer[1:] == customer[:-1]
        self.repeated += len(np.unique(customer[1:][same_customer]))
        self.varied += len(np.unique(customer[1:][same_customer & (codes[1:] != codes[:-1])]))

    def fault(self) -> str | None:
        """Why the encoder must not see it, or None."""
        if self.rows < RARE:
            return f"only {self.rows} events have it"
        if len(self.words) < 2:
            return "always the same value"
        if self.pruned or len(self.words) > UNIQUE_SHARE * self.rows:
            return "nearly every event has a value of its own: an id"
        if self.repeated >= ENOUGH and self.varied < SAME_SHARE * self.repeated:
            return "constant for a customer: it says who someone is, not what they do"
        return None


@dataclass
class NumberProfile:
    """Of a numeric or time property; moments are of its signed log1p."""

    rows: int = 0
    total: float = 0.0
    squares: float = 0.0
    repeated: int = 0
    inner: float = 0.0  # sum of squares inside customers
    outer: float = 0.0  # sum of squares of the same rows around the overall mean so far
    sample: list[Float64] = field(default_factory=list[Float64])
    sampled: int = 0

    def add(self, values: Float64, customer: Int64) -> None:
        """NaN is missing; `customer`: a code per row, rows of a customer together."""
        present = np.isfinite(values)
        raw, customer = values[present], customer[present]
        if not len(raw):
            return
        logs = signed_log(raw)
        self.rows += len(logs)
        self.total += float(logs.sum())
        self.squares += float((logs**2).sum())
        if self.sampled < SAMPLE:
            self.sample.append(raw[: SAMPLE - self.sampled])
            self.sampled += len(self.sample[-1])
        _, group = np.unique(customer, return_inverse=True)
        size = np.bincount(group)
        mean = np.bincount(group, logs) / size
        again = size[group] > 1
        self.repeated += int((size > 1).sum())
        self.inner += float(((logs - mean[group])[again] ** 2).sum())
        self.outer += float(((logs - self.mean)[again] ** 2).sum())

    @property
    def mean(self) -> float:
        return self.total / self.rows if self.rows else 0.0

    @property
    def deviation(self) -> float:
        variance = self.squares / self.rows - self.mean**2 if self.rows else 1.0
        return float(np.sqrt(max(variance, 0.0))) or 1.0

    def fault(self) -> str | None:
        """Why the encoder must not see it, or None."""
        if self.rows < RARE:
            return f"only {self.rows} events have it"
        values = np.concatenate(self.sample)
        distinct = len(np.unique(values))
        if distinct < 2:
            return "always the same value"
        whole = bool(np.all(values == np.floor(values)))
        if whole and len(values) >= 1000 and distinct > UNIQUE_SHARE * len(values):
            return "nearly every event has a whole number of its own: an id"
        if self.repeated >= ENOUGH and self.inner < SAME_SHARE * self.outer:
            return "constant for a customer: it says who someone is, not what they do"
        return None
