"""HTTP requests to a hubbub server, bounded in time and size.

In: a path and parameters. Out: a `Reply`, or a `RemoteError` that names the server. Only connecting
is tried again: a query may have effects. No redirect is followed, and no credentials of the
environment (.netrc) are used.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

import requests
import urllib3

from hubbub import __version__
from hubbub.collector.history.address import origin, reason, redacted
from hubbub.collector.history.deadline import Adapter, Deadlines
from hubbub.errors import RemoteError, UsageError

__all__ = ["MAX_BYTES", "Reply", "Transport"]

MAX_BYTES = 64 * 2**20  # of an answer
CONNECT = 5.0  # seconds
_CONNECTS = 2  # further attempts to connect
_LONG = 2_000  # bytes of an address; more parameters travel in the body
_IDLE = 3.0  # seconds after which a connection is not used again; a server closes it after five
_AWAY = "is `hubbub serve` running there, and is this its address?"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer."""

    status: int
    headers: Mapping[str, str]  # case-insensitive
    body: bytes

    @property
    def media_type(self) -> str:
        """The content type without parameters, in lower case."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()


class _ConnectAgain(urllib3.Retry):
    """Tries again to connect, unless the time for it has passed once."""

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: Any = None,
        error: Exception | None = None,
        _pool: Any = None,
        _stacktrace: Any = None,
    ) -> Self:
        """See `urllib3.Retry.increment`."""
        if isinstance(error, urllib3.exceptions.ConnectTimeoutError):
            raise urllib3.exceptions.MaxRetryError(_pool, url or "", error) from error
        return super().increment(method, url, response, error, _pool, _stacktrace)


class Transport:
    """Requests to one server; may be used from several threads.

    Args:
        url: the server's base address.
        token: sent as `Authorization: Bearer`; None: no token.
        timeout: seconds for the whole of a call.
        max_bytes: the largest answer that is read.

    Raises:
        UsageError: not the address of a server, or not a token.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        timeout: float = 60.0,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        parts = urlsplit(url.strip()) if origin(url.strip()) else None
        if parts is None or "@" in parts.netloc or parts.query or parts.fragment:
            raise UsageError(
                f"{redacted(url)!r} is not the address of a hubbub server",
                hint="write for example http://127.0.0.1:8717; a token is given as token=",
            )
        if token is not None and not (token.isascii() and token.isprintable() and token.split()):
            raise UsageError("this token is not one that hubbub gives", where=redacted(url))
        if timeout <= 0 or max_bytes <= 0:
            raise UsageError("a time limit and a size limit are above 0", where=redacted(url))
        self.url = redacted(url.strip()).rstrip("/")
        self.timeout = timeout
        self._token, self._max_bytes = token, max_bytes
        self._local = threading.local()
        self._sessions: list[requests.Session] = []
        self._deadlines = Deadlines()

    def send(
        self,
        path: str,
        parameters: Sequence[tuple[str, str]] = (),
        *,
        headers: Mapping[str, str],
        what: str,
        function: str = "",
        timeout: float | None = None,
    ) -> Reply:
        """Send a request and return the answer, whatever its status.

        Args:
            path: below the server's address, quoted.
            parameters: of the request.
            headers: of the request.
            what: what is asked for, for errors.
            function: the name of the query or view, for errors.
            timeout: seconds for the whole of this call, if that is less than for others.

        Raises:
            RemoteError: there is no whole answer in time, or it is too large.
        """
        limit = min(timeout or self.timeout, self.timeout)
        failure: Exception | None = None
        reply = None
        with self._deadlines.watch(limit) as watch:
            try:
                reply = self._exchange(path, urlencode(parameters), headers, limit)
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError,
                    ValueError) as error:  # fmt: skip
                failure = error
        # the end of the connection may also look like the end of the body
        if watch.expired or _timed_out(failure):
            raise self._error(f"{what} was not answered within {limit:g} s", function) from failure
        if failure is not None:
            raise self._failed(failure, what, function) from failure
        assert reply is not None
        if len(reply.body) > self._max_bytes:
            raise self._error(
                f"the answer to {what} is larger than {self._max_bytes:,} bytes",
                function,
                status=reply.status,
                hint="ask for less: a shorter range, or filters",
            )
        if HTTPStatus.MULTIPLE_CHOICES <= reply.status < HTTPStatus.BAD_REQUEST:
            target = redacted(reply.headers.get("Location", ""))
            raise self._error(
                f"{what}: it redirects to {target or 'another address'}",
                function,
                status=reply.status,
                hint="if you trust that address, use it instead",
            )
        return reply

    def close(self) -> None:
        """Close the connections of all threads."""
        while self._sessions:
            self._sessions.pop().close()

    def _error(
        self, what: str, function: str, *, status: int | None = None, hint: str = ""
    ) -> RemoteError:
        return RemoteError(what, server=self.url, function=function, status=status, hint=hint)

    def _failed(self, error: Exception, what: str, function: str) -> RemoteError:
        if isinstance(error, requests.exceptions.SSLError):
            hint = "check the address and the certificates of this machine"
            return self._error(
                f"{what}: no trusted connection: {reason(error)}", function, hint=hint
            )
        if isinstance(error, requests.exceptions.ConnectTimeout):
            what = f"{what}: no connection within {CONNECT:g} s"
            return self._error(what, function, hint=_AWAY)
        return self._error(f"{what}: the connection failed: {reason(error)}", function, hint=_AWAY)

    def _exchange(self, path: str, query: str, headers: Mapping[str, str], limit: float) -> Reply:
        session = self._session()
        url = f"{self.url}{path}"
        if len(url) + len(query) < _LONG:
            request = requests.Request("GET", f"{url}?{query}" if query else url)
        else:
            request = requests.Request("POST", url, data=query)
            request.headers["Content-Type"] = "application/x-www-form-urlencoded"
        request.headers.update(headers)
        with session.send(
            session.prepare_request(request),
            stream=True,
            timeout=(min(CONNECT, limit), limit),
            allow_redirects=False,
            proxies=session.proxies,
            verify=session.verify,
        ) as answer:
            body = self._read(answer)
        self._local.used = time.monotonic()
        return Reply(answer.status_code, answer.headers, body)

    def _read(self, answer: requests.Response) -> bytes:
        """Return the body, or a little more of it than is allowed."""
        if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise ValueError("the answer is compressed, which was not asked for")
        parts, size = [], 0
        while size <= self._max_bytes and (part := answer.raw.read1(2**16)):
            parts.append(part)
            size += len(part)
        if size > self._max_bytes:
            answer.raw.close()  # the rest is never read
        return b"".join(parts)

    def _session(self) -> requests.Session:
        """Return this thread's session."""
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is not None and time.monotonic() - getattr(self._local, "used", 0.0) > _IDLE:
            session.close()  # its connections; the session itself opens new ones
        if session is None:
            session = requests.Session()
            retry = _ConnectAgain(
                total=None, connect=_CONNECTS, read=0, redirect=0, status=0, other=0,
                backoff_factor=0.1,
            )  # fmt: skip
            session.mount("http://", Adapter(max_retries=retry))
            session.mount("https://", Adapter(max_retries=retry))
            session.headers.clear()
            session.headers["User-Agent"] = f"hubbub/{__version__}"
            session.headers["Accept-Encoding"] = "identity"
            if self._token is not None:
                session.headers["Authorization"] = f"Bearer {self._token}"
            settings = session.merge_environment_settings(self.url, {}, True, None, None)  # noqa: FBT003
            session.proxies, session.verify = settings["proxies"], settings["verify"]
            session.trust_env = False  # it would read .netrc
            self._local.session = session
            self._sessions.append(session)
        return session


def _timed_out(failure: Exception | None) -> bool:
    """Whether reading took too long; Requests wraps that of a body as a lost connection."""
    timeouts = requests.exceptions.ReadTimeout, urllib3.exceptions.ReadTimeoutError
    causes = () if failure is None else (failure, *failure.args)
    return any(isinstance(cause, timeouts) for cause in causes)
