"""Names of segments of machines: how their last readings differ, and how far on in life they are.

"High sensor 11 and low sensor 12, late in life". Whoever names a segment of readings in a shop's words ("Regular
customers") says nothing of it: no machine buys, comes back or begins a visit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from kindred_worker.data.portrait import Feature
from kindred_worker.segments.contrast import Contrast, distinct

CLEAR = 0.45  # least effect of a word in a name
READINGS = 2  # in a name; more where two segments would be called the same
BESIDE = 0.5  # of the strongest reading's effect, that the second one of a name has
MOST = 4
SHOPS = ("value_mean", "price", "lines_mean", "variety")  # there is something that is bought
LATE = ("late in life", "early in life")
SPANS = {"main_count": LATE, "tenure": LATE, "recency": ("long silent", "lately seen")}


def are_machines(features: Sequence[Feature], people: str) -> bool:
    """Whether what is described gives readings by the clock (portrait.py) and nothing is bought."""
    kinds = {f.key.partition(":")[0] for f in features}
    return people == "customers" and "lately" in kinds and not kinds & set(SHOPS)


def machine_names(found: Sequence[Sequence[Contrast]]) -> list[str]:
    """Of each segment, from its contrasts, the strongest first; segments alike in all of it share a name."""
    words = [_readings(one) for one in found]
    spans = [_span(one) for one in found]
    told = [[text for text, effect in said[:READINGS] if effect >= BESIDE * said[0][1]] for said in words]
    for more in range(2, MOST + 1):
        shared = Counter(zip(map(tuple, told), spans, strict=True))
        longer = [[text for text, _ in said[:more]] for said in words]
        told = [more_of_it if shared[tuple(t), span] > 1 else t for more_of_it, t, span in zip(longer, told, spans, strict=True)]
    return [_name(said, span) for said, span in zip(told, spans, strict=True)]


def _readings(found: Sequence[Contrast]) -> list[tuple[str, float]]:
    """What its machines read and by how much it sets them apart, the strongest first, without what only repeats a stronger one."""
    clear = [c for c in found if abs(c.effect) >= CLEAR and c.key.partition(":")[0] in ("lately", "mean", "word")]
    said: list[tuple[str, float]] = []
    for one in distinct([c for c in clear if c.is_high or not c.key.startswith("word:")], MOST):
        kind, _, about = one.key.partition(":")
        if kind == "word":
            name, _, word = about.partition("=")
            text = f"{_plain(name)} {word}"
        else:
            text = f"{'high' if one.is_high else 'low'} {_plain(about)}"
        said.append((text, abs(one.effect)))
    return said


def _span(found: Sequence[Contrast]) -> str:
    """How far on in life; nothing where they differ in it from the others by little."""
    told = next((c for key in SPANS for c in found if c.key == key and abs(c.effect) >= CLEAR), None)
    return "" if told is None else SPANS[told.key][0 if told.is_high else 1]


def _name(readings: Sequence[str], span: str) -> str:
    # "High sensor 3 and sensor 9": what is high, or low, as the one before is not called so again.
    degrees = [one.partition(" ")[0] for one in readings]
    alike = [at > 0 and degrees[at] == degrees[at - 1] and degrees[at] in ("high", "low") for at in range(len(readings))]
    short = [one.partition(" ")[2] if same else one for one, same in zip(readings, alike, strict=True)]
    said = " and ".join([", ".join(short[:-1]), short[-1]]) if len(short) > 1 else "".join(short)
    name = ", ".join(part for part in (said, span) if part) or "readings without one pattern"
    return name[0].upper() + name[1:]


def _plain(name: str) -> str:
    return name.replace("_", " ")
