"""Checks that the simulated shop is a fair examination: hidden from counting, plain to whoever reads the order.

    python separability.py HISTORY.ndjson TRUTH.json [more pairs]

Over the planted customers, adjusted Rand index of k-means at the true number of groups on
  rfm          recency, frequency, monetary value and tenure of orders
  aggregates   the 34 hand-made aggregates of orders
  counts       how often each event happened, days active, last seen: all there is to count
  transitions  pairs and triples of events and the time between them
  forecast     what a label-free forecaster, taught on earlier read times, expects of everyone at the end
and the accuracy of a classifier on the transitions (5 folds). One JSON line for each pair of files; exit 1 where one
breaks its bound.
"""

import json
import sys

import numpy as np
from history import Array, read
from ordered import forecasts, transitions
from rivals import aggregates, counts
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import cross_val_score
from sklearn.preprocessing import StandardScaler

AT_MOST = {"rfm": 0.2, "aggregates": 0.5, "counts": 0.5}
AT_LEAST = {"transitions": 0.85, "forecast": 0.8, "accuracy": 0.97}


def found(table: Array, truth: list[str]) -> float:
    # scikit-learn ships no types; its default tells the checker of n_init's other form only.
    groups = KMeans(len(set(truth)), n_init=20, random_state=0).fit_predict(table)  # pyright: ignore[reportArgumentType]
    return float(adjusted_rand_score(truth, groups))


def examine(history_path: str, truth_path: str) -> dict[str, float]:
    history = read(history_path, truth_path)
    mine = history.planted
    truth = [behaviour for behaviour, planted in zip(history.behaviour, mine, strict=True) if planted]
    rfm, everything = aggregates(history)
    ordered = transitions(history)[mine]
    expected = forecasts(history)[mine]
    figures = {
        "rfm": found(StandardScaler().fit_transform(rfm[mine]), truth),
        "aggregates": found(StandardScaler().fit_transform(everything[mine]), truth),
        "counts": found(StandardScaler().fit_transform(counts(history)[mine]), truth),
        "transitions": found(PCA(10, random_state=0).fit_transform(ordered), truth),
        "forecast": found(StandardScaler().fit_transform(expected), truth),
        "accuracy": float(cross_val_score(LogisticRegression(C=30, max_iter=500), ordered, truth, cv=5).mean()),
    }
    return {name: round(value, 3) for name, value in figures.items()}


def main() -> int:
    paths = sys.argv[1:]
    if not paths or len(paths) % 2:
        sys.exit(__doc__)
    broken = False
    for history_path, truth_path in zip(paths[::2], paths[1::2], strict=True):
        figures = examine(history_path, truth_path)
        print(json.dumps({"history": history_path, **figures}), flush=True)
        broken |= any(figures[name] > bound for name, bound in AT_MOST.items())
        broken |= any(figures[name] < bound for name, bound in AT_LEAST.items())
    return int(broken)


if __name__ == "__main__":
    np.seterr(all="raise", under="ignore")
    sys.exit(main())
