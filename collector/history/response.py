"""One answer of a history service: bytes in, rows out.

Comes in: the body of an HTTP answer that should be a datagrepper page. Goes out: an `Answer` whose
rows keep the very bytes that the service sent. It never asks for anything and never understands a
message; a row that makes no sense stays a row, for decode to refuse and count.

    AnswerError   the body is not such a page (HTML, cut off, another shape), or contradicts itself
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

__all__ = ["Answer", "AnswerError", "Row", "excerpt", "read"]

_EXCERPT = 160  # characters of a strange answer that an error repeats


class AnswerError(Exception):
    """The body is not a page of messages, or contradicts itself; says in what."""


class Row(msgspec.Struct, frozen=True, gc=False):
    """One stored message, as the service sent it."""

    key: str  # what tells this row from all others: id and time; a hash where it has no id
    topic: bytes  # UTF-8; empty where the row names none
    stamp: Any  # the time as the row says it
    body: bytes  # the row's JSON

    @property
    def second(self) -> int | None:
        """Whole seconds since the epoch, read when asked for; None where the row says no time."""
        when = timestamps.micros(self.stamp)
        return None if when is None else when // 1_000_000


@dataclass(frozen=True, slots=True)
class Answer:
    """One page: its rows in the order sent, and how many the service says the window holds."""

    total: int
    rows: tuple[Row, ...]

    @property
    def agrees(self) -> bool:
        """The page holds exactly as many rows as the service counts: a proof in one answer."""
        return self.total == len(self.rows)


class _Page(msgspec.Struct, gc=False):
    raw_messages: list[msgspec.Raw]
    total: int
    pages: int | None = None
    count: int | None = None


class _Headers(msgspec.Struct, gc=False):
    sent_at: Any = msgspec.field(default=None, name="sent-at")


class _Head(msgspec.Struct, gc=False):
    """Both shapes: `/raw` says msg_id and timestamp, `/v2/search` id and headers["sent-at"]."""

    id: Any = None
    msg_id: Any = None
    topic: Any = None
    timestamp: Any = None
    headers: _Headers | None = None


_PAGES = msgspec.json.Decoder(_Page)
_HEADS = msgspec.json.Decoder(_Head)


def read(body: bytes, asked: int) -> Answer:
    """Read the answer to a request for `asked` rows (0: the whole window).

    Raises:
        AnswerError: no JSON, another shape, or numbers that contradict each other.
    """
    page, rows = _split(body)
    if page.total < 0 or (page.count is not None and page.count != len(rows)):
        raise AnswerError(f"says count={page.count}, total={page.total} with {len(rows)} rows")
    if asked and len(rows) > asked:
        raise AnswerError(f"sent {len(rows)} rows where {asked} were asked for")
    # A row that arrives between the service's count and its select makes pages 0 or 1 of either.
    pages = math.ceil(page.total / asked) if asked else 1
    if page.pages is not None and page.pages != pages and max(page.pages, pages) > 1:
        raise AnswerError(
            f"says pages={page.pages} where total={page.total} makes {pages} of {asked} rows each"
        )
    return Answer(page.total, rows)


def _split(body: bytes) -> tuple[_Page, tuple[Row, ...]]:
    try:
        page = _PAGES.decode(body)
        return page, tuple(_row(bytes(raw)) for raw in page.raw_messages)
    except msgspec.ValidationError as error:
        raise AnswerError(f"is no page of messages: {error}") from None
    except msgspec.DecodeError:
        return _lenient(body)
    except RecursionError:
        raise AnswerError("is nested too deep to be read") from None


def _lenient(body: bytes) -> tuple[_Page, tuple[Row, ...]]:
    """What json.loads reads and msgspec does not: bare NaN, lone surrogates. Spaces may change."""
    try:
        page = msgspec.convert(json.loads(body), _Loose)
        texts = [json.dumps(row).encode() for row in page.raw_messages]
    except msgspec.ValidationError as error:
        raise AnswerError(f"is no page of messages: {error}") from None
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
        if body.lstrip()[:1] == b"<":
            raise AnswerError("is HTML, not JSON") from None
        raise AnswerError(f"is no JSON ({error})") from None
    rows = tuple(_row(text) for text in texts)
    return _Page([], page.total, page.pages, page.count), rows


class _Loose(msgspec.Struct, gc=False):
    raw_messages: list[Any]
    total: int
    pages: int | None = None
    count: int | None = None


def _row(body: bytes) -> Row:
    try:
        head = _HEADS.decode(body)
    except msgspec.DecodeError:  # ValidationError is one
        head = _head(json.loads(body))
    except RecursionError:
        head = _Head()
    said = head.headers.sent_at if head.headers else None
    name = head.id if head.msg_id is None else head.msg_id
    if isinstance(name, str) and name:
        key = f"{name} {head.timestamp} {said}"  # one id may be stored twice, with two times
    else:
        key = hashlib.blake2b(body, digest_size=16).hexdigest()
    topic = head.topic.encode(errors="surrogatepass") if isinstance(head.topic, str) else b""
    return Row(key, topic, said if head.timestamp is None else head.timestamp, body)


def _head(row: Any) -> _Head:
    if not isinstance(row, dict):
        return _Head()
    headers = row.get("headers")
    sent_at = headers.get("sent-at") if isinstance(headers, dict) else None
    known = {name: row.get(name) for name in ("id", "msg_id", "topic", "timestamp")}
    return _Head(**known, headers=_Headers(sent_at))


def excerpt(body: bytes) -> str:
    """The first words of an answer on one line, without tags and control characters."""
    text = re.sub(r"<(style|script)\b.*?</\1>|<[^>]*>", " ", body[:4096].decode(errors="replace"))
    words = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return words[:_EXCERPT] + ("…" if len(words) > _EXCERPT else "")
