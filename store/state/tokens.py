"""Tokens with which people and programs may use the server, and the sessions of browsers.

A token is 32 random bytes, so its SHA-256 cannot be inverted by guessing: a slow hash such as
scrypt protects passwords, which people choose, and would here only make each request slow. Only the
digests are stored, and a token is shown once, when it is made. What was forgotten (`hubbub forget`)
or revoked opens nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from hubbub.errors import UsageError
from hubbub.store.state.database import State
from hubbub.store.state.pseudonyms import PSEUDONYM

__all__ = [
    "PREFIX",
    "SCOPES",
    "Token",
    "add",
    "close_session",
    "find",
    "find_session",
    "listed",
    "open_session",
    "revoke",
]

#: Every scope; `admin` includes all others, and `people` includes `read`.
SCOPES = ("read", "people", "write", "admin")
#: Tokens begin with it, so that programs that search for leaked secrets recognise them.
PREFIX = "hubbub_"
_BYTES = 32
_LONGEST = 100  # characters of a token's name
_SECRET = 200  # characters; a longer text is no token
_SESSION = timedelta(days=30) // timedelta(microseconds=1)
_SESSIONS = 100  # of one token; the oldest ends where another begins
_ALL = "SELECT number, name, scopes, person, created, expires, digest FROM tokens"
_OF_SESSION = (
    "SELECT number, name, scopes, person, tokens.created, tokens.expires, sessions.digest"
    " FROM sessions JOIN tokens ON number = sessions.token"
    " WHERE sessions.digest = ? AND sessions.expires > ?"
)


@dataclass(frozen=True, slots=True)
class Token:
    """A token without its secret; times are in µs since the epoch.

    Attributes:
        number: identifies it.
        name: by which it is listed and revoked.
        scopes: what it allows; none for a person's own page.
        person: whose own page it opens; None: no person's.
        created: when it was made.
        expires: from when on it is refused; None: never.
    """

    number: int
    name: str
    scopes: tuple[str, ...]
    person: str | None
    created: int
    expires: int | None

    def allows(self, scope: str) -> bool:
        """Whether it allows what the scope is needed for."""
        return (
            scope in self.scopes
            or "admin" in self.scopes
            or (scope == "read" and "people" in self.scopes)
        )

    def expired(self, now: int) -> bool:
        """Whether it is refused at a time (µs since the epoch), because it expired before."""
        return self.expires is not None and self.expires <= now


def add(
    state: State,
    name: str,
    scopes: Iterable[str] = (),
    *,
    person: str | None = None,
    now: int,
    expires: int | None,
) -> tuple[Token, str]:
    """Make a token.

    Args:
        state: of the store.
        name: by which it is listed and revoked.
        scopes: of `SCOPES`; none with `person`.
        person: whose own page it opens.
        now: µs since the epoch.
        expires: µs since the epoch; None: never.

    Returns:
        The token, and its secret text, which is stored nowhere.

    Raises:
        UsageError: the name is taken or not valid, an unknown scope, or a forgotten person.
    """
    chosen = tuple(scope for scope in SCOPES if scope in set(scopes))
    _check(state, name, set(scopes), person)
    secret = PREFIX + secrets.token_urlsafe(_BYTES)
    with state.transaction() as db:
        try:
            number = db.execute(
                "INSERT INTO tokens (name, digest, scopes, person, created, expires)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (name, _digest(secret), " ".join(chosen), person, now, expires),
            ).lastrowid
        except sqlite3.IntegrityError:
            raise UsageError(
                f"there is a token {name!r} already",
                hint=f"choose another name, or `hubbub tokens revoke {name}` first",
            ) from None
    assert number is not None
    return Token(number, name, chosen, person, now, expires), secret


def _check(state: State, name: str, scopes: set[str], person: str | None) -> None:
    if unknown := sorted(scopes - set(SCOPES)):
        raise UsageError(f"there is no scope {unknown[0]!r}", hint=f"there are: {' '.join(SCOPES)}")
    if not name or len(name) > _LONGEST or not name.isprintable() or name != name.strip():
        raise UsageError(
            f"a token's name is 1 to {_LONGEST} printable characters, not {name[:_LONGEST]!r}"
        )
    if person is None and not scopes:
        raise UsageError("a token needs a scope", hint=f"--scope: {' '.join(SCOPES)}")
    if person is not None and scopes:
        raise UsageError(
            "a link to a person's own page has no scope: it shows this page and nothing else"
        )
    forgotten = state.forgotten
    if forgotten.text(name) != name or (person is not None and forgotten.account(person) != person):
        raise UsageError("this name was forgotten, and cannot be stored again")


def listed(state: State) -> list[Token]:
    """Return all tokens, the oldest first, those that expired included."""
    return [_token(row) for row in state.rows(f"{_ALL} ORDER BY number")]


def revoke(state: State, name: str) -> Token:
    """Delete a token and its sessions: both are refused from now on, and the name is free again.

    Raises:
        UsageError: there is no such token.
    """
    with state.transaction() as db:
        row = db.execute(f"{_ALL} WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise UsageError(f"there is no token {name!r}", hint="`hubbub tokens list` lists them")
        number = row[0]
        db.execute("DELETE FROM sessions WHERE token = ?", (number,))
        db.execute("DELETE FROM tokens WHERE number = ?", (number,))
    return _token(row)


def find(state: State, secret: str, *, now: int) -> Token | None:
    """Return the valid token of a secret text; None if there is none."""
    digest = _digest(secret)
    return _valid(state.rows(f"{_ALL} WHERE digest = ?", digest), digest, now)


def open_session(state: State, token: Token, *, now: int) -> tuple[str, int]:
    """Begin a session of a browser.

    Returns:
        The session's secret text, which is stored nowhere, and when it ends (µs since the epoch):
        after 30 days, or with the token.
    """
    secret, end = secrets.token_urlsafe(_BYTES), now + _SESSION
    if token.expires is not None:
        end = min(end, token.expires)
    with state.transaction() as db:
        db.execute("DELETE FROM sessions WHERE expires <= ?", (now,))
        db.execute(
            "DELETE FROM sessions WHERE token = ?1 AND digest NOT IN (SELECT digest FROM sessions"
            " WHERE token = ?1 ORDER BY created DESC LIMIT ?2)",
            (token.number, _SESSIONS - 1),
        )
        db.execute(
            "INSERT INTO sessions VALUES (?, ?, ?, ?)", (_digest(secret), token.number, now, end)
        )
    return secret, end


def find_session(state: State, secret: str, *, now: int) -> Token | None:
    """Return the valid token of a session that has not ended; None if there is none."""
    digest = _digest(secret)
    return _valid(state.rows(_OF_SESSION, digest, now), digest, now)


def close_session(state: State, secret: str) -> None:
    """End a session; nothing happens if there is none."""
    with state.transaction() as db:
        db.execute("DELETE FROM sessions WHERE digest = ?", (_digest(secret),))


def _valid(rows: Sequence[Sequence[Any]], digest: str, now: int) -> Token | None:
    if not rows or not hmac.compare_digest(rows[0][-1], digest):
        return None
    token = _token(rows[0])
    forgotten = token.person is not None and PSEUDONYM.fullmatch(token.person)
    return None if forgotten or token.expired(now) else token


def _digest(secret: str) -> str:
    """Return the SHA-256 of a secret; of a text that is too long for one, that of its beginning."""
    return hashlib.sha256(secret[:_SECRET].encode("utf-8", "surrogatepass")).hexdigest()


def _token(row: Sequence[Any]) -> Token:
    number, name, scopes, person, created, expires, _ = row
    return Token(number, name, tuple(scopes.split()), person, created, expires)
