"""Methods: OPTIONS of every address says which there are; a refused one always does."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Receive, Scope, Send

from hubbub.live.server.middleware import HttpMiddleware

__all__ = ["Methods"]

_REFUSED = 405


class Methods(HttpMiddleware):
    """ASGI middleware that adds the header Allow where it is missing, and answers OPTIONS."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        without_body = False

        async def send_with_methods(message: Message) -> None:
            nonlocal without_body
            if message["type"] == "http.response.start" and message["status"] == _REFUSED:
                headers = MutableHeaders(scope=message)
                headers.setdefault("Allow", "GET, HEAD")  # of files
                if scope["method"] == "OPTIONS":
                    without_body = True
                    headers["Allow"] += ", OPTIONS"
                    headers["Content-Length"] = "0"
                    del headers["Content-Type"]
                    message["status"] = 200
            elif message["type"] == "http.response.body" and without_body:
                message = {**message, "body": b""}
            await send(message)

        await self.app(scope, receive, send_with_methods)
