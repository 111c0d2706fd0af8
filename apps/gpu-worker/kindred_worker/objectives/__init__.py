"""Pretext tasks: one file each. Adding one is its file, its test and a line here."""

from collections.abc import Callable, Iterable

from kindred_worker.data.features import FeatureSpec
from kindred_worker.models.plan import Plan
from kindred_worker.objectives.barlow_twins import BarlowTwins
from kindred_worker.objectives.contrastive import Contrastive
from kindred_worker.objectives.horizon import Horizon
from kindred_worker.objectives.masked_event import MaskedEvent
from kindred_worker.objectives.next_event import NextEvent
from kindred_worker.objectives.objective import Moments, Objective
from kindred_worker.objectives.order import Order
from kindred_worker.objectives.transitions import Transitions
from kindred_worker.objectives.vicreg import VicReg
from kindred_worker.report import InvalidInput

OBJECTIVES: dict[str, Callable[[FeatureSpec, Plan], Objective]] = {
    "horizon": Horizon,
    "next_event": NextEvent,
    "transitions": Transitions,
    "masked_event": MaskedEvent,
    "contrastive": Contrastive,
    "order": Order,
    "vicreg": VicReg,
    "barlow_twins": BarlowTwins,
}


def check_names(names: Iterable[str]) -> None:
    """Raises InvalidInput at a name that is none of ours."""
    for name in names:
        if name not in OBJECTIVES:
            raise InvalidInput(f"objectives: {name!r} is unknown; there are {', '.join(OBJECTIVES)}", "objectives")


def made(features: FeatureSpec, plan: Plan) -> dict[str, Objective]:
    """The plan's pretext tasks with fresh weights, in its order."""
    check_names(plan.objectives)
    return {name: OBJECTIVES[name](features, plan) for name in plan.objectives}


__all__ = ["OBJECTIVES", "Horizon", "Moments", "NextEvent", "Objective", "Transitions", "check_names", "made"]
