"""`/feed.atom`: what changed in each complete week, as an Atom feed (RFC 4287)."""

from __future__ import annotations

import uuid
from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from hubbub.errors import UsageError
from hubbub.live.server.answers.cache import Answer
from hubbub.live.server.answers.forms import respond
from hubbub.live.server.answers.parameters import Parameters, read_parameters
from hubbub.live.server.sharing.cached import cached
from hubbub.live.server.sharing.weeks import Week, last_weeks
from hubbub.run.configured import configured_runner
from hubbub.run.errors import close_matches
from hubbub.store.permanent.answers import PermanentAnswers
from hubbub.store.query.selection import FILTERS
from hubbub.times import iso

if TYPE_CHECKING:
    from hubbub.config import Config
    from hubbub.live.server.server import Server
    from hubbub.store import Store

__all__ = ["MEDIA_TYPE", "routes"]

MEDIA_TYPE = "application/atom+xml; charset=utf-8"
_ATOM = "http://www.w3.org/2005/Atom"
_WEEKS, _MOST_WEEKS = 12, 104
_PARAMETERS = (*FILTERS, "by", "bots", "tz", "weeks")
_NEVER = "1970-01-01T00:00:00Z"


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
    body = _document(weeks, base, values, identity)
    worst = next((each.coverage for each in weeks if each.coverage == "unproven"), "")
    coverage = worst or (weeks[0].coverage if weeks else "unproven")
    return Answer(body, MEDIA_TYPE, coverage=coverage, private=names)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= _MOST_WEEKS):
        raise UsageError(
            f"weeks cannot be {text[:40]!r}", hint=f"write a number from 1 to {_MOST_WEEKS}"
        )
    return int(text)


def _document(weeks: list[Week], base: str, values: Parameters, identity: str) -> bytes:
    """Return the feed; each week is an entry."""
    ET.register_namespace("", _ATOM)
    feed = ET.Element(f"{{{_ATOM}}}feed", {"{http://www.w3.org/XML/1998/namespace}lang": "en"})
    query = f"?{urlencode(sorted(values.items()), doseq=True)}" if values else ""
    _add(feed, "id", _urn(identity, "feed"))
    _add(feed, "title", "What changed, week by week")
    _add(feed, "updated", iso(weeks[0].end) if weeks else _NEVER)
    _add(_add(feed, "author"), "name", "hubbub")
    _link(feed, "self", f"{base}/feed.atom{query}", "application/atom+xml")
    _link(feed, "alternate", f"{base}/", "text/html")
    for week in weeks:
        entry = _add(feed, "entry")
        _add(entry, "id", _urn(identity, iso(week.start)))
        _add(entry, "title", week.title)
        _add(entry, "updated", iso(week.end))
        _add(entry, "published", iso(week.end))
        span = {"since": iso(week.start), "until": iso(week.end), "axis": "category"}
        address = f"{base}/view/volume.html?{urlencode(span)}"
        _link(entry, "alternate", address, "text/html")
        sentences = "".join(f"<p>{escape(sentence)}</p>" for sentence in week.sentences)
        _add(entry, "content", sentences, type="html")
    document: bytes = ET.tostring(feed, encoding="utf-8", xml_declaration=True)
    return document


def _add(parent: ET.Element, name: str, text: str = "", **attributes: str) -> ET.Element:
    element = ET.SubElement(parent, f"{{{_ATOM}}}{name}", attributes)
    if text:
        element.text = text
    return element


def _link(parent: ET.Element, relation: str, address: str, media_type: str) -> None:
    _add(parent, "link", rel=relation, href=address, type=media_type)


def _urn(identity: str, part: str) -> str:
    """Return an id that no other feed has, and that does not change."""
    return uuid.uuid5(uuid.UUID(identity[:32]), part).urn
