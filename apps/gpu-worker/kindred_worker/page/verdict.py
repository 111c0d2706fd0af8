"""What the figures of an evaluation say, in sentences: who wins, and whether something is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kindred_worker.data.recognised import Recognised

HAND_MADE = ("rfm", "aggregates")
PROBES = {"auc": "logistic regression", "auc_boosted": "LightGBM"}
SUBJECTS = {
    "rfm": "recency, frequency and money",
    "aggregates": "hand-made aggregates",
    "untrained": "the untrained encoder",
    "embedding": "this encoder",
    "aggregates+embedding": "aggregates and this encoder together",
    "forecast": "the forecast, without any label",
}
FELT = 0.0005  # AUC; less is nothing in three digits
AS_CLAIMED = 0.02  # distance of what is claimed of everyone and what happens that is told as none
CLEARLY = 2.5  # deviations by which a figure must move before it is an alarm


@dataclass(frozen=True)
class Standing:
    subject: str
    name: str  # of the measure
    value: float
    deviation: float

    @property
    def told(self) -> str:
        by = "" if self.subject == "forecast" else f" by {PROBES[self.name]}"
        return f"{SUBJECTS[self.subject]}{by}, AUC {self.value:.3f} (sd {self.deviation:.3f})"


def verdict(measures: Sequence[Mapping[str, Any]]) -> list[str]:
    """Who wins, the answer first; empty where nothing could be compared."""
    hand, ours = _best(measures, HAND_MADE), _best(measures, ("embedding", "forecast"))
    if hand is None or ours is None:
        return []
    ahead, spread = ours.value - hand.value, max(ours.deviation, hand.deviation)
    close = "" if abs(ahead) > spread else f" The difference of {abs(ahead):.3f} lies within one deviation."
    if ahead < 0:
        said = [f"Hand-made features win: {hand.told}; against {ours.told}.{close}"]
    else:
        said = [f"The encoder wins: {ours.told}; against {hand.told}.{close}"]
    both, better = _best(measures, ("aggregates+embedding",)), max(hand, ours, key=lambda s: s.value)
    if both is not None:
        gain = both.value - better.value
        helps = f"Together they gain {gain:.3f}" if gain >= FELT else "Together they gain nothing"
        said.append(f"{helps}: {both.told}.")
    trained, untrained = _figure(measures, "auc", "embedding"), _figure(measures, "auc", "untrained")
    if trained is not None and untrained is not None:
        gain = trained.value - untrained.value
        told = "changed nothing" if abs(gain) < FELT else f"brought {gain:.3f}" if gain > 0 else f"cost {-gain:.3f}"
        close = " That lies within one deviation." if FELT <= abs(gain) <= max(trained.deviation, untrained.deviation) else ""
        said.append(f"Training {told}, by AUC against an untrained encoder (logistic regression).{close}")
    return said


def alarm(recall: tuple[float, float], customers: int, gain: float, deviation: float) -> str | None:
    """Warns where learning made customers easier to tell apart and their future harder to foresee.

    `recall`: of the same held-out customers before and after training; `gain`: what training brought to the probe's AUC
    (negative: it cost), with its deviation over resamples.
    """
    before, after = recall
    spread = np.sqrt((before * (1 - before) + after * (1 - after)) / max(1, 2 * customers))
    if after - before <= CLEARLY * spread or -gain <= deviation:
        return None
    return (
        f"Alarm: the encoder learned who customers are instead of what they do. Identity recall rose from {before:.2f} to {after:.2f} "
        f"while the probe of the horizon fell by {-gain:.3f} (sd {deviation:.3f}) below the untrained encoder. Look for a property that is "
        "an id in disguise (quality.json), or give contrastive tasks less weight."
    )


def claims(bins: Sequence[Mapping[str, float]], events: Sequence[str]) -> str | None:
    """Whether the forecast's chances may be taken at their word, and in which direction not; None where it claimed nothing."""
    customers = sum(b["customers"] for b in bins)
    if not customers:
        return None
    claimed, happened = (sum(b[what] * b["customers"] for b in bins) / customers for what in ("claimed", "happened"))
    said = f"of everyone together it claimed {_percent(claimed)}, and {_percent(happened)} came"
    if abs(claimed - happened) <= AS_CLAIMED:
        return f"The chances can be taken at their word: {said}."
    told = f"The chances are too {'high' if claimed > happened else 'low'} here: {said}. Who is likelier than whom they say all the same."
    if len(events) < 2:
        return told
    return f"{told} That one of {len(events)} events comes is put together as if each came without regard to the others."


def leak_alarm(one: Recognised) -> str | None:
    """Warns where the encoder was given a property by which customers are told apart better than by chance."""
    spread = np.sqrt((one.recall * (1 - one.recall) + one.chance * (1 - one.chance)) / one.customers)
    if one.recall - one.chance <= CLEARLY * spread:
        return None
    return (
        f"Alarm: the encoder was given “{one.name}”, which tells who a customer is. From it alone {_percent(one.recall)} of "
        f"{one.customers} customers are known again, by chance {_percent(one.chance)}. Leave it to the leak guard, or leave it out by "
        "name (leaveOutProperties)."
    )


def _best(measures: Iterable[Mapping[str, Any]], subjects: Sequence[str]) -> Standing | None:
    found = [
        Standing(m["subject"], m["name"], float(m["value"]), float(m["deviation"]))
        for m in measures
        if m["name"] in PROBES and m["subject"] in subjects
    ]
    return max(found, key=lambda s: s.value, default=None)


def _figure(measures: Iterable[Mapping[str, Any]], name: str, subject: str) -> Standing | None:
    return _best([m for m in measures if m["name"] == name], (subject,))


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
