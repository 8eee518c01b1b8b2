"""Who may do what: the token or session of a request, and the scopes that it has.

A program sends `Authorization: Bearer TOKEN`; a browser has a cookie with a session, which /login
gives it for a token. A bad token is refused even where none is needed: its sender believes to be
known. A session that has ended counts as none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

from hubbub.calls.remote import HIDDEN, NAMES_HEADER
from hubbub.live.server.attempts import Attempts
from hubbub.live.server.failures import HttpError
from hubbub.live.server.settings import ServeSettings
from hubbub.store.state import tokens
from hubbub.store.state.database import State
from hubbub.times import to_micros

__all__ = ["COOKIE", "OWN_COOKIE", "OWN_PATH", "Access", "Identity", "Scope", "grant"]

Scope = Literal["read", "people", "write", "admin"]
#: Names of the cookies with a session: of a token, and of a link to a person's own page.
COOKIE, OWN_COOKIE = "hubbub_session", "hubbub_me"
OWN_PATH = "/me"
_ANONYMOUS: dict[str, frozenset[str]] = {
    "none": frozenset(),
    "read": frozenset({"read"}),
    "people": frozenset({"read", "people"}),
}
_ALL = frozenset(tokens.SCOPES)
_NAMING = frozenset({"people", "admin"})
_KEY = "hubbub.identity"  # in the ASGI scope
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="hubbub"'}


@dataclass(frozen=True, slots=True)
class Identity:
    """Who sent a request.

    Attributes:
        scopes: what they may do; what everybody may is included.
        name: of their token; empty without one.
    """

    scopes: frozenset[str]
    name: str = ""


def grant(request: Request, scopes: Iterable[str], name: str = "") -> None:
    """Give a request these scopes, whatever its token says; for wrappers with an own login.

    Args:
        request: to be answered.
        scopes: of `hubbub.store.state.tokens.SCOPES`.
        name: of the sender, as errors state it.

    Raises:
        ValueError: an unknown scope.
    """
    given = frozenset(scopes)
    if unknown := sorted(given - _ALL):
        raise ValueError(f"there is no scope {unknown[0]!r}; there are: {', '.join(tokens.SCOPES)}")
    granted = {scope for scope in tokens.SCOPES if _includes(given, scope)}
    request.scope[_KEY] = Identity(frozenset(granted), name)


def _includes(scopes: frozenset[str], scope: str) -> bool:
    return tokens.Token(0, "", tuple(scopes), None, 0, None).allows(scope)


class Access:
    """Decides what a request may do.

    Args:
        settings: of the server.
        state_path: the state file of the store; it is opened for reading by the event loop alone.
        clock: returns the current time.
    """

    def __init__(
        self,
        settings: ServeSettings,
        state_path: Path,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        everybody = _ALL if settings.auth == "none" else _ANONYMOUS[settings.anonymous]
        self._everybody = Identity(everybody)
        self._open = settings.auth == "none"
        self._path, self._clock = state_path, clock
        self._state = State(state_path)
        self._attempts = Attempts()

    def close(self) -> None:
        """Close the state file."""
        self._state.close()

    def identity(self, request: Request) -> Identity:
        """Return who sent a request; found out once for each.

        Raises:
            HttpError: 401 for a bad token, 429 after too many of them.
        """
        known = request.scope.get(_KEY)
        if isinstance(known, Identity):
            return known
        found: tokens.Token | None = None
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and not self._open:
            found = self.check(request, secret.strip())
        else:
            found = self.session(request)
        identity = self._identity(found)
        if request.headers.get(NAMES_HEADER) == HIDDEN:  # another server asks on behalf of a user
            identity = replace(identity, scopes=identity.scopes - _NAMING)
        request.scope[_KEY] = identity
        return identity

    def _identity(self, token: tokens.Token | None) -> Identity:
        if token is None:
            return self._everybody
        allowed = frozenset(scope for scope in tokens.SCOPES if token.allows(scope))
        return Identity(allowed | self._everybody.scopes, token.name)

    def check(self, request: Request, secret: str) -> tokens.Token:
        """Return the valid token of this secret; a failure is counted against the client.

        Raises:
            HttpError: 401 if there is none, 429 after too many failures.
        """
        token = tokens.find(self._state, secret, now=self.now())
        if token is not None:
            return token
        client = request.client.host if request.client else ""
        if wait := self._attempts.fail(client):
            raise HttpError(
                429,
                "too many bad tokens from this address",
                hint=f"try again in {wait:.0f} s",
                headers={"Retry-After": str(max(1, round(wait)))},
            )
        raise HttpError(
            401,
            "this token is not valid, or has expired",
            hint="make another: hubbub tokens add NAME --scope SCOPE",
            headers={
                "WWW-Authenticate": f'{_CHALLENGE["WWW-Authenticate"]}, error="invalid_token"'
            },
        )

    def now(self) -> int:
        """Return the time, µs since the epoch."""
        return to_micros(self._clock())

    def session(self, request: Request) -> tokens.Token | None:
        """Return the token of the browser's session; None without a valid one."""
        return self._session(request.cookies.get(COOKIE))

    def own_session(self, request: Request) -> tokens.Token | None:
        """Return the token of the link with which a person opened their own page, if it is one."""
        token = self._session(request.cookies.get(OWN_COOKIE))
        return token if token is not None and token.person is not None else None

    def _session(self, secret: str | None) -> tokens.Token | None:
        return tokens.find_session(self._state, secret, now=self.now()) if secret else None

    @property
    def anonymous(self) -> frozenset[str]:
        """The scopes of a request without a token."""
        return self._everybody.scopes

    def scopes(self, request: Request) -> frozenset[str]:
        """Return the scopes of a request.

        Raises:
            HttpError: as `identity`.
        """
        return self.identity(request).scopes

    def allows(self, request: Request, scope: Scope) -> bool:
        """Whether a request has a scope.

        Raises:
            HttpError: as `identity`.
        """
        return scope in self.scopes(request)

    def require(self, request: Request, scope: Scope) -> None:
        """Check that a request has a scope.

        Raises:
            HttpError: 403, which names the scope; 401 without a token where everybody needs one;
                else as `identity`.
        """
        identity = self.identity(request)
        if scope in identity.scopes:
            return
        if not identity.name and not identity.scopes:
            raise HttpError(
                401,
                f"this needs a token with the scope `{scope}`",
                hint="log in at /login, or send the header Authorization: Bearer TOKEN",
                headers=_CHALLENGE,
            )
        lacking = f"the token {identity.name!r} lacks" if identity.name else "this needs"
        raise HttpError(
            403,
            f"{lacking} the scope `{scope}`",
            hint=f"log in at /login, or send a token: hubbub tokens add NAME --scope {scope}",
        )

    async def open_session(self, request: Request, response: Response, token: tokens.Token) -> None:
        """Begin a session of a browser, and put it into a cookie of a response."""
        now = self.now()

        def write() -> tuple[str, int]:
            with State(self._path) as state:
                return tokens.open_session(state, token, now=now)

        secret, end = await asyncio.to_thread(write)
        name, path = _cookie(request, own=token.person is not None)
        response.set_cookie(
            name,
            secret,
            max_age=max(1, (end - now) // 1_000_000),
            path=path,
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )

    async def close_session(
        self, request: Request, response: Response, *, own: bool = False
    ) -> None:
        """End a session of a browser, if it has one, and delete its cookie.

        Args:
            request: of the browser.
            response: that deletes the cookie.
            own: the session of a person's own page.
        """
        name, path = _cookie(request, own=own)
        secret = request.cookies.get(name)
        if secret:

            def write() -> None:
                with State(self._path) as state:
                    tokens.close_session(state, secret)

            await asyncio.to_thread(write)
        response.delete_cookie(name, path=path, httponly=True, samesite="strict")


def _cookie(request: Request, *, own: bool) -> tuple[str, str]:
    """Return the name and the path of a cookie."""
    root = str(request.scope.get("root_path", "")).rstrip("/")
    return (OWN_COOKIE, f"{root}{OWN_PATH}") if own else (COOKIE, root or "/")
