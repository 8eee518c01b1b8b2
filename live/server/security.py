"""Headers that every answer carries, and the order of what each request passes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hubbub.live.server.middleware import HttpMiddleware
from hubbub.live.server.protection.bodies import Bodies
from hubbub.live.server.protection.hosts import CrossSite, Hosts
from hubbub.live.server.protection.methods import Methods
from hubbub.live.server.protection.prefix import Prefix

if TYPE_CHECKING:
    from hubbub.live.server.settings import ServeSettings

__all__ = ["CONTENT_SECURITY_POLICY", "DOCUMENT_POLICY", "SecurityHeaders", "middleware"]

_FRAMES = "frame-ancestors 'self'"
#: Nothing is loaded from elsewhere; scripts and styles come from the server's own files only.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    f"{_FRAMES}"
)
#: Pictures, and pages of results: one file with its own styles, and nothing else.
DOCUMENT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; "
    f"base-uri 'none'; form-action 'none'; {_FRAMES}"
)
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_RAW = [(name.lower().encode(), value.encode()) for name, value in _HEADERS.items()]
_POLICY = b"content-security-policy"
_ANY_ADDRESS = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - compared, not bound


def middleware(settings: ServeSettings) -> list[Middleware]:
    """Return what each request passes, the outermost first."""
    names = [*settings.hosts, *({settings.host} - _ANY_ADDRESS)]
    shared = [
        Middleware(
            CORSMiddleware,
            allow_origins=settings.cors,
            allow_methods=("GET", "HEAD", "POST"),
            allow_headers=("Authorization", "Content-Type", "If-None-Match"),
            expose_headers=("ETag", "Hubbub-Coverage"),
        )
    ]
    return [
        Middleware(Prefix, root_path=settings.root_path),
        Middleware(SecurityHeaders, frame_ancestors=settings.frame_ancestors),
        Middleware(Methods),
        Middleware(Hosts, names=names),
        *(shared if settings.cors else ()),
        Middleware(CrossSite, origins=settings.cors),
        Middleware(Bodies),
    ]


class SecurityHeaders(HttpMiddleware):
    """ASGI middleware that adds the headers which an answer does not set by itself.

    Args:
        app: answers.
        frame_ancestors: origins whose pages may show answers in a frame, besides the server's own.
    """

    def __init__(self, app: ASGIApp, frame_ancestors: tuple[str, ...] = ()) -> None:
        super().__init__(app)
        self._frames = " ".join((_FRAMES, *frame_ancestors)).encode()
        self._own = [(name, value.replace(_FRAMES.encode(), self._frames)) for name, value in _RAW]

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower(): value for name, value in message["headers"]}
                headers = [pair for pair in self._own if pair[0] not in given]
                if policy := given.get(_POLICY):
                    own = policy.replace(_FRAMES.encode(), self._frames)
                    rest = [pair for pair in message["headers"] if pair[0].lower() != _POLICY]
                    headers += [*rest, (_POLICY, own)]
                else:
                    headers += message["headers"]
                message = {**message, "headers": headers}
            await send(message)

        await self.app(scope, receive, send_with_headers)
