"""The live page, and each of its panels alone for another page to embed.

The scripts in static/live/ fill them. Without a script the page says where the same numbers are.
"""

from __future__ import annotations

from datetime import date, timedelta
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from hubbub.live.server import pages
from hubbub.live.server.failures import NotFoundError
from hubbub.live.server.stream.panels import CONTROLS, FIGURES, MINUTES, PANELS
from hubbub.live.stream.past import replay_range
from hubbub.times import from_micros
from hubbub.zones import UNIVERSAL, Zone, find

if TYPE_CHECKING:
    from hubbub.live.server.server import Server

__all__ = ["routes"]

_SCRIPTS = (
    "d3/d3-dispatch.min.js",
    "d3/d3-quadtree.min.js",
    "d3/d3-timer.min.js",
    "d3/d3-force.min.js",
)
_SPEEDS = ((1, "as it was"), *((n, f"{n:,} times") for n in (10, 60, 600, 3_600)))
_USUAL_SPEED = 60
_NO_SCRIPT = (
    "<noscript><p>This page needs a script to follow the bus. "
    "The same numbers, as tables: {volume} and {explore}.</p></noscript>"
)


def routes(server: Server) -> list[BaseRoute]:
    """Return the routes of the page and of its panels."""
    name = server.config.project.timezone
    zone = UNIVERSAL if name is None else find(name)
    alerts = (PANELS["alerts"],) if server.config.alerts else ()

    async def index(request: Request) -> Response:
        server.access.require(request, "read")
        replayed = _replayed(request)
        heading = "The bus now" if replayed is None else "A past day of the bus"
        shown = [html for name, html in PANELS.items() if name != "alerts"]
        panels = [*alerts, *shown, *(() if replayed is None else (MINUTES,))]
        body = (
            f'<div class="live"><header><h1>{heading}</h1>{CONTROLS}</header>\n'
            f'<div class="about">{FIGURES}{"" if replayed else _past(request)}</div>\n'
            f"{_no_script(request)}{_replay(request, replayed, zone) if replayed else ''}"
            f'<div id="filters" role="group" aria-label="Filters"></div>\n'
            f'<div class="panels" data-zone="{escape(zone.name)}">\n{"".join(panels)}\n</div></div>'
        )
        return _answer(request, heading, body)

    async def embed(request: Request) -> Response:
        server.access.require(request, "read")
        name = request.path_params["panel"]
        if name not in PANELS:
            raise NotFoundError(
                f"there is no panel {name[:40]!r}", hint=f"there are: {', '.join(PANELS)}"
            )
        body = (
            f'<div class="panels" data-zone="{escape(zone.name)}">{PANELS[name]}</div>'
            f"{_no_script(request)}"
        )
        return _answer(request, name.capitalize(), body, embedded=True)

    return [Route("/", index), Route("/embed/{panel}", embed)]


def _answer(request: Request, title: str, body: str, *, embedded: bool = False) -> Response:
    static = pages.link(request, "/static")
    head = f'<link rel="stylesheet" href="{static}/live/live.css">\n' + "".join(
        f'<script defer src="{static}/{script}"></script>\n' for script in _SCRIPTS
    )
    head += f'<script type="module" src="{static}/live/main.js"></script>\n'
    text = pages.page(
        request,
        title,
        body,
        head=head,
        body_class="live embed" if embedded else "live",
        frame=not embedded,
    )
    return Response(
        text, headers={"Cache-Control": "no-cache"}, media_type="text/html; charset=utf-8"
    )


def _no_script(request: Request) -> str:
    return _NO_SCRIPT.format(
        volume=pages.anchor(request, "/query/volume.html", "messages"),
        explore=pages.anchor(request, "/explore", "everything else"),
    )


def _replayed(request: Request) -> str | None:
    """Return the day that is replayed, as the address has it; None for the present."""
    values = parse_qs(request.scope.get("query_string", b"").decode("ascii", "replace"))
    return values["replay"][-1] if "replay" in values else None


def _past(request: Request) -> str:
    """Return a form that begins a replay."""
    return (
        '<details class="past"><summary>Replay a past day</summary>'
        f'<form method="get" action="{pages.link(request, "/")}"><label for="replay">Day</label>'
        '<input id="replay" name="replay" type="date" required>'
        "<button>Replay</button></form></details>"
    )


def _replay(request: Request, replayed: str, zone: Zone) -> str:
    """Return the controls of a replay.

    Raises:
        UsageError: the day is none.
    """
    start, end = map(from_micros, replay_range(replayed, zone))
    day = zone.day(start)
    others = (
        pages.anchor(request, f"/?replay={other}", text.format(other))
        for n, text in ((-1, "← {}"), (1, "{} →"))
        if (other := _shifted(day, n)) is not None
    )
    speeds = "".join(
        f'<option value="{speed}"{" selected" if speed == _USUAL_SPEED else ""}>{text}</option>'
        for speed, text in _SPEEDS
    )
    minutes = int((end - start).total_seconds()) // 60
    return (
        f'<div class="replay" role="group" aria-label="Replay of {day}">'
        f'<b id="clock" data-start="{int(start.timestamp() * 1000)}">{day}</b>'
        '<button type="button" id="back" aria-keyshortcuts=",">Back 1 min</button>'
        '<button type="button" id="forward" aria-keyshortcuts=".">Forward 1 min</button>'
        '<label for="scrubber">Time of day</label>'
        f'<input id="scrubber" type="range" min="0" max="{minutes}" step="1" value="0">'
        f'<label for="speed">Speed</label><select id="speed">{speeds}</select>'
        f"{' '.join(others)} {pages.anchor(request, '/', 'Back to the present')}</div>\n"
    )


def _shifted(day: date, days: int) -> date | None:
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return None
