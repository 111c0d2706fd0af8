"""From which novelty on one is unusual: measured on those that a scale was not fitted on, and kept with the model."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from kindred_worker.data.arrays import EventArrays
from kindred_worker.data.split import Split
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.report import Report
from kindred_worker.segments import ordinary
from kindred_worker.segments.assignment import SegmentModel
from kindred_worker.segments.finding import find_segments
from kindred_worker.segments.novelty import Lives, Novelty, fit_novelty
from kindred_worker.segments.ordinary import FEWEST, QUANTILES, Reach, measure_customers, reach_of
from kindred_worker.surprise import Surprise, fit_surprise, surprises
from kindred_worker.train import never_learned_from
from tests.test_novelty import lives
from tests.test_segments import planted

Float32 = npt.NDArray[np.float32]


def people(count: int, seed: int) -> Float32:
    """Two crowds, and a heavy tail in all directions."""
    draws = np.random.default_rng(seed)
    crowd = draws.integers(0, 2, (count, 1)) * np.array([6.0, *[0.0] * 11])
    return (crowd + draws.standard_t(5, (count, 12))).astype(np.float32)


def measured(count: int) -> Reach:
    reach = measure_customers(people(count, 0), 0)
    assert reach is not None
    return reach


@pytest.mark.parametrize("quantile", [0.9, 0.99, 0.995])
def test_of_people_to_come_the_told_share_lies_beyond(quantile: float) -> None:
    reach = measured(4_000)
    scale = fit_novelty(people(4_000, 0), 0)
    others = people(20_000, 1)
    beyond = float((scale.score(scale.distance(others)) >= reach.novelty[reach.quantiles.index(quantile)]).mean())
    assert 0.5 * (1 - quantile) < beyond < 2 * (1 - quantile)


def test_a_scale_that_is_asked_of_those_it_was_fitted_on_would_say_too_little() -> None:
    known = people(400, 2)
    scale = fit_novelty(known, 0)
    reach = measure_customers(known, 0)
    assert reach is not None
    assert reach.novelty[reach.quantiles.index(0.9)] > np.quantile(scale.score(scale.distance(known)), 0.9)


def test_planted_strangers_lie_beyond_it() -> None:
    scale = fit_novelty(people(4_000, 0), 0)
    strangers = people(200, 3) + np.array([0.0, 15.0, -15.0, *[0.0] * 9], np.float32)
    assert (scale.score(scale.distance(strangers)) >= measured(4_000).threshold).mean() > 0.95


def test_where_lives_have_ended_the_reach_is_measured_by_age_as_well() -> None:
    known = lives(0)
    reach = measure_customers(known.embedding, 0, known)
    assert reach is not None
    others = lives(1)
    scale = fit_novelty(known.embedding, 0, known)
    beyond = float((scale.score(scale.distance(others.embedding)) >= reach.novelty[reach.quantiles.index(0.95)]).mean())
    assert 0.025 < beyond < 0.1


def test_moments_that_only_measure_are_held_out_with_their_life(monkeypatch: pytest.MonkeyPatch) -> None:
    known = lives(0)
    known = replace(known, counts=np.arange(len(known)) % 20 < 8)
    fitted: list[tuple[int, Lives]] = []

    def spy(embedding: Float32, seed: int, others: Lives) -> Novelty:
        fitted.append((len(embedding), others))
        return fit_novelty(embedding, seed, others)

    monkeypatch.setattr(ordinary, "fit_novelty", spy)
    assert measure_customers(known.ordinary, 0, known) is not None
    for population, others in fitted:
        assert population == len(others.ordinary)
        assert len(others) == 20 * len(np.unique(others.whose))
    assert sum(len(known) - len(others) for _, others in fitted) == len(known)


def test_quantiles_beyond_the_data_follow_the_tail_and_none_falls() -> None:
    novelty = np.random.default_rng(0).exponential(0.05, 1_000)
    reach = reach_of(novelty)
    assert reach is not None
    assert reach.quantiles == list(QUANTILES)
    assert reach.novelty == sorted(reach.novelty)
    assert reach.novelty[-1] == pytest.approx(0.05 * np.log(1e4), rel=0.35)
    assert reach.measured_on == 1_000
    strange = reach_of(np.minimum(novelty * 3, 1))
    assert strange is not None
    assert strange.novelty[-1] == 1


def test_too_few_say_nothing() -> None:
    assert reach_of(np.zeros(FEWEST - 1)) is None
    assert measure_customers(people(FEWEST - 1, 0), 0) is None


def test_it_lies_in_the_bundle_and_older_bundles_have_none() -> None:
    reading, _ = planted()
    model = find_segments(reading, None, 4, 0, Report(), refits=2).model
    assert model.ordinary is not None
    files = model.to_bytes()
    assert SegmentModel.from_bytes(files).ordinary == model.ordinary
    older = json.loads(files["segments.json"])
    del older["ordinary"]
    assert SegmentModel.from_bytes(files | {"segments.json": json.dumps(older).encode()}).ordinary is None


def test_events_are_measured_on_customers_whom_neither_model_nor_scale_learned_from(model: BehaviourModel, arrays: EventArrays) -> None:
    held = never_learned_from(Split(0, 0.3), arrays)
    assert 0 < held.sum() < arrays.count
    scale = fit_surprise(model, arrays, 0, Report(), held)
    assert scale is not None
    assert scale.ordinary is not None
    theirs = np.flatnonzero(np.repeat(held, np.diff(arrays.offsets)))
    novelty = scale.novelty(surprises(model, arrays.events, arrays.offsets, np.arange(len(arrays.events.time)))[theirs])
    assert scale.ordinary.measured_on == len(theirs)
    assert (novelty >= scale.ordinary.novelty[scale.ordinary.quantiles.index(0.9)]).mean() == pytest.approx(0.1, abs=0.02)
    again = Surprise.from_bytes(json.dumps(scale.to_json()).encode())
    assert again.ordinary == scale.ordinary
    assert Surprise.from_bytes(json.dumps(replace(scale, ordinary=None).to_json()).encode()).ordinary is None


def test_a_life_is_not_held_to_its_own_other_moments() -> None:
    """Each life lies in a corner of its own: known by its other moments it is usual, and by those of others it is not."""
    draws = np.random.default_rng(4)
    corner = draws.normal(0, 6, (120, 12)).repeat(10, axis=0)
    moments = (corner + draws.normal(0, 0.05, corner.shape)).astype(np.float32)
    whose = np.arange(120, dtype=np.uint64).repeat(10)
    age = draws.uniform(0, 10, len(moments))
    counts = np.ones(len(moments), bool)
    by_life = measure_customers(moments, 0, Lives(moments, age, whose, counts))
    by_moment = measure_customers(moments, 0, Lives(moments, age, np.arange(len(moments), dtype=np.uint64), counts))
    assert by_life is not None
    assert by_moment is not None
    assert by_life.novelty[0] > 2 * by_moment.novelty[0]
