"""`/me`: a person's own load, baseline and signs of overload, and no other person's.

A link with a token opens it, which is exchanged for a cookie at once: the address that stays in the
browser's history and on the screen has no token. The link works until it expires or is revoked, on
each device of the person; programs that fetch links for a preview do not use it up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from hubbub.analyzers.people.overload import judged_signs
from hubbub.charts.picture import text
from hubbub.live.server import pages
from hubbub.live.server.access import OWN_PATH
from hubbub.live.server.answers.cache import Answer
from hubbub.live.server.answers.parameters import read_parameters
from hubbub.live.server.failures import HttpError
from hubbub.run.configured import configured_runner
from hubbub.times import from_micros

if TYPE_CHECKING:
    from hubbub.config import Config
    from hubbub.live.server.server import Server
    from hubbub.store import Store
    from hubbub.store.state.tokens import Token

__all__ = ["OwnLoad", "own_load", "routes"]

_RECENT = timedelta(weeks=4)
_EVERYBODY = 1_000_000_000  # rows
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
}
_NOINDEX = '<meta name="robots" content="noindex,nofollow,noarchive">\n'
#: Sign → what it says where it is shown, and where it is not.
_SIGNS: Mapping[str, tuple[str, str]] = {
    "load": ("more work than is usual for you", "no more work than is usual for you"),
    "off_hours": (
        "more work at night or on weekends than before",
        "no more work at night or on weekends than before",
    ),
    "no_pause": (
        "three weeks or more without two free days in a row",
        "free days in the last three weeks",
    ),
    "alone": (
        "something that nobody else touches",
        "nothing that you alone touch",
    ),
}
_UNKNOWN = "too short to tell"


@dataclass(frozen=True, slots=True)
class OwnLoad:
    """What is known of one person.

    Attributes:
        until: the end of the recent time.
        row: the person's row of the query `overload`; None: no action in the recent time.
        judged: the signs of which the data tell whether the person shows them.
    """

    until: datetime
    row: Mapping[str, Any] | None
    judged: tuple[str, ...] = ()


def own_load(store: Store, config: Config, person: str) -> OwnLoad:
    """Return what the query `overload` knows of one person.

    Args:
        store: an open store.
        config: the configuration.
        person: an account, or the name to which accounts were merged.

    Raises:
        StoreError: the store cannot be read.
    """
    runner = configured_runner(store, config)
    result = runner.query("overload", people=True, recent=_RECENT, top=_EVERYBODY)
    name = store.persons.name(person)
    row = next((row for row in result.data if row["user"] == name), None)
    if row is None:
        return OwnLoad(result.until, None)
    stored = result.until - datetime.fromisoformat(result.diagnostics["past_since"])
    return OwnLoad(result.until, row, tuple(judged_signs(row, _RECENT, stored)))


def routes(server: Server) -> list[BaseRoute]:
    """Return the routes of a person's own page."""

    async def own_page(request: Request) -> Response:
        values = await read_parameters(request)
        if "token" in values:
            return await _exchange(request, server, values["token"][-1].strip())
        token = server.access.own_session(request)
        if token is None:
            return _without_session(request)
        return HTMLResponse(await _kept_page(server, request, token), headers=_HEADERS)

    async def log_out(request: Request) -> Response:
        body = "<h1>Closed</h1>\n<p>Your link opens the page again.</p>"
        response = HTMLResponse(
            pages.page(request, "Closed", body, head=_NOINDEX), headers=_HEADERS
        )
        await server.access.close_session(request, response, own=True)
        return response

    return [
        Route(OWN_PATH, own_page),
        Route(f"{OWN_PATH}/close", log_out, methods=["POST"]),
    ]


async def _kept_page(server: Server, request: Request, token: Token) -> bytes:
    """Return the page, computed once for each state of the store."""
    assert token.person is not None
    key = (OWN_PATH, token.number, token.person, request.scope.get("root_path", ""))
    stamp = server.answers.stamp()
    answer = server.answers.get(key, stamp)
    if answer is None:
        load = await server.engines.run(own_load, server.config, token.person, request=request)
        answer = Answer(_page(request, token, load).encode(), "text/html", private=True)
        server.answers.put(key, stamp, answer, relative=False)
    return answer.body


async def _exchange(request: Request, server: Server, secret: str) -> Response:
    """Give the browser a session for the token of a link, and the address without it."""
    token = server.access.check(request, secret)
    if token.person is None:
        raise HttpError(
            403,
            "this token opens no person's own page",
            hint="make a link: hubbub tokens add --person NAME",
        )
    root = str(request.scope.get("root_path", "")).rstrip("/")
    response = RedirectResponse(f"{root}{OWN_PATH}", 303, headers=_HEADERS)
    await server.access.open_session(request, response, token)
    return response


def _without_session(request: Request) -> Response:
    """Refuse; or, right after a link on another site, load the page again.

    Browsers do not send the cookie in what a page of another site began, redirects included.
    """
    if request.headers.get("sec-fetch-site") == "cross-site":
        address = pages.link(request, OWN_PATH)
        head = f'{_NOINDEX}<meta http-equiv="refresh" content="0;url={address}">\n'
        body = f'<h1>Your load</h1>\n<p><a href="{address}">Go on to your page</a></p>'
        return HTMLResponse(pages.page(request, "Your load", body, head=head), headers=_HEADERS)
    raise HttpError(
        401,
        "this page opens with your own link only",
        hint="ask an administrator of this server for one: hubbub tokens add --person NAME",
        headers=_HEADERS | {"WWW-Authenticate": 'Bearer realm="hubbub"'},
    )


def _page(request: Request, token: Token, load: OwnLoad) -> str:
    lately = f"in the four weeks to {load.until:%-d %B %Y}"
    who = escape(text.named(token.person))
    lead = (
        f"<p>What is known of <b>{who}</b> {lately}, compared with your own past alone. Nobody "
        "else is shown here, and nobody sees this page without your link.</p>"
    )
    parts = ["<h1>Your load</h1>", lead]
    if load.row is None:
        parts.append(f"<p>No message {lately} names you.</p>")
    else:
        parts += [_signs(load), _numbers(load.row)]
    if token.expires is not None:
        parts.append(f"<p>The link works until {from_micros(token.expires):%-d %B %Y}.</p>")
    parts.append(
        f'<form method="post" action="{pages.link(request, f"{OWN_PATH}/close")}">'
        '<button type="submit">Close this page on this device</button></form>'
    )
    return pages.page(request, "Your load", "\n".join(parts), head=_NOINDEX)


def _signs(load: OwnLoad) -> str:
    assert load.row is not None
    shown = set(load.row["signs"])
    items = []
    for sign, (present, absent) in _SIGNS.items():
        if sign in shown:
            items.append(f"<li><b>{escape(present)}</b></li>")
        elif sign in load.judged:
            items.append(f"<li>{escape(absent)}</li>")
        else:
            items.append(f"<li>{escape(present)}: {_UNKNOWN}</li>")
    heading = "No sign of too much work"
    if shown:
        heading = f"{len(shown)} of {len(_SIGNS)} signs of too much work"
    elif len(load.judged) < len(_SIGNS):
        heading = "No sign of too much work, as far as the data tell"
    return (
        f"<h2>{heading}</h2>\n<ul>\n" + "\n".join(items) + "\n</ul>\n"
        "<p>A sign is a reason to look at how you are, or to talk to somebody; it is no verdict, "
        "and no measure of your work.</p>"
    )


def _numbers(row: Mapping[str, Any]) -> str:
    rows = (
        ("Actions a week (messages on one thing are one action)", _number(row["load"]),
         _number(row["usual"])),
        ("In one of ten times before, more than", "", _number(row["usual_high"])),
        ("Share at night (23 to 7 h) or on weekends", _percent(row["off_hours"]),
         _percent(row["off_hours_before"])),
        ("Weeks since two free days in a row", _number(row["weeks_without_pause"]), ""),
        ("Objects that nobody else touches", _number(row["alone_objects"]), ""),
        ("Categories that nobody else touches", _number(row["alone_categories"]), ""),
    )  # fmt: skip
    cells = "\n".join(
        f'<tr><th scope="row">{name}</th><td class="n">{now}</td><td class="n">{before}</td></tr>'
        for name, now, before in rows
    )
    zone = row["zone"]
    hours = "your time zone is not known" if zone is None else f"by clocks of UTC{zone:+d}"
    return (
        '<h2>The numbers</h2>\n<div class="scroll"><table>\n'
        f"<caption>Nights and weekends {hours}, as your habits suggest</caption>\n"
        '<thead><tr><th scope="col">Measure</th><th scope="col">Lately</th>'
        '<th scope="col">Before</th></tr></thead>\n'
        f"<tbody>\n{cells}\n</tbody></table></div>"
    )


def _number(value: float | None) -> str:
    return _UNKNOWN if value is None else f"{value:,.1f}".removesuffix(".0")


def _percent(value: float | None) -> str:
    return _UNKNOWN if value is None else f"{value:.0%}"
