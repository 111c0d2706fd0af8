"""Exceptions of the work as gRPC status with google.rpc.ErrorInfo in `grpc-status-details-bin`."""

from __future__ import annotations

import errno
import logging

import grpc
from google.protobuf.any_pb2 import Any
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from kindred_worker.report import Cancelled, HashMismatch, InvalidInput, TooLittleData

DOMAIN = "worker.kindred"
LOG = logging.getLogger(__name__)


class ModelUnavailable(Exception):
    """The model that a request names cannot be loaded."""


class ShuttingDown(Exception):
    """The server stops; the same request again resumes."""


async def abort(context: grpc.aio.ServicerContext, error: BaseException) -> None:
    """Ends the call with the status of this error."""
    code, reason, facts = status_of(error)
    if code is grpc.StatusCode.INTERNAL:
        LOG.error("call failed", exc_info=error)
    detail = Any()
    detail.Pack(ErrorInfo(reason=reason, domain=DOMAIN, metadata=facts))
    message = str(error) or type(error).__name__
    status = Status(code=code.value[0], message=message, details=[detail])
    await context.abort(code, message, (("grpc-status-details-bin", status.SerializeToString()),))


def status_of(error: BaseException) -> tuple[grpc.StatusCode, str, dict[str, str]]:
    """Code, reason and metadata."""
    match error:
        case TooLittleData():
            return grpc.StatusCode.FAILED_PRECONDITION, "TOO_LITTLE_DATA", {"needed": error.needed, "found": error.found}
        case InvalidInput():
            return grpc.StatusCode.INVALID_ARGUMENT, "INVALID_INPUT", {"field": error.field} if error.field else {}
        case HashMismatch():
            return grpc.StatusCode.DATA_LOSS, "HASH_MISMATCH", {}
        case ModelUnavailable():
            return grpc.StatusCode.FAILED_PRECONDITION, "MODEL_UNAVAILABLE", {}
        case ShuttingDown():
            return grpc.StatusCode.UNAVAILABLE, "SHUTTING_DOWN", {}
        case Cancelled():
            return grpc.StatusCode.CANCELLED, "CANCELLED", {}
        case OSError() if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return grpc.StatusCode.RESOURCE_EXHAUSTED, "NO_SPACE", {}
        case MemoryError():
            return grpc.StatusCode.RESOURCE_EXHAUSTED, "NO_MEMORY", {}
        case _:
            return grpc.StatusCode.INTERNAL, "INTERNAL", {}
