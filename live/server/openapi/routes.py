"""The route `/openapi.json`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from hubbub.formats.encode import json_text
from hubbub.live.server.answers.cache import Answer
from hubbub.live.server.answers.routes import respond
from hubbub.live.server.openapi.document import document
from hubbub.live.server.schema import entries, functions

if TYPE_CHECKING:
    from hubbub.live.server.server import Server
    from hubbub.registry import Function

__all__ = ["routes"]


def routes(server: Server) -> list[BaseRoute]:
    """Return the route of the description."""
    kept: dict[tuple[object, ...], Answer] = {}  # the last one

    async def openapi(request: Request) -> Response:
        server.access.require(request, "read")
        known = _functions(server)
        every = await entries(server) if server.peers.servers else []
        others = [each for each in every if "server" in each]
        key = (*map(id, known), json_text(others))
        if key not in kept:
            kept.clear()
            described = document(
                request.app.routes, known, others, anonymous=server.access.anonymous
            )
            kept[key] = Answer(json_text(described).encode(), "application/json")
        return respond(request, kept[key])

    return [Route("/openapi.json", openapi)]


def _functions(server: Server) -> tuple[Function, ...]:
    return tuple(sorted(functions(server), key=lambda f: (f.kind, f.name)))
