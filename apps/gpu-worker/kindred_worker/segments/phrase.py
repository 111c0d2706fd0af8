"""Events, amounts and spans of time in plain English, for traits and names."""

from __future__ import annotations

import re

WEEKDAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")
SEASONS = ("January to March", "April to June", "July to September", "October to December")

# Segment's e-commerce vocabulary: (one of them, doing it, what leads with it).
KNOWN = {
    "order completed": ("order", "ordering", "Order-first"),
    "order cancelled": ("cancellation", "cancelling an order", "Cancelling"),
    "order refunded": ("refund", "being refunded", "Refunded"),
    "product viewed": ("product view", "viewing a product", "Browse-first"),
    "product list viewed": ("list view", "viewing a list", "Browse-first"),
    "product added": ("cart addition", "adding to the cart", "Cart-first"),
    "product removed": ("cart removal", "removing from the cart", "Cart-clearing"),
    "cart viewed": ("cart view", "viewing the cart", "Cart-first"),
    "checkout started": ("checkout", "starting a checkout", "Checkout-first"),
    "product added to wishlist": ("wishlist addition", "adding to the wishlist", "Wishlist-first"),
    "products searched": ("search", "searching", "Search-first"),
    "promotion viewed": ("promotion view", "viewing a promotion", "Promotion-first"),
    "promotion clicked": ("promotion click", "clicking a promotion", "Promotion-first"),
    "coupon applied": ("coupon", "applying a coupon", "Coupon-first"),
    "coupon entered": ("coupon", "entering a coupon", "Coupon-first"),
    "page viewed": ("page view", "viewing a page", "Page-first"),
    "screen viewed": ("screen view", "viewing a screen", "Screen-first"),
}
LONGEST_NAME = 40  # characters of an event's name that are told
PARTICIPLES = {"bought": "buying", "sent": "sending", "paid": "paying", "made": "making", "left": "leaving", "read": "reading"}
BUYING = re.compile(r"order|purchase|transaction|checkout|invoice|sale|bought", re.IGNORECASE)


def event_noun(event: str, plural: bool = False) -> str:
    """ "Order Completed" -> "order"; unknown events keep their name."""
    known = KNOWN.get(event.lower())
    if known is None:
        return f"{_quoted(event)} events" if plural else _quoted(event)
    noun = known[0]
    if not plural:
        return noun
    return noun + ("es" if noun.endswith(("ch", "sh", "s")) else "s")


def event_doing(event: str) -> str:
    """ "Product Viewed" -> "viewing a product", "Support Contacted" -> "contacting support"."""
    known = KNOWN.get(event.lower())
    if known is not None:
        return known[1]
    words = event.lower().split() if len(event) <= LONGEST_NAME else []
    for at in range(len(words) - 1, 0, -1):
        doing = PARTICIPLES.get(words[at]) or (_doing(words[at]) if words[at].endswith("ed") else None)
        if doing:
            return " ".join([doing, *words[:at], *words[at + 1 :]])
    return _quoted(event)


def event_lead(event: str) -> str:
    """An adjective for people whose visits begin with the event."""
    known = KNOWN.get(event.lower())
    if known is not None:
        return known[2]
    words = _shortened(event).split()
    return f"{words[0].capitalize()}-first" if words else "Other"


def _quoted(event: str) -> str:
    return f"“{_shortened(event)}”"


def _shortened(event: str) -> str:
    return event if len(event) <= LONGEST_NAME else f"{event[: LONGEST_NAME - 1].rstrip()}…"


def sentence(text: str) -> str:
    """As it stands at the beginning."""
    return text[0].upper() + text[1:]


def people_of(main_events: list[str]) -> str:
    """What the customers are called."""
    return "buyers" if any(BUYING.search(e) for e in main_events) else "customers"


def span(days: float) -> str:
    """A duration as people say it: "12 days", "7 weeks", "14 months"."""
    for unit, length, until in (("minute", 1 / 1440, 1 / 12), ("hour", 1 / 24, 2), ("day", 1, 45), ("week", 7, 84), ("month", 30.44, 731)):
        if days < until:
            return _counted(days / length, unit)
    return _counted(days / 365.25, "year")


def _counted(amount: float, unit: str) -> str:
    rounded = max(1, round(amount))
    return f"{rounded} {unit}" + ("" if rounded == 1 else "s")


def number(value: float) -> str:
    """Two significant digits, no exponent: 3.1, 24, 1,300."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        digits = 2 - len(str(int(abs(value))))
        return f"{round(value, digits):,.0f}"
    return f"{value:.0f}" if abs(value) >= 9.95 else f"{value:.2g}"


def percent(share: float) -> str:
    if 0 < share < 0.005:
        return "under 1 %"
    return f"{100 * share:.0f} %"


def times(lift: float) -> str:
    """How a mean compares with the others': "3.1 times as", "a third as"."""
    if lift >= 0.95:
        return f"{number(lift)} times as"
    for share, word in ((0.5, "half"), (1 / 3, "a third"), (0.25, "a quarter"), (0.1, "a tenth")):
        if abs(lift - share) < 0.06 * (1 if share > 0.2 else 0.5):
            return f"{word} as"
    return f"{percent(max(lift, 0))} as"


def _doing(participle: str) -> str:
    stem = participle[:-2]
    return (stem[:-1] + "y" if stem.endswith("i") else stem) + "ing"
