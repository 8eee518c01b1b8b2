"""The deliveries that GitHub keeps of a webhook, by its REST API.

`GET /repos/OWNER/NAME/hooks/ID/deliveries` lists them, the newest first; each with its GUID, which
a redelivery keeps, and the status that was answered. `…/deliveries/NUMBER` has the payload. GitHub
keeps them for three days. The token needs the permission to read webhooks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import msgspec
import requests

from hubbub.collector.decode.timestamps import micros
from hubbub.collector.hooks.settings import GitHubHook, read_token
from hubbub.errors import SourceError

__all__ = ["KEPT", "DeliveryLog", "Listed", "RateLimitedError"]

KEPT = 71 * 3600.0  # s for which deliveries are surely kept: three days less an hour
MAX_ANSWER = 64 << 20  # bytes; a payload has at most 25 MB
_MAX_PAGES = 2_000  # of 100 deliveries
_TIMEOUT = (10.0, 30.0)  # s to connect, and between two parts of an answer
_LONGEST = 120.0  # s for an answer
_CHUNK = 1 << 16
_LONGEST_WAIT = 3_600.0  # s; GitHub's limits are by the hour
_SHORTEST_WAIT = 60.0  # s, where an answer does not say how long to wait
_FORBIDDEN = frozenset((HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS))
_GONE = frozenset((HTTPStatus.NOT_FOUND, HTTPStatus.GONE))


class RateLimitedError(SourceError):
    """GitHub answers no more for now; `seconds` is how long it asks to wait."""

    def __init__(self, seconds: float, where: str) -> None:
        super().__init__("GitHub's limit of requests is reached", where=where)
        self.seconds = seconds


class Listed(msgspec.Struct, frozen=True):
    """A delivery of the list."""

    id: int
    guid: str
    delivered_at: str  # ISO 8601
    event: str
    status_code: int = 0

    @property
    def time(self) -> int:
        """When it was sent, µs; 0 if that is no time."""
        return micros(self.delivered_at) or 0

    @property
    def taken(self) -> bool:
        """Whether the receiver answered that it has it."""
        return HTTPStatus.OK <= self.status_code < HTTPStatus.MULTIPLE_CHOICES


class _Request(msgspec.Struct, frozen=True):
    payload: msgspec.Raw = msgspec.Raw(b"null")


class _Full(msgspec.Struct, frozen=True):
    request: _Request | None = None


_list = msgspec.json.Decoder(list[Listed])
_full = msgspec.json.Decoder(_Full)


class DeliveryLog:
    """A client of one hook; for one thread.

    Args:
        where: the hook.
        session: for requests; by default a new one.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        where: GitHubHook,
        *,
        session: requests.Session | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.url = f"{where.api}/{where.owner}/hooks/{where.hook_id}/deliveries"
        self._session, self._clock = session or requests.Session(), clock
        self._token_file = where.token_file

    def since(self, start: int) -> Iterator[Listed]:
        """Yield the deliveries since `start` (µs), the newest first.

        Raises:
            SourceError: GitHub cannot be reached, refuses, or answers something else.
            UsageError: the file of the token cannot be read.
            RateLimitedError: it wants us to wait.
        """
        url: str | None = f"{self.url}?per_page=100"
        for _ in range(_MAX_PAGES):
            if url is None:
                return
            answer, body = self._get(url)
            try:
                listed = _list.decode(body)
            except msgspec.DecodeError as error:
                raise self._strange(f"a list of deliveries was expected: {error}") from None
            for delivery in listed:
                if delivery.time < start:
                    return
                yield delivery
            url = self._next(answer)
        raise self._strange(f"its list has more than {_MAX_PAGES} pages")

    def payload(self, delivery: Listed) -> bytes | None:
        """Return the JSON that was sent; None if GitHub no longer has it.

        Raises:
            SourceError, RateLimitedError: see `since`.
        """
        answer, body = self._get(f"{self.url}/{delivery.id}", missing=True)
        if answer.status_code in _GONE:
            return None
        try:
            request = _full.decode(body).request
        except msgspec.DecodeError as error:
            raise self._strange(f"a delivery was expected: {error}") from None
        payload = b"" if request is None else bytes(request.payload)
        return payload if payload.startswith(b"{") else None

    def _get(self, url: str, *, missing: bool = False) -> tuple[requests.Response, bytes]:
        """Return an answer of 200, or with `missing` of 404 or 410."""
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {read_token(self._token_file)}",  # it may have been renewed
            "X-GitHub-Api-Version": "2022-11-28",
            "User-Agent": "hubbub",
        }
        end = time.monotonic() + _LONGEST
        try:
            with self._session.get(url, headers=headers, timeout=_TIMEOUT, stream=True) as answer:
                body = bytearray()
                for chunk in answer.iter_content(_CHUNK):
                    body += chunk
                    if len(body) > MAX_ANSWER or time.monotonic() > end:
                        raise self._strange("its answer does not end")
        except requests.RequestException as error:
            raise SourceError(
                f"GitHub cannot be reached: {type(error).__name__}", where=self.url
            ) from error
        if answer.status_code == HTTPStatus.OK or (missing and answer.status_code in _GONE):
            return answer, bytes(body)
        if answer.status_code in _FORBIDDEN and (wait := self._asked_wait(answer)) is not None:
            raise RateLimitedError(wait, self.url)
        hint = ""
        if answer.status_code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, *_GONE}:
            hint = "check repository, hook_id and the token, which must be allowed to read webhooks"
        raise SourceError(f"GitHub answers {answer.status_code}", where=self.url, hint=hint)

    def _asked_wait(self, answer: requests.Response) -> float | None:
        """Return how long GitHub wants us to wait, s; None: it refuses for another reason."""
        headers = answer.headers
        wait = _seconds(headers.get("retry-after"))
        if wait is None and headers.get("x-ratelimit-remaining") == "0":
            reset = _seconds(headers.get("x-ratelimit-reset"))
            wait = _SHORTEST_WAIT if reset is None else reset - self._clock()
        if wait is None and answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            wait = _SHORTEST_WAIT
        return None if wait is None else min(max(wait, 1.0), _LONGEST_WAIT)

    def _next(self, answer: requests.Response) -> str | None:
        """Return the address of the next page; the token is sent to no other server."""
        url: Any = answer.links.get("next", {}).get("url")
        if not url:
            return None
        if urlsplit(url)[:2] != urlsplit(self.url)[:2]:
            raise self._strange("its next page is on another server")
        return str(url)

    def _strange(self, what: str) -> SourceError:
        return SourceError(f"GitHub's answer is not understood: {what}", where=self.url)


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else None  # noqa: PLR2004
