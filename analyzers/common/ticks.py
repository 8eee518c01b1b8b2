"""Ticks: consecutive intervals of one length that start with the first event.

Ticks without events count too. They begin at whole multiples of their length since 1970 on
the clock of the zone (with its offset at the first event), so an event lies in the same tick
whatever the range. All have the same length, also where clocks change.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from hubbub.analyzers.common.times import micros, number_since
from hubbub.errors import UsageError
from hubbub.times import EPOCH, from_micros, to_micros
from hubbub.zones import UNIVERSAL, Zone

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["Ticks"]

_MICRO = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Ticks:
    """`number` ticks of `length`, the first starting at `first`; none without events."""

    first: datetime
    length: timedelta
    number: int

    @classmethod
    def of(
        cls,
        table: ir.Table,
        length: timedelta,
        *,
        maximum: int,
        option: str,
        until: datetime | None,
        zone: Zone = UNIVERSAL,
    ) -> Ticks:
        """The ticks from that of the first event to that of the last, or to `until`.

        Args:
            table: has a column `time`.
            length: length of a tick; at least a microsecond.
            maximum: how many ticks are allowed.
            option: the option that an error names, with which `length` is set.
            until: the end of the range; None: end with the last event.
            zone: on whose clock ticks begin.

        Raises:
            UsageError: there would be more than `maximum` ticks.
        """
        from ibis import _

        bounds = table.agg(first=micros(_.time.min()), last=micros(_.time.max())).to_pyarrow()
        oldest, newest = bounds["first"][0].as_py(), bounds["last"][0].as_py()
        if oldest is None:
            return cls(EPOCH, length, 0)
        newest = newest if until is None else max(newest, (until - EPOCH) // _MICRO - 1)
        size, offset = length // _MICRO, zone.wall(oldest) - oldest
        oldest, newest = oldest + offset, newest + offset
        first = oldest // size
        number = newest // size - first + 1
        if number > maximum:
            raise UsageError(
                f"the range has {number:,} intervals of {length}, more than {maximum:,}",
                where=option,
                hint="choose a longer interval, or a shorter range with --since",
            )
        return cls(from_micros(first * size - offset), length, number)

    def start(self, tick: int) -> int:
        """When a tick begins, µs since the epoch."""
        return to_micros(self.first) + tick * (self.length // _MICRO)

    def number_of(self, when: ir.TimestampValue) -> ir.IntegerValue:
        """The index of the tick of each time, from 0."""
        return number_since(when, self.first, self.length)
