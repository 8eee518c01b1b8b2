"""The overview: the last seven days, how complete they are, and where everything else is."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from hubbub.analyzers.result import Result
from hubbub.charts.picture.drawing import Drawing
from hubbub.config import Config
from hubbub.language.plurals import plural
from hubbub.live.server import pages
from hubbub.live.server.html.results import coverage_words, figure
from hubbub.run.configured import configured_runner
from hubbub.run.injection import Injector

if TYPE_CHECKING:
    from hubbub.live.server.server import Server
    from hubbub.store import Store

__all__ = ["routes"]

_DAYS = "7d"
#: Views to begin with, and what each shows.
_FIRST = (
    ("tail", "how evenly the work is shared"),
    ("active_users", "how many people take part"),
    ("volume", "how many messages there are"),
    ("longtail", "how that changed over time"),
    ("returning", "who stays"),
    ("coverage", "what is known to be complete"),
)

_OTHERS = (
    ("/explore", "Explore", "every query and view, with a form"),
    ("/usage", "Usage", "how many different people use something, by topic"),
    ("/schema", "Schema", "all functions, for programs"),
)
_EMPTY = (
    "<p>The store is empty. <code>hubbub gather</code> fetches history, <code>hubbub listen</code> "
    "listens to a bus, <code>hubbub import</code> reads files.</p>"
)


@dataclass(frozen=True, slots=True)
class _Latest:
    result: Result
    drawing: Drawing


def _latest(store: Store, config: Config, style: Path | None) -> _Latest | None:
    """Return the volume of the days before the newest event; None: the store is empty."""
    if store.bounds() is None:
        return None
    runner = configured_runner(store, config, inject=Injector(store.state, style=style))
    until = runner.range().until
    since = runner.common.updated({"since": _DAYS}, until).since
    asked = {"since": since, "until": until}
    result = runner.query("volume", per="day", **asked)
    return _Latest(result, runner.view("volume", per="day", **asked))


def routes(server: Server) -> list[BaseRoute]:
    """Return the route of the overview."""

    async def handle_view_overview(request: Request) -> Response:
        server.access.require(request, "read")
        style = server.settings.style
        latest = await server.engines.run(_latest, server.config, style, request=request)
        body = _page(request, latest, set(server.registry.views))
        return pages.answer(request, "Overview", body)

    return [Route("/overview", handle_view_overview)]


def _page(request: Request, latest: _Latest | None, views: set[str]) -> str:
    items = "".join(
        f"<li>{pages.anchor(request, f'/explore/view/{name}', name)}: {escape(about)}</li>"
        for name, about in _FIRST
        if name in views
    )
    others = "".join(
        f"<li>{pages.anchor(request, path, name)}: {escape(about)}</li>"
        for path, name, about in _OTHERS
    )
    parts = [
        "<h1>Overview</h1>",
        _week(latest),
        f"<h2>Views to begin with</h2>\n<ul>{items}</ul>",
        f"<h2>Everything else</h2>\n<ul>{others}</ul>",
    ]
    return "\n".join(parts)


def _week(latest: _Latest | None) -> str:
    if latest is None:
        return _EMPTY
    result = latest.result
    zone = result.zone
    return (
        f"<h2>The last seven days</h2>\n<p>{plural(result.events, 'message')}, "
        f"{escape(zone.iso(result.since))} to "
        f"{escape(zone.iso(result.until))}.</p>\n{coverage_words(result.coverage, zone)}\n"
        f"{figure(latest.drawing)}"
    )
