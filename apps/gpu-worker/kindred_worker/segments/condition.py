"""One bound on one trait of a customer: what a rule is made of, for machines and in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Literal

import numpy as np
import numpy.typing as npt

from kindred_worker.segments.phrase import SEASONS, WEEKDAYS, event_doing, event_noun, percent

Float64 = npt.NDArray[np.float64]
Operator = Literal["AT_LEAST", "AT_MOST"]

COUNTED = ("main_count", "recent")  # kinds of traits that are whole numbers
# Kinds of traits that nobody could check of a customer by looking at them.
UNSPOKEN = ("expected", "expected_value", "trend", "unevenness")


@dataclass(frozen=True)
class Condition:
    """A customer of whom the trait is not known does not meet it."""

    trait: str  # key of a describing feature
    operator: Operator
    value: float
    unit: str

    def met(self, values: Float64) -> npt.NDArray[np.bool_]:
        """(N) values of the trait, NaN where it does not apply -> (N)."""
        with np.errstate(invalid="ignore"):
            return values >= self.value if self.operator == "AT_LEAST" else values <= self.value


def condition_of(trait: str, unit: str, threshold: float, is_above: bool) -> Condition:
    """The bound that a person would state for `trait > threshold` (`is_above`) or `trait <= threshold`."""
    kind = trait.partition(":")[0]
    if kind in COUNTED or kind == "one_time":
        value = float(floor(threshold) + 1 if is_above else floor(threshold))
    elif unit == "days":
        value = float(round(_round(threshold))) if threshold >= 1 else ceil(24 * threshold) / 24
    elif unit == "share":
        steps = round(20 * threshold)
        value = steps / 20 if 0 < steps < 20 else round(threshold, 2)
    else:
        value = _round(threshold)
    return Condition(trait, "AT_LEAST" if is_above else "AT_MOST", value, unit)


def in_words(conditions: Sequence[Condition], main_event: str) -> str:
    """ "At least 3 orders in the last 90 days and last order within 21 days"; empty without conditions."""
    by_trait: dict[str, list[Condition]] = {}
    for condition in conditions:
        by_trait.setdefault(condition.trait, []).append(condition)
    said = [_said(bounds, main_event) for bounds in by_trait.values()]
    text = " and ".join([", ".join(said[:-1]), said[-1]]) if len(said) > 1 else "".join(said)
    return text[:1].upper() + text[1:]


def _said(bounds: Sequence[Condition], main_event: str) -> str:
    first = bounds[0]
    low = max((c.value for c in bounds if c.operator == "AT_LEAST"), default=None)
    high = min((c.value for c in bounds if c.operator == "AT_MOST"), default=None)
    kind, _, about = first.trait.partition(":")
    main, mains = event_noun(main_event), event_noun(main_event, plural=True)
    if first.unit == "days":
        return _of_time(kind, main, mains, low, high)
    if kind == "one_time":
        return f"exactly one {main}" if low is not None else f"more than one {main}"
    if kind in COUNTED:
        when = f" in the last {about} days" if kind == "recent" else " so far"
        return _count(low, high, main, mains) + when
    if first.unit == "share":
        return _of_share(kind, about, _range(low, high, percent), mains)
    return _of_amount(kind, about, first.unit, _range(low, high, _figure), main)


def _of_time(kind: str, main: str, mains: str, low: float | None, high: float | None) -> str:
    what = {"recency": "last seen", "recency_main": f"last {main}"}.get(kind)
    if what is None:
        return f"a customer for {_range(low, high, _days)}" if kind == "tenure" else f"{_range(low, high, _days)} between {mains}"
    if low is None and high is not None:
        return f"{what} within {_days(high)}"
    return f"{what} {_range(low, high, _days)} ago"


def _of_share(kind: str, about: str, share: str, mains: str) -> str:
    match kind:
        case "event_share":
            return f"{event_noun(about, plural=True)} are {share} of what they do"
        case "opening":
            return f"{share} of visits begin by {event_doing(about)}"
        case "closing":
            return f"{share} of visits end by {event_doing(about)}"
        case "after":
            first, _, then = about.partition(">")
            return f"after {event_doing(first)} comes {event_doing(then)} {share} of the time"
        case "weekend" | "evening" | "morning":
            return f"{share} of {mains} {({'weekend': 'at weekends', 'evening': 'in the evening', 'morning': 'before noon'})[kind]}"
        case "weekday":
            return f"{share} of {mains} on {WEEKDAYS[int(about)]}"
        case "season":
            return f"{share} of {mains} from {SEASONS[int(about)]}"
        case "word":
            name, _, word = about.partition("=")
            return f"{name.replace('_', ' ')} is {word} {share} of the time"
        case _:
            return f"{kind.replace('_', ' ')} {share}"


def _of_amount(kind: str, about: str, unit: str, amount: str, main: str) -> str:
    money = amount if unit.startswith("currency") else f"{amount} {unit.removesuffix(' per month')}"  # "currency": nobody said which
    match kind:
        case "value_mean":
            return f"{money} per {main}"
        case "value_rate":
            return f"{money} spent a month"
        case "value_total":
            return f"{money} spent so far"
        case "lines_mean":
            return f"{amount} items per {main}"
        case "variety":
            return f"{amount} new articles per {main}"
        case "price":
            return f"articles costing {money}"
        case "visit_size":
            return f"{amount} events per visit"
        case "event_rate":
            return f"{amount} {event_noun(about, plural=True)} a month"
        case "mean":
            return f"{about.replace('_', ' ')} {amount} on average"
        case "lately":
            return f"{about.replace('_', ' ')} {amount} lately"
        case _:
            return f"{kind.replace('_', ' ')} {amount} {unit}".rstrip()


def _range(low: float | None, high: float | None, shown: Callable[[float], str]) -> str:
    if low is not None and high is not None:
        first, last = shown(low), shown(high)
        same = first.split(" ")[1:] == last.split(" ")[1:]
        return f"about {first}" if high <= low else f"{first.split(' ')[0] if same else first} to {last}"
    return f"at least {shown(low)}" if low is not None else f"at most {shown(high or 0.0)}"


def _count(low: float | None, high: float | None, one: str, many: str) -> str:
    if high == 0:
        return f"no {many}"
    if low == high:
        return f"exactly {_figure(low or 0)} {one if low == 1 else many}"
    last = high if high is not None else low
    return f"{_range(low, high, _figure)} {one if last == 1 else many}"


def _days(days: float) -> str:
    amount, unit = (days, "day") if days >= 1 else (24 * days, "hour")
    return f"{round(amount):,} {unit}" + ("" if round(amount) == 1 else "s")


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) else f"{value:,g}"


def _round(value: float) -> float:
    """Two significant digits."""
    if value == 0:
        return 0.0
    digits = 1 - floor(log10(abs(value)))
    return float(round(value, digits))
