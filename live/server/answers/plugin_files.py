"""`/files/MODULE/NAME`: what plugins publish with `fs`."""

from __future__ import annotations

import mimetypes
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route

from hubbub.live.server.failures import NotFoundError
from hubbub.live.server.security import DOCUMENT_POLICY
from hubbub.store.plugin_data.files import find

if TYPE_CHECKING:
    from hubbub.live.server.server import Server

__all__ = ["routes"]

#: A file has its own styles and pictures, no scripts, and nothing of the server's origin.
_POLICY = f"sandbox; {DOCUMENT_POLICY}"


def routes(server: Server) -> list[BaseRoute]:
    """Return the route of plugins' files."""

    async def files(request: Request) -> Response:
        server.access.require(request, "people")
        module, name = request.path_params["module"], request.path_params["name"]
        owner = None if server.plugins is None else server.plugins.module(module)
        path = None if owner is None else find(server.store_folder, owner, name)
        if path is None:
            raise NotFoundError(f"there is no file {name[:80]!r} of a plugin {module[:80]!r}")
        kind, encoding = mimetypes.guess_type(name)
        if kind is None or encoding is not None:
            kind = "application/octet-stream" if encoding else "text/plain"
        return FileResponse(
            path,
            media_type=kind,
            headers={"Content-Security-Policy": _POLICY, "Cache-Control": "private, no-cache"},
        )

    return [Route("/files/{module:path}/{name}", files)]
