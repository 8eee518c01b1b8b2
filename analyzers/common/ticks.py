"""Ticks: short stretches of one length, from the first event on, those without events included.

Comes in: events and a length. Goes out: how many ticks there are, where the first one begins, and
the number of each event's tick. Ticks begin at whole multiples of their length since 1970 (UTC), so
that the same event lies in the same tick whatever the range.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from hubbub.analyzers.common.times import micros, number_since
from hubbub.errors import UsageError
from hubbub.times import EPOCH, from_micros

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["Ticks"]

_MICRO = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Ticks:
    """`number` ticks of `length` from `first` on; none without events."""

    first: datetime
    length: timedelta
    number: int

    @classmethod
    def of(
        cls, table: ir.Table, length: timedelta, *, most: int, option: str, until: datetime | None
    ) -> Ticks:
        """From the tick of the first event to that of the last, or to the end of the range.

        Args:
            table: with a column `time`.
            length: of a tick; at least a microsecond.
            most: how many there may be.
            option: what a person would change if there were more.
            until: the end of the range, for those who want to see silence, too.

        Raises:
            UsageError: there would be more than `most`.
        """
        from ibis import _

        found = table.agg(first=micros(_.time.min()), last=micros(_.time.max())).to_pyarrow()
        (oldest,), (newest,) = found["first"].to_pylist(), found["last"].to_pylist()
        if oldest is None:
            return cls(EPOCH, length, 0)
        newest = newest if until is None else max(newest, (until - EPOCH) // _MICRO - 1)
        size = length // _MICRO
        first = oldest // size
        number = newest // size - first + 1
        if number > most:
            raise UsageError(
                f"{number:,} stretches of {length} are too many",
                where=option,
                hint=f"at most {most:,}: choose a longer one, or a shorter range with --since",
            )
        return cls(from_micros(first * size), length, number)

    def number_of(self, when: ir.TimestampValue) -> ir.IntegerValue:
        """Which tick holds each time: 0 for the first."""
        return number_since(when, self.first, self.length)
