"""Other servers: names that only they have are answered through them, as if by one server.

A request carries the ids of the servers that it has passed (hubbub.calls.hops); a server that finds
its own id among them asks no other one for its schema, and after some servers every call ends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import anyio
from anyio.to_thread import run_sync
from starlette.types import Receive, Scope, Send

from hubbub.calls import hops
from hubbub.calls.configured import configured_servers
from hubbub.calls.remote import RemoteServer
from hubbub.calls.schema import API, API_HEADER, Entry
from hubbub.config import Config
from hubbub.errors import RemoteError
from hubbub.live.server.failures import HttpError
from hubbub.live.server.middleware import HttpMiddleware
from hubbub.live.server.protection.fields import field

__all__ = ["Hops", "Peers"]

T = TypeVar("T")
_VIA = hops.HEADER.lower().encode()
_AT_ONCE = 8  # calls of other servers
_WAITING = 50  # calls that may wait


class Hops(HttpMiddleware):
    """ASGI middleware: knows which servers a request has passed, and states this one's version."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        with hops.passing(hops.read(field(scope, _VIA) or "")):
            await self.app(scope, receive, send)


class Peers:
    """The other servers of the configuration, asked in threads of their own.

    Args:
        config: the configuration.

    Raises:
        UsageError: `[servers]` is wrong.
    """

    #: Headers of the answer to `/schema`.
    SCHEMA_HEADERS: Mapping[str, str] = {API_HEADER: str(API)}

    def __init__(self, config: Config) -> None:
        self.servers = configured_servers(config.servers)
        self._limiter: anyio.CapacityLimiter | None = None
        self._asked = 0

    async def find(self, kind: str, name: str) -> tuple[RemoteServer, Entry] | None:
        """Return the first server that has a query or view; None if none has it.

        Raises:
            RemoteError: none that answers has it, and this one does not answer.
            HttpError: too many such requests wait.
        """
        if not self._may_ask():
            return None
        return await self._in_thread(partial(self._find, kind, name))

    async def call(
        self,
        server: RemoteServer,
        entry: Entry,
        parameters: Mapping[str, Sequence[str]],
        *,
        names: bool,
    ) -> Any:
        """Return the answer of another server to a query or view.

        Args:
            server: the other server.
            entry: of the query or view.
            parameters: of the request.
            names: whether the request may see names of people.

        Raises:
            UnknownNameError: it has no such function any more.
            RemoteError: it does not answer as it should.
            HttpError: too many such requests wait; or it refused this one.
        """
        call = partial(server.call, entry.kind, entry.name, parameters, names=names)
        try:
            return await self._in_thread(call)
        except RemoteError as error:
            if error.status == 400 or (error.status == 403 and not names):  # noqa: PLR2004
                # a mistake of the caller, whichever server notices it
                message = f"{error.where}: {error.what}"
                raise HttpError(error.status, message, hint=error.hint) from error
            raise

    async def schema(self) -> list[tuple[RemoteServer, Entry]]:
        """Return what other servers answer; one that does not answer is left out."""
        if not self._may_ask():
            return []
        return await self._in_thread(self._schema)

    def _may_ask(self) -> bool:
        return bool(self.servers) and hops.OWN_ID not in hops.passed()

    def _find(self, kind: str, name: str) -> tuple[RemoteServer, Entry] | None:
        away: RemoteError | None = None
        for server in self.servers:
            try:
                entry = server.entry(kind, name)
            except RemoteError as error:
                away = away or error
                continue
            if entry is not None:
                return server, entry
        if away is not None:
            raise away.about(
                f"no other server has the {kind} {name[:80]!r}, and this one is needed"
            )
        return None

    def _schema(self) -> list[tuple[RemoteServer, Entry]]:
        found: list[tuple[RemoteServer, Entry]] = []
        for server in self.servers:
            try:
                kinds = [server.entries(kind) for kind in ("query", "view")]
            except RemoteError:
                continue
            found += [(server, entry) for kind in kinds for entry in kind.values()]
        return found

    async def _in_thread(self, function: Callable[[], T]) -> T:
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(_AT_ONCE)
        if self._asked >= _AT_ONCE + _WAITING:
            raise HttpError(
                503, "too many requests wait for other servers", headers={"Retry-After": "5"}
            )
        self._asked += 1
        try:
            return await run_sync(function, limiter=self._limiter)
        finally:
            self._asked -= 1
