"""Names of the coarser and finer segments, unique among those of all levels.

A coarser segment is named as any other, by what sets it apart from everyone else, as far as that is so of each of its parts:
where its name would speak of what is not, or is that of one of them, it is called after them, what they share said once. A finer
one bears its parent's name and what sets it apart within the parent, as a comparison: it shares all else with its siblings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from kindred_worker.data.portrait import Feature
from kindred_worker.segments.comparison import compared
from kindred_worker.segments.contrast import WORTH_TELLING, Contrast, contrasts, distinct, effect_of, told_in_figures
from kindred_worker.segments.hierarchy import NONE, Family, Kin
from kindred_worker.segments.naming import Named, name_segments
from kindred_worker.segments.phrase import people_of, sentence
from kindred_worker.segments.trait import label_of

Int64 = npt.NDArray[np.int64]

DISTINCT = 0.8  # least effect, within the parent, of what a part is named after (Cohen: "large")
TOLD = 3


def among(features: Sequence[Feature], rows: Int64) -> list[Feature]:
    """The same features of some customers (M); what is foreseen of them is left out, for it is what they were split by."""
    return [replace(f, values=f.values[rows]) for f in features if f.family != "forecast"]


def differ(features: Sequence[Feature], rows: Int64, parts: Int64) -> bool:
    """Whether each part (M) of the customers `rows` (M) differs from the others of them enough to be named after it."""
    ours = among(features, rows)
    found = [contrasts(ours, parts, part) for part in range(int(parts.max()) + 1)]
    return all(one and abs(one[0].effect) >= DISTINCT for one in found)


def name_kin(
    features: Sequence[Feature],
    labels: Int64,
    finer: Int64,
    family: Family,
    kin: Sequence[Kin],
    names: Sequence[Named],
    main: Sequence[str],
) -> dict[int, Named]:
    """By place in the bundle; `labels` and `finer` (N) are everyone's places, `names` (K) those of the partition."""
    found = _coarser(features, labels, family, [k for k in kin if k.level == "COARSER"], names, main)
    for parent in sorted({k.parent for k in kin if k.level == "FINER"}):
        children = [k.index for k in kin if k.parent == parent]
        rows = np.flatnonzero(labels == parent)
        parts = np.searchsorted(np.array(children), finer[rows])
        found |= dict(zip(children, _finer(among(features, rows), parts, len(children), names[parent].name, main), strict=True))
    return found


def _coarser(
    features: Sequence[Feature], labels: Int64, family: Family, kin: Sequence[Kin], names: Sequence[Named], main: Sequence[str]
) -> dict[int, Named]:
    if not kin:
        return {}
    cut = family.coarser(labels)
    groups = np.searchsorted(np.array([k.index for k in kin]), cut)
    groups = np.where(cut == NONE, len(kin), groups)
    parts_of: list[list[int]] = [np.flatnonzero(family.coarser_of == one.index).tolist() for one in kin]

    def holds_of_each_part(group: int, one: Contrast) -> bool:
        others = groups != group
        return all(effect_of(one.feature, labels == part, others) * np.sign(one.effect) >= WORTH_TELLING for part in parts_of[group])

    drawn = name_segments(features, groups, len(kin), main)
    held = name_segments(features, groups, len(kin), main, holds_of_each_part)
    people = people_of(list(main))
    taken = {n.name for n in names}
    found: dict[int, Named] = {}
    for one, whole, true, parts in zip(kin, drawn, held, parts_of, strict=True):
        children = [names[part] for part in parts]
        called = [child.name for child in children]
        calls = [whole.name] if whole.name == true.name else []
        name = next(n for n in [*calls, joined(children, people), " / ".join(called)] if n not in taken)
        taken.add(name)
        found[one.index] = Named(name, f"{true.description} Made of {_listed([f'“{c}”' for c in called])}.")
    return found


def _finer(features: Sequence[Feature], parts: Int64, count: int, parent: str, main: Sequence[str]) -> list[Named]:
    """Of the parts (M) of one segment."""
    event, people = main[0] if main else "", people_of(list(main))
    found = [contrasts(features, parts, part) for part in range(count)]
    words = [_words(one, event, parent) for one in found]
    told = [said[:1] for said in words]
    # Siblings that would be called the same say one thing more each.
    for more in range(2, TOLD + 1):
        shared = Counter(tuple(t) for t in told)
        told = [said[:more] if shared[tuple(t)] > 1 else t for said, t in zip(words, told, strict=True)]
    seen: Counter[tuple[str, ...]] = Counter()
    named: list[Named] = []
    for part, (said, one) in enumerate(zip(told, found, strict=True)):
        seen[tuple(said)] += 1
        number = f" ({seen[tuple(said)]})" if seen[tuple(said)] > 1 else ""
        name = f"{parent}{'' if parent.endswith(people) else ','} {_listed(said)}{number}" if said else f"{parent}, part {part + 1}"
        about = " ".join(f"{sentence(text)}." for text in (label_of(c, event) for c in told_in_figures(one, TOLD)))
        named.append(Named(name, f"A part of “{parent}”. Against the rest of it: {about}"))
    return named


def _words(found: Sequence[Contrast], main_event: str, parent: str) -> list[str]:
    """The strongest first, each thing once; what the parent's name speaks of already, last."""
    said = [text for c in distinct(found, 2 * TOLD) if (text := compared(c, main_event)) is not None]
    said.sort(key=lambda text: text.rpartition(" by ")[2] in parent)
    return list(dict.fromkeys(said))[:TOLD]


def joined(parts: Sequence[Named], people: str) -> str:
    """A name of what is made of some segments: what they are all called stands before the people, and what each is called beside it
    behind them. "Lapsed occasional buyers", "Lapsed buyers at weekends" -> "Lapsed buyers: occasional and others"; where they share
    no word, "Active regular and frequent buyers".
    """
    told = list(dict.fromkeys(part.adjectives for part in parts))
    if not any(told):
        return " / ".join(part.name for part in parts)
    shared = [word for word in told[0] if all(word in one for one in told)]
    own = [" ".join(word for word in one if word not in shared) for one in told]
    kinds = [text for text in own if text]
    rest = [] if all(own) else ["others" if shared else "other"]
    if not shared:
        return sentence(f"{_listed([*kinds, *rest])} {people}")
    whole = sentence(" ".join([*shared, people]))
    return f"{whole}: {_listed([*kinds, *rest])}" if kinds else whole


def _listed(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)
