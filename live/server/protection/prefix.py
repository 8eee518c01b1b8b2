"""The path before which a proxy serves this server: `/hubbub` of https://example.org/hubbub/.

Links and cookies get it. Whether the proxy leaves it in the path of a request or removes it does
not matter.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from hubbub.live.server.middleware import HttpMiddleware

__all__ = ["Prefix", "own_path"]


def own_path(scope: Scope) -> str:
    """Return the path of a request without the prefix."""
    root, path = str(scope.get("root_path", "")), str(scope["path"])
    if root and (path == root or path.startswith(f"{root}/")):
        return path[len(root) :] or "/"
    return path


class Prefix(HttpMiddleware):
    """ASGI middleware that tells the application its prefix.

    Args:
        app: answers.
        root_path: the prefix, without a slash at its end; empty: none.
    """

    def __init__(self, app: ASGIApp, root_path: str) -> None:
        super().__init__(app)
        self._root = root_path

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if self._root:
            path = own_path({**scope, "root_path": self._root})
            scope = {**scope, "root_path": self._root, "path": self._root + path}
        await self.app(scope, receive, send)
