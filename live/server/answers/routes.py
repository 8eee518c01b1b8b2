"""The routes of queries and views."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from hubbub.errors import UsageError
from hubbub.live.server.answers.cache import Answer, is_relative
from hubbub.live.server.answers.forms import chosen_form, respond
from hubbub.live.server.answers.from_plugin import from_plugin
from hubbub.live.server.answers.functions import run_query, run_view
from hubbub.live.server.answers.parameters import Parameters, cache_key, read_parameters
from hubbub.live.server.answers.permanent import is_pinned, pinned_answer
from hubbub.live.server.answers.through_peer import through_peer
from hubbub.live.server.failures import NotFoundError
from hubbub.live.server.negotiation import QUERY_FORMS, VIEW_FORMS, split_suffix
from hubbub.run.errors import close_matches

if TYPE_CHECKING:
    from hubbub.live.server.server import Server
    from hubbub.registry import Function

__all__ = ["respond", "routes"]

_CONTENT_TYPE = "content_type"


def routes(server: Server) -> list[BaseRoute]:
    """Return the routes of queries and views."""

    async def handle_query(request: Request) -> Response:
        server.access.require(request, "read")
        return await _handle(server, request, "query")

    async def handle_view(request: Request) -> Response:
        server.access.require(request, "read")
        return await _handle(server, request, "view")

    methods = ["GET", "POST"]
    return [
        Route("/query/{name}", handle_query, methods=methods),
        Route("/view/{name}", handle_view, methods=methods),
    ]


async def _handle(server: Server, request: Request, kind: str) -> Response:
    forms = QUERY_FORMS if kind == "query" else VIEW_FORMS
    name, suffix = request.path_params["name"], None
    function = _find(server, kind, name)
    if function is None:
        name, suffix = split_suffix(name, forms)
        function = _find(server, kind, name)
    if function is None:
        response = await through_peer(server, request, kind, (request.path_params["name"], name))
        if response is not None:
            return response
        registries = [
            server.registry,
            *([] if server.plugins is None else [server.plugins.registry]),
        ]
        names = [n for each in registries for n, f in each.of(kind).items() if f.public]
        raise NotFoundError(f"there is no {kind} {name[:80]!r}", hint=close_matches(name, names))
    values = await read_parameters(request)
    content_type = _content_type(function, values)
    form = chosen_form(request, forms, suffix, content_type)
    pinned = is_pinned(function, values)
    if _of_plugin(server, kind, name) is function:
        if pinned:
            raise UsageError(
                f"{kind} {name!r} belongs to a plugin, whose answers are not kept",
                hint="leave out `at`",
            )
        stated = suffix is not None or bool(content_type)
        answer = await from_plugin(server, request, function, values, form, stated=stated)
        return respond(request, answer)
    if pinned:
        return respond(request, await pinned_answer(server, request, function, values, form))
    return respond(request, await _answer(server, request, function, values, form))


def _of_plugin(server: Server, kind: str, name: str) -> Function | None:
    return None if server.plugins is None else server.plugins.find(kind, name)


def _find(server: Server, kind: str, name: str) -> Function | None:
    """Return a function; that of a plugin replaces a built-in one."""
    if (replacing := _of_plugin(server, kind, name)) is not None:
        return replacing
    function = server.registry.of(kind).get(name)
    return function if function is not None and function.public else None


def _content_type(function: Function, values: Parameters) -> str:
    own = {parameter.name for parameter in function.parameters}
    return "" if _CONTENT_TYPE in own else values.get(_CONTENT_TYPE, [""])[-1]


async def _answer(
    server: Server, request: Request, function: Function, values: Parameters, form: str
) -> Answer:
    """Return the answer of a built-in function, from the cache if nothing has changed."""
    names = server.access.allows(request, "people")
    key = (function.kind, function.name, form, cache_key(values), names)
    stamp = server.answers.stamp()
    answer = server.answers.get(key, stamp)
    if answer is not None:
        return answer

    async def compute() -> Answer:
        arguments = (server.config, function, values, form)
        if function.kind == "query":
            return await server.engines.run(run_query, *arguments, request=request, names=names)
        return await server.engines.run(
            run_view, *arguments, request=request, names=names, style=server.settings.style
        )

    answer = await server.answers.once((key, stamp), compute)
    server.answers.put(key, stamp, answer, relative=is_relative(values))
    return answer
