"""Time arithmetic inside the engine, on integers (microseconds since the epoch).

The expressions do not depend on the session's time zone. Truncating a timestamp with zone to its
day does: DuckDB truncates in the session's zone.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from hubbub.store.query.times import micros
from hubbub.times import EPOCH

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["DAY", "HOUR", "clock", "day_start", "micros", "number_since"]

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@cache
def _make_timestamp() -> Any:
    import ibis

    @ibis.udf.scalar.builtin  # type: ignore[untyped-decorator]
    def make_timestamp(micros: int) -> datetime:  # type: ignore[empty-body]
        ...

    return make_timestamp


def clock(number: ir.IntegerValue) -> ir.TimestampValue:
    """UTC wall-clock time of these microseconds since the epoch.

    It has no zone, so its year, month, weekday and hour do not depend on the session's zone.
    """
    wall_clock: ir.TimestampValue = _make_timestamp()(number)
    return wall_clock


def number_since(when: ir.TimestampValue, origin: datetime, length: timedelta) -> ir.IntegerValue:
    """Index of the bucket of each time; bucket 0 is [origin, origin + length).

    The engine divides in floating point, which is exact up to 2^53 µs, the year 2255.
    """
    offset = (origin - EPOCH) // timedelta(microseconds=1)
    bucket: ir.IntegerValue = (micros(when) - offset) // (length // timedelta(microseconds=1))
    return bucket


def day_start(day: date) -> datetime:
    """Midnight UTC at the start of a day."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
