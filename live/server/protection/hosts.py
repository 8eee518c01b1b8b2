"""Which names the server answers to, and from which sites requests may change something.

A page of a stranger can make a browser on this machine send requests here. With a name of its own
that it lets point to 127.0.0.1 (DNS rebinding) it could read the answers: so the header Host must
be a name of the list, or the address of the connection itself, which no other site can let point
elsewhere. Without that trick it cannot read answers, but it can send: so whatever changes something
is refused where the browser says that another site asked for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from hubbub.live.server.failures import HttpError, answer
from hubbub.live.server.middleware import HttpMiddleware
from hubbub.live.server.protection.fields import field, fields
from hubbub.live.server.protection.prefix import own_path

__all__ = ["CrossSite", "Hosts", "allowed_host"]

_LOCAL = ("localhost", "127.0.0.1", "[::1]")
_HOST = re.compile(r"([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
#: Paths where a GET changes something too.
_CHANGING = ("/httpevent",)


def allowed_host(header: str, names: Iterable[str], address: str) -> bool:
    """Whether the server answers to the value of a header Host.

    Args:
        header: a name or an address, with or without a port.
        names: the allowed ones, in lower case; `*.example.org` are all names below it, `*` all.
        address: of the connection on this machine.
    """
    match = _HOST.fullmatch(header)
    if match is None:
        return False
    host = match[1].lower().removesuffix(".")
    bare = address.partition("%")[0].lower()
    if host in {bare, f"[{bare}]"}:
        return True
    return any(
        name in {"*", host} or (name.startswith("*.") and host.endswith(name[1:])) for name in names
    )


class Hosts(HttpMiddleware):
    """ASGI middleware that refuses requests to other names.

    Args:
        app: answers the others.
        names: that the server answers to, besides those of this machine.
    """

    def __init__(self, app: ASGIApp, names: Sequence[str]) -> None:
        super().__init__(app)
        self._names = frozenset(
            name.lower().removesuffix(".") for name in (*_LOCAL, *map(_bracketed, names))
        )

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        given = fields(scope, b"host")
        address = (scope.get("server") or ("",))[0]
        if len(given) == 1 and allowed_host(given[0], self._names, str(address)):
            await self.app(scope, receive, send)
        else:
            await answer(Request(scope), _misdirected(given))(scope, receive, send)


def _bracketed(name: str) -> str:
    return f"[{name}]" if ":" in name and not name.startswith("[") else name


def _misdirected(given: Sequence[str]) -> HttpError:
    if len(given) != 1:
        return HttpError(400, "the request names no host, or several")
    return HttpError(
        421,
        f"this server does not answer to the name {given[0][:80]!r}",
        hint="if it is one of its names, add it to hosts in [serve] of the configuration",
    )


class CrossSite(HttpMiddleware):
    """ASGI middleware that refuses changes for which another site asked.

    Args:
        app: answers the others.
        origins: of other sites that may; `*`: all.
    """

    def __init__(self, app: ASGIApp, origins: Sequence[str] = ()) -> None:
        super().__init__(app)
        self._origins = frozenset(origins)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if _changes(scope) and not self._may(scope):
            refused = HttpError(
                403,
                "another site asked for this change",
                hint="send it from a page of this server, or from a program that is no browser",
                code="cross-site",
            )
            await answer(Request(scope), refused)(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _may(self, scope: Scope) -> bool:
        origin = field(scope, b"origin")
        if origin is not None and not self._origins.isdisjoint({origin, "*"}):
            return True
        site = field(scope, b"sec-fetch-site")
        if site is not None:
            return site in {"same-origin", "none"}
        if origin is None:  # no browser, or an old one that sends neither
            return True
        parts = urlsplit(origin)
        default = {"http": ":80", "https": ":443"}.get(parts.scheme, "")
        host = (field(scope, b"host") or "").lower()
        return bool(parts.netloc) and parts.netloc.lower().removesuffix(default) == (
            host.removesuffix(default)
        )


def _changes(scope: Scope) -> bool:
    return scope["method"] not in _SAFE or own_path(scope).startswith(_CHANGING)
