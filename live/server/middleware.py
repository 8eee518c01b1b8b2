"""The base of ASGI middleware that handles HTTP requests and nothing else."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable

from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["HttpMiddleware"]


class HttpMiddleware(ABC):
    """ASGI middleware for HTTP; the application gets what is no HTTP request unchanged.

    Args:
        app: answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Handle a request, or pass on what is none; a coroutine of its own would cost time."""
        handler = self.handle if scope["type"] == "http" else self.app
        return handler(scope, receive, send)

    @abstractmethod
    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it to `self.app`."""
