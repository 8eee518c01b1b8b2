"""Limits of the bodies of requests, in bytes and in seconds, held while they are received."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hubbub.live.server.failures import HttpError, answer
from hubbub.live.server.middleware import HttpMiddleware
from hubbub.live.server.protection.fields import field
from hubbub.live.server.protection.prefix import own_path

__all__ = ["MAX_BODY", "MAX_HOOK_BODY", "Bodies"]

#: Bytes of a body, and of one that a hook receives.
MAX_BODY, MAX_HOOK_BODY = 1 << 20, 25 << 20
_SECONDS = 30.0  # for a body, from when it is first read
_HOOKS = "/hook/"
#: Bytes and seconds of a refused body that are read, so that its sender can read why.
_DISCARDED, _DISCARD_SECONDS = 64 << 20, 5.0


class Bodies(HttpMiddleware):
    """ASGI middleware that ends requests with bodies that are too large or too slow.

    Args:
        app: answers the others.
        seconds: that a body may take.
    """

    def __init__(self, app: ASGIApp, seconds: float = _SECONDS) -> None:
        super().__init__(app)
        self._seconds = seconds

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        most = MAX_HOOK_BODY if own_path(scope).startswith(_HOOKS) else MAX_BODY
        length = field(scope, b"content-length") or "0"
        if not length.isdigit() or int(length[:20]) > most:
            if field(scope, b"expect") is None:  # whose sender waits for the answer
                await _discard(receive)
            await answer(Request(scope), _too_large(most))(scope, receive, send)
            return
        body = _Body(receive, most, self._seconds)

        async def send_and_close(message: Message) -> None:
            if message["type"] == "http.response.start" and body.failed:
                MutableHeaders(scope=message)["Connection"] = "close"
            await send(message)

        await self.app(scope, body.receive, send_and_close)


class _Body:
    """Counts what is received of a body."""

    def __init__(self, receive: Receive, most: int, seconds: float) -> None:
        self._receive, self._most, self._seconds = receive, most, seconds
        self._bytes, self._deadline = 0, 0.0
        self._complete = self.failed = False

    async def receive(self) -> Message:
        """Return the next message.

        Raises:
            HttpError: 413 or 408.
        """
        if self._complete:
            return await self._receive()
        self._deadline = self._deadline or time.monotonic() + self._seconds
        try:
            async with asyncio.timeout(self._deadline - time.monotonic()):
                message = await self._receive()
        except TimeoutError:
            self.failed = True
            raise HttpError(
                408, f"the body did not arrive within {self._seconds:g} s", code="timeout"
            ) from None
        self._bytes += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        if self._bytes > self._most:
            self.failed = True
            if not self._complete:
                await _discard(self._receive)
            raise _too_large(self._most)
        return message


async def _discard(receive: Receive) -> None:
    """Read a body without keeping it, within limits.

    Where a connection is closed with unread bytes, its client may lose the answer.
    """
    size = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(_DISCARD_SECONDS):
            while size < _DISCARDED:
                message = await receive()
                size += len(message.get("body", b""))
                if not message.get("more_body", False):
                    return


def _too_large(most: int) -> HttpError:
    return HttpError(
        413, f"the body is larger than {most >> 20} MiB", headers={"Connection": "close"}
    )
