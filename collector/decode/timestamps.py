"""Parse timestamps of publishers into whole microseconds since the epoch."""

from __future__ import annotations

import re
from calendar import timegm
from datetime import UTC, datetime
from email.utils import parsedate_tz
from typing import Any

from hubbub.times import to_micros

__all__ = ["LATEST", "lenient_micros", "micros"]

#: 2200-01-01, exclusive. Milliseconds since the epoch exceed it and are refused, not misread.
LATEST = 7_258_118_400

_LONGEST = 64  # characters; longer than any time; keeps hostile input from the parsers
#: A zone that is only named, as in `2013-06-25 11:57 CEST`: such names are ambiguous.
_ZONE_NAME = re.compile(r"\s*[A-Za-z]{1,5}$")


def micros(value: Any) -> int | None:
    """Return the µs of seconds (int, float, numeric text) or ISO 8601 (UTC by default), or None.

    Times before 1970 or from 2200 on are invalid.
    """
    kind = type(value)
    if kind is int:
        return value * 1_000_000 if 0 <= value < LATEST else None
    if kind is float:
        return round(value * 1_000_000) if 0 <= value < LATEST else None  # false for NaN
    return _parse_text(value) if kind is str else None


def _parse_text(text: str) -> int | None:
    if len(text) > _LONGEST:
        return None
    try:
        return micros(float(text))  # first, since ISO 8601 would read 20150101 as a date
    except ValueError:
        pass
    try:
        when = datetime.fromisoformat(text.strip())
        parsed = to_micros(when.replace(tzinfo=UTC) if when.tzinfo is None else when)
    except (ValueError, OverflowError):  # overflow: the zone leads out of the years 1 to 9999
        return None
    return parsed if 0 <= parsed < LATEST * 1_000_000 else None


def lenient_micros(value: Any) -> int | None:
    """Return what `micros` does, also of times as forges and e-mails write them.

    RFC 2822 and `git log` (`Tue Aug 14 14:30:13 2012 -0300`), `2012/03/10 22:00:00 -0800`, and
    times with the name of a zone, which is taken for UTC where e-mail does not define it.
    """
    parsed = micros(value)
    if parsed is not None or not isinstance(value, str) or len(value) > _LONGEST:
        return parsed
    text = value.strip().replace("/", "-")
    parsed = _parse_text(text)
    if parsed is None and text[:1].isdigit():
        parsed = _parse_text(_ZONE_NAME.sub("", text))
    if parsed is not None:
        return parsed
    try:
        fields = parsedate_tz(value)
        seconds = None if fields is None else timegm(fields[:6]) - (fields[9] or 0)
    except (ValueError, OverflowError, IndexError, TypeError):  # no time that a parser expects
        return None
    return None if seconds is None else micros(seconds)
