"""`/login` and `/logout`: a token becomes the session of a browser, without a script."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from hubbub.live.server import pages
from hubbub.live.server.answers.parameters import read_parameters
from hubbub.live.server.failures import HttpError
from hubbub.live.server.login.own_page import routes as own_page_routes

if TYPE_CHECKING:
    from hubbub.live.server.server import Server

__all__ = ["routes"]

_NO_STORE = {"Cache-Control": "no-store"}
_LONGEST = 2_000  # characters of an address to go on to


def routes(server: Server) -> list[BaseRoute]:
    """Return the routes of /login, /logout and /me."""

    async def login(request: Request) -> Response:
        values = await read_parameters(request)
        target = _target(values.get("next", [""])[-1])
        if request.method != "POST":
            return _form(request, server, target)
        try:
            token = server.access.check(request, values.get("token", [""])[-1].strip())
        except HttpError as error:
            return _form(request, server, target, error)
        if token.person is not None:
            target = "/me"
        response = RedirectResponse(_address(request, target), 303, headers=_NO_STORE)
        await server.access.open_session(request, response, token)
        return response

    async def logout(request: Request) -> Response:
        if request.method != "POST":
            return _logout_form(request, server)
        response = RedirectResponse(_address(request, "/login"), 303, headers=_NO_STORE)
        await server.access.close_session(request, response)
        return response

    methods = ["GET", "POST"]
    return [
        Route("/login", login, methods=methods),
        Route("/logout", logout, methods=methods),
        *own_page_routes(server),
    ]


def _target(text: str) -> str:
    """Return where to go after logging in: a path of this server, else its first page."""
    plain = text.isprintable() and "\\" not in text and len(text) <= _LONGEST
    return text if plain and text.startswith("/") and not text.startswith("//") else "/"


def _address(request: Request, path: str) -> str:
    return str(request.scope.get("root_path", "")).rstrip("/") + path


def _form(
    request: Request, server: Server, target: str, error: HttpError | None = None
) -> HTMLResponse:
    """Return the page that asks for a token; after a failure with what was wrong."""
    session = server.access.session(request)
    name = session.name if session is not None else ""
    said = ""
    if name:
        out = pages.anchor(request, "/logout", "Log out")
        said = f"<p>You are logged in with the token <b>{escape(name)}</b>. {out}</p>"
    if error is not None:
        said = f'<p id="error" role="alert">{escape(error.what)}: {escape(error.hint)}</p>'
    describes = ' aria-describedby="error" aria-invalid="true"' if error is not None else ""
    body = (
        f"<h1>Log in</h1>\n{said}\n"
        f'<form method="post" action="{pages.link(request, "/login")}">\n'
        f'<input type="hidden" name="next" value="{escape(target)}">\n'
        '<p><label for="token">Token</label><br>\n'
        '<input id="token" name="token" type="password" autocomplete="off" required autofocus '
        f'size="60"{describes}></p>\n'
        '<p><button type="submit">Log in</button></p>\n</form>\n'
        "<p>An administrator of this server makes a token with <code>hubbub tokens add</code>.</p>"
    )
    status = 200 if error is None else error.status
    headers = _NO_STORE | ({} if error is None else error.headers)
    return HTMLResponse(pages.page(request, "Log in", body), status, headers=headers)


def _logout_form(request: Request, server: Server) -> HTMLResponse:
    session = server.access.session(request)
    name = session.name if session is not None else ""
    said = f"with the token <b>{escape(name)}</b>" if name else "to nothing: there is no session"
    body = (
        f"<h1>Log out</h1>\n<p>You are logged in {said}.</p>\n"
        f'<form method="post" action="{pages.link(request, "/logout")}">\n'
        '<p><button type="submit">Log out</button></p>\n</form>'
    )
    return HTMLResponse(pages.page(request, "Log out", body), headers=_NO_STORE)
