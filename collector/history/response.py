"""Parse the response of a history service.

The rows of a page keep the bytes that the service sent. A malformed row is still a row: the decoder
refuses and counts it later, and the other rows of its page are read.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from hubbub.collector.decode import timestamps
from hubbub.collector.history.lenient_json import elements, members
from hubbub.language.plurals import plural

__all__ = ["Page", "ResponseError", "Row", "excerpt", "parse_page"]

_EXCERPT = 160  # characters
_MAX_DIGITS = 15  # of a number of rows; no history holds as many
_MAX_LENIENT = 64 << 20  # bytes of a page that is searched for rows although it is not JSON
_BOM = b"\xef\xbb\xbf"
_MAX_HEAD = 10_000  # bytes of an id, a topic or a time; a longer one is refused by the decoder


class ResponseError(Exception):
    """The body is not a page of messages (HTML, truncated, …), or contradicts itself."""


class Row(msgspec.Struct, frozen=True, gc=False):
    """One stored message, as the service sent it."""

    key: str  # identifies the row: id and time, or a hash if it has no id
    topic: bytes  # UTF-8; empty if the row has none
    timestamp: Any  # as in the row
    body: bytes  # the row's JSON

    @property
    def second(self) -> int | None:
        """Whole seconds since the epoch, parsed on access; None if the row has no valid time."""
        micros = timestamps.micros(self.timestamp)
        return None if micros is None else micros // 1_000_000

    def may_lie_in(self, start: int, end: int) -> bool:
        """Whether the row has no valid time, or one in [start, end), seconds."""
        second = self.second
        return second is None or start <= second < end


@dataclass(frozen=True, slots=True)
class Page:
    """The rows of a page in the order sent, and the service's count for the whole window."""

    total: int
    rows: tuple[Row, ...]

    @property
    def is_complete(self) -> bool:
        """Whether the page holds exactly as many rows as the service counts."""
        return self.total == len(self.rows)

    def within(self, start: int, end: int) -> tuple[Row, ...]:
        """Return the rows of [start, end), seconds, and those without a valid time.

        A row of another time is evidence of nothing but a service (or a cache before it) that did
        not answer the question.
        """
        return tuple(row for row in self.rows if row.may_lie_in(start, end))

    def proves(self, start: int, end: int) -> bool:
        """Whether the page holds all rows that the service counts in [start, end), and no other."""
        return self.is_complete and len(self.within(start, end)) == len(self.rows)


class _RawPage(msgspec.Struct, gc=False):
    raw_messages: list[msgspec.Raw]
    total: int
    pages: int | None = None
    count: int | None = None


class _Headers(msgspec.Struct, gc=False):
    sent_at: Any = msgspec.field(default=None, name="sent-at")


class _RowHead(msgspec.Struct, gc=False):
    """`/raw` has msg_id and timestamp, `/v2/search` id and headers["sent-at"]."""

    id: Any = None
    msg_id: Any = None
    topic: Any = None
    timestamp: Any = None
    headers: _Headers | None = None


_PAGES = msgspec.json.Decoder(_RawPage)
_ROW_HEADS = msgspec.json.Decoder(_RowHead)


def parse_page(body: bytes, requested: int) -> Page:
    """Parse the response to a request for `requested` rows (0: the whole window).

    Raises:
        ResponseError: the body is not JSON, not a page, or has contradictory numbers.
    """
    page, rows = _split(body)
    for name, number in (("total", page.total), ("pages", page.pages), ("count", page.count)):
        if number is not None and abs(number) >= 10**_MAX_DIGITS:
            raise ResponseError(f"states a {name} of {_digits(number):,} digits")
    if page.total < 0 or (page.count is not None and page.count != len(rows)):
        raise ResponseError(
            f"states count={page.count}, total={page.total} with {plural(len(rows), 'row')}"
        )
    if requested and len(rows) > requested:
        raise ResponseError(f"has {plural(len(rows), 'row')} where {requested} were requested")
    # The service counts and selects separately; a row that arrives in between makes `pages` 0 or 1
    # with either total.
    pages = math.ceil(page.total / requested) if requested else 1
    if page.pages is not None and page.pages != pages and max(page.pages, pages) > 1:
        raise ResponseError(
            f"states pages={page.pages} where total={page.total} makes {pages} "
            f"of {requested} rows each"
        )
    return Page(page.total, rows)


def _digits(number: int) -> int:
    return len(str(abs(number)))  # the parser accepts no more digits than str()


def _split(body: bytes) -> tuple[_RawPage, tuple[Row, ...]]:
    try:
        page = _PAGES.decode(body)
        texts = [bytes(raw) for raw in page.raw_messages]
    except msgspec.ValidationError as error:
        raise ResponseError(f"is not a page of messages: {error}") from None
    except (msgspec.DecodeError, RecursionError, ValueError, OverflowError):
        page, texts = _split_leniently(body)
    return page, tuple(_row(text) for text in texts)


def _split_leniently(body: bytes) -> tuple[_RawPage, list[bytes]]:
    """Split a page of which some part is not valid JSON; what is wrong with a row stays in it."""
    if body.lstrip()[:1] == b"<":
        raise ResponseError("is HTML, not JSON")
    if len(body) > _MAX_LENIENT:
        raise ResponseError(f"is not JSON, and with {len(body):,} bytes too large to be searched")
    try:
        fields = members(body.removeprefix(_BOM))
        texts = elements(fields.get(b"raw_messages", b"[]"))
        numbers = {
            name: _number(name, text)
            for name in ("total", "pages", "count")
            if (text := fields.get(name.encode())) is not None
        }
    except ValueError as error:
        raise ResponseError(f"is not JSON: {error}") from None
    head: dict[str, Any] = {"raw_messages": []} if b"raw_messages" in fields else {}
    try:
        return msgspec.convert(head | numbers, _RawPage), texts
    except msgspec.ValidationError as error:
        raise ResponseError(f"is not a page of messages: {error}") from None


def _number(name: str, text: bytes) -> Any:
    """Return the value of a member that should be a number."""
    if text.isdigit() and len(text) > _MAX_DIGITS:
        raise ResponseError(f"states a {name} of {len(text):,} digits")
    return json.loads(text)


def _row(body: bytes) -> Row:
    try:
        head = _ROW_HEADS.decode(body)
    except (msgspec.DecodeError, RecursionError, ValueError, OverflowError):
        head = _lenient_head(body)
    sent_at = head.headers.sent_at if head.headers else None
    name = head.id if head.msg_id is None else head.msg_id
    if isinstance(name, str) and name:
        key = f"{name} {head.timestamp} {sent_at}"  # one id may be stored twice, with two times
    else:
        key = hashlib.blake2b(body, digest_size=16).hexdigest()
    topic = head.topic.encode(errors="surrogatepass") if isinstance(head.topic, str) else b""
    return Row(key, topic, sent_at if head.timestamp is None else head.timestamp, body)


def _lenient_head(body: bytes) -> _RowHead:
    """Read id, topic and time of a row of which some part is not valid JSON."""
    try:
        row = members(body)
    except ValueError:
        return _RowHead()
    try:
        headers = members(row.get(b"headers", b"{}"))
    except ValueError:
        headers = {}
    fields = {name: _value(row, name) for name in ("id", "msg_id", "topic", "timestamp")}
    return _RowHead(**fields, headers=_Headers(_value(headers, "sent-at")))


def _value(texts: Mapping[bytes, bytes], name: str) -> Any:
    """Return a member's value; None if it has none that can be read."""
    text = texts.get(name.encode(), b"")
    if len(text) > _MAX_HEAD:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # UnicodeDecodeError is a ValueError
        return None


def excerpt(body: bytes) -> str:
    """Return the beginning of a body on one line, without tags and control characters."""
    text = re.sub(r"<(style|script)\b.*?</\1>|<[^>]*>", " ", body[:4096].decode(errors="replace"))
    words = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return words[:_EXCERPT] + ("…" if len(words) > _EXCERPT else "")
