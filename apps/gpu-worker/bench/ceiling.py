"""What can be foreseen at all: whether anything but the 34 aggregates tells who buys again within 90 days, on Online Retail II.

    python bench/ceiling.py models|groups PARQUET [--cut 2011-09-09]... [--resamples 300]

Strictly out of time, as learning.py: probes are fitted on what was known 90 days before a cut and what came until the cut, and tested
at the cut. Labels are used, and nothing is held back: features of any kind (ceiling_features.py), classifiers of any kind.
  models   what each classifier reaches with the aggregates, and with everything; with labels of one moment, and of five a month apart;
           and at the cut itself, by five folds over customers, where nothing drifts; a law of four numbers that needs no label; and
           groups picked on who is tested
  groups   how far each group of features, joined to the aggregates, is ahead of them
± one standard error, over customers drawn anew: the same customers at all cuts and for both of what is compared.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import numpy.typing as npt
from lightgbm import LGBMClassifier
from scipy.stats import rankdata
from sklearn.base import ClassifierMixin
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bench.case import CASES
from bench.ceiling_features import groups
from bench.membership import folds
from bench.sheet import tell
from kindred_worker.data.aggregates import DAY, EventTable, aggregates, outcome, prepared, rfm
from kindred_worker.segments.probe import boosted, logistic

Float64 = npt.NDArray[np.float64]
Probe = Callable[[Float64, Float64, Float64], Float64]

CASE = CASES["online-retail"]
BEFORE = tuple(CASE.days + 30 * months for months in range(5))  # days before the cut whose labels are known at it
STRENGTHS = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1)  # inverse, of the penalty
RFM, AGGREGATES = "recency, frequency, monetary (7)", "34 aggregates"


@dataclass(frozen=True)
class Known:
    """Customers at one moment."""

    customers: list[str]
    came: Float64  # within the 90 days from then on
    features: dict[str, Float64]  # by group, prepared

    def joined(self, names: Sequence[str]) -> Float64:
        return np.concatenate([self.features[name] for name in names], axis=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("models", "groups"))
    parser.add_argument("path", type=Path)
    parser.add_argument("--cut", action="append", default=[])
    parser.add_argument("--resamples", type=int, default=300)
    given = parser.parse_args()
    known: dict[str, dict[float, Known]] = {}
    with tempfile.TemporaryDirectory() as folder:
        snapshot = CASE.snapshot(given.path, Path(folder))
        with EventTable(snapshot, CASE.main, CASE.value, properties=("country",)) as events:
            for cut, moment in CASE.moments(snapshot, given.cut).items():
                make = groups(given.path)
                # The newest labels first: what features learn, they learn there.
                known[cut] = {back: known_at(events, make, moment - round(back * DAY)) for back in (*BEFORE, 0)}
    resamples = Resamples({cut: moments[0].customers for cut, moments in known.items()}, given.resamples)
    rows = of_models(known, resamples) if given.what == "models" else of_groups(known, resamples)
    tell(rows, places=4, resamples=given.resamples, days=CASE.days)


def known_at(events: EventTable, make: dict[str, Any], moment: int) -> Known:
    truth = outcome(events, moment, CASE.days)
    tables = {RFM: rfm, AGGREGATES: aggregates, **make}
    return Known(
        truth.customers, truth.values[:, 0], {name: prepared(of(events, moment).aligned(truth.customers)) for name, of in tables.items()}
    )


class Resamples:
    """How often each customer is drawn, in each resample: the same at all cuts."""

    def __init__(self, customers: dict[str, list[str]], count: int) -> None:
        everyone = sorted({c for of_cut in customers.values() for c in of_cut})
        place = {customer: at for at, customer in enumerate(everyone)}
        drawn = (
            np.random.default_rng(0).multinomial(len(everyone), np.full(len(everyone), 1 / len(everyone)), size=count).astype(np.float64)
        )
        self.weights = {cut: drawn[:, [place[c] for c in of_cut]] for cut, of_cut in customers.items()}

    def areas(self, cut: str, came: Float64, score: Float64) -> Float64:
        """Area under the ROC curve of everyone, then of each resample."""
        return np.array([roc_auc_score(came, score), *(roc_auc_score(came, score, sample_weight=w) for w in self.weights[cut])])


def row(figure: str, subject: str, areas: Float64) -> dict[str, Any]:
    """Of everyone, with the deviation over the resamples."""
    return {"figure": figure, "subject": subject, "mean": float(areas[0]), "sd": float(areas[1:].std()), "n": len(areas) - 1}


def of_models(known: dict[str, dict[float, Known]], resamples: Resamples) -> list[dict[str, Any]]:
    areas: dict[str, dict[str, Float64]] = {}
    for cut, moments in known.items():
        for subject, score in models_at(moments):
            areas.setdefault(subject, {})[cut] = resamples.areas(cut, moments[0].came, score)
            print(f"{cut}: {subject}, {areas[subject][cut][0]:.4f}", file=sys.stderr, flush=True)
    base = areas[f"{AGGREGATES}, one moment, LR"]
    rows = [row(cut, subject, of_cut) for subject, of_cuts in areas.items() for cut, of_cut in of_cuts.items()]
    return rows + [r for subject, of_cuts in areas.items() for r in leads(f"above {AGGREGATES}, LR", subject, of_cuts, base)]


def leads(figure: str, subject: str, areas: dict[str, Float64], base: dict[str, Float64]) -> list[dict[str, Any]]:
    """By how much a subject is ahead on the same customers: at each cut, and in the mean of the cuts."""
    ahead = {cut: of_cut - base[cut] for cut, of_cut in areas.items()}
    rows = [row(f"{cut}, {figure}", subject, of_cut) for cut, of_cut in ahead.items()]
    return [*rows, *([row(f"mean of the cuts, {figure}", subject, np.mean(list(ahead.values()), axis=0))] if len(ahead) > 1 else [])]


def models_at(moments: dict[float, Known]) -> Iterator[tuple[str, Float64]]:
    """What each says of the customers at a cut."""
    now, everything = moments[0], [name for name in moments[0].features if name != RFM]
    for title, names in ((RFM, [RFM]), (AGGREGATES, [AGGREGATES]), ("everything", everything)):
        for moment, backs in (("one moment", BEFORE[:1]), *([("five moments", BEFORE)] if names != [RFM] else [])):
            features, came = np.concatenate([moments[b].joined(names) for b in backs]), np.concatenate([moments[b].came for b in backs])
            asked = [name for name in CLASSIFIERS if len(backs) == 1 or name not in SLOW]
            said = {name: CLASSIFIERS[name](features, came, now.joined(names)) for name in asked}
            said["mean of their ranks"] = np.mean([rankdata(s) for s in said.values()], axis=0)
            yield from ((f"{title}, {moment}, {name}", score) for name, score in said.items())
        for name in (PENALTY, TREES):
            yield f"{title}, by folds at the cut, {name}", out_of_fold(CLASSIFIERS[name], now.joined(names), now.came)
    yield "BG/NBD alone, without labels", now.features["BG/NBD"][:, 2]
    yield f"{AGGREGATES} and groups picked on who is tested, LR", picked(moments[CASE.days], now)


def picked(then: Known, now: Known) -> Float64:
    """What a firmly held logistic regression says of groups that are joined to the aggregates one after another, each time the one that
    helps most with the very customers who are tested, as long as any does: more than an honest choice could reach."""
    probe = of(held)
    left = [name for name in now.features if name not in (RFM, AGGREGATES)]
    names, score = [AGGREGATES], probe(then.joined([AGGREGATES]), then.came, now.joined([AGGREGATES]))
    while left:
        tried = {name: probe(then.joined([*names, name]), then.came, now.joined([*names, name])) for name in left}
        best = max(left, key=lambda name: float(roc_auc_score(now.came, tried[name])))
        if roc_auc_score(now.came, tried[best]) <= roc_auc_score(now.came, score):
            break
        names, score = [*names, best], tried[best]
        left.remove(best)
    return score


def of_groups(known: dict[str, dict[float, Known]], resamples: Resamples) -> list[dict[str, Any]]:
    first = next(iter(known.values()))[0]
    asked = {name: [AGGREGATES, name] for name in first.features if name not in (RFM, AGGREGATES)}
    asked["everything"] = [AGGREGATES, *asked]
    rows: list[dict[str, Any]] = []
    for name in ("LR", PENALTY, TREES):
        probe = CLASSIFIERS[name]

        def areas(cut: str, joined: list[str], probe: Probe = probe) -> Float64:
            then, now = known[cut][CASE.days], known[cut][0]
            return resamples.areas(cut, now.came, probe(then.joined(joined), then.came, now.joined(joined)))

        base = {cut: areas(cut, [AGGREGATES]) for cut in known}
        for title, joined in asked.items():
            rows += leads(name, title, {cut: areas(cut, joined) for cut in known}, base)
        print(f"{name}: {len(asked)} groups", file=sys.stderr, flush=True)
    return rows


def out_of_fold(probe: Probe, features: Float64, came: Float64) -> Float64:
    score = np.zeros(len(came))
    for fit, test in folds(came):
        score[test] = probe(features[fit], came[fit], features[test])
    return score


def of(make: Callable[[int], ClassifierMixin]) -> Probe:
    """A probe of a classifier for so many features."""

    def probe(features: Float64, came: Float64, tested: Float64) -> Float64:
        return np.asarray(make(features.shape[1]).fit(features, came).predict_proba(tested)[:, 1])

    return probe


def penalised(_: int) -> ClassifierMixin:
    """Its strength chosen by five folds over the labels that it is fitted on."""
    chosen = LogisticRegressionCV(Cs=STRENGTHS, l1_ratios=(0,), scoring="roc_auc", use_legacy_attributes=False, max_iter=1000)
    return make_pipeline(StandardScaler(), chosen)


def held(_: int) -> ClassifierMixin:
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))


def small_steps(_: int) -> ClassifierMixin:
    shape = {"n_estimators": 600, "learning_rate": 0.01, "num_leaves": 8, "min_child_samples": 60, "reg_lambda": 10}
    drawn = {"subsample": 0.7, "subsample_freq": 1, "colsample_bytree": 0.2, "random_state": 0}
    return LGBMClassifier(**shape, **drawn, n_jobs=1, verbose=-1, deterministic=True, force_row_wise=True)


def radial(features: int) -> ClassifierMixin:
    """About a Gaussian process, by 600 landmarks."""
    landmarks = Nystroem(gamma=0.1 / features, n_components=600, random_state=0)
    return make_pipeline(StandardScaler(), landmarks, LogisticRegression(C=0.3, max_iter=3000))


def forest(_: int) -> ClassifierMixin:
    return RandomForestClassifier(200, min_samples_leaf=10, max_features=0.2, n_jobs=1, random_state=0)


def random_splits(_: int) -> ClassifierMixin:
    return ExtraTreesClassifier(200, min_samples_leaf=8, max_features=0.3, n_jobs=1, random_state=0)


PENALTY, TREES = "LR, its penalty chosen", "LightGBM, many small steps"
CLASSIFIERS: dict[str, Probe] = {
    "LR": logistic,
    PENALTY: of(penalised),
    "LightGBM": boosted,
    TREES: of(small_steps),
    "radial kernel": of(radial),
    "random forest": of(forest),
    "extra trees": of(random_splits),
}
SLOW = ("random forest", "extra trees")  # of one moment alone


if __name__ == "__main__":
    main()
