"""`/feed.atom`: what changed in each complete week, as an Atom feed (RFC 4287)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from hubbub.errors import UsageError
from hubbub.live.server.answers.cache import Answer
from hubbub.live.server.answers.forms import respond
from hubbub.live.server.answers.parameters import Parameters, read_parameters
from hubbub.live.server.sharing.cached import cached
from hubbub.run.configured import configured_runner
from hubbub.run.errors import close_matches
from hubbub.sharing.feed import MEDIA_TYPE, Feed, document
from hubbub.sharing.weeks import Week, last_weeks
from hubbub.store.permanent.answers import PermanentAnswers
from hubbub.store.query.selection import FILTERS
from hubbub.times import iso

if TYPE_CHECKING:
    from hubbub.config import Config
    from hubbub.live.server.server import Server
    from hubbub.store import Store

__all__ = ["routes"]

_WEEKS, _MOST_WEEKS = 12, 104
_PARAMETERS = (*FILTERS, "by", "bots", "tz", "weeks")


def routes(server: Server) -> list[BaseRoute]:
    """Return the route of the feed."""

    async def handle_feed(request: Request) -> Response:
        server.access.require(request, "read")
        values = await read_parameters(request)
        for name in values:
            if name not in _PARAMETERS:
                raise UsageError(
                    f"the feed has no parameter {name[:80]!r}",
                    hint=close_matches(name[:80], _PARAMETERS),
                )
        base = str(request.base_url).rstrip("/")
        answer = await cached(server, request, ("feed", base), values, _feed, values, base)
        return respond(request, answer)

    return [Route("/feed.atom", handle_feed)]


def _feed(store: Store, config: Config, values: Parameters, base: str, *, names: bool) -> Answer:
    filters: dict[str, Any] = {
        name: given if name in FILTERS else given[-1]
        for name, given in values.items()
        if name != "weeks"
    }
    runner = configured_runner(store, config, names=names)
    weeks = last_weeks(runner, _number(values.get("weeks", [str(_WEEKS)])[-1]), filters)
    # a feed stays itself under another host name, and other filters are another feed
    identity = PermanentAnswers.of(store).key("feed", repr(sorted(filters.items())))
    query = f"?{urlencode(sorted(values.items()), doseq=True)}" if values else ""

    def week_address(week: Week) -> str:
        span = {"since": iso(week.start), "until": iso(week.end), "axis": "category"}
        return f"{base}/view/volume.html?{urlencode(span)}"

    body = document(
        weeks,
        Feed(
            identity=identity,
            title="What changed, week by week",
            own=f"{base}/feed.atom{query}",
            page=f"{base}/",
            week=week_address,
        ),
    )
    worst = next((each.coverage for each in weeks if each.coverage == "unproven"), "")
    coverage = worst or (weeks[0].coverage if weeks else "unproven")
    return Answer(body, MEDIA_TYPE, coverage=coverage, private=names)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= _MOST_WEEKS):
        raise UsageError(
            f"weeks cannot be {text[:40]!r}", hint=f"write a number from 1 to {_MOST_WEEKS}"
        )
    return int(text)
