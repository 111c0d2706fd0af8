"""What sets the parts of a segment apart from one another, in a few words: "spending more", "with fewer cancellations"."""

from __future__ import annotations

from kindred_worker.segments.contrast import Contrast
from kindred_worker.segments.phrase import SEASONS, WEEKDAYS, event_doing, event_noun

# (where the trait is higher than in the rest of the segment, where it is lower)
PLAIN = {
    "recency": ("away for longer", "seen more recently"),
    "recency_main": ("away for longer", "back more recently"),
    "tenure": ("with a longer history", "with a shorter history"),
    "value_mean": ("with bigger baskets", "with smaller baskets"),
    "value_rate": ("spending more", "spending less"),
    "value_total": ("spending more", "spending less"),
    "lines_mean": ("with fuller baskets", "with emptier baskets"),
    "variety": ("with more varied baskets", "with less varied baskets"),
    "price": ("choosing dearer articles", "choosing cheaper articles"),
    "trend": ("more active lately", "less active lately"),
    "visit_size": ("with longer visits", "with shorter visits"),
    "unevenness": ("at uneven intervals", "at even intervals"),
    "expected": ("likelier to come back", "less likely to come back"),
    "weekend": ("more at weekends", "less at weekends"),
    "evening": ("more in the evening", "less in the evening"),
    "morning": ("more before noon", "less before noon"),
}


def compared(contrast: Contrast, main_event: str) -> str | None:
    """To follow a segment's name; None for what has no such words."""
    kind, _, about = contrast.key.partition(":")
    more, main, mains = contrast.is_high, event_noun(main_event), event_noun(main_event, plural=True)
    if kind in PLAIN:
        return PLAIN[kind][0 if more else 1]
    if kind == "event_share" and about == main_event:
        return None  # what else they do less of says it
    degree, often = ("more", "more often") if more else ("fewer", "less often")
    match kind:
        case "one_time":
            return f"with a single {main}" if more else f"with several {mains}"
        case "main_count" | "recent":
            return f"with {degree} {mains}"
        case "gap":
            return f"with {'longer' if more else 'shorter'} gaps between {mains}"
        case "event_rate" | "event_share":
            return f"with {degree} {event_noun(about, plural=True)}"
        case "opening":
            return f"{often} beginning by {event_doing(about)}"
        case "closing":
            return f"{often} ending by {event_doing(about)}"
        case "after":
            first, _, then = about.partition(">")
            return f"{often} going from {event_doing(first)} to {event_doing(then)}"
        case "weekday":
            return f"{'more' if more else 'less'} on {WEEKDAYS[int(about)]}"
        case "season":
            return f"{'more' if more else 'less'} from {SEASONS[int(about)]}"
        case "word":
            name, _, word = about.partition("=")
            return f"{often} with {name.replace('_', ' ')} {word}"
        case "mean" | "lately":
            return f"with {'higher' if more else 'lower'} {about.replace('_', ' ')}"
        case _:
            return None
