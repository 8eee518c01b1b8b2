"""Parse the response of a history service.

The rows of a page keep the bytes that the service sent. A malformed row is still a row: the decoder
refuses and counts it later.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from dataclasses import dataclass
from typing import Any

import msgspec

from hubbub.collector.decode import timestamps

__all__ = ["Page", "ResponseError", "Row", "excerpt", "parse_page"]

_EXCERPT = 160  # characters


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


@dataclass(frozen=True, slots=True)
class Page:
    """The rows of a page in the order sent, and the service's count for the whole window."""

    total: int
    rows: tuple[Row, ...]

    @property
    def is_complete(self) -> bool:
        """Whether the page holds exactly as many rows as the service counts."""
        return self.total == len(self.rows)


class _RawPage(msgspec.Struct, gc=False):
    raw_messages: list[msgspec.Raw]
    total: int
    pages: int | None = None
    count: int | None = None


class _ParsedPage(msgspec.Struct, gc=False):
    raw_messages: list[Any]
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
    if page.total < 0 or (page.count is not None and page.count != len(rows)):
        raise ResponseError(f"states count={page.count}, total={page.total} with {len(rows)} rows")
    if requested and len(rows) > requested:
        raise ResponseError(f"has {len(rows)} rows where {requested} were requested")
    # The service counts and selects separately; a row that arrives in between makes `pages` 0 or 1
    # with either total.
    pages = math.ceil(page.total / requested) if requested else 1
    if page.pages is not None and page.pages != pages and max(page.pages, pages) > 1:
        raise ResponseError(
            f"states pages={page.pages} where total={page.total} makes {pages} "
            f"of {requested} rows each"
        )
    return Page(page.total, rows)


def _split(body: bytes) -> tuple[_RawPage, tuple[Row, ...]]:
    try:
        page = _PAGES.decode(body)
        return page, tuple(_row(bytes(raw)) for raw in page.raw_messages)
    except msgspec.ValidationError as error:
        raise ResponseError(f"is not a page of messages: {error}") from None
    except msgspec.DecodeError:
        return _split_leniently(body)
    except RecursionError:
        raise ResponseError("is nested too deeply") from None


def _split_leniently(body: bytes) -> tuple[_RawPage, tuple[Row, ...]]:
    """Accept what json.loads does and msgspec does not: bare NaN, lone surrogates.

    The rows are serialised again, so their whitespace may change.
    """
    try:
        page = msgspec.convert(json.loads(body), _ParsedPage)
        texts = [json.dumps(row).encode() for row in page.raw_messages]
    except msgspec.ValidationError as error:
        raise ResponseError(f"is not a page of messages: {error}") from None
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
        if body.lstrip()[:1] == b"<":
            raise ResponseError("is HTML, not JSON") from None
        raise ResponseError(f"is not JSON ({error})") from None
    rows = tuple(_row(text) for text in texts)
    return _RawPage([], page.total, page.pages, page.count), rows


def _row(body: bytes) -> Row:
    try:
        head = _ROW_HEADS.decode(body)
    except msgspec.DecodeError:  # ValidationError is one
        head = _lenient_head(json.loads(body))
    except RecursionError:
        head = _RowHead()
    sent_at = head.headers.sent_at if head.headers else None
    name = head.id if head.msg_id is None else head.msg_id
    if isinstance(name, str) and name:
        key = f"{name} {head.timestamp} {sent_at}"  # one id may be stored twice, with two times
    else:
        key = hashlib.blake2b(body, digest_size=16).hexdigest()
    topic = head.topic.encode(errors="surrogatepass") if isinstance(head.topic, str) else b""
    return Row(key, topic, sent_at if head.timestamp is None else head.timestamp, body)


def _lenient_head(row: Any) -> _RowHead:
    if not isinstance(row, dict):
        return _RowHead()
    headers = row.get("headers")
    sent_at = headers.get("sent-at") if isinstance(headers, dict) else None
    fields = {name: row.get(name) for name in ("id", "msg_id", "topic", "timestamp")}
    return _RowHead(**fields, headers=_Headers(sent_at))


def excerpt(body: bytes) -> str:
    """Return the beginning of a body on one line, without tags and control characters."""
    text = re.sub(r"<(style|script)\b.*?</\1>|<[^>]*>", " ", body[:4096].decode(errors="replace"))
    words = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return words[:_EXCERPT] + ("…" if len(words) > _EXCERPT else "")
