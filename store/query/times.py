"""Convert Ibis time columns to microseconds and back, whatever the session's time zone.

The wall clock of another zone is a sum: a time and the zone's offset, which Python computes for the
range in question (`hubbub.zones`), so that the engine needs no zones of its own.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from hubbub.times import from_micros, to_micros

if TYPE_CHECKING:
    from collections.abc import Sequence

    import ibis.expr.types as ir

    from hubbub.zones import Offsets, Zone

__all__ = [
    "clock",
    "in_parts",
    "micros",
    "moment",
    "period_start",
    "stamp",
    "wall",
    "wall_start",
    "whole_from",
]

_HOUR, _DAY = 3_600_000_000, 86_400_000_000  # µs
_NEVER = -(2**40)  # s, before any time


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


def stamp(micros: int) -> Any:
    """Return a time (µs) as a constant of the engine."""
    import ibis

    return ibis.timestamp(from_micros(micros))


def period_start(number: ir.IntegerValue, unit: int, kind: Any) -> ir.TimestampValue:
    """Return the start of the period with this number, in UTC.

    Args:
        number: of periods since the epoch.
        unit: length of a period, µs; whole seconds.
        kind: type of the column; in DuckDB such a time has a zone already, and Ibis loses it.
    """
    start: ir.TimestampValue = (number * (unit // 1_000_000)).as_timestamp("s").cast(kind)
    return start


def wall_start(at: ir.IntegerValue, unit: int, offsets: Offsets) -> ir.IntegerValue:
    """Return the start (s since the epoch, UTC) of the period of the wall clock that holds `at`.

    Args:
        at: times, µs since the epoch.
        unit: length of a period on the clock, µs: a day or an hour.
        offsets: as days are cut for days, else as they are; whole seconds.
    """
    import ibis

    number, second = wall(at, offsets) // unit, 1_000_000
    if unit <= _HOUR:  # an hour also begins where the offset changes
        shift = in_parts(at, [(start, offset // second) for start, offset in offsets])
        change = in_parts(
            at, [(start, start // second if i else _NEVER) for i, (start, _) in enumerate(offsets)]
        )
        begin: ir.IntegerValue = ibis.greatest(number * (unit // second) - shift, change)
        return begin
    # By `at` and not by `number`, which would be written out for each part.
    shift = in_parts(at, _day_shifts(offsets, unit))
    start: ir.IntegerValue = number * (unit // second) - shift
    return start


def _day_shifts(offsets: Offsets, unit: int) -> list[tuple[int, int]]:
    """Return from when on (µs) days begin with which offset (s): from the next midnight on."""
    shifts: list[tuple[int, int]] = []
    before = None
    for start, offset in offsets:
        number = -(-(start + offset) // unit)
        if before is not None and (start - 1 + before) // unit == number:
            number += 1  # at a second midnight: the day has begun with the first
        midnight, before = number * unit - offset, offset
        while shifts and shifts[-1][0] >= midnight:  # no day began before the next change
            shifts.pop()
        shifts.append((midnight, offset // 1_000_000))
    return shifts


@cache
def _make_timestamp() -> Any:
    import ibis

    @ibis.udf.scalar.builtin  # type: ignore[untyped-decorator]
    def make_timestamp(micros: int) -> datetime:  # type: ignore[empty-body]
        ...

    return make_timestamp


def clock(number: ir.IntegerValue) -> ir.TimestampValue:
    """Wall-clock time of these microseconds since 1970, as UTC or `wall` gives them.

    It has no zone, so its year, month, weekday and hour do not depend on the session's zone.
    """
    wall_clock: ir.TimestampValue = _make_timestamp()(number)
    return wall_clock


def moment(number: ir.IntegerValue) -> ir.TimestampValue:
    """Return the time of these microseconds since the epoch, in UTC, as the column `time` has it.

    The session's zone is UTC.
    """
    time: ir.TimestampValue = clock(number).cast("timestamp('UTC', 6)")
    return time


def wall(number: ir.IntegerValue, offsets: Offsets) -> ir.IntegerValue:
    """What a clock with these offsets shows at a time; both in microseconds since 1970."""
    if all(offset == 0 for _, offset in offsets):
        return number
    return number + in_parts(number, offsets)


def in_parts(number: ir.IntegerValue, parts: Sequence[tuple[int, int]]) -> ir.IntegerValue:
    """The constant of the part that each number lies in.

    Args:
        number: a column of numbers.
        parts: (first number of the part, constant), ascending; the first holds before it too.
    """
    import ibis

    joined = [part for i, part in enumerate(parts) if not i or part[1] != parts[i - 1][1]]
    if len(joined) == 1:
        constant: ir.IntegerValue = ibis.literal(joined[0][1], "int64")
        return constant
    middle = len(joined) // 2
    before, after = in_parts(number, joined[:middle]), in_parts(number, joined[middle:])
    value: ir.IntegerValue = ibis.ifelse(number < joined[middle][0], before, after)
    return value


def whole_from(rows: ir.Table, oldest: int, zone: Zone) -> int:
    """Return the start (µs) of the day of the oldest event, else of its hour, if it is whole.

    It is whole although it began before that event, if the silence up to the event is no longer
    than the longest one in the day (the hour) after it: then nothing seems to be missing. A range
    that begins with the oldest event then does not cut its first day or week.

    Args:
        rows: events with a column `time`, from the oldest one on.
        oldest: the time of the oldest event, µs; returned if neither is whole.
        zone: in which days and hours are cut.
    """
    import ibis
    from ibis import _

    times = rows.select(at=micros(rows.time)).filter(_["at"] <= oldest + _DAY)
    gaps = times.mutate(gap=_["at"] - _["at"].lag().over(ibis.window(order_by="at")))
    longest = gaps.agg(day=_.gap.max(), hour=_.gap.max(where=_["at"] <= oldest + _HOUR))
    [row] = longest.to_pyarrow().to_pylist()
    for per in ("day", "hour"):
        start = to_micros(zone.floor(from_micros(oldest), per))
        if row[per] is not None and oldest - start <= row[per]:
            return start
    return oldest
