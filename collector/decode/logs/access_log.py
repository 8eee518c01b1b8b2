r"""Parse lines of web server access logs.

    host ident user [dd/Mon/yyyy:HH:MM:SS ±hhmm] "request" status bytes ["referer" "agent"]

These are the common and the combined format, as Apache and nginx write them. Usual extensions are
accepted: a virtual host or a list of X-Forwarded-For before the line (`log_names`), a time of
ISO 8601, and in the combined format spaces in the user and more fields after the agent, which are
ignored. `bytes` may be `-`, which means 0; `\"` does not end a quoted field. A line that starts
with `{` is read by `log_json`, one of a format that was given by `log_format`. Any other line is
malformed.

The agent of the `Message` is the authenticated user, its object the requested section of the site.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from hubbub.collector.decode.line_reading import Reading, reading
from hubbub.collector.decode.logs import log_format, log_json
from hubbub.collector.decode.logs.log_names import (
    account,
    client,
    shortened,
    split_names,
    unescaped,
)
from hubbub.collector.decode.logs.section import ROOT_FILE, section
from hubbub.collector.decode.message_id import content_id
from hubbub.collector.decode.reasons import LARGEST_SIZE, refuse
from hubbub.collector.decode.timestamps import LATEST, micros
from hubbub.collector.event import Frame, Message
from hubbub.collector.names import MAX_NAME, visible
from hubbub.times import from_micros, to_micros

__all__ = ["HTTP", "ROOT_FILE", "Line", "SizeError", "message", "parse", "section"]

#: Topic of requests.
HTTP = "http.access"
_MAX_OBJECT = 4 * MAX_NAME  # characters of an object's name
_MAX_REQUEST = 2000  # characters of a request that are kept
_MAX_LINE = 1 << 16  # characters; web servers refuse request lines and fields of more than 8 kB
_MAX_DIGITS = 30  # of a number of bytes that is converted
#: Unsafe in tables and on terminals; not the tab, which separates fields.
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f]")
_QUOTED = r'"((?:[^"\\]|\\.)*)"'
#: White space is bounded: a line of nothing else would take a time that grows with its square.
_SPACE = r"\s{0,16}"
_LINE = re.compile(
    rf"(\S(?:.*?\S)?)\s{{1,16}}\[([^\]]{{0,60}})\]{_SPACE}{_QUOTED}{_SPACE}([0-9]{{3}})\s{{1,16}}"
    rf"([^\s\"]+)(?:{_SPACE}{_QUOTED}{_SPACE}{_QUOTED}(?:\s.*)?)?",
    re.ASCII,
)
_NUMBER = re.compile(r"[0-9]+", re.ASCII)
#: Numbers that are none of bytes.
_SIGNED = re.compile(
    r"[-+]?(?:[0-9.]+(?:e[-+]?[0-9]+)?|inf|infinity|nan)", re.ASCII | re.IGNORECASE
)
_STATUS = re.compile(r"[0-9]{3}", re.ASCII)
_FROM_QUERY = re.compile(r"[?#].*?(?=\s+HTTP/[0-9.]+\s*$|$)", re.ASCII)
_PASSWORD = re.compile(r"(?<=://)[^/?#@\s]*@")
_TIME = re.compile(
    r"([0-9]{2})/([A-Z][a-z]{2})/([0-9]{4})[: ]([0-9]{2}):([0-9]{2}):([0-9]{2})"
    r"(?:[.,]([0-9]{1,9}))? ([+-])([0-9]{2}):?([0-9]{2})"
)
#: Digits of a number of units since 1970, for times from 1973 to 2200 → units in a second.
_UNITS = ((10, 1), (13, 1e3), (16, 1e6), (19, 1e9))
_SINCE_1970 = re.compile(r"[0-9]{1,19}(?:\.[0-9]{0,9})?", re.ASCII)
_WITH_SLASHES = re.compile(r"[0-9]{4}/[0-9]{2}/", re.ASCII)  # Caddy's `wall`
#: Web servers write English months in every locale.
_MONTHS = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1
    )
}
_MINUTES_PER_HOUR = 60


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


class SizeError(ValueError):
    """The number of bytes is larger than any response."""


def parse(text: str, form: str = "") -> Line | None:
    """Parse a line.

    Args:
        text: a line; surrounding white space is ignored.
        form: the log's format as the web server's configuration writes it; empty: recognised.

    Returns:
        None for a blank line or a comment (`#`).

    Raises:
        SizeError: it states 2**53 bytes or more.
        ValueError: the line is malformed; the error says what is wrong.
    """
    text = text.strip()
    if not text or text.startswith("#"):
        return None
    if len(text) > _MAX_LINE:
        raise ValueError(f"longer than a line of any form: more than {_MAX_LINE:,} characters")
    if form:
        return _from_fields(log_format.fields(text, form))
    if text.startswith("{"):
        return _from_fields(log_json.fields(text))
    match = _LINE.fullmatch(text)
    if match is None:
        raise ValueError('expected the form host ident user [time] "request" status bytes')
    names, date, request, status, size, referer, agent = match.groups()
    host, ident, user = split_names(names, spaces=agent is not None)
    return Line(
        host, ident, user, date, _when(date), request, int(status), _size(size), referer, agent
    )


def _from_fields(found: dict[str, str]) -> Line:
    """Return the line with these fields; a time, a request and a status are needed."""
    for name in ("time", "request", "status"):
        if name not in found:
            raise ValueError(f"no {name} found")
    if _STATUS.fullmatch(found["status"]) is None:
        raise ValueError(f"{found['status'][:20]!r} is not a status")
    date = found["time"].strip("[]")
    return Line(
        host=client(found.get("host") or "-"),
        ident=found.get("ident") or "-",
        user=found.get("user") or "-",
        date=date,
        when=_when(date),
        request=found["request"],
        status=int(found["status"]),
        size=_size(found.get("size") or "-"),
    )


def _size(text: str) -> int:
    if text == "-":
        return 0
    shown = repr(text[:_MAX_DIGITS])
    if _NUMBER.fullmatch(text) is None:
        what = SizeError if _SIGNED.fullmatch(text) else ValueError
        raise what(f"{shown} is not a number of bytes")
    digits = text.lstrip("0") or "0"
    if len(digits) > _MAX_DIGITS or int(digits) > LARGEST_SIZE:
        raise SizeError(f"{shown} is not a valid number of bytes")
    return int(digits)


def _when(date: str) -> datetime:
    """Parse a time of the log's form, of ISO 8601, or since 1970 in s, ms, µs or ns."""
    if _SINCE_1970.fullmatch(date):
        digits = len(date.partition(".")[0])
        when = micros(float(date) / next(unit for most, unit in _UNITS if digits <= most))
    else:
        when = micros(date.replace("/", "-", 2) if _WITH_SLASHES.match(date) else date)
    return _parse_time(date) if when is None else from_micros(when)


def _parse_time(date: str) -> datetime:
    match = _TIME.fullmatch(date)
    if match is None or match[2] not in _MONTHS:
        raise ValueError(f"{date[:40]!r} is not a time of the form 31/Dec/2026:23:59:59 +0000")
    day, month, year, hour, minute, second, part, sign, hours, minutes = match.groups()
    if int(minutes) >= _MINUTES_PER_HOUR:
        raise ValueError(f"{sign}{hours}{minutes} is not a time zone")
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    try:
        zone = timezone(-offset if sign == "-" else offset)
        local = datetime(
            int(year), _MONTHS[month], int(day), int(hour), int(minute), int(second),
            int((part or "0").ljust(6, "0")[:6]), tzinfo=zone,
        )  # fmt: skip
        return local.astimezone(UTC)
    except (ValueError, OverflowError) as error:  # 30 February, a zone of 25 hours, year 0
        raise ValueError(f"{date!r} is not a valid time: {error}") from None


def without_query(request: str) -> str:
    """Return a request without query, fragment and password."""
    return _PASSWORD.sub("", _FROM_QUERY.sub("", request, count=1))


def message(frame: Frame) -> Message:
    """Decode a line of the format `access-log`.

    Invalid UTF-8 and control characters are replaced: the lines contain whatever clients sent.

    Raises:
        MessageError: `bad-size`, `malformed`, also for a blank line.
    """
    how = reading(frame)
    text = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", frame.body.strip().decode(errors="replace"))
    try:
        line = parse(text, how.log_format)
    except SizeError as error:
        raise refuse("bad-size", HTTP, str(error)) from None
    except ValueError as error:
        raise refuse("malformed", HTTP, str(error)) from None
    if line is None:
        raise refuse("malformed", HTTP, "no fields")
    time = to_micros(line.when)
    if not 0 <= time < LATEST * 1_000_000:
        raise refuse("malformed", HTTP, "the time is not between 1970 and 2200")
    escaped = bool(how.log_format) or not text.startswith("{")  # JSON has no others but its own
    user = account(line.user, line.status, escaped=escaped)
    request = unescaped(line.request) if escaped else line.request
    requested = section(request)
    method = line.request.split(maxsplit=1)
    return Message(
        id=content_id(frame, HTTP),
        time=time,
        topic=HTTP,
        body=None,
        users=() if user is None else (user,),
        objects=() if requested is None or len(requested) > _MAX_OBJECT else (requested,),
        agent=user,
        action=method[0][:MAX_NAME] if method else None,
        size=line.size,
        seq=frame.seq,
        extra=_extra(line, request, how),
    )


def _extra(line: Line, unescaped_request: str, how: Reading) -> dict[str, str]:
    host = line.host if how.keep_addresses else shortened(line.host)
    request = line.request if how.keep_queries else without_query(line.request)
    extra = {
        "host": visible(host[:MAX_NAME]),
        "status": str(line.status),
        "request": visible(request[:_MAX_REQUEST]),
    }
    if (
        section(unescaped_request, root=True) != section(unescaped_request)
        and re.search(ROOT_FILE, extra["request"]) is None
    ):
        extra["root_file"] = "yes"  # written in a way that `ROOT_FILE` does not recognise
    return extra
