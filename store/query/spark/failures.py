"""What an engine answered instead of a result, as errors that say what to do.

Importing this module needs the extra `spark`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc
from ibis.common.exceptions import OperationNotDefinedError, UnsupportedOperationError
from pyspark.errors import PySparkException
from pyspark.errors.exceptions.connect import SparkConnectGrpcException

from hubbub.errors import EngineError, UsageError

__all__ = ["ERRORS", "GoneError", "attributed"]

#: What a request to an engine raises, besides Ibis' own errors.
ERRORS = (PySparkException, grpc.RpcError)
_UNREADABLE = ("PATH_NOT_FOUND", "FILE_NOT_EXIST", "FAILED_READ_FILE", "No such file",
               "Permission denied", "Object at location", "No files found")  # fmt: skip
_DETAILS = re.compile(r'^\s*details = "(.+)"$', re.MULTILINE)
_ENDED = ("SESSION_CLOSED", "SESSION_CHANGED", "SESSION_NOT_FOUND", "NO_ACTIVE_SESSION")
#: What an error says of another engine that is none of the user's business.
_BUILT_IN = "leave --engine out (or give --engine duckdb)"


class GoneError(EngineError):
    """The engine went away, or has ended the session, as after an hour without a request."""


@contextmanager
def attributed(where: Any) -> Iterator[None]:
    """Turn errors of the engine, and on the way to it, into those of hubbub.

    Args:
        where: the address of the engine.

    Raises:
        UsageError: the expression cannot be computed there.
        EngineError: all others.
    """
    try:
        yield
    except (OperationNotDefinedError, UnsupportedOperationError) as error:
        raise UsageError(
            f"this engine cannot compute that: {_first_line(error)}",
            where=str(where),
            hint=_BUILT_IN,
        ) from error
    except ERRORS as error:
        raise _error(error, str(where)) from error


def _error(error: Exception, where: str) -> EngineError:
    code, text = _status(error), _first_line(error)
    if any(word in str(error) for word in _ENDED):
        return GoneError("the engine has ended this session", where=where, hint="try again")
    if code is grpc.StatusCode.UNAVAILABLE:
        return GoneError(
            "the engine went away", where=where, hint="its log may say why; the store is unharmed"
        )
    if code is grpc.StatusCode.UNAUTHENTICATED or code is grpc.StatusCode.PERMISSION_DENIED:
        return EngineError(
            f"the engine refuses: {text}",
            where=where,
            hint="check the token ([engine] token_file, or ;token=… of the address)",
        )
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return EngineError(
            f"this server does not know Spark Connect as this client speaks it: {text}",
            where=where,
            hint="it has to be Spark 3.5 or newer, Databricks, or Sail",
        )
    if any(word in str(error) for word in _UNREADABLE):
        return EngineError(
            f"the engine cannot read the store: {text}",
            where=where,
            hint="it has to see the same files, as a user who may read them; "
            "`hubbub verify` says whether the store is whole",
        )
    return EngineError(f"the engine failed: {text}", where=where, hint=_BUILT_IN)


def _status(error: Exception) -> grpc.StatusCode | None:
    """Return the status of an answer that is an error; None if there was no answer."""
    if isinstance(error, SparkConnectGrpcException):
        return error.getGrpcStatusCode()
    return error.code() if isinstance(error, grpc.Call) else None


def _first_line(error: Exception) -> str:
    """Return what an error says, without the server's stack."""
    text = str(error)
    if details := _DETAILS.search(text):  # of an answer that gRPC describes
        return details[1][:500]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:500]
