"""The OpenAPI 3.1 document of a server, from its routes and from the functions that it has."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from starlette.routing import BaseRoute, Route

import hubbub
from hubbub.live.server.openapi.functions import (
    PARAMETERS,
    RESPONSES,
    components,
    errors,
    paths,
)
from hubbub.live.server.openapi.operations import OPERATIONS
from hubbub.live.server.openapi.others import paths_of_other
from hubbub.live.server.openapi.schemas import COMPONENTS
from hubbub.registry import Function
from hubbub.run.names import names_people

__all__ = ["document", "undescribed"]

_METHODS = frozenset({"get", "post", "put", "patch", "delete"})
_FUNCTIONS = frozenset({"/query/{name}", "/view/{name}"})  # described by function
_TITLE = "hubbub"
_TEXT = (
    "Queries and views over the events of a project's message bus. Errors have one shape; answers "
    "about events say how complete they are."
)
_SCOPES = (
    "A token of `hubbub tokens add NAME --scope SCOPE`: `read` for aggregates, `people` for what "
    "names a person, `write` for events in, `admin` for everything."
)
_SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer", "description": _SCOPES},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "hubbub_session",
        "description": "The session of a browser, for which a token was exchanged.",
    },
}


def document(
    routes: Iterable[BaseRoute],
    functions: Iterable[Function],
    others: Iterable[Mapping[str, Any]] = (),
    *,
    anonymous: frozenset[str],
) -> dict[str, Any]:
    """Return the document.

    Args:
        routes: of the application.
        functions: public queries and views.
        others: those of other servers, as `/schema` lists them.
        anonymous: the scopes that a request without a token has.
    """
    functions = tuple(functions)
    found: dict[str, Any] = dict(_routes(routes))
    for function in functions:
        found.update(paths(function, scope(function)))
    for other in others:
        found.update(paths_of_other(other))
    for item in found.values():
        for method in _METHODS & item.keys():
            item[method] = _open(item[method], anonymous)
    parts = components(functions)
    return {
        "openapi": "3.1.0",
        "info": {"title": _TITLE, "version": hubbub.__version__, "description": _TEXT},
        "paths": dict(sorted(found.items())),
        "components": {
            "schemas": dict(COMPONENTS),
            "parameters": dict(PARAMETERS),
            "responses": {**RESPONSES, **parts["responses"]},
            "requestBodies": parts["requestBodies"],
            "securitySchemes": _SECURITY,
        },
    }


def scope(function: Function) -> str:
    """Return the scope that calling a function needs with its defaults.

    A query that names people needs `people`; in a view they are numbered for who may not see them.
    """
    defaults = {parameter.name: parameter.default for parameter in function.parameters}
    return "people" if function.kind == "query" and names_people(function, defaults) else "read"


def undescribed(routes: Iterable[BaseRoute]) -> list[str]:
    """Return the paths of routes without a description in `OPERATIONS`."""
    return [
        route.path for route in _described(routes)
        if route.path not in _FUNCTIONS and _plain(route.path) not in OPERATIONS
    ]  # fmt: skip


def _described(routes: Iterable[BaseRoute]) -> Iterator[Route]:
    return (r for r in routes if isinstance(r, Route) and r.include_in_schema)


def _plain(path: str) -> str:
    """Return a route's path without the converters of its parameters: `{name:path}`."""
    return path.replace(":path}", "}").replace(":int}", "}")


def _routes(routes: Iterable[BaseRoute]) -> Iterator[tuple[str, dict[str, Any]]]:
    for route in _described(routes):
        path = _plain(route.path)
        if route.path in _FUNCTIONS:
            continue
        known = OPERATIONS.get(path, {})
        methods = sorted({m.lower() for m in route.methods or ()} & _METHODS)
        yield path, {m: dict(known.get(m, {})) or _minimal(route, path) for m in methods}


def _minimal(route: Route, path: str) -> dict[str, Any]:
    """Describe a route by what the code alone says."""
    text = inspect.getdoc(route.endpoint) or route.name
    names = [part.partition("}")[0] for part in path.split("{")[1:]]
    return {
        "summary": text.splitlines()[0],
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in names
        ],
        "responses": {"200": {"description": "The answer."}, **errors(404)},
    }


def _open(operation: Mapping[str, Any], anonymous: frozenset[str]) -> dict[str, Any]:
    """Say that a request needs no token, where its scope is open to everybody."""
    needed: list[Mapping[str, list[str]]] = operation.get("security", [])
    scopes = {name for choice in needed for names in choice.values() for name in names}
    described = dict(operation)
    if needed and scopes <= anonymous:
        described["security"] = [*needed, {}]
    return described
