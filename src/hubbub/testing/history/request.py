"""Parse requests to the simulated history service as datagrepper 1.1.0 does.

Its quirks and error responses are reproduced: both ends of a range are inclusive, `end` without
`start` is ignored, a naive time is UTC, unknown parameters are ignored.
"""

from __future__ import annotations

import html
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hubbub.testing.simulator.message import SimMessage

__all__ = ["Filters", "Request", "ResponseError", "html_error", "parse"]

_MAX_ROWS = 100  # per page
_MAX_TIME = 253_402_300_800.0  # the year 10000
_BIGINT = 2**63
_INTERNAL = (
    "500 Internal Server Error: The server encountered an internal error and was unable to "
    "complete your request. Either the server is overloaded or there is an error in the "
    "application."
)


class ResponseError(Exception):
    """An error response, with the status and body that the real service sends."""

    def __init__(self, status: int, content_type: str, body: bytes) -> None:
        super().__init__(status)
        self.status, self.content_type, self.body = status, content_type, body


def html_error(status: int, title: str, text: str) -> ResponseError:
    """Return an error response as an HTML page, the form of the real service's 400 and 405."""
    escaped = html.escape(text).replace("&#x27;", "&#39;")
    body = (
        f"<!doctype html>\n<html lang=en>\n<title>{status} {title}</title>\n<h1>{title}</h1>\n"
        f"<p>{escaped}</p>\n"
    )
    return ResponseError(status, "text/html; charset=utf-8", body.encode())


def _internal_error(reason: str) -> ResponseError:
    body = {"error": "internal_error", "detail": _INTERNAL, "traceback": f"ValueError: {reason}"}
    return ResponseError(500, "application/json", json.dumps(body).encode())


@dataclass(frozen=True, slots=True)
class Filters:
    """Conditions on messages: values of one field are alternatives, all fields must match."""

    users: frozenset[str] = frozenset()
    packages: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    topics: frozenset[str] = frozenset()
    not_users: frozenset[str] = frozenset()
    not_packages: frozenset[str] = frozenset()
    not_categories: frozenset[str] = frozenset()
    not_topics: frozenset[str] = frozenset()

    def match(self, message: SimMessage) -> bool:
        """Whether a message matches; topics are compared exactly."""
        parts = message.topic.split(".")
        category = {parts[3] if len(parts) > 3 else ""}  # noqa: PLR2004  (prefix.prefix.env.category)
        return all(
            (not wanted or not wanted.isdisjoint(values)) and unwanted.isdisjoint(values)
            for wanted, unwanted, values in (
                (self.users, self.not_users, message.users),
                (self.packages, self.not_packages, message.objects),
                (self.categories, self.not_categories, category),
                (self.topics, self.not_topics, {message.topic}),
            )
        )


@dataclass(frozen=True, slots=True)
class Request:
    """A parsed request.

    Attributes:
        start: seconds since the epoch, inclusive; None: no limit.
        end: seconds since the epoch, inclusive; None: no limit.
        filters: conditions that rows must meet.
        page: number of the page, from 1.
        rows: rows per page; 0: all rows on one page.
        descending: the newest row first.
        arguments: the arguments as the response repeats them.
    """

    start: float | None
    end: float | None
    filters: Filters
    page: int
    rows: int
    descending: bool
    arguments: dict[str, Any]


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        pass
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise _internal_error(f"Unknown string format: {text}") from None
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


def _number(text: str, convert: type[int | float]) -> Any:
    try:
        return convert(text)
    except ValueError:
        raise _internal_error(f"invalid literal: {text!r}") from None


def _window(
    parameters: Mapping[str, Sequence[str]], now: float
) -> tuple[float | None, float | None, float | None]:
    """Return start, delta and end, completed as the real service does."""

    def first(name: str) -> str | None:
        return parameters[name][0] if parameters.get(name) else None

    start = None if (text := first("start")) is None else _seconds(text)
    end = None if (text := first("end")) is None else _seconds(text)
    delta = None if (text := first("delta")) is None else _number(text, float)
    if start is not None and end is not None:
        delta = end - start
    elif delta is not None and start is not None:
        end = start + delta
    elif delta is not None:
        end = now if end is None else end
        start = end - delta
    elif start is not None:
        end, delta = now, now - start
    elif end is not None:
        start = 0
    return start, delta, end


def _database_error(start: float | None, end: float | None, page: int, rows: int) -> str:
    """Return the error that the real service's database would report, or an empty string."""
    times = [t for t in (start, end) if t is not None]
    if any(map(math.isnan, times)):
        return "Invalid value NaN (not a number)"
    if any(abs(t) > _MAX_TIME for t in times):
        return "timestamp out of range for platform time_t"
    if rows < 0:
        return "(psycopg2.errors.InvalidRowCountInLimitClause) LIMIT must not be negative"
    if page >= _BIGINT:
        return "(psycopg2.errors.NumericValueOutOfRange) bigint out of range"
    return ""


def parse(parameters: Mapping[str, Sequence[str]], now: float) -> Request:
    """Parse the query parameters of a request.

    Args:
        parameters: all values of each query parameter.
        now: seconds since the epoch.

    Raises:
        ResponseError: the real service would answer with this error.
    """
    kinds = {
        "users": "user", "packages": "package", "categories": "category", "topics": "topic",
        "contains": "contains", "not_users": "not_user", "not_packages": "not_package",
        "not_categories": "not_category", "not_topics": "not_topic",
    }  # fmt: skip
    values = {kind: list(parameters.get(name, ())) for kind, name in kinds.items()}
    page = _number(parameters.get("page", ["1"])[0], int)
    rows = _number(parameters.get("rows_per_page", ["25"])[0], int)
    order = parameters.get("order", ["desc"])[0]
    start, delta, end = _window(parameters, now)
    if page < 1:
        raise html_error(400, "Bad Request", "page must be > 0")
    if rows > _MAX_ROWS:
        raise html_error(400, "Bad Request", f"rows_per_page must be <= {_MAX_ROWS}")
    if order not in ("asc", "desc"):
        raise html_error(400, "Bad Request", "order must be either 'desc' or 'asc'")
    if values["contains"]:
        raise html_error(400, "Bad Request", "contains is not simulated; leave it out")
    arguments: dict[str, Any] = {
        "start": start, "delta": delta, "end": end, **values, "page": page,
        "rows_per_page": rows, "order": order, "meta": list(parameters.get("meta", ())),
    }  # fmt: skip
    if error := _database_error(start, end, page, rows):
        # json.dumps writes NaN unquoted, as the real service does
        body = {"error": error, "arguments": arguments}
        raise ResponseError(500, "application/json", json.dumps(body).encode())
    del values["contains"]
    if not start:  # the real service ignores `end` without a start above 0
        start = end = None
    filters = Filters(**{kind: frozenset(v) for kind, v in values.items()})
    return Request(start, end, filters, page, rows, order == "desc", arguments)
