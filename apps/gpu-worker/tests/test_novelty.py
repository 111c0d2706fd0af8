"""Novelty where lives have ended: each is compared with others as old, in training and in the live form alike."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from kindred_worker.models.placing import Placing
from kindred_worker.report import Report
from kindred_worker.segments.assignment import SegmentModel
from kindred_worker.segments.finding import find_segments
from kindred_worker.segments.novelty import Lives, fit_novelty
from tests.test_segments import planted

WIDTH = 8


def lives(seed: int, engines: int = 60, of: float = 10.0) -> Lives:
    """Moments of lives of `of` days, each as likely: the first ones lie far from all others, as the logarithm of the age does."""
    random = np.random.default_rng(seed)
    age = random.uniform(0, of, engines * 20)
    return Lives(aged(age, random), age, np.repeat(np.arange(engines, dtype=np.uint64), 20), np.ones(len(age), bool))


def aged(age: npt.NDArray[np.float64], random: np.random.Generator) -> npt.NDArray[np.float32]:
    steps = np.log1p(age * 1440)
    embedding = random.normal(0, 0.1, (len(age), WIDTH))
    embedding[:, 0] += steps
    embedding[:, 1] += (steps - 5) ** 2 / 3
    return embedding.astype(np.float32)


def test_a_life_that_has_just_begun_is_no_stranger_than_any_other() -> None:
    known = lives(0)
    ordinary = fit_novelty(known.embedding, 0, known)
    ageless = fit_novelty(known.embedding, 0)
    random = np.random.default_rng(1)
    young, older = (aged(random.uniform(*span, 300), random) for span in ((0.1, 0.6), (4, 9)))
    strangeness = [[float(np.median(one.distance(side))) for side in (young, older)] for one in (ageless, ordinary)]
    assert strangeness[0][0] > 1.25 * strangeness[0][1]
    assert strangeness[1][0] < 1.2 * strangeness[1][1]


def test_what_is_unusual_for_an_age_is_novel_though_another_age_knows_it() -> None:
    known = lives(0)
    ordinary = fit_novelty(known.embedding, 0, known)
    random = np.random.default_rng(2)
    usual = aged(random.uniform(1, 9, 200), random)
    unusual = usual + np.array([0, 0, 0.8, *[0] * (WIDTH - 3)], np.float32)
    assert np.quantile(ordinary.score(ordinary.distance(usual)), 0.9) < np.quantile(ordinary.score(ordinary.distance(unusual)), 0.1)


def test_the_live_form_and_the_files_compare_by_age_as_well() -> None:
    reading, _ = planted()
    known = lives(3)
    found = find_segments(reading, None, 4, 0, Report(), refits=2, lives=known)
    assert len(found.model.novelty.ageing.knots) > 1
    again = SegmentModel.from_bytes(found.model.to_bytes())
    placed = again.assign(known.embedding[:50], np.tile(reading.forecast[:1], (50, 1)))
    with torch.inference_mode():
        _, _, novelty, _, _ = Placing(again)(
            torch.from_numpy(known.embedding[:50]), torch.from_numpy(np.tile(reading.forecast[:1], (50, 1)))
        )
    np.testing.assert_allclose(novelty.numpy(), placed.novelty, atol=1e-3)
    assert placed.novelty.std() > 0.01


def test_whoever_a_model_learned_from_has_a_place_however_far_out() -> None:
    """A shop's best customers are unlike all others, and the last to be left out of its segments."""
    random = np.random.default_rng(4)
    people = random.normal(0, 1, (600, WIDTH)).astype(np.float32)
    best = np.full((1, WIDTH), 40, np.float32)
    known = fit_novelty(np.concatenate([people, best]), 0)
    assert known.score(known.distance(best))[0] == 1
    assert not known.unseen(known.distance(best)).any()
    assert known.unseen(known.distance(2 * best)).all()
