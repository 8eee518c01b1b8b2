"""The parameters of a function, and their types as its author wrote them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["Names", "Parameter", "annotation"]


class Names(frozenset[str]):
    """A set of names as a parameter: on the command line a file with one name per line."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a function that a request may set."""

    name: str
    annotation: (
        Any  # int, float, str, bool, timedelta, datetime, Path, Literal[…], list[str], X | None
    )
    default: Any
    required: bool


def annotation(call: Callable[..., Any], parameter: inspect.Parameter) -> Any:
    """Return the parameter's type; without an annotation that of a numeric default, else `str`.

    Annotations are resolved one by one, so that names imported for type checkers only
    (`events: Events`) do not affect the parameters that hubbub converts.
    """
    stated = parameter.annotation
    if stated is parameter.empty:
        return type(parameter.default) if isinstance(parameter.default, (int, float)) else str
    if not isinstance(stated, str):
        return stated
    inner = inspect.unwrap(call)
    try:
        # The text comes from the source of a module that is already imported, never from input.
        return eval(stated, getattr(inner, "__globals__", {}))  # noqa: S307
    except Exception as error:
        raise TypeError(
            f"the annotation {stated!r} of parameter {parameter.name!r} of {call.__module__}."
            f"{call.__qualname__} cannot be resolved: {error}; import it outside TYPE_CHECKING"
        ) from error
