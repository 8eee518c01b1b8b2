"""The ASGI application: all routes of a server, its errors and its middleware."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from hubbub.live.server import failures
from hubbub.live.server.alerts.routes import routes as alert_routes
from hubbub.live.server.answers.plugin_files import routes as plugin_file_routes
from hubbub.live.server.answers.routes import routes as answer_routes
from hubbub.live.server.background.scheduler import scheduled_jobs
from hubbub.live.server.events.routes import routes as event_routes
from hubbub.live.server.explore.overview import routes as overview_routes
from hubbub.live.server.explore.routes import routes as explore_routes
from hubbub.live.server.hooks.routes import routes as hook_routes
from hubbub.live.server.login.routes import routes as login_routes
from hubbub.live.server.monitoring.requests import CountRequests
from hubbub.live.server.monitoring.routes import routes as monitoring_routes
from hubbub.live.server.openapi.routes import routes as openapi_routes
from hubbub.live.server.peers import Hops
from hubbub.live.server.protection.connections import STOPPING
from hubbub.live.server.schema import routes as schema_routes
from hubbub.live.server.security import middleware
from hubbub.live.server.server import Server
from hubbub.live.server.sharing.badge import routes as badge_routes
from hubbub.live.server.sharing.explain import routes as explain_routes
from hubbub.live.server.sharing.feed import routes as feed_routes
from hubbub.live.server.stream.page import routes as live_page_routes
from hubbub.live.server.stream.routes import routes as stream_routes
from hubbub.live.server.usage.routes import routes as usage_routes
from hubbub.live.server.wrappers import load_wrappers, wrap

__all__ = ["build"]

_SMALL = 1_000  # bytes below which a file is not compressed
#: The routes of each part, one a line.
PARTS = (
    event_routes,  # these first: they are asked for most often
    hook_routes,
    monitoring_routes,
    live_page_routes,
    alert_routes,
    answer_routes,
    badge_routes,
    explain_routes,
    explore_routes,
    feed_routes,
    scheduled_jobs,
    login_routes,
    openapi_routes,
    overview_routes,
    plugin_file_routes,
    schema_routes,
    stream_routes,
    usage_routes,
)


class _Files(StaticFiles):
    """Files that a browser asks for again: scripts of two versions must not meet on a page."""

    def file_response(self, *args: Any, **options: Any) -> Response:
        """Answer with a file, or 304."""
        response = super().file_response(*args, **options)
        response.headers["Cache-Control"] = "no-cache"
        return response


def build(server: Server) -> Starlette:
    """Return the application of a server.

    Raises:
        UsageError: a wrapper cannot be imported.
    """

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[Mapping[str, Any]]:
        await server.start()
        try:
            yield {STOPPING: server.stopping}
        finally:
            await server.stop()

    parts: list[BaseRoute] = [route for part in PARTS for route in part(server)]
    files = _Files(
        directory=Path(__file__).parent / "static", packages=[("hubbub.sharing", "static")]
    )
    static = Mount("/static", GZipMiddleware(files, minimum_size=_SMALL))
    routes = wrap([*parts, static], load_wrappers(server.settings.wrappers))
    paths = {route.endpoint: route.path for route in reversed(routes) if isinstance(route, Route)}
    return Starlette(
        routes=routes,
        exception_handlers=failures.handlers,
        middleware=[
            Middleware(CountRequests, requests=server.requests, paths=paths),
            *middleware(server.settings),
            Middleware(failures.Faults),
            Middleware(Hops),
        ],
        lifespan=lifespan,
    )
