"""Fields of a request's header, read without building anything: for what each request passes."""

from __future__ import annotations

from starlette.types import Scope

__all__ = ["field", "fields"]


def fields(scope: Scope, name: bytes) -> list[str]:
    """Return the values of a field, in order.

    Args:
        scope: of a request.
        name: in lower case.
    """
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]


def field(scope: Scope, name: bytes) -> str | None:
    """Return the first value of a field; None without one.

    Args:
        scope: of a request.
        name: in lower case.
    """
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value).decode("latin-1")
    return None
