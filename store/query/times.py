"""Whole microseconds of a column of times, inside the engine.

Comes in: a column of times with zone. Goes out: an integer expression, or back to times. Neither
depends on the session's time zone.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["micros", "period_start"]


@cache
def _epoch_us() -> Any:
    import ibis

    @ibis.udf.scalar.builtin  # type: ignore[untyped-decorator]
    def epoch_us(when: datetime) -> int:  # type: ignore[empty-body]
        ...

    return epoch_us


def micros(when: ir.TimestampValue) -> ir.IntegerValue:
    """Whole microseconds since the epoch.

    Through DuckDB's own `epoch_us`: the difference of two times with zone costs twenty times as
    much there, and a cast of such a time to a number depends on the session's zone or is refused.
    """
    number: ir.IntegerValue = _epoch_us()(when)
    return number


def period_start(number: ir.IntegerValue, unit: int, kind: Any) -> ir.TimestampValue:
    """When the period of that number begins, in UTC.

    Args:
        number: of periods since the epoch.
        unit: their length, µs; whole seconds.
        kind: type of the column; in DuckDB such a time has a zone already, and Ibis forgets it.
    """
    start: ir.TimestampValue = (number * (unit // 1_000_000)).as_timestamp("s").cast(kind)
    return start
