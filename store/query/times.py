"""Convert Ibis time columns to microseconds and back, whatever the session's time zone."""

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
    """Return whole microseconds since the epoch.

    Uses DuckDB's `epoch_us`: the difference of two times with zone takes twenty times as long, and
    a cast of such a time to a number depends on the session's zone or is an error.
    """
    number: ir.IntegerValue = _epoch_us()(when)
    return number


def period_start(number: ir.IntegerValue, unit: int, kind: Any) -> ir.TimestampValue:
    """Return the start of the period with this number, in UTC.

    Args:
        number: of periods since the epoch.
        unit: length of a period, µs; whole seconds.
        kind: type of the column; in DuckDB such a time has a zone already, and Ibis loses it.
    """
    start: ir.TimestampValue = (number * (unit // 1_000_000)).as_timestamp("s").cast(kind)
    return start
