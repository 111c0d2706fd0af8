"""RuleWorkerService: members and traits in, a rule in words out."""

from __future__ import annotations

import asyncio

import grpc
import numpy as np

from kindred_worker.data.portrait import Feature
from kindred_worker.gen.kindred.worker.v1 import rule_pb2 as pb
from kindred_worker.gen.kindred.worker.v1 import rule_pb2_grpc as rpc
from kindred_worker.report import InvalidInput
from kindred_worker.rpc.errors import abort
from kindred_worker.rpc.messages import rule_of
from kindred_worker.segments.rule import Rule, distil


class RuleWorker(rpc.RuleWorkerServiceServicer):
    async def DistillRule(self, request: pb.DistillRuleRequest, context: grpc.aio.ServicerContext) -> pb.DistillRuleResponse:
        try:
            # On a thread of its own: live scoring goes on meanwhile.
            rule = await asyncio.to_thread(_distilled, request)
        except InvalidInput as error:
            await abort(context, error)
            raise
        return pb.DistillRuleResponse(rule=rule_of(rule, request.main_event))


def _distilled(request: pb.DistillRuleRequest) -> Rule:
    members = np.array(request.members, dtype=bool)
    for column in request.traits:
        if len(column.values) != len(members):
            raise InvalidInput(f"trait {column.key!r} has {len(column.values)} values for {len(members)} customers; give one each")
    traits = [Feature(c.key, c.unit, c.key, False, np.array(c.values, dtype=np.float64)) for c in request.traits]
    return distil(traits, members, request.main_event, request.seed)
