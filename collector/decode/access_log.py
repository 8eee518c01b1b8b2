r"""Parse lines of web server access logs.

    host ident user [dd/Mon/yyyy:HH:MM:SS ±hhmm] "request" status bytes ["referer" "agent"]

These are the common and the combined format, as Apache and nginx write them. Usual extensions are
accepted: a virtual host before the line, and in the combined format spaces in the user and more
fields after the agent, which are ignored. `bytes` may be `-`, which means 0; `\"` does not end a
quoted field. A line that starts with `{` is read by `log_json`, and one of a format that was given
by `log_format`. Any other line is malformed.

The agent of the `Message` is the authenticated user, its object the requested section of the site.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from hubbub.collector.decode import log_format, log_json
from hubbub.collector.decode.line_reading import reading
from hubbub.collector.decode.message_id import content_id
from hubbub.collector.decode.reasons import LARGEST_SIZE, refuse
from hubbub.collector.decode.section import ROOT_FILE, section
from hubbub.collector.decode.timestamps import LATEST, micros
from hubbub.collector.event import Frame, Message
from hubbub.collector.names import MAX_NAME
from hubbub.times import from_micros, to_micros

__all__ = ["HTTP", "ROOT_FILE", "Line", "SizeError", "message", "parse", "section", "shortened"]

#: Topic of requests.
HTTP = "http.access"
_MAX_OBJECT = 4 * MAX_NAME  # characters of an object's name
_MAX_REQUEST = 2000  # characters of a request that are kept
_MAX_LINE = 1 << 16  # characters; web servers refuse request lines and fields of more than 8 kB
_MAX_DIGITS = 30  # of a number of bytes that is converted
#: Statuses that say that the user is only claimed: wrong password, not permitted.
_REFUSED = frozenset((401, 403, 407))
#: Unsafe in tables and on terminals; not the tab, which separates fields.
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f]")
_QUOTED = r'"((?:[^"\\]|\\.)*)"'
#: White space is bounded: a line of nothing else would take a time that grows with its square.
_SPACE = r"\s{0,16}"
_LINE = re.compile(
    rf"(\S(?:.*?\S)?)\s{{1,16}}\[([^\]]{{0,60}})\]{_SPACE}{_QUOTED}{_SPACE}([0-9]{{3}})\s{{1,16}}"
    rf"([0-9]+|-)(?:{_SPACE}{_QUOTED}{_SPACE}{_QUOTED}(?:\s.*)?)?",
    re.ASCII,
)
_PORT = re.compile(r"[^\s:\[\]]+:[0-9]{1,5}")
_ESCAPED = re.compile(r'\\(["\\])')
_NUMBER = re.compile(r"[0-9]+", re.ASCII)
_STATUS = re.compile(r"[0-9]{3}", re.ASCII)
_FROM_QUERY = re.compile(r"[?#].*?(?=\s+HTTP/[0-9.]+\s*$|$)", re.ASCII)
_PASSWORD = re.compile(r"(?<=://)[^/?#@\s]*@")
_KEPT_LABELS = 2  # of the name of a host
_IPV4_KEPT, _IPV6_KEPT = 24, 48  # bits of an address
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
    host, ident, user = _names(names, spaces=agent is not None)
    return Line(
        host, ident, user, date, _parse_time(date), request, int(status), _size(size), referer,
        agent,
    )  # fmt: skip


def _names(text: str, *, spaces: bool) -> tuple[str, str, str]:
    """Split what comes before the time into host, ident and user, without a virtual host.

    Args:
        text: of the line.
        spaces: the user may contain spaces.
    """
    words = text.split(maxsplit=3)
    if len(words) > 3 and _is_virtual_host(words[0], words[1]):  # noqa: PLR2004
        text = text.split(maxsplit=1)[1]
    fields = text.split(maxsplit=2)
    if len(fields) < 3 or (not spaces and len(fields[2].split()) > 1):  # noqa: PLR2004
        raise ValueError("expected the form host ident user before the time")
    return fields[0], fields[1], fields[2]


def _is_virtual_host(first: str, second: str) -> bool:
    """Whether the first word is a site's name, and the second the client."""
    return _is_address(second) or (
        second != "-" and _PORT.fullmatch(first) is not None and not _is_address(first)
    )


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _from_fields(found: dict[str, str]) -> Line:
    """Return the line with these fields; a time, a request and a status are needed."""
    for name in ("time", "request", "status"):
        if not found.get(name):
            raise ValueError(f"no {name} found")
    if _STATUS.fullmatch(found["status"]) is None:
        raise ValueError(f"{found['status'][:20]!r} is not a status")
    date = found["time"].strip("[]")
    when = micros(date)
    return Line(
        host=found.get("host") or "-",
        ident=found.get("ident") or "-",
        user=found.get("user") or "-",
        date=date,
        when=_parse_time(date) if when is None else from_micros(when),
        request=found["request"],
        status=int(found["status"]),
        size=_size(found.get("size") or "-"),
    )


def _size(text: str) -> int:
    if text == "-":
        return 0
    if _NUMBER.fullmatch(text) is None:
        raise ValueError(f"{text[:20]!r} is not a number of bytes")
    digits = text.lstrip("0") or "0"
    if len(digits) > _MAX_DIGITS or int(digits) > LARGEST_SIZE:
        raise SizeError(f"{text[:_MAX_DIGITS]} is not a valid number of bytes")
    return int(text)


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


def account(line: Line) -> str | None:
    r"""Return the user who was authenticated; None if there is none.

    Of a refused request the user is only claimed. Apache writes an empty name as `""`, and `\"` for
    a quote within a name.
    """
    if line.status in _REFUSED:
        return None
    name = line.user.strip()
    if len(name) > 1 and name[0] == name[-1] == '"':
        name = name[1:-1].strip()
    name = _ESCAPED.sub(r"\1", name).strip()
    if name == "-" or len(name) > MAX_NAME or not name.strip('" '):
        return None
    return name


def shortened(host: str) -> str:
    """Return the network of a client: 192.0.2.0, 2001:db8:1::, or the end of its name."""
    text = host.partition("%")[0].strip("[]")
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return ".".join(host.split(".")[-_KEPT_LABELS:])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    bits = _IPV4_KEPT if address.version == 4 else _IPV6_KEPT  # noqa: PLR2004
    return str(ipaddress.ip_network((address, bits), strict=False).network_address)


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
    user = account(line)
    requested = section(line.request)
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
        extra=_extra(line, keep_queries=how.keep_queries, keep_addresses=how.keep_addresses),
    )


def _extra(line: Line, *, keep_queries: bool, keep_addresses: bool) -> dict[str, str]:
    host = line.host if keep_addresses else shortened(line.host)
    request = line.request if keep_queries else without_query(line.request)
    extra = {
        "host": host[:MAX_NAME],
        "status": str(line.status),
        "request": request[:_MAX_REQUEST],
    }
    if (
        section(line.request, root=True) != section(line.request)
        and re.search(ROOT_FILE, extra["request"]) is None
    ):
        extra["root_file"] = "yes"  # written in a way that `ROOT_FILE` does not recognise
    return extra
