"""`/schema` and `/event_properties`: what there is, for people, programs and other servers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from hubbub.calls.remote import RemoteServer
from hubbub.calls.schema import Entry
from hubbub.live.server import pages
from hubbub.live.server.pages import link
from hubbub.parameters import plain, shape
from hubbub.registry import Function, Parameter

if TYPE_CHECKING:
    from hubbub.live.server.server import Server

__all__ = ["entries", "entry", "functions", "of_peer", "routes"]


def routes(server: Server) -> list[BaseRoute]:
    """Return the route of the schema."""

    async def schema(request: Request) -> Response:
        server.access.require(request, "read")
        found = await entries(server)
        headers = dict(server.peers.SCHEMA_HEADERS)
        if request.query_params.get("f") == "html":
            return Response(
                pages.page(request, "Functions", _tables(request, found)),
                media_type="text/html; charset=utf-8",
                headers=headers,
            )
        return Response(json.dumps(found), media_type="application/json", headers=headers)

    async def event_properties(request: Request) -> Response:
        server.access.require(request, "read")
        known = {} if server.plugins is None else server.plugins.registry.event_properties
        entries = [{"name": name, "doc": known[name].doc} for name in sorted(known)]
        return Response(json.dumps(entries), media_type="application/json")

    return [Route("/schema", schema), Route("/event_properties", event_properties)]


def functions(server: Server) -> list[Function]:
    """Return the public queries and views; those of plugins replace built-in ones."""
    found: dict[tuple[str, str], Function] = {}
    for registry in (server.registry, None if server.plugins is None else server.plugins.registry):
        if registry is not None:
            found |= {
                (kind, name): function
                for kind in ("query", "view")
                for name, function in registry.of(kind).items()
                if function.public
            }
    return list(found.values())


def _tables(request: Request, entries: Sequence[Mapping[str, Any]]) -> str:
    """Return a table of the queries and one of the views."""
    parts = []
    for kind, title in (("query", "Queries"), ("view", "Views")):
        rows = []
        for each in entries:
            if each["class"] == kind:
                address = link(request, f"/{kind}/{quote(each['name'])}")
                name, category, doc = (escape(each[key]) for key in ("name", "category", "doc"))
                rows.append(
                    f'<tr><th scope="row"><a href="{address}">{name}</a></th>'
                    f"<td>{category}</td><td>{doc}</td></tr>"
                )
        head = '<tr><th scope="col">Name</th><th scope="col">Category</th>'
        parts.append(
            f"<h2>{title}</h2>\n<table>\n<thead>{head}"
            f'<th scope="col">Description</th></tr></thead>\n<tbody>\n'
            + "\n".join(rows)
            + "\n</tbody>\n</table>"
        )
    return "<h1>Functions</h1>\n" + "\n".join(parts)


async def entries(server: Server) -> list[dict[str, Any]]:
    """Return what the schema says of all queries and views, by kind and name."""
    found = [entry(function) for function in functions(server)]
    known = {(each["class"], each["name"]) for each in found}
    found += [
        of_peer(peer, other)
        for peer, other in await server.peers.schema()
        if (other.kind, other.name) not in known
    ]
    return sorted(found, key=lambda each: (each["class"], each["name"]))


def entry(function: Function) -> dict[str, Any]:
    """Return what the schema says of a query or view.

    Keys: `class` (query or view), `name`, `category` (the names of its parameters, joined by `+`,
    unless it states one), `doc`, `parameters` (`name`, `type`, `required`, `default`) and
    `common_options` (whether a range, filters or a zone can change what it returns).
    """
    parameters = function.parameters
    category = function.category
    return {
        "class": function.kind,
        "name": function.name,
        "category": "+".join(p.name for p in parameters) if category is None else category,
        "doc": function.doc,
        "parameters": [_parameter(parameter) for parameter in parameters],
        "common_options": function.has_common_options,
    }


def _parameter(parameter: Parameter) -> dict[str, Any]:
    kind = shape(parameter.annotation)
    return {
        "name": parameter.name,
        "type": f"list of {kind.word}" if kind.many else kind.word,
        "required": parameter.required,
        "default": plain(parameter.default),
    }


def of_peer(peer: RemoteServer, found: Entry) -> dict[str, Any]:
    """Return what the schema says of a query or view that another server has."""
    return {
        "class": found.kind,
        "name": found.name,
        "category": found.category,
        "doc": found.doc,
        "parameters": (found.facts or {}).get("parameters", []),
        "common_options": found.common,
        "server": peer.name,
    }
