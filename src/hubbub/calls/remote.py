"""`connect`: the queries and views of another hubbub server, called as those of a store.

In: the address of a server. Out: an object with `query` and `view`. What there is comes from the
server's `/schema`, which is read again after a minute, and when a name is missing from it. A call
ends within its time limit, whatever the server does.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from hubbub.calls import hops
from hubbub.calls.callables import Callables, UnknownNameError
from hubbub.calls.schema import API_HEADER, MEDIA_TYPE, Entry, SchemaError, parse
from hubbub.calls.transport import MAX_BYTES, Reply, Transport
from hubbub.closeable import Closeable
from hubbub.errors import RemoteError, UsageError
from hubbub.parameters import plain
from hubbub.zones import Zone

__all__ = ["HIDDEN", "NAMES_HEADER", "RemoteServer", "connect"]

#: A server asks on behalf of a user who may not see names, whatever its own token allows.
NAMES_HEADER, HIDDEN = "Hubbub-Names", "hidden"

_FRESH = 60.0  # seconds for which a schema is used
_MISSING = 1.0  # seconds after which a name that is not in it is looked up again
_AWAY = 10.0  # seconds for which a server that was slow to fail is not asked again
_SLOW = 1.0  # seconds from which a failure is slow
_SCHEMA_TIME = 15.0  # seconds for reading a schema
_EXCERPT = 1_000  # characters of a server's own message
_VERSION_HINT = "use the same version of hubbub on both sides"


class _Functions(Mapping[str, Entry]):
    """The functions of one kind, as the server lists them now."""

    def __init__(self, server: RemoteServer, kind: str) -> None:
        self._server, self._kind = server, kind

    def __getitem__(self, name: str) -> Entry:
        entry = self._server.entry(self._kind, name)
        if entry is None:
            raise KeyError(name)
        return entry

    def __iter__(self) -> Iterator[str]:
        return iter(self._server.entries(self._kind))

    def __len__(self) -> int:
        return len(self._server.entries(self._kind))


class RemoteServer(Closeable):
    """Another hubbub server; a context manager. May be used from several threads.

    Args:
        transport: sends the requests.
        own: the id of the server that asks; None: a program that is no server.
        name: how the configuration calls it; empty: it has no name here.

    Attributes:
        query: its queries: `query.NAME(parameter=value)`.
        view: its views.
    """

    def __init__(self, transport: Transport, *, own: str | None = None, name: str = "") -> None:
        self._transport, self._own, self.name = transport, own, name
        self._lock = threading.Lock()
        self._schema: dict[str, dict[str, Entry]] = {}
        self._read = float("-inf")  # when the schema was read, by time.monotonic()
        self._failure: tuple[float, RemoteError] | None = None
        self.query = Callables("query", _Functions(self, "query"), partial(self.call, "query"))
        self.view = Callables("view", _Functions(self, "view"), partial(self.call, "view"))

    @property
    def url(self) -> str:
        """The server's address."""
        return self._transport.url

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def __repr__(self) -> str:
        return f"<hubbub server at {self.url}>"

    def entries(self, kind: str, *, older_than: float = _FRESH) -> Mapping[str, Entry]:
        """Return what the server answers, by name.

        Args:
            kind: query or view.
            older_than: seconds; a schema that was read before that is read again.

        Raises:
            RemoteError: the server cannot be reached, or is none that this version understands.
        """
        with self._lock:
            now = time.monotonic()
            if now - self._read <= older_than:
                return self._schema[kind]
            if self._failure is not None and now < self._failure[0]:
                raise self._failure[1].about("it failed a moment ago")
        began = time.monotonic()
        try:
            schema = self._read_schema()
        except RemoteError as error:
            ended = time.monotonic()
            with self._lock:
                self._failure = (ended + _AWAY, error) if ended - began > _SLOW else None
            raise
        with self._lock:
            self._schema, self._read, self._failure = schema, time.monotonic(), None
        return schema[kind]

    def functions(self, kind: str) -> Mapping[str, Entry]:
        """Return what the server answers, by name, looked up again for each name."""
        return _Functions(self, kind)

    def entry(self, kind: str, name: str) -> Entry | None:
        """Return what is known of one query or view; None if the server has none of this name.

        Raises:
            RemoteError: as `entries`.
        """
        if name.startswith("_"):
            return None
        return self.entries(kind).get(name) or self.entries(kind, older_than=_MISSING).get(name)

    def _read_schema(self) -> dict[str, dict[str, Entry]]:
        what = "the list of functions (/schema)"
        reply = self._transport.send(
            "/schema",
            headers={"Accept": "application/json", **hops.header(self._own)},
            what=what,
            timeout=_SCHEMA_TIME,
        )
        if reply.status != HTTPStatus.OK:
            raise self._refused(reply, what, "")
        try:
            return parse(reply.body, reply.headers.get(API_HEADER))
        except SchemaError as error:
            raise self._error(f"{what} cannot be read: {error}", hint=_VERSION_HINT) from error

    def call(
        self, kind: str, name: str, parameters: Mapping[str, Any], *, names: bool = True
    ) -> Any:
        """Call a query or view.

        Args:
            kind: query or view.
            name: of the function.
            parameters: by name: texts, numbers, times, durations, lists of these; None: not given.
            names: whether the answer may name people; False: as if the token did not allow it.

        Returns:
            What the same call returns on a store of one's own: a `Result` where the function asks
            for events, else its bare value; a `Drawing` or a text of a view.

        Raises:
            UnknownNameError: the server has no such function.
            UsageError: a parameter is none that can be sent.
            RemoteError: the server cannot be reached or its answer cannot be read; or the call
                failed there, with the status and the message of its answer.
        """
        what = f"{kind} {name!r}"
        entry = self.entry(kind, name)
        if entry is None:
            raise UnknownNameError(f"there is no {what}", where=self.url)
        reply = self._transport.send(
            f"/{kind}/{quote(name, safe='')}",
            [
                pair
                for key, value in parameters.items()
                for pair in _pairs(key, value, what, as_json=key in entry.documents)
            ],
            headers={
                "Accept": f"{MEDIA_TYPE}, application/json;q=0.9, text/*;q=0.8, */*;q=0.1",
                **({} if names else {NAMES_HEADER: HIDDEN}),
                **hops.header(self._own),
            },
            what=what,
            function=name,
        )
        if reply.status == HTTPStatus.NOT_FOUND:
            with self._lock:  # it had the function when the schema was read
                self._read = float("-inf")
            raise UnknownNameError(f"there is no {what}", where=self.url)
        if reply.status != HTTPStatus.OK:
            raise self._refused(reply, what, name)
        try:
            return _value(reply)
        except (ValueError, RecursionError) as error:
            raise self._error(
                f"the answer to {what} cannot be read: {error}",
                function=name,
                status=reply.status,
                hint=_VERSION_HINT,
            ) from error

    def _error(
        self, what: str, *, function: str = "", status: int | None = None, hint: str = ""
    ) -> RemoteError:
        return RemoteError(what, server=self.url, function=function, status=status, hint=hint)

    def _refused(self, reply: Reply, what: str, function: str) -> RemoteError:
        """Return the error of an answer that is none."""
        message, hint = _message(reply)
        if reply.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN} and not hint:
            hint = "give a token of that server with the scope that this needs"
        if reply.status == HTTPStatus.NOT_FOUND and not function:
            hint = "is this the address of a hubbub server?"
        status = f"it answered {reply.status}"
        text = f"{what} failed there: {status}{f': {message}' if message else ''}"
        return self._error(text, function=function, status=reply.status, hint=hint)


def _message(reply: Reply) -> tuple[str, str]:
    """Return message and hint of an error; of an answer of another form its beginning."""
    try:
        error = json.loads(reply.body)["error"]
        return str(error["message"])[:_EXCERPT], str(error.get("hint") or "")[:_EXCERPT]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        if reply.media_type == "text/html":
            return "", ""
        return " ".join(reply.body[:_EXCERPT].decode("utf-8", "replace").split()), ""


def _value(reply: Reply) -> Any:
    """Return the value of an answer, by its content type."""
    kind = reply.media_type
    if kind == MEDIA_TYPE:
        from hubbub.calls import exchange  # a client that only connects needs no tables

        return exchange.decode(reply.body)
    if kind == "application/json" or kind.endswith("+json"):
        return json.loads(reply.body)
    if kind.startswith("text/"):
        return reply.body.decode("utf-8")
    if kind.startswith("image/"):
        return reply.body
    raise ValueError(f"its content type is {kind or 'not stated'!r}")


def _pairs(name: str, value: Any, what: str, *, as_json: bool = False) -> Iterator[tuple[str, str]]:
    """Yield a parameter as texts of a request; a list is repeated, unless it is to be JSON."""
    if value is None:
        return
    many = isinstance(value, (list, tuple, set, frozenset))
    if many and not as_json and not _nested(value):
        for item in value:
            yield from _pairs(name, item, what)
    elif isinstance(value, bool):
        yield name, "yes" if value else "no"
    elif isinstance(value, (str, int, float, datetime, timedelta, Zone)):
        yield name, str(plain(value))
    else:
        try:
            yield name, json.dumps(plain(value), allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise UsageError(
                f"{what}: the parameter {name!r} is a {type(value).__name__}, which cannot be sent",
                hint="send texts, numbers, times, durations, or lists and dicts of these",
            ) from error


def _nested(values: Iterable[Any]) -> bool:
    return any(isinstance(value, (list, tuple, set, frozenset, dict)) for value in values)


def connect(
    url: str,
    *,
    token: str | None = None,
    timeout: float = 60.0,
    max_bytes: int = MAX_BYTES,
) -> RemoteServer:
    """Connect to another hubbub server (`hubbub serve`); nothing is sent before the first use.

    Args:
        url: its address, for example `https://hubbub.example.org`.
        token: of `hubbub tokens add` on that server; None: as a client without one.
        timeout: seconds for the whole of each call; connecting may take five of them.
        max_bytes: the largest answer that is read.

    Returns:
        An object with `query` and `view`, as `open` returns one: `server.query.volume(since="7d")`.

    Raises:
        UsageError: not the address of a server, or not a token.
    """
    return RemoteServer(Transport(url, token=token, timeout=timeout, max_bytes=max_bytes))
