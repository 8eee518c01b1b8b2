"""The servers that a request has passed, so that servers which ask each other come to an end.

A server that asks another one sends the header `Hubbub-Via`: the ids of all servers before it, and
its own. The ids of the request being answered are in a context variable, which the server sets.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from hubbub.errors import HubbubError

__all__ = ["HEADER", "MOST", "OWN_ID", "TooManyHopsError", "header", "passed", "passing", "read"]

HEADER = "Hubbub-Via"
MOST = 4  # servers one after the other; each keeps a worker of its own busy while it waits
_ID = re.compile(r"[0-9a-f]{16}")

#: Of this process; a server gives its own to its plugin workers.
OWN_ID = secrets.token_hex(8)
_passed: ContextVar[tuple[str, ...]] = ContextVar("hubbub_passed", default=())


class TooManyHopsError(HubbubError):
    """Servers ask each other without end, or there are too many of them in a row."""


def read(value: str) -> tuple[str, ...]:
    """Return the ids in a header's value; anything that is no id counts as a server, too."""
    if not value:
        return ()
    parts = [part.strip() for part in value.split(",") if part.strip()][: MOST + 1]
    return tuple(part if _ID.fullmatch(part) else "unknown" for part in parts)


def passed() -> tuple[str, ...]:
    """Return the ids of the servers that the request being answered has passed."""
    return _passed.get()


@contextmanager
def passing(ids: tuple[str, ...]) -> Iterator[None]:
    """Answer a request that has passed these servers."""
    token = _passed.set(ids)
    try:
        yield
    finally:
        _passed.reset(token)


def header(own: str | None) -> dict[str, str]:
    """Return the header of a request to another server.

    Args:
        own: the id of the server that asks; None: a program that is no server.

    Raises:
        TooManyHopsError: the request that is being answered has passed `MOST` servers.
    """
    ids = passed()
    if len(ids) >= MOST:
        raise TooManyHopsError(
            f"this request has passed {len(ids)} servers already",
            hint="do two servers ask each other for the same name? See [servers] of each",
        )
    return {HEADER: ",".join((*ids, own))} if own is not None else {}
