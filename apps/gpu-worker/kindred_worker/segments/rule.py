"""A short rule in plain language for any set of customers, and how well it describes them.

A surrogate: shallow decision trees (one against the rest) are fitted on traits that a person can count, every way from
the root to any node of theirs that asks for at most three traits is a rule, and the one that names the members best, with its
figures rounded as a person would say them, is taken. What it is worth is measured on customers that it was not made
from. Many sets have no such rule; then that is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.metrics import balanced_accuracy_score, precision_recall_fscore_support
from sklearn.model_selection import StratifiedKFold, StratifiedShuffleSplit
from sklearn.tree import DecisionTreeClassifier

from kindred_worker.data.portrait import Feature
from kindred_worker.report import InvalidInput
from kindred_worker.segments.condition import UNSPOKEN, Condition, condition_of, in_words

Bool = npt.NDArray[np.bool_]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

MOST_TRAITS = 3  # that a person reads in one go; each may be bounded from below and from above
DEEPEST = 5
FAITHFUL = 0.7  # least F1, and least balanced accuracy, of a rule that describes its members well
PRICE = 0.02  # of F1, that each further condition has to earn
MEMBERS_AT_MOST, OTHERS_AT_MOST = 6_000, 12_000  # customers that a rule is made from and measured on
MANY = 60  # members, and others, from which on one part is held out; below, folds take turns
HELD_OUT = 0.3
FOLDS = 5


@dataclass(frozen=True)
class Rule:
    """SegmentRule of rule.proto. All figures are of customers that the rule was not made from."""

    text: str
    conditions: list[Condition]  # all of them have to be met
    fidelity: float  # F1
    precision: float  # of whom the rule names, the share that are members
    recall: float  # of the members, the share that the rule names
    balanced_accuracy: float
    is_faithful: bool


@dataclass(frozen=True)
class _Table:
    traits: Sequence[Feature]
    values: Float64  # (N, T), NaN where a trait does not apply
    members: Bool  # (N)
    weights: Float64  # (N) customers that each stands for

    def part(self, rows: Int64) -> _Table:
        return _Table(self.traits, self.values[rows], self.members[rows], self.weights[rows])

    def meeting(self, conditions: Sequence[Condition]) -> Bool:
        met = np.ones(len(self.members), dtype=bool)
        places = {t.key: at for at, t in enumerate(self.traits)}
        for condition in conditions:
            met &= condition.met(self.values[:, places[condition.trait]])
        return met

    def f1(self, named: Bool) -> float:
        both = float(self.weights[named & self.members].sum())
        return 2 * both / max(float(self.weights[named].sum() + self.weights[self.members].sum()), 1e-12)


def can_be_told(trait: Feature) -> bool:
    """Whether a rule can ask for it: a person can count it, and it is known of somebody."""
    return trait.key.partition(":")[0] not in UNSPOKEN and bool(np.isfinite(trait.values).any())


def distil(traits: Sequence[Feature], members: Bool, main_event: str, seed: int) -> Rule:
    """The rule for `members` (N) by `traits` of the same N customers; `main_event` is what "orders" means here."""
    if members.sum() < 2 or (~members).sum() < 2:
        raise InvalidInput(f"a rule needs two members and two others at least; these are {members.sum()} and {(~members).sum()}")
    table = _table(traits, members, seed)
    if not table.traits:
        raise InvalidInput("a rule needs a trait that can be put in words, and none of those given can")
    few = min(table.members.sum(), (~table.members).sum())
    named = np.zeros(len(table.members), dtype=bool)
    if few >= MANY:
        split = StratifiedShuffleSplit(1, test_size=HELD_OUT, random_state=seed)
        learn, test = next(split.split(table.values, table.members))
        conditions = _best(table.part(learn), seed)
        named[test] = table.part(test).meeting(conditions)
    else:
        test = np.arange(len(named))
        for learn, fold in StratifiedKFold(int(min(FOLDS, few)), shuffle=True, random_state=seed).split(table.values, table.members):
            named[fold] = table.part(fold).meeting(_best(table.part(learn), seed))
        conditions = _best(table, seed)
    return _measured(conditions, table.members[test], named[test], table.weights[test], main_event)


def _table(traits: Sequence[Feature], members: Bool, seed: int) -> _Table:
    spoken = [t for t in traits if can_be_told(t)]
    draws = np.random.default_rng(seed)
    rows: list[Int64] = []
    weights: list[Float64] = []
    for inside, most in ((members, MEMBERS_AT_MOST), (~members, OTHERS_AT_MOST)):
        all_of_them = np.flatnonzero(inside)
        some = all_of_them if len(all_of_them) <= most else np.sort(draws.choice(all_of_them, most, replace=False))
        rows.append(some)
        weights.append(np.full(len(some), len(all_of_them) / len(some)))
    chosen = np.concatenate(rows)
    values = np.stack([t.values[chosen] for t in spoken], axis=1) if spoken else np.zeros((len(chosen), 0))
    return _Table(spoken, values.astype(np.float64), members[chosen], np.concatenate(weights))


def _best(table: _Table, seed: int) -> list[Condition]:
    """The conditions that name the members best; each has to be worth its place."""
    best: list[Condition] = []
    best_score = table.f1(table.meeting(best))
    for conditions in _candidates(table, seed):
        score = table.f1(table.meeting(conditions)) - PRICE * len(conditions)
        if score > best_score:
            best, best_score = conditions, score
    for condition in list(best):
        shorter = [c for c in best if c is not condition]
        score = table.f1(table.meeting(shorter)) - PRICE * len(shorter)
        if shorter and score >= best_score:
            best, best_score = shorter, score
    return best


def _candidates(table: _Table, seed: int) -> Iterator[list[Condition]]:
    """Every way from the root to a node, of trees that count members as often as others, more often, and as much as all others."""
    for class_weight in (None, {True: 3, False: 1}, "balanced"):
        least = max(2, int(0.02 * table.members.sum()))
        model = DecisionTreeClassifier(max_depth=DEEPEST, min_samples_leaf=least, class_weight=class_weight, random_state=seed)
        tree = model.fit(table.values, table.members, sample_weight=table.weights).tree_
        waiting: list[tuple[int, list[Condition]]] = [(0, [])]
        while waiting:
            node, way = waiting.pop()
            if way:
                yield way
            left, right, threshold = int(tree.children_left[node]), int(tree.children_right[node]), float(tree.threshold[node])
            if left < 0 or not np.isfinite(threshold):  # a leaf, or a split into known and unknown alone
                continue
            trait = table.traits[int(tree.feature[node])]
            for child, is_above in ((right, True), (left, False)):
                longer = _with(way, condition_of(trait.key, trait.unit, threshold, is_above))
                if len({c.trait for c in longer}) <= MOST_TRAITS:
                    waiting.append((child, longer))


def _with(way: Sequence[Condition], condition: Condition) -> list[Condition]:
    """A narrower bound takes the place of a wider one."""
    same = [c for c in way if (c.trait, c.operator) == (condition.trait, condition.operator)]
    return [*(c for c in way if c not in same), condition]


def _measured(conditions: list[Condition], members: Bool, named: Bool, weights: Float64, main_event: str) -> Rule:
    # sklearn's stubs know zero_division as "warn" only.
    precision, recall, fidelity, _ = precision_recall_fscore_support(
        members,
        named,
        average="binary",
        sample_weight=weights,
        zero_division=0.0,  # pyright: ignore[reportArgumentType]
    )
    balanced = float(balanced_accuracy_score(members, named, sample_weight=weights))
    is_faithful = bool(conditions) and min(float(fidelity), balanced) >= FAITHFUL
    text = in_words(conditions, main_event)
    if not is_faithful:
        text = f"No short rule describes it well. The closest: {text[:1].lower()}{text[1:]}" if text else "No short rule describes it well"
    return Rule(f"{text}.", conditions, float(fidelity), float(precision), float(recall), balanced, is_faithful)
