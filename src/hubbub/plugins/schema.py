"""Functions of plugins as the server knows them: their signatures pass between processes as data.

`describe` runs in the process of the plugins, `function` in the server, where calling the function
is an error: `hubbub.plugins.host` does that.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, NoReturn, cast

from hubbub.parameters import Shape, convert, plain, shape
from hubbub.plugins.messages import Described
from hubbub.registry import RANGE, Function, Kind
from hubbub.registry.annotations import Names
from hubbub.schedule import parse
from hubbub.zones import Zone

__all__ = ["describe", "function"]

_TYPES: dict[str, type] = {
    kind.__name__: kind
    for kind in (bool, int, float, str, timedelta, datetime, Path, Names, Zone, dict, list)
}


def describe(function: Function) -> Described:
    """Return what the server needs to know of a function.

    Raises:
        TypeError: a parameter has an annotation that hubbub cannot convert to.
    """
    shapes = {
        function.argument(p.name): (shape(p.annotation), p.default) for p in function.parameters
    }
    parameters: list[tuple[str, dict[str, Any] | None, bool, Any]] = []
    for name, parameter in function.signature.items():
        if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
            continue
        optional = parameter.default is not parameter.empty
        if name in shapes:
            target, default = shapes[name]
            parameters.append((name, _facts(target), optional, plain(default)))
        else:
            known = plain(parameter.default) if optional and name in RANGE else None
            parameters.append((name, None, optional, known))
    extra = dict(function.extra)
    if "schedule" in extra:
        extra["schedule"] = extra["schedule"].text
    return Described(
        kind=function.kind,
        name=function.name,
        module=function.module,
        title=function.title,
        doc=function.doc,
        category=function.category,
        names_people=function.names_people,
        accounts=function.accounts,
        parameters=tuple(parameters),
        extra=extra,
    )


def function(described: Described) -> Function:
    """Return a function of the server's registry, which cannot be called there.

    Raises:
        ValueError: the description makes no sense.
    """
    extra = dict(described.extra)
    if "schedule" in extra:
        extra["schedule"] = parse(extra["schedule"])
    if described.kind not in {"query", "view", "cron", "event_handler", "event_property"}:
        raise ValueError(f"there is no kind {described.kind!r}")
    return Function(
        kind=cast("Kind", described.kind),
        name=described.name,
        call=_stub(described),
        module=described.module,
        title=described.title,
        description=described.doc,
        category=described.category,
        names_people=described.names_people,
        accounts=described.accounts,
        extra=extra,
    )


def _facts(target: Shape) -> dict[str, Any]:
    return {
        "type": None if target.type is None else target.type.__name__,
        "choices": list(target.choices),
        "many": target.many,
        "optional": target.optional,
    }


def _annotation(facts: dict[str, Any]) -> Any:
    annotation: Any = Any if facts["type"] is None else _TYPES[facts["type"]]
    if facts["choices"]:
        annotation = Literal[tuple(facts["choices"])]
    if facts["many"]:
        annotation = list[annotation]
    return annotation | None if facts["optional"] and annotation is not Any else annotation


def _stub(described: Described) -> Callable[..., Any]:
    """Return a callable with the signature of the function."""

    def call(*_args: Any, **_parameters: Any) -> NoReturn:
        raise RuntimeError(f"{described.kind} {described.name!r} runs in a process of its own")

    parameters = []
    for name, facts, optional, default in described.parameters:
        annotation = inspect.Parameter.empty if facts is None else _annotation(facts)
        value = default
        if facts is not None and default is not None:
            value = convert(annotation, default, name, datetime.now(UTC))
        parameters.append(
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=value if optional else inspect.Parameter.empty,
                annotation=annotation,
            )
        )
    call.__name__ = call.__qualname__ = described.name
    call.__module__ = described.module
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return call
