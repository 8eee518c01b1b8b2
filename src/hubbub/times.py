"""Parsing and formatting of times and durations; times are aware and in UTC.

Users type `7d`, `2026-01-31` or `2026-01-31T10:00+01:00`; the hot path uses whole microseconds
since the epoch. A naive time is never returned.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

__all__ = [
    "EPOCH",
    "AmbiguousDurationError",
    "from_micros",
    "is_clear_minutes",
    "iso",
    "parse_duration",
    "parse_time",
    "spelled",
    "to_micros",
]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_YEAR = 31_557_600  # s: 365.25 days
_UNITS = {
    "ms": 0.001,
    "s": 1,
    "min": 60,
    "m": 60,
    "h": 3600,
    "d": 86400,
    "w": 604800,
    "mo": _YEAR / 12,
    "y": _YEAR,
}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|min|mo|s|m|h|d|w|y)", re.IGNORECASE)
_LONGEST = timedelta(days=366 * 200)
_FEWEST, _MULTIPLE = 10, 5  # `10m`, `15m`, `30m`, `90m`: numbers in which months are not counted


class AmbiguousDurationError(ValueError):
    """A duration in which `m` may be minutes or months; the message offers both spellings."""


def parse_duration(text: str) -> timedelta:
    """Parse `90s`, `30m`, `24h`, `7d`, `2w`, `1mo`, `1y`, or a combination (`1d12h`).

    A year is 365.25 days, a month (`mo`) a twelfth of it. `min` are minutes, and so is `m` where it
    cannot be taken for months: in multiples of five from `10m` on, and beside hours or seconds
    (`1h2m`). Any other `m` (`1m`, `3m`, `12m`, `30M`) is refused.

    Raises:
        AmbiguousDurationError: an `m` that may be minutes or months.
        ValueError: not of this form, zero, or longer than 200 years.
    """
    cleaned = text.strip()
    if not _is_duration(cleaned):
        raise ValueError(f"{text!r} is not a duration; write for example 90s, 30m, 24h, 7d or 2w")
    parts = _DURATION.findall(cleaned)
    if _is_ambiguous(parts):
        minutes, months = (
            "".join(n + (spelling if unit in {"m", "M"} else unit.lower()) for n, unit in parts)
            for spelling in ("min", "mo")
        )
        raise AmbiguousDurationError(
            f"{text!r} may be minutes or months; write {minutes} for minutes, {months} for months"
        )
    seconds = sum(float(n) * _UNITS[unit.lower()] for n, unit in parts)
    if not 0 < seconds <= _LONGEST.total_seconds():
        raise ValueError(f"the duration {text!r} must be more than zero and at most 200 years")
    return timedelta(seconds=seconds)


def spelled(span: timedelta) -> str:
    """Format a duration in the largest units: `13w`, `1d12h`, `1min`, `1.5s`; see `parse_duration`.

    A tenth of a millisecond is the smallest part that is written.
    """
    seconds, parts = round(span.total_seconds(), 4), []
    for unit in ("w", "d", "h", "min"):
        number, seconds = divmod(seconds, _UNITS[unit])
        if number:
            parts.append(f"{number:.0f}{unit}")
    if seconds or not parts:
        parts.append(f"{round(seconds, 4):g}s")
    return "".join(parts)


def is_clear_minutes(number: float) -> bool:
    """Whether `NUMBERm` can only be minutes: months are not counted like that."""
    return number >= _FEWEST and number % _MULTIPLE == 0


def _is_ambiguous(parts: list[tuple[str, str]]) -> bool:
    units = {unit.lower() for _, unit in parts}
    if units & {"h", "s", "ms"}:
        return False
    return any(
        unit == "M" or (unit == "m" and ("y" in units or not is_clear_minutes(float(n))))
        for n, unit in parts
    )


def _is_duration(cleaned: str) -> bool:
    return bool(cleaned) and not _DURATION.sub("", cleaned).strip()


def parse_time(text: str, now: datetime) -> datetime:
    """Parse an ISO 8601 time, `now`, or a duration before `now`; return it in UTC.

    A time without a zone is one of the zone of `now`; a date is its midnight.

    Raises:
        ValueError: none of these, or outside the years 1 to 9999 in UTC.
    """
    cleaned = text.strip()
    if cleaned.lower() == "now":
        return now.astimezone(UTC)
    if _is_duration(cleaned):
        return now.astimezone(UTC) - parse_duration(cleaned)
    try:
        parsed = datetime.fromisoformat(cleaned)
    except ValueError:
        raise ValueError(
            f"{text!r} is not a time; write for example 2026-01-31, 2026-01-31T10:00Z or 7d"
        ) from None
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=now.tzinfo)
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
