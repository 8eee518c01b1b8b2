"""Time arithmetic inside the engine, on integers (microseconds since the epoch).

The expressions do not depend on the session's time zone. Truncating a timestamp with zone to its
day does: DuckDB truncates in the session's zone.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from hubbub.store.query.times import clock, micros, wall
from hubbub.times import EPOCH

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["DAY", "HOUR", "clock", "micros", "number_since", "wall"]

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def number_since(when: ir.TimestampValue, origin: datetime, length: timedelta) -> ir.IntegerValue:
    """Index of the bucket of each time; bucket 0 is [origin, origin + length).

    The engine divides in floating point, which is exact up to 2^53 µs, the year 2255.
    """
    offset = (origin - EPOCH) // timedelta(microseconds=1)
    bucket: ir.IntegerValue = (micros(when) - offset) // (length // timedelta(microseconds=1))
    return bucket
