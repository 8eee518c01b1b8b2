"""Parsing and formatting of times and durations; times are aware and in UTC.

Users type `7d`, `2026-01-31` or `2026-01-31T10:00+01:00`; the hot path uses whole microseconds
since the epoch. A naive time is never returned.
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
    """Parse `90s`, `30m`, `24h`, `7d`, `2w`, `1y` (365.25 days), or a combination (`1d12h`).

    Raises:
        ValueError: not of this form, zero, or longer than 200 years.
    """
    cleaned = text.strip().lower()
    if not _is_duration(cleaned):
        raise ValueError(f"{text!r} is not a duration; write for example 90s, 30m, 24h, 7d or 2w")
    seconds = sum(float(n) * _UNITS[unit] for n, unit in _DURATION.findall(cleaned))
    if not 0 < seconds <= _LONGEST.total_seconds():
        raise ValueError(f"the duration {text!r} must be more than zero and at most 200 years")
    return timedelta(seconds=seconds)


def _is_duration(cleaned: str) -> bool:
    return bool(cleaned) and not _DURATION.sub("", cleaned).strip()


def parse_time(text: str, now: datetime) -> datetime:
    """Parse an ISO 8601 time (UTC if it names no zone), `now`, or a duration before `now`.

    Raises:
        ValueError: none of these, or outside the years 1 to 9999 in UTC.
    """
    cleaned = text.strip()
    if cleaned.lower() == "now":
        return now
    if _is_duration(cleaned.lower()):
        return now - parse_duration(cleaned)
    try:
        parsed = datetime.fromisoformat(cleaned)
    except ValueError:
        raise ValueError(
            f"{text!r} is not a time; write for example 2026-01-31, 2026-01-31T10:00Z or 7d"
        ) from None
    if parsed.tzinfo is None:
        return parsed.replace(tzinfo=UTC)
    try:
        return parsed.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text!r} is outside the years 1 to 9999 in UTC") from None


def to_micros(when: datetime) -> int:
    """Return whole microseconds since the epoch, rounded down."""
    return (when - EPOCH) // timedelta(microseconds=1)


def from_micros(micros: int) -> datetime:
    """Return the aware datetime in UTC for microseconds since the epoch.

    Raises:
        OverflowError: before the year 1 or after 9999.
    """
    return EPOCH + timedelta(microseconds=micros)


def iso(when: datetime) -> str:
    """Format as `2026-01-31T10:00:00Z`; with microseconds only if there are any."""
    return when.astimezone(UTC).isoformat().replace("+00:00", "Z")
