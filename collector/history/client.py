"""A client for the history service datagrepper.

It retries transient failures (429, 5xx, time-outs, lost connections, invalid responses) and raises
on permanent ones. It sends single requests; `paging` and `gather` build on it.

Behaviour of the service that shapes this client (seen on datagrepper 1.1.0): `start` and `end` are
both inclusive, so [start, end) is requested as start to end less 1 µs; `end` is ignored unless
start > 0; a page has at most 100 rows, and 0 means the whole window; errors are sent as HTML or as
JSON, whatever the Content-Type.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from urllib.parse import urlencode, urlsplit, urlunsplit

import requests
import urllib3
from requests.utils import get_auth_from_url

from hubbub import __version__
from hubbub.collector.history import response
from hubbub.collector.history.address import origin, reason, redacted, redirect_target
from hubbub.collector.history.deadline import Adapter, Deadlines
from hubbub.collector.history.filters import EVERYTHING, Filters
from hubbub.collector.history.response import Page, ResponseError, excerpt
from hubbub.collector.history.retry import Brake, RetryPolicy
from hubbub.errors import SourceError, UsageError
from hubbub.logger import get_logger
from hubbub.times import from_micros, iso

__all__ = ["DEFAULT_URL", "EVERYTHING", "ROWS", "Filters", "History", "PageTooLargeError"]

DEFAULT_URL = "https://apps.fedoraproject.org/datagrepper"
ROWS = 100  # the most rows that the service puts on a page
_PATHS = ("/v2/search", "/raw")  # the first is 25 to 30 times faster; older services lack it
_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})  # statuses worth a retry
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAX_REDIRECTS = 3
_WHOLE = 4  # times the time-out, for the whole of a request
_CHECK_HINT = "check the address, and that the service is up; then run the same command again"
_RESUME_HINT = "rows gathered so far are kept; run the same command again to resume"

_log = get_logger("hubbub.history")


class PageTooLargeError(SourceError):
    """A page is larger than this client reads; fewer rows may fit."""


class _TransientError(Exception):
    """A failed attempt that is worth a retry."""

    def __init__(self, message: str, wait: float | None = None, *, too_many: bool = False) -> None:
        super().__init__(message)
        self.wait = wait  # seconds that the service asks to wait
        self.too_many = too_many  # the service refuses requests because of their number


class History:
    """A datagrepper at one address; may be used from several threads.

    Args:
        url: its base, or its /raw or /v2/search. If the URL ends in /raw, only that is used;
            otherwise /v2/search, or /raw if that responds with 404.
        timeout: seconds to wait for a connection or for the next bytes of a response; the whole of
            a request may take four times as long.
        user_agent: preferably a name with a contact.
        max_bytes: the largest response that is read.
        retry: the retry policy.

    Raises:
        UsageError: the URL is not an http or https URL.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        timeout: float = 60.0,
        user_agent: str = f"hubbub/{__version__} (community statistics; python-requests)",
        max_bytes: int = 256 * 2**20,
        retry: RetryPolicy | None = None,
    ) -> None:
        if origin(url.strip()) is None:
            raise UsageError(
                f"{redacted(url)!r} is not the address of a history service",
                hint=f"write for example {DEFAULT_URL}",
            )
        parts = urlsplit(url.strip())
        base = parts.path.rstrip("/")
        self._path = "/raw" if base.endswith("/raw") else _PATHS[0]
        for path in _PATHS:
            base = base.removesuffix(path)
        base = base.rstrip("/")
        self.url = redacted(urlunsplit((parts.scheme, parts.netloc, base, "", "")))
        self._login = get_auth_from_url(url) if "@" in parts.netloc else None
        self.source = f"history:{self.url}"
        self.retry = retry or RetryPolicy()
        self._timeout, self._max_bytes, self._agent = timeout, max_bytes, user_agent
        self._local = threading.local()
        self._sessions: list[requests.Session] = []
        self._lock = threading.Lock()
        self._brake, self._deadlines = Brake(self.retry.clock), Deadlines()
        self.requests = 0  # including failed ones and retries
        self._has_answered = self._has_search = False

    def window(
        self,
        start: int,
        end: int,
        filters: Filters = EVERYTHING,
        *,
        rows: int = ROWS,
        stopped: threading.Event | None = None,
    ) -> Page:
        """Request the first `rows` messages of [start, end), seconds, ascending by time.

        Args:
            start: seconds since the epoch.
            end: seconds since the epoch.
            filters: which messages.
            rows: rows on the page; 0 for all of them.
            stopped: ends the waiting between attempts once it is set.

        Raises:
            SourceError: the service cannot be reached, refuses the request, or sends an invalid
                response.
        """
        query = [
            ("start", str(max(start, 1))),
            ("end", f"{end - 1}.999999"),
            ("order", "asc"),
            ("page", "1"),
            ("rows_per_page", str(rows)),
            *filters.parameters(),
        ]
        self._local.asked = f"the messages from {_iso(start)} to {_iso(end)}"
        attempts, refusals, waited, answers = 0, 0, 0.0, self._brake.answers
        while True:
            holds = self._await_turn(stopped)
            try:
                page = self._attempt(query, rows)
            except _TransientError as failure:
                wait = failure.wait
                if wait is None and failure.too_many:
                    wait = self.retry.back_off(refusals + 1)
                if wait is None:
                    attempts += 1
                    self._back_off(failure, attempts, stopped)
                    continue
                if self._brake.answers != answers:  # it answers others
                    refusals, waited, answers = 0, 0.0, self._brake.answers
                self._hold(failure, wait, waited, holds)
                refusals, waited = refusals + 1, waited + wait
            else:
                self._has_answered = True
                self._brake.answered()
                return page

    def _await_turn(self, stopped: threading.Event | None) -> int:
        """Wait until the service may be asked; return how often it had asked to wait by then."""
        while True:
            delay, holds = self._brake.reserve()
            if delay > 0:
                self._pause(delay, stopped)
            if delay <= 0 or holds == self._brake.holds:
                return holds

    def _hold(self, failure: _TransientError, wait: float, waited: float, holds: int) -> None:
        """Hold all threads, unless the service has asked for patience too often."""
        limit = self.retry.patience if self._has_answered else self.retry.first_patience
        if waited >= limit:
            raise SourceError(
                f"{failure}, after {waited:,.0f} s of waiting as it asked",
                where=self.url + self._path,
                hint=_RESUME_HINT if self._has_answered else _CHECK_HINT,
            ) from failure
        where = self.url + self._path
        _log.warning("history.wait", url=where, why=str(failure), wait=round(wait, 1))
        self._brake.hold(wait, holds)

    def _back_off(
        self, failure: _TransientError, attempts: int, stopped: threading.Event | None
    ) -> None:
        """Wait after a failed attempt, or give up."""
        where = self.url + self._path
        delay = self.retry.delay(attempts, has_answered=self._has_answered)
        if delay is None:
            raise SourceError(
                f"{failure}, {attempts} times in a row",
                where=where,
                hint=_RESUME_HINT if self._has_answered else _CHECK_HINT,
            ) from failure
        _log.warning("history.retry", url=where, why=str(failure), wait=round(delay, 1))
        self._pause(delay, stopped)

    def _pause(self, seconds: float, stopped: threading.Event | None) -> None:
        self.retry.sleep(seconds, stopped)
        if stopped is not None and stopped.is_set():
            where = self.url + self._path
            raise SourceError("stopped while waiting to retry", where=where) from None

    def close(self) -> None:
        """Close the connections of all threads."""
        while self._sessions:
            self._sessions.pop().close()

    def _attempt(self, query: list[tuple[str, str]], rows: int) -> Page:
        path = self._path
        status, body = self._get(path, query)
        if status == HTTPStatus.NOT_FOUND and path == _PATHS[0] and not self._has_search:
            # A thread goes by the path of its own request: another may have set self._path.
            self._path = path = _PATHS[1]
            status, body = self._get(path, query)
        where = self.url + path
        if status == HTTPStatus.OK:
            self._has_search = self._has_search or path == _PATHS[0]
            try:
                return response.parse_page(body, rows)
            except ResponseError as error:
                message = f"the response {error}; it begins: {excerpt(body)!r}"
                raise _TransientError(message) from error
        message = f"answered {status}: {excerpt(body)}" if body.strip() else f"answered {status}"
        if status in _TRANSIENT:
            raise _TransientError(
                message, self._local.wait, too_many=status == HTTPStatus.TOO_MANY_REQUESTS
            )
        hint = "the service refuses this request; check the filters and times"
        if status == HTTPStatus.NOT_FOUND:
            hint = "is this the address of a datagrepper?"
        elif status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            hint = "the service requires a login, or blocks this client"
        raise SourceError(message, where=where, hint=hint)

    def _get(self, path: str, query: list[tuple[str, str]]) -> tuple[int, bytes]:
        """Send a request, follow redirects within the service, and return status and body."""
        url = f"{self.url}{path}?{urlencode(query, errors='surrogatepass')}"
        for _ in range(_MAX_REDIRECTS + 1):
            with self._lock:
                self.requests += 1
            with self._deadlines.watch(_WHOLE * self._timeout) as watch:
                try:
                    status, body, location = self._exchange(url)
                except (requests.RequestException, urllib3.exceptions.HTTPError, OSError,
                        ValueError) as error:  # fmt: skip
                    if not watch.expired:
                        raise self._failure(error) from error
            if watch.expired:  # the end of the connection may also look like the end of the body
                limit = _WHOLE * self._timeout
                raise _TransientError(f"the response did not end within {limit:g} s")
            if status not in _REDIRECTS:
                return status, body
            target = redirect_target(url, location)
            if target is None:
                what = f"redirects to {redacted(location)}"
                hint = "if you trust that address, use it instead"
                raise SourceError(what, where=self.url + path, hint=hint)
            url = target
        raise SourceError("too many redirects", where=self.url + path, hint="try it in a browser")

    def _exchange(self, url: str) -> tuple[int, bytes, str]:
        """Return status, body and, of a redirect, the address."""
        with self._send(url) as reply:
            headers = reply.headers
            if reply.status_code < HTTPStatus.OK:  # http.client knows no interim answer but 100
                self._session().close()  # the answer itself would be taken for that of the next
                raise _TransientError(f"sent an interim answer, {reply.status_code}")
            self._local.wait = self.retry.requested(headers.get("Retry-After"), headers.get("Date"))
            if reply.status_code in _REDIRECTS:
                return reply.status_code, b"", headers.get("Location", "")
            return reply.status_code, b"".join(self._limited(_chunks(reply))), ""

    def _failure(self, error: Exception) -> Exception:
        """Return the error of a request that broke off."""
        if isinstance(error, requests.exceptions.SSLError):
            hint = "check the address and the certificates of this machine"
            what = f"no trusted connection: {reason(error)}"
            return SourceError(what, where=self.url, hint=hint)
        if isinstance(error, requests.exceptions.Timeout):
            return _TransientError(f"no response within {self._timeout:g} s")
        if isinstance(error, requests.RequestException | urllib3.exceptions.HTTPError | OSError):
            return _TransientError(f"the connection failed: {reason(error)}")
        # requests parses the Location even if not told to follow it
        return _TransientError(f"redirects to an invalid address: {error}")

    def _limited(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the parts of a body, limited in size."""
        size = 0
        for chunk in chunks:
            size += len(chunk)
            if size > self._max_bytes:
                raise PageTooLargeError(
                    f"sends more than {self._max_bytes:,} bytes for {self._local.asked}",
                    where=self.url + self._path,
                    hint="leave that time out with --since and --until, or gather only some "
                    "messages of it with --topic, --category or --user",
                )
            yield chunk

    def _send(self, url: str) -> requests.Response:
        """Send a GET request on this thread's connection; return when the headers arrived.

        The request is prepared once and copied, since only its URL differs: preparing it is half of
        the library's work per request.
        """
        session = self._session()
        request: requests.PreparedRequest = self._local.request.copy()
        request.prepare_url(url, None)
        return session.send(
            request,
            stream=True,
            timeout=self._timeout,
            allow_redirects=False,
            proxies=session.proxies,
            verify=session.verify,
        )

    def _session(self) -> requests.Session:
        """Return this thread's session."""
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            session.mount("http://", Adapter())
            session.mount("https://", Adapter())
            session.headers["User-Agent"] = self._agent
            session.headers["Accept"] = (
                "application/json"  # the service echoes */* or a list as the Content-Type
            )
            settings = session.merge_environment_settings(self.url, {}, True, None, None)  # noqa: FBT003
            session.proxies, session.verify = settings["proxies"], settings["verify"]
            session.auth = self._login
            session.trust_env = False  # the environment is read once, not for every request
            self._local.session = session
            self._local.request = session.prepare_request(requests.Request("GET", self.url))
            self._sessions.append(session)
        return session


def _iso(second: int) -> str:
    return iso(from_micros(second * 1_000_000))


def _chunks(reply: requests.Response) -> Iterator[bytes]:
    """Yield the body as it arrives."""
    while chunk := reply.raw.read1(2**16, decode_content=True):
        yield chunk
