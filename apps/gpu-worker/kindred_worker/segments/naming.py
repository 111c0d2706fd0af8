"""Names and descriptions of segments, from their strongest real contrasts.

A name is "[stage] [intensity] [value] [lead] people[, clause]". Each place speaks of one family of features; the two
strongest places that apply are used, so that a name never hangs on one noisy feature. Segments that would get the same
name are told apart by what differs most between them, in figures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kindred_worker.data.portrait import Feature
from kindred_worker.segments.contrast import Contrast, contrast, contrasts, told_in_figures
from kindred_worker.segments.machine_naming import are_machines, machine_names
from kindred_worker.segments.phrase import SEASONS, WEEKDAYS, event_doing, event_lead, event_noun, number, people_of, sentence, span
from kindred_worker.segments.trait import label_of

Int64 = npt.NDArray[np.int64]

CLEAR = 0.45  # least effect of a word in a name
ORDER_OF_WORDS = ("stage", "intensity", "value", "lead", "clause")
WORDS = 2  # places of the name that are filled
TOLD_IN_DESCRIPTION = 3


@dataclass(frozen=True)
class Named:
    name: str
    description: str
    adjectives: tuple[str, ...] = ()  # of the name, in its order, each as within a sentence


@dataclass(frozen=True)
class _Word:
    place: str
    text: str
    weight: float


def name_segments(
    features: Sequence[Feature],
    labels: Int64,
    count: int,
    main_events: Sequence[str],
    holds: Callable[[int, Contrast], bool] = lambda segment, one: True,
) -> list[Named]:
    """Unique names and descriptions of segments 0..count - 1; `labels` (N) of the customers of `features`. Of a segment's contrasts
    only those are told that `holds` is true of."""
    main = main_events[0] if main_events else ""
    people = people_of(list(main_events))
    found = [[one for one in contrasts(features, labels, segment) if holds(segment, one)] for segment in range(count)]
    machines = are_machines(features, people)
    words = [() if machines else _chosen(one, main) for one in found]
    names = machine_names(found) if machines else [_name(said, people) for said in words]
    names = _told_apart(names, features, labels, main)
    about = [_description(one, main, "machines" if machines else people) for one in found]
    return [Named(name, text, _adjectives(said)) for name, text, said in zip(names, about, words, strict=True)]


def _chosen(found: Sequence[Contrast], main: str) -> Sequence[_Word]:
    """The words of a name, in its order."""
    words = _words({c.key: c for c in found}, found, main)
    if any(w.text == "Very frequent" for w in words):  # says active, and more
        words = [w for w in words if w.text != "Active"]
    chosen = sorted(words, key=lambda w: -w.weight)[:WORDS]
    if not chosen and any(c.key == "gap" and not c.is_high for c in found):
        chosen = [_Word("intensity", "Frequent", 0)]  # while they come; nothing else of them says more
    return sorted(chosen, key=lambda w: ORDER_OF_WORDS.index(w.place))


def _name(words: Sequence[_Word], people: str) -> str:
    if not words:
        return f"{people.capitalize()} without one pattern"
    clauses = [w.text for w in words if w.place == "clause"]
    return sentence(" ".join([*_adjectives(words), people, *clauses]))


def _adjectives(words: Sequence[_Word]) -> tuple[str, ...]:
    return tuple(w.text[0].lower() + w.text[1:] for w in words if w.place != "clause")


def _words(by_key: dict[str, Contrast], found: Sequence[Contrast], main: str) -> list[_Word]:
    """At most one word per place."""
    words = [*_stage(by_key, main), *_intensity(by_key, main), *_value(by_key), *_lead(found), *_clause(found, main)]
    return [w for w in words if w.weight >= CLEAR]


def _stage(by_key: dict[str, Contrast], main: str) -> list[_Word]:
    """Where in a customer's life: new, active, fading, lapsed."""
    tenure, recency = by_key.get("tenure"), by_key.get("recency_main") or by_key.get("recency")
    expected = by_key.get(f"expected:{main}")
    if tenure is not None and tenure.effect < -0.8 and tenure.lift < 0.5:
        return [_Word("stage", "New", -tenure.effect)]
    if recency is None:
        return []
    if recency.is_high:
        gone = expected is not None and expected.effect < -0.8 and recency.effect > 0.7
        return [_Word("stage", "Lapsed" if gone else "Fading", recency.effect)] if gone or expected is None or not expected.is_high else []
    return [_Word("stage", "Active", -recency.effect)] if recency.lift < 0.6 else []


def _intensity(by_key: dict[str, Contrast], main: str) -> list[_Word]:
    """How often the main event."""
    once = by_key.get("one_time")
    if once is not None and once.segment_value >= 0.6 and once.is_high:
        return [_Word("intensity", "One-time", once.effect)]
    often = [c for k in ("main_count", f"event_rate:{main}") if (c := by_key.get(k)) is not None]
    gap = by_key.get("gap")
    if gap is not None and gap.is_high and not any(c.is_high for c in often):
        return [_Word("intensity", "Occasional", gap.effect)]
    if not often:
        return []
    strongest = max(often, key=lambda c: abs(c.effect))
    if strongest.is_high:
        return [_Word("intensity", "Very frequent" if strongest.effect > 1.5 else "Regular", strongest.effect)]
    return [_Word("intensity", "Rare" if strongest.effect < -1.5 else "Occasional", -strongest.effect)]


def _value(by_key: dict[str, Contrast]) -> list[_Word]:
    """What one main event is worth; what all of them are worth, where that says more."""
    basket, total = by_key.get("value_mean"), by_key.get("value_total")
    if total is not None and total.effect > 1.5:
        return [_Word("value", "High-spending", total.effect)]
    if basket is not None and abs(basket.effect) >= CLEAR:
        return [_Word("value", "Big-basket" if basket.is_high else "Small-basket", abs(basket.effect))]
    return []


def _lead(found: Sequence[Contrast]) -> list[_Word]:
    """What their visits begin with."""
    opening = next((c for c in found if c.key.startswith("opening:") and c.is_high and c.segment_value >= 0.25), None)
    return [_Word("lead", event_lead(opening.key.partition(":")[2]), opening.effect)] if opening else []


def _clause(found: Sequence[Contrast], main: str) -> list[_Word]:
    """What else is particular: the calendar, what ends a visit, a property; what follows what, where nothing leads."""
    has_lead = bool(_lead(found))
    is_often = any(c.is_high for c in found if c.key in ("main_count", f"event_rate:{main}"))
    for one in found:
        kind, _, about = one.key.partition(":")
        if kind == "event_share" and about == main and is_often:
            continue  # what the name says by how often they come
        # A low share of something is no description of anybody, a low level of a reading is.
        if not (one.is_high or kind == "lately") or abs(one.effect) < CLEAR or (kind == "after" and has_lead):
            continue
        text = _clause_text(kind, about, one, found)
        if text is not None:
            return [_Word("clause", text, abs(one.effect))]
    return []


def _clause_text(kind: str, about: str, one: Contrast, found: Sequence[Contrast]) -> str | None:
    match kind:
        case "weekend" if one.segment_value >= 0.4:
            return "at weekends"
        case "evening" if one.segment_value >= 0.5:
            return "in the evening"
        case "weekday" if one.segment_value >= 0.3:
            days = [c for c in found if c.key.startswith("weekday:") and c.is_high and c.effect > one.effect / 2]
            told = sorted(int(c.key.partition(":")[2]) for c in days[:2])
            return "on " + " and ".join(WEEKDAYS[d] for d in told)
        case "season" if one.segment_value >= 0.4:
            return f"from {SEASONS[int(about)]}"
        case "closing" if one.segment_value >= 0.35:
            return f"who end by {event_doing(about)}"
        case "after" if one.segment_value >= 0.4:
            first, _, then = about.partition(">")
            return None if first == then else f"who go from {event_doing(first)} to {event_doing(then)}"
        case "event_share" if one.segment_value >= 0.2:
            return f"with many {event_noun(about, plural=True)}"
        case "word" if one.segment_value >= 0.6:
            name, _, word = about.partition("=")
            return f"with {name.replace('_', ' ')} {word}"
        case "lately":
            return f"with {'high' if one.is_high else 'low'} {about.replace('_', ' ')}"
        case _:
            return None


def _told_apart(names: list[str], features: Sequence[Feature], labels: Int64, main: str) -> list[str]:
    """Adds to names that occur twice what differs most between those who share it."""
    told = list(names)
    for name, count in Counter(names).items():
        if count == 1:
            continue
        twins = [at for at, other in enumerate(names) if other == name]
        among = np.isin(labels, twins)
        shared = [Feature(f.key, f.unit, f.family, f.is_skewed, f.values[among]) for f in features if _tells_apart(f.key, main)]
        best = max(shared, key=lambda f: _separation(f, labels[among], twins), default=None)
        for at in twins:
            clause = "" if best is None else _figure(best, labels[among] == at, main)
            told[at] = f"{name}, {clause}" if clause else name
    return _numbered(told)


def _separation(feature: Feature, labels: Int64, twins: Sequence[int]) -> float:
    """How far apart the twins lie: the least effect that any of them shows against the others."""
    effects = [contrast(feature, labels == at) for at in twins]
    return min((abs(e.effect) if e is not None else 0.0) for e in effects)


_FIGURES: dict[str, Callable[[float, str, str], str]] = {
    "recency_main": lambda v, main, unit: f"last {event_noun(main)} about {span(v)} ago",
    "recency": lambda v, main, unit: f"last seen about {span(v)} ago",
    "gap": lambda v, main, unit: f"about {span(v)} between {event_noun(main, plural=True)}",
    "value_mean": lambda v, main, unit: f"about {number(v)}{'' if unit == 'currency' else f' {unit}'} per {event_noun(main)}",
    "main_count": lambda v, main, unit: f"about {number(v)} {event_noun(main, plural=True)} so far",
    "tenure": lambda v, main, unit: f"customers for about {span(v)}",
}


def _tells_apart(key: str, main: str) -> bool:
    return key in _FIGURES and (bool(main) or key in ("recency", "tenure"))


def _figure(feature: Feature, inside: npt.NDArray[np.bool_], main: str) -> str:
    values = feature.values[inside & np.isfinite(feature.values)]
    # The mean, as in the traits: a name must not say another figure than what is told of the segment.
    return _FIGURES[feature.key](float(values.mean()), main, feature.unit) if len(values) else ""


def _numbered(names: list[str]) -> list[str]:
    """The last resort for segments that no words tell apart."""
    seen: Counter[str] = Counter()
    out: list[str] = []
    for name in names:
        seen[name] += 1
        out.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return out


def _description(found: Sequence[Contrast], main: str, people: str) -> str:
    """Without the share: people come and go while the model stays, and it would soon be untrue beside the size that is counted."""
    told = told_in_figures(found, TOLD_IN_DESCRIPTION)
    if not told:
        return f"They differ little from the others: {people} whose behaviour follows no single pattern."
    return " ".join(f"{sentence(label_of(c, main))}." for c in told)
