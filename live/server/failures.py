"""Errors as answers: one JSON shape, or a page where HTML is asked for."""

from __future__ import annotations

import html
from collections.abc import Mapping
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Message, Receive, Scope, Send

from hubbub.calls.hops import TooManyHopsError
from hubbub.docstrings import as_parameters
from hubbub.errors import (
    EngineError,
    HubbubError,
    NoMemoryError,
    NoRoomError,
    NotAllowedError,
    RemoteError,
    SourceError,
    UsageError,
)
from hubbub.live.server import pages
from hubbub.live.server.middleware import HttpMiddleware
from hubbub.live.server.negotiation import prefers_html
from hubbub.logger import get_logger

__all__ = ["Faults", "HttpError", "NotFoundError", "handlers", "shown"]

_log = get_logger("hubbub.serve")
_OWN_PAGE = "/me"  # whose address may hold a token
_NAMES = {
    400: "bad-request",
    401: "unauthorized",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    410: "gone",
    413: "too-large",
    421: "misdirected",
    429: "too-many-requests",
    500: "failed",
    502: "bad-gateway",
    503: "unavailable",
    504: "timeout",
    507: "no-room",
    508: "loop",
}


class HttpError(HubbubError):
    """An error with the status of its answer.

    Args:
        status: of the answer.
        what: one sentence.
        hint: what to do next.
        code: a short name for programs; by default that of the status.
        headers: of the answer.
    """

    def __init__(
        self,
        status: int,
        what: str,
        *,
        hint: str = "",
        code: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(what, hint=hint)
        self.status, self.code = status, code or _NAMES.get(status, "failed")
        self.headers = dict(headers or {})


class NotFoundError(HttpError):
    """There is no such thing."""

    def __init__(self, what: str, *, hint: str = "") -> None:
        super().__init__(404, what, hint=hint)


def shown(error: HubbubError) -> HttpError:
    """Return an error as it is shown: with a status, and parameters named as in an address."""
    if isinstance(error, HttpError):
        return error
    if isinstance(error, NotAllowedError):
        status = 403
    elif isinstance(error, UsageError):
        status = 400
    elif isinstance(error, (SourceError, RemoteError, EngineError)):
        status = 502
    elif isinstance(error, TooManyHopsError):
        status = 508
    elif isinstance(error, (NoRoomError, NoMemoryError)):
        status = 503
    else:
        status = 500
    # a client may know which other server failed, but not where a file of this one is
    named = error.where and (status < 500 or isinstance(error, RemoteError))  # noqa: PLR2004
    what = f"{error.where}: {error.what}" if named else error.what
    return HttpError(status, as_parameters(what), hint=as_parameters(error.hint))


def answer(request: Request, error: HttpError) -> Response:
    """Return the answer for an error."""
    headers = {"Cache-Control": "no-store", **error.headers}
    if prefers_html(request):
        parts = [f"<h1>{html.escape(error.what)}</h1>"]
        if error.hint:
            parts.append(f"<p>{html.escape(error.hint)}</p>")
        if error.code in {_NAMES[401], _NAMES[403]}:
            parts.append(f"<p>{pages.anchor(request, _login(request), 'Log in')}</p>")
        body = pages.page(request, f"{error.status}: {error.code}", "\n".join(parts))
        return Response(body, error.status, headers=headers, media_type="text/html; charset=utf-8")
    document = {"error": {"code": error.code, "message": error.what, "hint": error.hint}}
    return JSONResponse(document, error.status, headers=headers)


def _login(request: Request) -> str:
    """Return the path of the page to log in at, which leads back to what was asked for."""
    path = request.url.path.removeprefix(str(request.scope.get("root_path", "")))
    if request.method != "GET" or path == _OWN_PAGE:
        return "/login"
    query = f"?{request.url.query}" if request.url.query else ""
    return f"/login?{urlencode({'next': path + query})}"


async def _hubbub_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HubbubError)
    as_http = shown(error)
    if as_http.status >= 500:  # noqa: PLR2004
        _log.warning("request failed", path=request.url.path, why=error.what, where=error.where)
    return answer(request, as_http)


async def _http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    what = {404: f"not found: {request.url.path}", 405: f"{request.method} is not possible here"}
    hint = "the addresses are in /schema and /openapi.json" if error.status_code == 404 else ""  # noqa: PLR2004
    status = error.status_code
    return answer(
        request, HttpError(status, what.get(status, error.detail), hint=hint, headers=error.headers)
    )


handlers = {HubbubError: _hubbub_error, HTTPException: _http_exception}


class Faults(HttpMiddleware):
    """ASGI middleware that logs an unexpected error, and answers with 500."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        started = False

        async def noting(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, noting)
        except Exception as error:
            _log.error("request failed", path=scope["path"], exc_info=error)
            if started:
                raise  # the connection is cut, so that the client notices
            hint = "the server's log has the reason"
            response = answer(Request(scope), HttpError(500, "internal error", hint=hint))
            await response(scope, receive, send)
