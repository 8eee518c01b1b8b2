"""Moments as whole numbers inside an engine: microseconds, days and weeks of a column of times.

Comes in: a column of times. Goes out: integer expressions, independent of the session's time zone
(truncating a time with zone to its day is not: DuckDB does that in the session's zone).
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
    """What a clock in UTC showed at these microseconds: its year, month, weekday and hour.

    A time without zone, so that its parts do not depend on the session's.
    """
    shown: ir.TimestampValue = _make_timestamp()(number)
    return shown


def number_since(when: ir.TimestampValue, origin: datetime, length: timedelta) -> ir.IntegerValue:
    """Which bucket of `length` after `origin` holds each time: 0 for [origin, origin + length).

    The engine divides in floating point; that is exact up to 2^53 µs, the year 2255.
    """
    offset = (origin - EPOCH) // timedelta(microseconds=1)
    bucket: ir.IntegerValue = (micros(when) - offset) // (length // timedelta(microseconds=1))
    return bucket


def day_start(day: date) -> datetime:
    """Midnight UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
