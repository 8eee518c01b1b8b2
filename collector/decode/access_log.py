r"""Lines of a web server's access log: the common and the combined format.

Comes in: a line, or a frame whose body is one. Goes out: its fields, or a `Message` that states its
people: who was authenticated, and the section of the site that was asked for.

    host ident user [dd/Mon/yyyy:HH:MM:SS ±hhmm] "request" status bytes ["referer" "agent"]

`bytes` may be `-`, which is 0; `\"` does not end a quoted field. Nothing is guessed: a line that is
not of this form is malformed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from hubbub.collector.decode.message_id import content_id
from hubbub.collector.decode.reasons import LARGEST_NUMBER, refuse
from hubbub.collector.decode.timestamps import LATEST
from hubbub.collector.event import Frame, Message
from hubbub.collector.names import MAX_NAME
from hubbub.times import to_micros

__all__ = ["HTTP", "ROOT_FILE", "Line", "message", "parse", "section"]

#: The topic of requests.
HTTP = "http.access"
_LONGEST = 4 * MAX_NAME  # characters of an object's name
_REQUEST = 2000  # characters of a request that are kept
#: What no table and no terminal should get; the tabulator separates fields.
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
#: English whatever the locale: the servers write them so.
_MONTHS = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1
    )
}
_MINUTES = 60  # of an hour
_SITE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")
#: Requests of a file directly under the root; written so that RE2 reads it alike.
ROOT_FILE = r"^\s*\S+\s+(?:[A-Za-z][A-Za-z0-9+.-]*://[^/?#\s]*)?/[^/?#\s]*\.[^/?#\s]*(?:[?#\s]|$)"


@dataclass(frozen=True, slots=True)
class Line:
    """The fields of a line, as they stand in it but for `when` and `size`.

    Attributes:
        host: a name or an address.
        ident: what identd said, nearly always `-`.
        user: who was authenticated, `-` for nobody.
        date: the time as written.
        when: the time, aware, in UTC.
        request: method, target and protocol, whatever a client sent.
        status: HTTP's.
        size: bytes of the answer.
        referer, agent: of the combined format; None in the common one.
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
    """The fields of a line.

    Args:
        text: a line; white space around it does not matter.

    Returns:
        None for a blank line and a comment (`#`), which say nothing.

    Raises:
        ValueError: the line is malformed; the error says where.
    """
    text = text.strip()
    if not text or text.startswith("#"):
        return None
    found = _LINE.fullmatch(text)
    if found is None:
        raise ValueError('no line of the form host ident user [time] "request" status bytes')
    host, ident, user, date, request, status, size, referer, agent = found.groups()
    number = 0 if size == "-" else int(size[:20])
    if number >= LARGEST_NUMBER:
        raise ValueError(f"{size[:20]} is no number of bytes")
    return Line(
        host, ident, user, date, _when(date), request, int(status), number, referer, agent
    )  # fmt: skip


def _when(date: str) -> datetime:
    found = _TIME.fullmatch(date)
    if found is None or found[2] not in _MONTHS:
        raise ValueError(f"{date[:40]!r} is no time of the form 31/Dec/2026:23:59:59 +0000")
    day, _, year, hour, minute, second, sign, hours, minutes = found.groups()
    if int(minutes) >= _MINUTES:
        raise ValueError(f"{sign}{hours}{minutes} is no zone")
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    try:
        zone = timezone(-offset if sign == "-" else offset)
        here = datetime(
            int(year), _MONTHS[found[2]], int(day), int(hour), int(minute), int(second), tzinfo=zone
        )
        return here.astimezone(UTC)
    except (ValueError, OverflowError) as error:  # a 30th of February, a zone of 25 hours, year 0
        raise ValueError(f"{date!r} is no time: {error}") from None


def section(request: str, *, root: bool = False) -> str | None:
    """The section of a site that a request asks for: `/` and the first segment of its path.

    `GET /pages/create?x=1 HTTP/1.1` asks for `/pages`. An absolute URI loses scheme and host.

    Args:
        request: method, target and protocol.
        root: a file directly under the root (the only segment, with a dot) belongs to `/`.

    Returns:
        None where there is no target, or one that is no path (`OPTIONS *`).
    """
    words = request.split(maxsplit=2)
    if len(words) < 2:  # noqa: PLR2004 - a method and a target
        return None
    target = words[1]
    if site := _SITE.match(target):
        target = target[site.end() :]
        target = target if target.startswith("/") else f"/{target}"
    if not target.startswith("/"):
        return None
    path = re.split(r"[?#]", target, maxsplit=1)[0]
    first, slash, _ = path[1:].partition("/")
    return "/" if root and not slash and "." in first else f"/{first}"


def message(frame: Frame) -> Message:
    """A line of the format `access-log`: who asked for which section, and how much was answered.

    Bytes that are not UTF-8 and control characters are replaced: what clients send stands in these
    lines as it came.

    Raises:
        MessageError: `malformed`, also for a blank line.
    """
    text = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", frame.body.strip().decode(errors="replace"))
    try:
        line = parse(text)
    except ValueError as error:
        raise refuse("malformed", HTTP, str(error)) from None
    time = -1 if line is None else to_micros(line.when)
    if line is None or not 0 <= time < LATEST * 1_000_000:
        raise refuse("malformed", HTTP, "no time between 1970 and 2200" if line else "no fields")
    asked = section(line.request)
    named = line.user != "-" and len(line.user) <= MAX_NAME
    method = line.request.split(maxsplit=1)
    return Message(
        id=content_id(frame, HTTP),
        time=time,
        topic=HTTP,
        body=None,
        users=(line.user,) if named else (),
        objects=() if asked is None or len(asked) > _LONGEST else (asked,),
        agent=line.user if named else None,
        action=method[0][:MAX_NAME] if method else None,
        size=line.size,
        seq=frame.seq,
        extra={
            "host": line.host[:MAX_NAME],
            "status": str(line.status),
            "request": line.request[:_REQUEST],
        },
    )
