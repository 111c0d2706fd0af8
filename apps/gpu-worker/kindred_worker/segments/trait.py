"""Contrasts in words: the traits of a segment (SegmentTrait in worker.proto)."""

from __future__ import annotations

from dataclasses import dataclass

from kindred_worker.segments.contrast import Contrast
from kindred_worker.segments.phrase import SEASONS, WEEKDAYS, event_doing, event_noun, number, percent, span, times

SELDOM = 0.1  # of a mean count: at most every tenth has one


@dataclass(frozen=True)
class Trait:
    key: str
    label: str
    lift: float
    effect: float
    segment_value: float
    rest_value: float
    unit: str


def trait_of(contrast: Contrast, main_event: str) -> Trait:
    """`main_event` is what "orders" means here."""
    return Trait(
        contrast.key,
        label_of(contrast, main_event),
        contrast.lift,
        contrast.effect,
        contrast.segment_value,
        contrast.rest_value,
        contrast.feature.unit,
    )


def label_of(contrast: Contrast, main_event: str) -> str:
    """One line for a person; the others' figure always stands beside it."""
    kind, _, about = contrast.key.partition(":")
    ours, theirs, unit = contrast.segment_value, contrast.rest_value, contrast.feature.unit
    main, mains = event_noun(main_event), event_noun(main_event, plural=True)
    share = f"{percent(ours)} (others {percent(theirs)})"
    spans = f"{span(ours)} (others {span(theirs)})"
    money = f" {unit.removesuffix(' per month')}" if unit and not unit.startswith("currency") else ""  # "currency": nobody said which
    amount = f"{number(ours)}{money} (others {number(theirs)})"
    spent = f"{number(ours)}{money} spent"
    match kind:
        case "recency":
            return f"last seen {span(ours)} ago (others {span(theirs)})"
        case "recency_main":
            return f"last {main} {span(ours)} ago (others {span(theirs)})"
        case "tenure":
            return f"a customer for {spans}"
        case "one_time":
            return f"exactly one {main}: {share}"
        case "main_count":
            return f"{number(ours)} {mains} so far (others {number(theirs)})"
        case "value_mean":
            return f"{number(ours)}{money} per {main} (others {number(theirs)})"
        case "value_rate":
            return f"{spent} a month (others {number(theirs)})"
        case "value_total":
            return f"{spent} so far (others {number(theirs)})"
        case "lines_mean":
            return f"{number(ours)} items per {main} (others {number(theirs)})"
        case "variety":
            return f"{number(ours)} new articles per {main} (others {number(theirs)})"
        case "price":
            return f"articles at {amount}"
        case "trend":
            return f"active lately at {percent(ours)} of their usual rate (others {percent(theirs)})"
        case "gap":
            return f"{span(ours)} between {mains} (others {span(theirs)})"
        case "unevenness":
            return f"{'uneven' if contrast.is_high else 'even'} intervals between {mains}: spread {number(ours)} (others {number(theirs)})"
        case "visit_size":
            return f"{number(ours)} events per visit (others {number(theirs)})"
        case "recent":
            return f"{_few(ours)} {mains} in the last {about} days (others {_few(theirs)})"
        case _:
            return _about(kind, about, contrast, share, amount, main_event)


def _about(kind: str, about: str, contrast: Contrast, share: str, amount: str, main_event: str) -> str:
    match kind:
        case "event_rate":
            return f"{event_noun(about, plural=True)} {times(contrast.lift)} often as others"
        case "event_share":
            return f"{event_noun(about, plural=True)} are {share} of what they do"
        case "opening":
            return f"begin a visit by {event_doing(about)}: {share}"
        case "closing":
            return f"end a visit by {event_doing(about)}: {share}"
        case "after":
            first, _, then = about.partition(">")
            again = "again " if first == then else ""
            return f"after {event_doing(first)} comes {again}{event_doing(then)}: {share}"
        case "expected":
            within = f" within {span(contrast.feature.within_days)}" if contrast.feature.within_days else ""
            who = "expected to come back" if about == main_event else f"{event_noun(about)} expected"
            return f"{who}{within}: {share}"
        case "expected_value":
            return f"expected to bring {amount}"
        case "weekend" | "evening" | "morning":
            when = {"weekend": "at weekends", "evening": "in the evening", "morning": "before noon"}[kind]
            return f"{when}: {share}"
        case "weekday":
            return f"on {WEEKDAYS[int(about)]}: {share}"
        case "season":
            return f"from {SEASONS[int(about)]}: {share}"
        case "word":
            name, _, word = about.partition("=")
            return f"{name.replace('_', ' ')} is {word}: {share}"
        case "mean":
            mine, other = _told_apart(contrast.segment_value, contrast.rest_value)
            return f"{about.replace('_', ' ')} {mine} on average (others {other})"
        case "lately":
            mine, other = _told_apart(contrast.segment_value, contrast.rest_value)
            return f"{about.replace('_', ' ')} {mine} lately (others {other})"
        case _:
            return f"{contrast.key}: {number(contrast.segment_value)} (others {number(contrast.rest_value)})"


def _few(count: float) -> str:
    """A mean count. 0.013 orders is what nobody says."""
    return "hardly any" if 0 < count < SELDOM else number(count)


def _told_apart(ours: float, theirs: float) -> tuple[str, str]:
    """Two figures, with as many places as it takes to see that they differ: readings move within a few per cent."""
    if number(ours) != number(theirs):
        return number(ours), number(theirs)
    places = next((p for p in range(6) if f"{ours:.{p}f}" != f"{theirs:.{p}f}"), 6)
    return f"{ours:,.{places}f}", f"{theirs:,.{places}f}"
