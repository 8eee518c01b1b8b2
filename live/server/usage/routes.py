"""The routes of usage reports: page, table and picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from hubbub.live.server.answers.cache import is_relative
from hubbub.live.server.answers.forms import respond
from hubbub.live.server.answers.parameters import cache_key, read_parameters
from hubbub.live.server.negotiation import PICTURE_FORMS, choose
from hubbub.live.server.usage import page
from hubbub.live.server.usage.answers import picture, table, topics
from hubbub.live.server.usage.reports import Report, period, report

if TYPE_CHECKING:
    from hubbub.live.server.server import Server

__all__ = ["TABLE_FORMS", "routes"]

#: Encodings of the table by media type.
TABLE_FORMS: Mapping[str, str] = {
    "application/json": "json",
    "text/csv": "csv",
    "text/html": "html",
    "text/plain": "text",
}
_PICTURE = ("theme", "lang", "width", "height")


def routes(server: Server) -> list[BaseRoute]:
    """Return the routes of usage reports.

    The names of handlers begin like those of queries and views, so that `[serve.wrappers]` for
    these also guard what is shown here.
    """

    async def handle_query_usage_topics(request: Request) -> Response:
        server.access.require(request, "read")
        found = await server.engines.run(topics, server.config, request=request)
        return page.topics(request, found, server.config)

    async def handle_query_usage(request: Request) -> Response:
        server.access.require(request, "read")
        return await page.handle(server, request, _counted(server, request))

    async def handle_query_usage_table(request: Request) -> Response:
        server.access.require(request, "read")
        return await _handle(server, request, "raw", TABLE_FORMS)

    async def handle_view_usage(request: Request) -> Response:
        server.access.require(request, "read")
        return await _handle(server, request, "plot", PICTURE_FORMS)

    # a topic may hold a slash
    known = [
        ("raw", handle_query_usage_table, TABLE_FORMS),
        ("plot", handle_view_usage, PICTURE_FORMS),
    ]
    paths = [
        Route(f"/usage/{{topic:path}}/{name}{suffix}", handler)
        for name, handler, forms in known
        for suffix in ("", *(f".{'txt' if form == 'text' else form}" for form in forms.values()))
    ]
    return [
        Route("/usage", handle_query_usage_topics),
        *paths,
        Route("/usage/{topic:path}", handle_query_usage),
    ]


def _counted(server: Server, request: Request) -> Report:
    return report(server.config, request.path_params["topic"])


async def _handle(
    server: Server, request: Request, kind: str, forms: Mapping[str, str]
) -> Response:
    counted, values = _counted(server, request), await read_parameters(request)
    stem, _, suffix = request.url.path.rpartition(f"/{kind}.")
    content_type = values.pop("content_type", [""])[-1]
    form = choose(
        forms,
        suffix={"txt": "text"}.get(suffix, suffix) if stem else None,
        parameter=content_type,
        accept=request.headers.get("accept", ""),
    )
    drawn = {name: values.pop(name) for name in _PICTURE if kind == "plot" and name in values}
    chosen = period(values, server.config, server.clock())
    if kind == "raw":
        make = partial(table, config=server.config, counted=counted, chosen=chosen, form=form)
    else:
        make = partial(
            picture,
            config=server.config,
            counted=counted,
            chosen=chosen,
            form=form,
            drawn=drawn,
            style=server.settings.style,
        )
    relative = is_relative(values) or not _last(values, "end")
    key, stamp = (
        ("usage", kind, counted.name, form, cache_key(values | drawn)),
        server.answers.stamp(),
    )
    answer = server.answers.get(key, stamp)
    if answer is None:
        answer = await server.engines.run(make, request=request)
        server.answers.put(key, stamp, answer, relative=relative)
    return respond(request, answer)


def _last(values: Mapping[str, Sequence[str]], name: str) -> str:
    return values[name][-1].strip() if values.get(name) else ""
