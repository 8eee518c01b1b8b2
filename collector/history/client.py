"""One datagrepper: its history of the bus, asked over HTTP.

Comes in: a window of whole seconds [start, end) and filters. Goes out: `Answer`s, one per request.
It retries what may pass (429, 5xx, time-outs, lost connections, answers that make no sense), and
says clearly what does not. It never walks: that is walk and gather.

What the service does that shapes this client (seen on datagrepper 1.1.0): `start` and `end` are
both inclusive, so that [start, end) is asked as start to end less 1 µs; `end` is ignored unless
start > 0; at most 100 rows a page, 0 means the whole window; errors come as HTML or as JSON,
whatever the Content-Type says.
"""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Iterator
from http import HTTPStatus
from urllib.parse import urlencode, urljoin, urlsplit, urlunsplit

import requests
import structlog
import urllib3
from requests.utils import get_auth_from_url

from hubbub import __version__
from hubbub.collector.history import response
from hubbub.collector.history.filters import EVERYTHING, Filters
from hubbub.collector.history.response import Answer, AnswerError, excerpt
from hubbub.collector.history.retry import RetryPolicy
from hubbub.errors import SourceError, UsageError

__all__ = ["DEFAULT_URL", "EVERYTHING", "ROWS", "Filters", "History"]

DEFAULT_URL = "https://apps.fedoraproject.org/datagrepper"
ROWS = 100  # the most rows that the service puts on a page
_PATHS = ("/v2/search", "/raw")  # the first is 25 to 30 times faster; older services lack it
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})  # statuses that may be gone next time
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PORTS = {"http": 80, "https": 443}
_HOPS = 3  # redirects followed
_CHECK = "check the address, and that the service is up; then run the same command again"
_AGAIN = "what was gathered so far is kept; run the same command again and it goes on from there"

_log = structlog.get_logger("hubbub.history")


class _PassingError(Exception):
    """This try failed; the next one may not."""

    def __init__(self, what: str, retry_after: str | None = None) -> None:
        super().__init__(what)
        self.retry_after = retry_after


class History:
    """One datagrepper.

    Args:
        url: its base, or its /raw or /v2/search. A URL that ends in /raw is asked there and nowhere
            else; otherwise /v2/search is tried first, and /raw where that answers 404.
        timeout: seconds to wait for a connection or for the next bytes of an answer.
        user_agent: a name with a contact is polite.
        max_bytes: the largest answer that is read.
        patience: how often and how long to try again.

    Raises:
        UsageError: the URL is none of http or https.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        timeout: float = 60.0,
        user_agent: str = f"hubbub/{__version__} (community statistics; python-requests)",
        max_bytes: int = 256 * 2**20,
        patience: RetryPolicy | None = None,
    ) -> None:
        if _origin(url.strip()) is None:
            raise UsageError(
                f"{_redacted(url)!r} is no address of a history service",
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
        self.patience = patience or RetryPolicy()
        self._timeout, self._max_bytes, self._agent = timeout, max_bytes, user_agent
        self._local = threading.local()
        self._sessions: list[requests.Session] = []
        self._lock = threading.Lock()
        self.requests = 0  # answered or failed, retries included
        self._answered = self._searched = False

    def window(
        self,
        start: int,
        end: int,
        filters: Filters = EVERYTHING,
        *,
        rows: int = ROWS,
        stopped: threading.Event | None = None,
    ) -> Answer:
        """The first `rows` messages of [start, end), seconds since the epoch, ascending by time.

        `rows=0` asks for all of them on one page. `stopped`, once set, ends waiting between tries.

        Raises:
            SourceError: the service cannot be reached, refuses, or does not make sense.
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
        for attempt in itertools.count(1):
            try:
                got = self._once(query, rows)
            except _PassingError as failure:
                where = self.url + self._path
                wait = self.patience.wait(attempt, failure.retry_after, known=self._answered)
                if wait is None:
                    raise SourceError(
                        f"{failure}, {attempt} times in a row",
                        where=where,
                        hint=_AGAIN if self._answered else _CHECK,
                    ) from failure
                _log.warning("history.retry", url=where, why=str(failure), wait=round(wait, 1))
                self.patience.sleep(wait, stopped)
                if stopped is not None and stopped.is_set():
                    raise SourceError("stopped while waiting to try again", where=where) from None
            else:
                self._answered = True
                return got
        raise AssertionError

    def close(self) -> None:
        """Close the connections of all threads."""
        while self._sessions:
            self._sessions.pop().close()

    def _once(self, query: list[tuple[str, str]], rows: int) -> Answer:
        path = self._path
        status, body = self._get(path, query)
        if status == HTTPStatus.NOT_FOUND and path == _PATHS[0] and not self._searched:
            # Several threads may find this out at once: each goes by what it asked itself.
            self._path = path = _PATHS[1]
            status, body = self._get(path, query)
        where = self.url + path
        if status == HTTPStatus.OK:
            self._searched = self._searched or path == _PATHS[0]
            try:
                return response.read(body, rows)
            except AnswerError as error:
                what = f"the answer {error}; it begins: {excerpt(body)!r}"
                raise _PassingError(what) from error
        said = f"answered {status}: {excerpt(body)}" if body.strip() else f"answered {status}"
        if status in _PASSING:
            raise _PassingError(said, self._local.retry_after)
        hint = "the service refuses this request; check the filters and times"
        if status == HTTPStatus.NOT_FOUND:
            hint = "is this the address of a datagrepper?"
        elif status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            hint = "the service wants a login, or blocks you"
        raise SourceError(said, where=where, hint=hint)

    def _get(self, path: str, query: list[tuple[str, str]]) -> tuple[int, bytes]:
        """One request, redirects to the same service followed: status and body."""
        url = f"{self.url}{path}?{urlencode(query, errors='surrogatepass')}"
        for _ in range(_HOPS + 1):
            with self._lock:
                self.requests += 1
            try:
                with self._ask(url) as reply:
                    self._local.retry_after = reply.headers.get("Retry-After")
                    if reply.status_code not in _REDIRECTS:
                        return reply.status_code, b"".join(self._body(reply))
                    location = reply.headers.get("Location", "")
            except requests.exceptions.SSLError as error:
                hint = "check the address and the certificates of this machine"
                what = f"no trusted connection: {_reason(error)}"
                raise SourceError(what, where=self.url, hint=hint) from error
            except requests.exceptions.Timeout as error:
                raise _PassingError(f"no answer within {self._timeout:g} s") from error
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
                raise _PassingError(f"no connection, or it broke: {_reason(error)}") from error
            except ValueError as error:  # requests looks where a redirect leads, wanted or not
                raise _PassingError(f"redirects to no address: {error}") from error
            target = _onward(url, location)
            if target is None:
                what = f"redirects to {_redacted(location)}"
                hint = "if you trust that place, give its address instead"
                raise SourceError(what, where=self.url + path, hint=hint)
            url = target
        raise SourceError(
            "redirects in a circle", where=self.url + path, hint="try it in a browser"
        )

    def _body(self, reply: requests.Response) -> Iterator[bytes]:
        """The body in the pieces in which it arrives, bounded in size and in time."""
        size, late = 0, self.patience.clock() + 4 * self._timeout
        while chunk := reply.raw.read1(2**16, decode_content=True):
            size += len(chunk)
            if size > self._max_bytes:
                raise SourceError(
                    f"sends more than {self._max_bytes:,} bytes for one page",
                    where=self.url + self._path,
                    hint="raise max_bytes if such messages are to be expected",
                )
            if self.patience.clock() > late:
                raise _PassingError(f"the answer did not end within {4 * self._timeout:g} s")
            yield chunk

    def _ask(self, url: str) -> requests.Response:
        """The head of an answer, on this thread's own connection.

        A request is prepared once: nothing but its URL differs from one to the next, and preparing
        is half of what the library does for each.
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
        """This thread's own connection."""
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            session.headers["User-Agent"] = self._agent
            session.headers["Accept"] = "application/json"  # */* or a list comes back as the type
            found = session.merge_environment_settings(self.url, {}, True, None, None)  # noqa: FBT003
            session.proxies, session.verify = found["proxies"], found["verify"]
            session.auth = self._login
            session.trust_env = False  # the environment is read once, not for every request
            self._local.session = session
            self._local.request = session.prepare_request(requests.Request("GET", self.url))
            self._sessions.append(session)
        return session


def _origin(url: str) -> tuple[str, str, int] | None:
    """Scheme, host and port of a URL; None where it is none of HTTP."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # brackets without an address between them, a port that is no number
        return None
    host = parts.hostname
    if parts.scheme not in _PORTS or not host or not host.isprintable() or " " in host:
        return None
    return parts.scheme, host, port or _PORTS[parts.scheme]


def _onward(url: str, location: str) -> str | None:
    """Where a redirect leads, if that is the same service; None: elsewhere, or nowhere.

    Another port is another service, which is not to get our login and our questions; only from
    HTTP to HTTPS of one host do services send everybody.
    """
    try:
        target = urljoin(url, location)
    except ValueError:
        return None
    old, new = _origin(url), _origin(target)
    if old is None or new is None or "@" in urlsplit(target).netloc:
        return None
    host = old[1]
    upgraded = (old, new) == (("http", host, 80), ("https", host, 443))
    return target if new == old or upgraded else None


def _redacted(url: str) -> str:
    """The URL without user name, password and query; as much of it as makes sense."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url.partition("?")[0].rpartition("@")[2]
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _reason(error: BaseException) -> str:
    """The innermost words of a chain of wrapped errors; the outer ones repeat the whole URL."""
    inner: BaseException = error
    while inner.args and isinstance(inner.args[0], BaseException):
        inner = inner.args[0]
    reason = getattr(inner, "reason", None)
    if isinstance(reason, BaseException):
        return _reason(reason)
    text = " ".join(str(inner).split()) or type(inner).__name__
    return re.sub(r"^(<[^>]*object at 0x[^>]*>|\w+\(host=.*?\)): ", "", text)
