"""The benches' figure of what membership alone foretells."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from bench.membership import folds, membership_auc


def test_everyone_is_scored_by_the_others_of_their_segment_who_lie_in_other_folds() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 4, 200)
    came = (random.random(200) < np.array([0.1, 0.3, 0.5, 0.9])[labels]).astype(np.float64)
    scores = np.zeros(200)
    for fit_on, test in folds(came):
        for row in test:
            alike = [other for other in fit_on if labels[other] == labels[row]]
            scores[row] = (came[alike].sum() + came[fit_on].mean()) / (len(alike) + 1)
    assert membership_auc(labels, came) == pytest.approx(roc_auc_score(came, scores))


def test_segments_that_say_nothing_foretell_nothing() -> None:
    random = np.random.default_rng(1)
    came = (random.random(4000) < 0.4).astype(np.float64)
    assert abs(membership_auc(random.integers(0, 12, 4000), came) - 0.5) < 0.03
