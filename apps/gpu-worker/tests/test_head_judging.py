"""How heads are judged: rivals, intervals, calibration and the verdict."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.model_selection import StratifiedKFold

from kindred_worker.labels.calibration import fit_calibration, out_of_fold
from kindred_worker.labels.classification import Classification, Evaluation
from kindred_worker.labels.judging import Float64, judge

COUNT = 600
RANDOM = np.random.default_rng(0)
TRUTH = RANDOM.normal(size=COUNT)
VALUES: Float64 = (RANDOM.random(COUNT) < 1 / (1 + np.exp(-2 * TRUTH))).astype(float)
GOOD: Float64 = TRUTH + 0.2 * RANDOM.normal(size=COUNT)
POOR: Float64 = TRUTH + 3.0 * RANDOM.normal(size=COUNT)
FOLDS = list(StratifiedKFold(5, shuffle=True, random_state=0).split(VALUES, VALUES))


def judged(head: Float64, rivals: dict[str, Float64], foreknown: int = 0) -> Evaluation:
    found = judge(
        Classification(), VALUES, np.arange(COUNT), FOLDS, head, rivals, lambda: None, left_out=0, foreknown=foreknown, tuned_epochs=0
    )
    assert isinstance(found, Evaluation)
    return found


def test_where_aggregates_win_the_verdict_says_so() -> None:
    found = judged(POOR, {"forecast": POOR, "aggregates": GOOD})
    assert (found.verdict, found.best_rival) == ("BEHIND", "aggregates")
    assert found.lead_high < 0
    assert "behind the best rival: hand-made aggregates" in found.sentence
    assert "Use that one" in found.sentence


def test_a_head_that_is_ahead_beyond_chance_is_said_to_be() -> None:
    found = judged(GOOD, {"aggregates": POOR})
    assert found.verdict == "AHEAD"
    assert 0 < found.lead_low < found.lead < found.lead_high


def test_what_the_labels_cannot_tell_apart_is_called_level() -> None:
    found = judged(GOOD, {"aggregates": GOOD + 0.01 * RANDOM.normal(size=COUNT)})
    assert found.verdict == "LEVEL"
    assert found.lead_low <= 0 <= found.lead_high


def test_probabilities_come_true_as_often_as_they_say() -> None:
    """The score says four times too much; what is claimed after calibration happens."""
    overconfident = 8 * TRUTH
    said = out_of_fold(overconfident, VALUES, FOLDS)
    raw = 1 / (1 + np.exp(-overconfident))
    bins = judged(overconfident, {}).calibration_error
    assert bins < 0.06
    assert float(np.mean((said - VALUES) ** 2)) < float(np.mean((raw - VALUES) ** 2)) - 0.01


def test_a_head_that_is_worse_than_chance_says_the_base_rate_of_everybody() -> None:
    said = fit_calibration(-TRUTH, VALUES).probability(-TRUTH)
    assert said == pytest.approx(np.full(COUNT, VALUES.mean()))


def test_labels_of_one_customer_are_resampled_together() -> None:
    """Each customer twice: the interval is that of half as many labels."""
    once = judge(Classification(), VALUES, np.arange(COUNT), FOLDS, POOR, {}, lambda: None, left_out=0, foreknown=0, tuned_epochs=0)
    twice = judge(Classification(), VALUES, np.arange(COUNT) // 2, FOLDS, POOR, {}, lambda: None, left_out=0, foreknown=0, tuned_epochs=0)
    doubled = judge(
        Classification(),
        np.tile(VALUES, 2),
        np.tile(np.arange(COUNT), 2),
        list(StratifiedKFold(5).split(np.tile(VALUES, 2), np.tile(VALUES, 2))),
        np.tile(POOR, 2),
        {},
        lambda: None,
        left_out=0,
        foreknown=0,
        tuned_epochs=0,
    )
    assert once.standings[0].figure == twice.standings[0].figure
    assert doubled.standings[0].deviation == pytest.approx(once.standings[0].deviation)
