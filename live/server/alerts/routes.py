"""The routes of alerts: `/alerts` and the permanent link of each change, `/alerts/NUMBER`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from hubbub.analyzers.result import Result
from hubbub.errors import UsageError
from hubbub.formats.encode import MEDIA_TYPES, json_text, text
from hubbub.live.alerts.rules import read_rules
from hubbub.live.server import pages
from hubbub.live.server.alerts.documents import Asked, alert_document, alerts_document
from hubbub.live.server.alerts.page import alert_page, alerts_page
from hubbub.live.server.answers.parameters import Parameters, read_parameters
from hubbub.live.server.failures import NotFoundError
from hubbub.live.server.negotiation import choose, split_suffix
from hubbub.run.errors import close_matches
from hubbub.store.state import alerts
from hubbub.times import parse_time, to_micros
from hubbub.zones import UNIVERSAL, Zone, find

if TYPE_CHECKING:
    from hubbub.live.server.server import Server

__all__ = ["routes"]

_FORMS: Mapping[str, str] = {
    "application/json": "json",
    "text/html": "html",
    "text/csv": "csv",
}
_ONE: Mapping[str, str] = {"application/json": "json", "text/html": "html"}
_PARAMETERS = ("since", "until", "rule", "limit", "content_type")
_COLUMNS = ("number", "time", "state", "rule", "subject", "text")
_USUAL, _MOST = 100, 1_000
_MAX_DIGITS = 12
_HEADERS = {"Cache-Control": "private, no-cache", "Vary": "Accept, Authorization, Cookie"}


def routes(server: Server) -> list[BaseRoute]:
    """Return the routes of alerts."""
    rules = read_rules(server.config.alerts)
    sentences = {rule.name: rule.sentence() for rule in rules}
    name = server.config.project.timezone
    zone = UNIVERSAL if name is None else find(name)

    async def handle_alerts(request: Request) -> Response:
        """Rules, alerts that are on, history and silences."""
        server.access.require(request, "read")
        values = await read_parameters(request)
        form = _form(request, _FORMS, values)
        asked = _asked(values, zone, names=server.access.allows(request, "people"))
        now = server.access.now()
        document = alerts_document(server.store.state, rules, asked, now)
        if form == "html":
            return pages.answer(request, "Alerts", alerts_page(request, document, asked.rule))
        if form == "csv":
            return _answer(_csv(document["history"], zone), "csv")
        return _answer(json_text(document, indent=2), "json")

    async def handle_alert(request: Request) -> Response:
        """One alert: the permanent link of notifications."""
        server.access.require(request, "read")
        values = await read_parameters(request)
        form = _form(request, _ONE, values)
        number = split_suffix(request.path_params["number"], _ONE)[0]
        known = number.isascii() and number.isdigit() and len(number) <= _MAX_DIGITS
        change = alerts.numbered(server.store.state, int(number)) if known else None
        if change is None:
            raise NotFoundError(f"there is no alert {number[:40]!r}", hint="/alerts lists them")
        if change.private:
            server.access.require(request, "people")
        asked = Asked(server.access.allows(request, "people"), zone)
        document = alert_document(server.store.state, change, asked)
        if form == "json":
            return _answer(json_text(document, indent=2), "json")
        body = alert_page(request, document, sentences.get(change.rule, ""))
        return pages.answer(request, f"Alert {change.number}", body)

    return [
        Route("/alerts", handle_alerts),
        *(Route(f"/alerts.{form}", handle_alerts) for form in _FORMS.values()),
        Route("/alerts/{number}", handle_alert),
    ]


def _form(request: Request, forms: Mapping[str, str], values: Parameters) -> str:
    for name in values:
        if name not in _PARAMETERS:
            raise UsageError(
                f"alerts have no parameter {name[:80]!r}",
                hint=close_matches(name[:80], _PARAMETERS),
            )
    suffix = split_suffix(request.url.path, forms)[1]
    return choose(
        forms,
        suffix=suffix,
        parameter=values.get("content_type", [""])[-1],
        accept=request.headers.get("accept", ""),
    )


def _asked(values: Parameters, zone: Zone, *, names: bool) -> Asked:
    def time(name: str) -> int | None:
        given = values.get(name, [""])[-1]
        if not given:
            return None
        try:
            return to_micros(parse_time(given, zone.local(datetime.now(UTC))))
        except ValueError as error:
            raise UsageError(f"{name} cannot be {given[:40]!r}: {error}") from None

    limit = values.get("limit", [str(_USUAL)])[-1]
    if not (limit.isascii() and limit.isdigit() and 1 <= int(limit[:6]) <= _MOST):
        raise UsageError(
            f"limit cannot be {limit[:40]!r}", hint=f"write a number from 1 to {_MOST}"
        )
    return Asked(
        names,
        zone,
        since=time("since"),
        until=time("until"),
        rule=values.get("rule", [""])[-1],
        limit=int(limit),
    )


def _csv(history: list[dict[str, Any]], zone: Zone) -> str:
    now = datetime.now(UTC)
    result = Result("alerts", {}, history, now, now, 0, columns=_COLUMNS, zone=zone)
    return text(result, "csv")


def _answer(body: str, form: str) -> Response:
    return Response(body, headers=_HEADERS | {"Content-Type": MEDIA_TYPES[form]})
