"""Wrappers of handlers: the installation's own rules of access, as `[serve.wrappers]` names them.

    [serve.wrappers]
    "handle_view" = "sso.py:require_login"
    "handle_.*" = "acme.access:require_token"

A pattern is a regular expression that is matched at the start of a handler's name; the first one
that matches wraps the handler, and one without a match stays as it is. The names are
`handle_query`, `handle_view`, `schema`, `event_properties`, `index` and those of other addresses
(docs/serve.md).

A wrapper is `module:function`, or `file.py:function` beside the configuration. The function gets a
handler, an async function from a Starlette `Request` to a `Response`, and returns another one:

    def require_login(handler):
        async def wrapped(request):
            if request.headers.get("x-user") is None:
                return PlainTextResponse("who are you?", 401)
            grant(request, ["people"])  # from hubbub.live.server.access
            return await handler(request)
        return wrapped

The server runs wrappers in its own process, with its rights: they are part of the installation, not
plugins.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from hubbub.errors import UsageError

__all__ = ["Handler", "Wrapper", "load_wrappers", "wrap", "wrapper_of"]

Handler = Callable[[Request], Awaitable[Response]]
Wrapper = Callable[[Handler], Handler]
_WHERE = "[serve.wrappers]"


def load_wrappers(table: Mapping[str, str]) -> list[tuple[re.Pattern[str], Wrapper]]:
    """Return the patterns and functions of a table, in its order.

    Args:
        table: `module:function` by pattern.

    Raises:
        UsageError: a pattern is no regular expression, or a function cannot be imported.
    """
    found = []
    for pattern, name in table.items():
        try:
            compiled = re.compile(pattern)
        except re.error as error:
            raise UsageError(f"{pattern!r} is no pattern: {error}", where=_WHERE) from None
        found.append((compiled, _load(name)))
    return found


def _load(name: str) -> Wrapper:
    module_name, _, function_name = name.rpartition(":")
    if not module_name or not function_name:
        raise UsageError(f"{name!r} names no function", where=_WHERE, hint="write module:function")
    try:
        module = _module(module_name)
        function = getattr(module, function_name)
    except Exception as error:
        raise UsageError(
            f"the wrapper {name!r} cannot be imported: {type(error).__name__}: {error}",
            where=_WHERE,
            hint="write module:function, or file.py:function with a path beside the configuration",
        ) from error
    if not callable(function):
        raise UsageError(f"the wrapper {name!r} is no function", where=_WHERE)
    wrapper: Wrapper = function
    return wrapper


def _module(name: str) -> ModuleType:
    if not name.endswith(".py"):
        return importlib.import_module(name)
    path = Path(name).resolve(strict=True)
    spec = importlib.util.spec_from_file_location(f"hubbub_wrappers_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def wrapper_of(name: str, wrappers: Sequence[tuple[re.Pattern[str], Wrapper]]) -> Wrapper | None:
    """Return the wrapper of a handler: the first whose pattern matches at the start of its name."""
    return next((wrapper for pattern, wrapper in wrappers if pattern.match(name)), None)


def wrap(
    routes: Sequence[BaseRoute], wrappers: Sequence[tuple[re.Pattern[str], Wrapper]]
) -> list[BaseRoute]:
    """Return routes with wrapped handlers.

    Raises:
        UsageError: a wrapper failed, or returned no function.
    """
    return [_wrapped(route, wrappers) if isinstance(route, Route) else route for route in routes]


def _wrapped(route: Route, wrappers: Sequence[tuple[re.Pattern[str], Wrapper]]) -> Route:
    name = getattr(route.endpoint, "__name__", route.name)
    wrapper = wrapper_of(name, wrappers)
    if wrapper is None:
        return route
    try:
        handler = wrapper(route.endpoint)
    except Exception as error:
        raise UsageError(
            f"the wrapper of {name} failed: {type(error).__name__}: {error}", where=_WHERE
        ) from error
    if not inspect.isroutine(handler):
        raise UsageError(
            f"the wrapper of {name} returned a {type(handler).__name__}, not a function",
            where=_WHERE,
        )
    methods = None if route.methods is None else sorted(route.methods)
    return Route(route.path, handler, methods=methods, name=route.name)
