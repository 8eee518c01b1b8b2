"""`/httpevent`: take events in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from hubbub.live.server.events import posted
from hubbub.live.server.events.service import Events
from hubbub.live.server.failures import HttpError

if TYPE_CHECKING:
    from hubbub.live.server.server import Server

__all__ = ["routes"]

_PARAMETERS = ("message", "msg")
_SUCCESS = "Success"


def routes(server: Server) -> list[BaseRoute]:
    """Return the routes of a server, and let it take events in as long as it runs."""
    past = server.config.plugins.begin == "beginning"
    events = Events(server.store_folder, server.plugins, from_beginning=past)
    server.services.append(events)
    server.measures.append(events.measure)

    async def httpevent(request: Request) -> Response:
        """Take events in."""
        server.access.require(request, "write")
        if request.method == "HEAD":  # Starlette adds it to GET
            raise HttpError(405, "HEAD sends no events", headers={"Allow": "GET, POST"})
        try:
            found = await _read(request)
        except HttpError as error:
            events.refused += 1
            server.log.warning("posted events are refused", why=error.what, refused=events.refused)
            raise
        await events.accept(found)
        return PlainTextResponse(_SUCCESS, headers={"Cache-Control": "no-store"})

    return [Route("/httpevent", httpevent, methods=["GET", "POST"])]


async def _read(request: Request) -> list[dict[str, object]]:
    """Return the posted events: of the parameter, of the form, or of a JSON body.

    Raises:
        HttpError: 400, there are none, or they cannot be read; 413, they are too large.
    """
    for name in _PARAMETERS:  # as everywhere: the address wins, the last of repeated ones
        if values := request.query_params.getlist(name):
            return posted.parse_text(values[-1])
    if request.method == "POST":
        body = await _body(request)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "application/json" or kind.endswith("+json"):
            return posted.parse_text(_text(body))
        form = posted.form_of(_text(body))
        for name in _PARAMETERS:
            if name in form:
                return posted.parse_text(form[name])
    raise HttpError(
        400,
        "there is no parameter message",
        hint='send /httpevent?message={"user": "ann"}, a form, or a JSON body',
    )


async def _body(request: Request) -> bytes:
    parts = bytearray()
    async for part in request.stream():
        parts += part
        if len(parts) > posted.MAX_BODY:
            raise HttpError(
                413, f"the body is larger than {posted.MAX_BODY:,} bytes", hint="send it in parts"
            )
    return bytes(parts)


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise HttpError(400, "the body is not UTF-8") from None
