"""Intervals of equal length, in which actions are counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["Intervals"]


class Intervals(NamedTuple):
    """The intervals [origin + n * size, origin + (n + 1) * size) for n from 0 to number - 1.

    Attributes:
        origin: where the first one begins, µs since the epoch.
        size: their length, µs.
        number: how many there are.
    """

    origin: int
    size: int
    number: int = 1

    @property
    def end(self) -> int:
        """Where the last one ends, µs."""
        return self.origin + self.size * self.number

    def of(self, time: ir.IntegerValue) -> ir.IntegerValue:
        """Return the number of the interval that has a time (µs), also beyond these."""
        number: ir.IntegerValue = (time - self.origin) // self.size
        return number

    def begin(self, number: ir.IntegerValue) -> ir.IntegerValue:
        """Return where the interval with this number begins, µs."""
        begin: ir.IntegerValue = number * self.size + self.origin
        return begin

    def part(self, first: int, number: int) -> Intervals:
        """Return so many of them from one on; the first of these has the number 0."""
        return Intervals(self.origin + self.size * first, self.size, number)
