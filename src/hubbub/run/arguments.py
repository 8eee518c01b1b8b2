"""Which of a request's parameters are a function's own, common options, or neither."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from hubbub.errors import UsageError
from hubbub.registry import INJECTED, Function
from hubbub.run.errors import close_matches
from hubbub.run.scope import CommonOptions

__all__ = ["Arguments", "default", "split"]


class Arguments(NamedTuple):
    """The parameters of a request, under the function's names."""

    every: Mapping[str, Any]
    shared: Mapping[str, Any]  # common options
    extra: Mapping[str, Any]  # injected as `params`


def split(function: Function, parameters: Mapping[str, Any]) -> Arguments:
    """Tell a request's parameters apart; a function without events has no common options.

    Raises:
        UsageError: one is neither, and the function does not ask for `params`.
    """
    own = {p.name for p in function.parameters}
    common = CommonOptions.names() if function.has_common_options else ()
    every = {function.parameter(name): value for name, value in parameters.items()}
    shared = {n: v for n, v in every.items() if n not in own and n in common}
    extra = {n: v for n, v in every.items() if n not in own and n not in common}
    for unknown in extra if "params" not in function.signature else INJECTED & extra.keys():
        raise UsageError(
            f"{function.noun} {function.name!r} has no parameter {unknown!r}",
            hint=close_matches(unknown, [*own, *common]),
        )
    return Arguments(every, shared, extra)


def default(function: Function, name: str, fallback: Any) -> Any:
    """Return the function's own default for a common option, if it has one."""
    parameter = function.signature.get(name)
    if parameter is None or parameter.default in {parameter.empty, None}:
        return fallback
    return parameter.default
