"""JudgeEvents: events' novelty of some customers, each read alone so that one customer's data never fails its neighbours."""

from __future__ import annotations

import numpy as np

from kindred_worker.data.live import featurised, parse
from kindred_worker.gen.kindred.worker.v1 import worker_pb2 as pb
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.report import InvalidInput
from kindred_worker.surprise import Surprise, judged

MOST_CUSTOMERS, MOST_EVENTS = 100, 2_000


def check(request: pb.JudgeEventsRequest) -> None:
    """Raises InvalidInput."""
    if len(request.customers) > MOST_CUSTOMERS:
        raise InvalidInput(f"at most {MOST_CUSTOMERS} customers at once; {len(request.customers)} were given")
    for customer in request.customers:
        if len(customer.events) > MOST_EVENTS:
            raise InvalidInput(f"at most {MOST_EVENTS} events of a customer; {customer.customer_id} has {len(customer.events)}")
        if any(place >= len(customer.events) for place in customer.asked):
            raise InvalidInput(f"asked holds places in events, 0 to {len(customer.events) - 1} for {customer.customer_id}")


def judge(model: BehaviourModel, scale: Surprise | None, request: pb.JudgeEventsRequest) -> pb.JudgeEventsResponse:
    if scale is None or model.next_event is None:
        return pb.JudgeEventsResponse(model_hash=request.model_hash)
    return pb.JudgeEventsResponse(
        model_hash=request.model_hash, judges=True, customers=[_customer(model, scale, customer) for customer in request.customers]
    )


def _customer(model: BehaviourModel, scale: Surprise, customer: pb.CustomerJudgeRequest) -> pb.CustomerJudgeResult:
    if not customer.asked:
        return pb.CustomerJudgeResult(customer_id=customer.customer_id)
    try:
        events = featurised(model.features, [(e.name, e.occurred_at, parse(e.properties)) for e in customer.events])
        novelty = judged(model, scale, events, np.array([0, len(customer.events)]), list(customer.asked))
    except (ValueError, ArithmeticError) as error:
        return pb.CustomerJudgeResult(customer_id=customer.customer_id, error=f"{type(error).__name__}: {error}")
    return pb.CustomerJudgeResult(customer_id=customer.customer_id, novelty=novelty)
