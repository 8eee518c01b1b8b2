"""Who answers a query or view: this server, a plugin, or another server that has it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.requests import Request

from hubbub.live.server.answers.from_plugin import call_plugin
from hubbub.live.server.answers.parameters import Parameters
from hubbub.live.server.explore.described import Described, describe
from hubbub.live.server.explore.outcome import Outcome, outcome, run
from hubbub.live.server.schema import entries, entry, of_peer

if TYPE_CHECKING:
    from hubbub.calls.remote import RemoteServer
    from hubbub.calls.schema import Entry
    from hubbub.live.server.server import Server
    from hubbub.registry import Function

__all__ = ["KINDS", "Source", "everything", "find", "known"]

#: Where a name is both, the view comes first.
KINDS = ("view", "query")


@dataclass(frozen=True, slots=True)
class Source:
    """A query or view, and a call of it."""

    described: Described
    answer: Callable[[Parameters], Awaitable[Outcome]]


async def everything(server: Server) -> list[Described]:
    """Return all queries and views."""
    return [describe(found) for found in await entries(server)]


def known(server: Server, kind: str, name: str) -> bool:
    """Whether this server or one of its plugins has a function of this kind and name."""
    registries = [server.registry, *([] if server.plugins is None else [server.plugins.registry])]
    found = (registry.of(kind).get(name) for registry in registries)
    return any(function is not None and function.public for function in found)


async def find(server: Server, request: Request, kind: str, name: str) -> Source | None:
    """Return a query or view by name; None if no server has it.

    Raises:
        RemoteError: another server may have it, and does not answer.
    """
    function = None if server.plugins is None else server.plugins.find(kind, name)
    if function is not None:
        return Source(describe(entry(function)), partial(_plugin, server, request, function))
    function = server.registry.of(kind).get(name)
    if function is not None and function.public:
        call = partial(_local, server, request, function)
        return Source(describe(entry(function)), call)
    found = await server.peers.find(kind, name)
    if found is None:
        return None
    peer, facts = found
    described = describe(of_peer(peer, facts))
    return Source(described, partial(_remote, server, request, peer, facts))


async def _local(
    server: Server, request: Request, function: Function, values: Parameters
) -> Outcome:
    return await server.engines.run(
        run,
        server.config,
        function,
        values,
        request=request,
        names=server.access.allows(request, "people"),
        style=server.settings.style,
    )


async def _plugin(
    server: Server, request: Request, function: Function, values: Parameters
) -> Outcome:
    value = await call_plugin(server, request, function, values)
    return outcome(value).as_page() if _is_page(function.kind, value) else outcome(value)


def _is_page(kind: str, value: Any) -> bool:
    """Whether an answer is a view's own page."""
    return kind == "view" and isinstance(value, str)


async def _remote(
    server: Server, request: Request, peer: RemoteServer, found: Entry, values: Parameters
) -> Outcome:
    names = server.access.allows(request, "people")
    value = await server.peers.call(peer, found, values, names=names)
    return outcome(value).as_page() if _is_page(found.kind, value) else outcome(value)
