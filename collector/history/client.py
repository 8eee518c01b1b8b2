"""A client for the history service datagrepper.

It retries transient failures (429, 5xx, time-outs, lost connections, invalid responses) and raises
on permanent ones. It sends single requests; `paging` and `gather` build on it.

Behaviour of the service that shapes this client (seen on datagrepper 1.1.0): `start` and `end` are
both inclusive, so [start, end) is requested as start to end less 1 µs; `end` is ignored unless
start > 0; a page has at most 100 rows, and 0 means the whole window; errors are sent as HTML or as
JSON, whatever the Content-Type.
"""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from urllib.parse import urlencode, urljoin, urlsplit, urlunsplit

import requests
import structlog
import urllib3
from requests.utils import get_auth_from_url

from hubbub import __version__
from hubbub.collector.history import response
from hubbub.collector.history.filters import EVERYTHING, Filters
from hubbub.collector.history.response import Page, ResponseError, excerpt
from hubbub.collector.history.retry import RetryPolicy
from hubbub.errors import SourceError, UsageError
from hubbub.times import from_micros, iso

__all__ = ["DEFAULT_URL", "EVERYTHING", "ROWS", "Filters", "History", "PageTooLargeError"]

DEFAULT_URL = "https://apps.fedoraproject.org/datagrepper"
ROWS = 100  # the most rows that the service puts on a page
_PATHS = ("/v2/search", "/raw")  # the first is 25 to 30 times faster; older services lack it
_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})  # statuses worth a retry
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PORTS = {"http": 80, "https": 443}
_MAX_REDIRECTS = 3
_CHECK_HINT = "check the address, and that the service is up; then run the same command again"
_RESUME_HINT = "rows gathered so far are kept; run the same command again to resume"

_log = structlog.get_logger("hubbub.history")


class PageTooLargeError(SourceError):
    """A page is larger than this client reads; fewer rows may fit."""


class _TransientError(Exception):
    """A failed attempt that is worth a retry."""

    def __init__(self, message: str, retry_after: str | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class History:
    """A datagrepper at one address; may be used from several threads.

    Args:
        url: its base, or its /raw or /v2/search. If the URL ends in /raw, only that is used;
            otherwise /v2/search, or /raw if that responds with 404.
        timeout: seconds to wait for a connection or for the next bytes of a response.
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
        if _origin(url.strip()) is None:
            raise UsageError(
                f"{_redacted(url)!r} is not the address of a history service",
                hint=f"write for example {DEFAULT_URL}",
            )
        parts = urlsplit(url.strip())
        base = parts.path.rstrip("/")
        self._path = "/raw" if base.endswith("/raw") else _PATHS[0]
        for path in _PATHS:
            base = base.removesuffix(path)
        base = base.rstrip("/")
        self.url = _redacted(urlunsplit((parts.scheme, parts.netloc, base, "", "")))
        self._login = get_auth_from_url(url) if "@" in parts.netloc else None
        self.source = f"history:{self.url}"
        self.retry = retry or RetryPolicy()
        self._timeout, self._max_bytes, self._agent = timeout, max_bytes, user_agent
        self._local = threading.local()
        self._sessions: list[requests.Session] = []
        self._lock = threading.Lock()
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
        where = self.url + self._path
        self._local.asked = f"the messages from {_iso(start)} to {_iso(end)}"
        for attempt in itertools.count(1):
            try:
                page = self._attempt(query, rows)
            except _TransientError as failure:
                where = self.url + self._path
                delay = self.retry.delay(
                    attempt, failure.retry_after, has_answered=self._has_answered
                )
                if delay is None:
                    raise SourceError(
                        f"{failure}, {attempt} times in a row",
                        where=where,
                        hint=_RESUME_HINT if self._has_answered else _CHECK_HINT,
                    ) from failure
                _log.warning("history.retry", url=where, why=str(failure), wait=round(delay, 1))
                self.retry.sleep(delay, stopped)
                if stopped is not None and stopped.is_set():
                    raise SourceError("stopped while waiting to retry", where=where) from None
            else:
                self._has_answered = True
                return page
        raise AssertionError

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
            raise _TransientError(message, self._local.retry_after)
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
            try:
                with self._send(url) as reply:
                    self._local.retry_after = reply.headers.get("Retry-After")
                    if reply.status_code not in _REDIRECTS:
                        return reply.status_code, b"".join(self._limited(self._read_body(reply)))
                    location = reply.headers.get("Location", "")
            except requests.exceptions.SSLError as error:
                hint = "check the address and the certificates of this machine"
                what = f"no trusted connection: {_reason(error)}"
                raise SourceError(what, where=self.url, hint=hint) from error
            except requests.exceptions.Timeout as error:
                raise _TransientError(f"no response within {self._timeout:g} s") from error
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
                raise _TransientError(f"the connection failed: {_reason(error)}") from error
            except (
                ValueError
            ) as error:  # requests parses the Location even if not told to follow it
                raise _TransientError(f"redirects to an invalid address: {error}") from error
            target = _redirect_target(url, location)
            if target is None:
                what = f"redirects to {_redacted(location)}"
                hint = "if you trust that address, use it instead"
                raise SourceError(what, where=self.url + path, hint=hint)
            url = target
        raise SourceError("too many redirects", where=self.url + path, hint="try it in a browser")

    def _read_body(self, reply: requests.Response) -> Iterator[bytes]:
        """Yield the body as it arrives, limited in time."""
        deadline = self.retry.clock() + 4 * self._timeout
        while chunk := reply.raw.read1(2**16, decode_content=True):
            if self.retry.clock() > deadline:
                raise _TransientError(f"the response did not end within {4 * self._timeout:g} s")
            yield chunk

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


def _origin(url: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port of a URL; None if it is not a valid HTTP(S) URL."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # brackets without an address, a port that is not a number
        return None
    host = parts.hostname
    if parts.scheme not in _PORTS or not host or not host.isprintable() or " " in host:
        return None
    return parts.scheme, host, port or _PORTS[parts.scheme]


def _redirect_target(url: str, location: str) -> str | None:
    """Return the target of a redirect within the same service; None for any other.

    Another host or port is another service, which must not receive credentials and queries. The one
    exception is the common redirect from HTTP to HTTPS of the same host.
    """
    try:
        target = urljoin(url, location)
    except ValueError:
        return None
    old, new = _origin(url), _origin(target)
    if old is None or new is None or "@" in urlsplit(target).netloc:
        return None
    _, host, _ = old
    upgraded = (old, new) == (("http", host, 80), ("https", host, 443))
    return target if new == old or upgraded else None


def _redacted(url: str) -> str:
    """Return the URL without credentials and query; as much of it as can be parsed."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url.partition("?")[0].rpartition("@")[2]
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _reason(error: BaseException) -> str:
    """Return the message of the innermost wrapped error; the outer ones repeat the whole URL."""
    inner: BaseException = error
    while inner.args and isinstance(inner.args[0], BaseException):
        inner = inner.args[0]
    reason = getattr(inner, "reason", None)
    if isinstance(reason, BaseException):
        return _reason(reason)
    text = " ".join(str(inner).split()) or type(inner).__name__
    return re.sub(r"^(<[^>]*object at 0x[^>]*>|\w+\(host=.*?\)): ", "", text)
