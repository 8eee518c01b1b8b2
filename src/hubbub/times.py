"""Times: aware datetimes in UTC, whole microseconds on the hot path, half-open windows.

Comes in: what people type (`7d`, `2026-01-31`, `2026-01-31T10:00+01:00`) and whole numbers of
microseconds. Goes out: aware datetimes, timedeltas, ISO texts with Z. Never a naive time.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

__all__ = [
    "EPOCH",
    "from_micros",
    "iso",
    "parse_duration",
    "parse_time",
    "to_micros",
]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31_557_600}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w|y)")
_LONGEST = timedelta(days=366 * 200)


def parse_duration(text: str) -> timedelta:
    """`90s`, `30m`, `24h`, `7d`, `2w`, `1y` (365.25 days), or several together (`1d12h`).

    Raises:
        ValueError: no such form, zero, or longer than 200 years.
    """
    cleaned = text.strip().lower()
    if not cleaned or _DURATION.sub("", cleaned).strip():
        raise ValueError(f"{text!r} is no duration; write for example 90s, 30m, 24h, 7d or 2w")
    seconds = sum(float(n) * _UNITS[unit] for n, unit in _DURATION.findall(cleaned))
    if not 0 < seconds <= _LONGEST.total_seconds():
        raise ValueError(f"the duration {text!r} must be more than zero and at most 200 years")
    return timedelta(seconds=seconds)


def parse_time(text: str, now: datetime) -> datetime:
    """An ISO 8601 time (UTC where it names no zone), or a duration before `now`.

    Raises:
        ValueError: neither of the two, or outside of the years 1 to 9999 in UTC.
    """
    cleaned = text.strip()
    if cleaned.lower() == "now":
        return now
    if _DURATION.match(cleaned.lower()) and not _DURATION.sub("", cleaned.lower()).strip():
        return now - parse_duration(cleaned)
    try:
        parsed = datetime.fromisoformat(cleaned)
    except ValueError:
        raise ValueError(
            f"{text!r} is no time; write for example 2026-01-31, 2026-01-31T10:00Z or 7d"
        ) from None
    if parsed.tzinfo is None:
        return parsed.replace(tzinfo=UTC)
    try:
        return parsed.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text!r} is outside of the years 1 to 9999 in UTC") from None


def to_micros(when: datetime) -> int:
    """Whole microseconds since the epoch."""
    return (when - EPOCH) // timedelta(microseconds=1)


def from_micros(micros: int) -> datetime:
    """An aware datetime in UTC.

    Raises:
        OverflowError: before the year 1 or after 9999.
    """
    return EPOCH + timedelta(microseconds=micros)


def iso(when: datetime) -> str:
    """`2026-01-31T10:00:00Z`; microseconds only where there are any."""
    return when.astimezone(UTC).isoformat().replace("+00:00", "Z")
