"""Parse timestamps of publishers into whole microseconds since the epoch."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hubbub.times import to_micros

__all__ = ["LATEST", "micros"]

#: 2200-01-01, exclusive. Milliseconds since the epoch exceed it and are refused, not misread.
LATEST = 7_258_118_400


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
    if len(text) > 64:  # noqa: PLR2004 - longer than any time; keeps hostile input from the parsers
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
