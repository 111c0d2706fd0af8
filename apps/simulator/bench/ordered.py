"""What a reader of the order sees. Simple on purpose: an upper mark for what any sequence model may be asked to find."""

import numpy as np
from history import Array, History, Indices
from sklearn.decomposition import PCA
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, normalize

VISIT_ENDS = 3.0  # days without an event that end a visit
HORIZONS = (7.0, 30.0, 90.0)  # days
READ_EVERY = 30.0  # days between the read times learned from
WARM_UP = 120.0  # days after the first event before the first read
HALF_LIVES = (60.0, 1e6)  # days
BOTTLENECK = 16  # numbers that the forecaster may keep of a past, lest it learns the noise of 2,000 customers


def pairs(history: History) -> tuple[Indices, int]:
    """For each event (E,) which pair it ends: the event before, whether a visit begins here, the event."""
    names = len(history.names)
    same = np.r_[False, history.who[1:] == history.who[:-1]]
    begins = np.r_[True, np.diff(history.day) > VISIT_ENDS]
    before = np.where(same, np.r_[0, history.code[:-1]], names)
    return (before * 2 + begins) * names + history.code, (names + 1) * 2 * names


def transitions(history: History) -> Array:
    """Square root of the frequencies of pairs, of triples and of gaps by event (N, D): Hellinger's space."""
    pair, kinds = pairs(history)
    names = len(history.names)
    same = np.r_[False, False, (history.who[2:] == history.who[:-2])]
    triple = np.where(same, np.r_[0, 0, history.code[:-2]], names) * kinds + pair
    _, triple = np.unique(triple, return_inverse=True)
    gap = np.r_[0.0, np.diff(history.day)]
    bucket = np.digitize(gap, (1 / 24, 1 / 4, 1, 3, 10, 30, 90)) * names + history.code
    blocks = []
    for codes in (pair, triple, bucket):
        table = np.zeros((len(history.customers), int(codes.max()) + 1))
        np.add.at(table, (history.who, codes), 1)
        blocks.append(np.sqrt(normalize(table, norm="l1")))
    return np.hstack(blocks)


def forecasts(history: History, seed: int = 0) -> Array:
    """What to expect of everyone at the end (N, names * 4): the next event, and each event within each horizon.

    Learned without labels from read times whose longest horizon ends before now: decayed sums of pairs in, future out.
    """
    pair, kinds = pairs(history)
    reads = np.arange(history.now - HORIZONS[-1], WARM_UP, -READ_EVERY)
    learned = [sample for at in reads for sample in [_read(history, pair, kinds, at)]]
    inputs = np.vstack([sample[0][sample[2]] for sample in learned])
    targets = np.vstack([_future(history, at)[sample[2]] for at, sample in zip(reads, learned, strict=True)])
    model = make_pipeline(
        StandardScaler(),
        PCA(BOTTLENECK, whiten=True, random_state=seed),
        MLPRegressor(hidden_layer_sizes=(64,), alpha=1e-1, learning_rate_init=2e-3, early_stopping=True, random_state=seed),
    )
    model.fit(inputs, targets)
    return model.predict(_read(history, pair, kinds, history.now)[0])


def _read(history: History, pair: Indices, kinds: int, at: float) -> tuple[Array, Array, np.ndarray]:
    """Decayed sums at a time (N, D), and who (N,) has enough behind them to be read."""
    past = history.day < at
    who, age = history.who[past], at - history.day[past]
    people = len(history.customers)
    blocks: list[Array] = []
    for half_life in HALF_LIVES:
        table = np.zeros((people, kinds))
        np.add.at(table, (who, pair[past]), 2 ** (-age / half_life))
        blocks.append(np.asarray(normalize(np.sqrt(table))))
    last = np.full(people, 999.0)
    np.minimum.at(last, who, age)
    first = np.zeros(people)
    np.maximum.at(first, who, age)
    year = 2 * np.pi * at / 365.25
    season = np.tile([np.sin(year), np.cos(year), np.sin(6 * year), np.cos(6 * year)], (people, 1))
    blocks += [np.log1p(last)[:, None], np.log1p(first)[:, None], season]
    return np.hstack(blocks), first, first >= WARM_UP


def _future(history: History, at: float) -> Array:
    """What happened after a time: the next event as one of names, and whether each came within each horizon."""
    people, names = len(history.customers), len(history.names)
    later = history.day >= at
    who, code, wait = history.who[later], history.code[later], history.day[later] - at
    following = np.zeros((people, names))
    _, place = np.unique(who, return_index=True)
    following[who[place], code[place]] = 1
    tables = [following]
    for horizon in HORIZONS:
        came = np.zeros((people, names))
        came[who[wait < horizon], code[wait < horizon]] = 1
        tables.append(came)
    return np.hstack(tables)
