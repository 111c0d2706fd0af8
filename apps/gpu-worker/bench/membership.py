"""How well membership alone foretells what then came."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]


def folds(came: Float64) -> Iterator[tuple[Int64, Int64]]:
    """Rows to fit on and rows to test on: five folds over customers, the same in every bench."""
    yield from StratifiedKFold(5, shuffle=True, random_state=0).split(came, came)


def membership_auc(labels: Int64, came: Float64) -> float:
    """Each of N customers scored by the share of their segment for whom it came, counted on the other four folds."""
    own = labels - labels.min(initial=0)
    scores = np.zeros(len(own))
    for fit_on, test in folds(came):
        size = np.bincount(own[fit_on], minlength=own.max() + 1)
        rate = (np.bincount(own[fit_on], came[fit_on], minlength=own.max() + 1) + came[fit_on].mean()) / (size + 1)
        scores[test] = rate[own[test]]
    return float(roc_auc_score(came, scores))
