r"""Parse lines of web server access logs in the common and the combined format.

    host ident user [dd/Mon/yyyy:HH:MM:SS ±hhmm] "request" status bytes ["referer" "agent"]

`bytes` may be `-`, which means 0; `\"` does not end a quoted field. Any other line is malformed.
The agent of the `Message` is the authenticated user, its object the requested section of the site.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from hubbub.collector.decode.message_id import content_id
from hubbub.collector.decode.reasons import LARGEST_SIZE, refuse
from hubbub.collector.decode.timestamps import LATEST
from hubbub.collector.event import Frame, Message
from hubbub.collector.names import MAX_NAME
from hubbub.times import to_micros

__all__ = ["HTTP", "ROOT_FILE", "Line", "message", "parse", "section"]

#: Topic of requests.
HTTP = "http.access"
_MAX_OBJECT = 4 * MAX_NAME  # characters of an object's name
_MAX_DIGITS = 18  # of a number of bytes that can be valid, without leading zeros
_MAX_REQUEST = 2000  # characters of a request that are kept
#: Unsafe in tables and on terminals; not the tab, which separates fields.
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f]")
_QUOTED = r'"((?:[^"\\]|\\.)*)"'
_LINE = re.compile(
    rf"(\S+)\s+(\S+)\s+(\S+)\s+\[([^\]]*)\]\s*{_QUOTED}\s*([0-9]{{3}})\s+([0-9]+|-)"
    rf"(?:\s*{_QUOTED}\s*{_QUOTED})?",
    re.ASCII,
)
_TIME = re.compile(
    r"([0-9]{2})/([A-Z][a-z]{2})/([0-9]{4}):([0-9]{2}):([0-9]{2}):([0-9]{2})"
    r" ([+-])([0-9]{2})([0-9]{2})"
)
#: Web servers write English months in every locale.
_MONTHS = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1
    )
}
_MINUTES_PER_HOUR = 60
_ORIGIN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")
#: Matches requests for a file directly under the root; valid for Python's `re` and for RE2.
ROOT_FILE = r"^\s*\S+\s+(?:[A-Za-z][A-Za-z0-9+.-]*://[^/?#\s]*)?/[^/?#\s]*\.[^/?#\s]*(?:[?#\s]|$)"


@dataclass(frozen=True, slots=True)
class Line:
    """The fields of a line, as written except for `when` and `size`.

    Attributes:
        host: a name or an address.
        ident: identity reported by identd, nearly always `-`.
        user: the authenticated user, `-` if there is none.
        date: the time as written.
        when: the time, aware, in UTC.
        request: method, target and protocol, exactly as the client sent them.
        status: HTTP status code.
        size: bytes of the response; one that cannot be valid exceeds LARGEST_SIZE.
        referer, agent: fields of the combined format; None in the common format.
    """

    host: str
    ident: str
    user: str
    date: str
    when: datetime
    request: str
    status: int
    size: int
    referer: str | None = None
    agent: str | None = None


def parse(text: str) -> Line | None:
    """Parse a line.

    Args:
        text: a line; surrounding white space is ignored.

    Returns:
        None for a blank line or a comment (`#`).

    Raises:
        ValueError: the line is malformed; the error says what is wrong.
    """
    text = text.strip()
    if not text or text.startswith("#"):
        return None
    match = _LINE.fullmatch(text)
    if match is None:
        raise ValueError('expected the form host ident user [time] "request" status bytes')
    host, ident, user, date, request, status, size, referer, agent = match.groups()
    size_bytes = 0 if size == "-" else int(size[-_MAX_DIGITS:])
    if len(size.lstrip("0")) > _MAX_DIGITS:
        size_bytes = LARGEST_SIZE + 1
    when = _parse_time(date)
    return Line(
        host, ident, user, date, when, request, int(status), size_bytes, referer, agent
    )  # fmt: skip


def _parse_time(date: str) -> datetime:
    match = _TIME.fullmatch(date)
    if match is None or match[2] not in _MONTHS:
        raise ValueError(f"{date[:40]!r} is not a time of the form 31/Dec/2026:23:59:59 +0000")
    day, month, year, hour, minute, second, sign, hours, minutes = match.groups()
    if int(minutes) >= _MINUTES_PER_HOUR:
        raise ValueError(f"{sign}{hours}{minutes} is not a time zone")
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    try:
        zone = timezone(-offset if sign == "-" else offset)
        local = datetime(
            int(year), _MONTHS[month], int(day), int(hour), int(minute), int(second), tzinfo=zone
        )
        return local.astimezone(UTC)
    except (ValueError, OverflowError) as error:  # 30 February, a zone of 25 hours, year 0
        raise ValueError(f"{date!r} is not a valid time: {error}") from None


def section(request: str, *, root: bool = False) -> str | None:
    """Return the requested section of a site: `/` and the first segment of the path.

    `GET /pages/create?x=1 HTTP/1.1` gives `/pages`. Scheme and host of an absolute URI are ignored.

    Args:
        request: method, target and protocol.
        root: a file directly under the root (the only segment, with a dot) belongs to `/`.

    Returns:
        None if there is no target, or the target is not a path (`OPTIONS *`).
    """
    words = request.split(maxsplit=2)
    if len(words) < 2:  # noqa: PLR2004 - a method and a target
        return None
    target = words[1]
    if origin := _ORIGIN.match(target):
        target = target[origin.end() :]
        target = target if target.startswith("/") else f"/{target}"
    if not target.startswith("/"):
        return None
    path = re.split(r"[?#]", target, maxsplit=1)[0]
    first, slash, _ = path[1:].partition("/")
    return "/" if root and not slash and "." in first else f"/{first}"


def message(frame: Frame) -> Message:
    """Decode a line of the format `access-log`.

    Invalid UTF-8 and control characters are replaced: the lines contain whatever clients sent.

    Raises:
        MessageError: `malformed`, also for a blank line; `bad-size`.
    """
    text = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", frame.body.strip().decode(errors="replace"))
    try:
        line = parse(text)
    except ValueError as error:
        raise refuse("malformed", HTTP, str(error)) from None
    if line is None:
        raise refuse("malformed", HTTP, "no fields")
    time = to_micros(line.when)
    if not 0 <= time < LATEST * 1_000_000:
        raise refuse("malformed", HTTP, "the time is not between 1970 and 2200")
    if line.size > LARGEST_SIZE:
        raise refuse("bad-size", HTTP)
    requested = section(line.request)
    authenticated = line.user != "-" and len(line.user) <= MAX_NAME
    method = line.request.split(maxsplit=1)
    return Message(
        id=content_id(frame, HTTP),
        time=time,
        topic=HTTP,
        body=None,
        users=(line.user,) if authenticated else (),
        objects=() if requested is None or len(requested) > _MAX_OBJECT else (requested,),
        agent=line.user if authenticated else None,
        action=method[0][:MAX_NAME] if method else None,
        size=line.size,
        seq=frame.seq,
        extra={
            "host": line.host[:MAX_NAME],
            "status": str(line.status),
            "request": line.request[:_MAX_REQUEST],
        },
    )
