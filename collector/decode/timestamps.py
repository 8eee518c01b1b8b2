"""The times that publishers write, as whole microseconds since the epoch.

Comes in: whatever stands where a time should be. Goes out: an int, or None for no time at all.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hubbub.times import to_micros

__all__ = ["LATEST", "micros"]

#: 2200-01-01. Milliseconds since the epoch lie beyond it, so that they are refused, not misread.
LATEST = 7_258_118_400


def micros(value: Any) -> int | None:
    """Seconds (int, float, numeric text) or ISO 8601, UTC where it names no zone; else None.

    Times before 1970 or from 2200 on are no times of a message.
    """
    kind = type(value)
    if kind is int:
        return value * 1_000_000 if 0 <= value < LATEST else None
    if kind is float:
        return round(value * 1_000_000) if 0 <= value < LATEST else None  # NaN is in no range
    return _of_text(value) if kind is str else None


def _of_text(text: str) -> int | None:
    if len(text) > 64:  # noqa: PLR2004 - longer than any time; spares the parsers hostile input
        return None
    try:
        return micros(float(text))  # before ISO, which reads 20150101 as a day
    except ValueError:
        pass
    try:
        when = datetime.fromisoformat(text.strip())
        since = to_micros(when.replace(tzinfo=UTC) if when.tzinfo is None else when)
    except (ValueError, OverflowError):  # overflow: a zone that leads out of the years 1 to 9999
        return None
    return since if 0 <= since < LATEST * 1_000_000 else None
