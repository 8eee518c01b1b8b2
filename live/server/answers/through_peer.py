"""Queries and views that only another server has, answered as if they were this one's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from hubbub.live.server.answers.forms import chosen_form, respond
from hubbub.live.server.answers.functions import RESERVED, language, pixels
from hubbub.live.server.answers.parameters import read_parameters
from hubbub.live.server.answers.values import encode_query, encode_view
from hubbub.live.server.negotiation import QUERY_FORMS, VIEW_FORMS

if TYPE_CHECKING:
    from hubbub.calls.remote import RemoteServer
    from hubbub.calls.schema import Entry
    from hubbub.live.server.server import Server

__all__ = ["through_peer"]


async def through_peer(
    server: Server, request: Request, kind: str, names: tuple[str, str]
) -> Response | None:
    """Answer a request through another server; None if none has the function.

    This server's token may open more there than the request may see here: then it asks for an
    answer without names of people.

    Args:
        server: this one, which has no such function.
        request: to `/query/NAME` or `/view/NAME`.
        kind: query or view.
        names: as it stands in the address, and without the suffix of an encoding.

    Raises:
        HttpError: the other server refuses the request.
        RemoteError: the other server does not answer as it should.
    """
    whole, stem = names
    found = await server.peers.find(kind, whole)
    suffix = None
    if found is None and stem != whole:
        found = await server.peers.find(kind, stem)
        suffix = whole.removeprefix(f"{stem}.")
        suffix = "text" if suffix == "txt" else suffix
    if found is None:
        return None
    peer, entry = found
    return await _answer(server, request, peer, entry, suffix)


async def _answer(
    server: Server, request: Request, peer: RemoteServer, entry: Entry, suffix: str | None
) -> Response:
    values = await read_parameters(request)
    kept = RESERVED - ({"theme"} if entry.kind == "view" else set())
    passed_on = {name: texts for name, texts in values.items() if name not in kept}
    if entry.kind == "view":  # which the other server would write in its own language
        passed_on["lang"] = [language(values, server.config)]
    content_type = values.get("content_type", [""])[-1]
    forms = QUERY_FORMS if entry.kind == "query" else VIEW_FORMS
    form = chosen_form(request, forms, suffix, content_type)
    width, height = pixels(values, "width"), pixels(values, "height")
    names = server.access.allows(request, "people")
    value = await server.peers.call(peer, entry, passed_on, names=names)
    if entry.kind == "query":
        stated = suffix is not None or bool(content_type)
        answer = encode_query(entry.name, value, form, stated=stated, private=names)
    else:
        answer = encode_view(value, form, width=width, height=height, private=names)
    return respond(request, answer)
