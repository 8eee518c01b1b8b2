"""Evenness of many windows, overlapping or not, read in one pass.

Comes in: an Ibis table with the columns `time` and `user`, and the windows. Goes out: an `Evenness`
for each window. An event lies in the windows `first`…`last`, so the engine counts events once per
(first, last, user), and only those counts are spread over their windows. What leaves the engine is
the histogram "how many users have c events in window j": small, whatever the number of events or
users, and all that the numbers depend on, so that they are defined in one place only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from hubbub.analyzers.evenness import Evenness, measure_histogram
from hubbub.analyzers.moments import micros
from hubbub.errors import UsageError
from hubbub.times import to_micros

if TYPE_CHECKING:
    from collections.abc import Iterator

    import ibis.expr.types as ir

__all__ = ["MOST", "Windows", "counts", "histogram", "measured"]

#: More windows than this are refused: a step was mistyped.
MOST = 50_000
#: Without a step at most so many windows, at the first of these distances that allows it.
_WANTED = 400
_MINUTE = timedelta(minutes=1)
_STEPS = tuple(_MINUTE * m for m in (1, 2, 5, 10, 15, 30)) + tuple(
    timedelta(hours=h) for h in (1, 2, 3, 4, 6, 8, 12, 24, 48, 72, 168, 336, 672)
)
_MICRO = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows [end - length, end) with ends at until, until - step, …, none begins before since.

    Window 0 is the newest; `spans` gives them oldest first.
    """

    until: datetime
    length: timedelta
    step: timedelta
    number: int

    @classmethod
    def between(
        cls, since: datetime, until: datetime, length: timedelta, step: timedelta | None = None
    ) -> Windows:
        """The windows of a range.

        Without a step: the shortest of 1, 2, 5, 10, 15, 30 min, 1, 2, 3, 4, 6, 8, 12 h, 1, 2, 3 d,
        1, 2, 4 weeks (then whole multiples of 4 weeks) that gives at most 400 windows and is at
        least 1/48 of a window (30 min for 24 h, as first published).

        Raises:
            UsageError: a length or step of zero or less, or more than 50,000 windows.
        """
        if length <= timedelta(0) or (step is not None and step <= timedelta(0)):
            raise UsageError(
                "a window and a step must be longer than zero", where="--window, --step"
            )
        room = until - since - length
        if room < timedelta(0):
            return cls(until, length, step or length, 0)
        if step is None:
            fine = max(length / 48, room / _WANTED + _MICRO)  # room / step must stay below 400
            step = next((s for s in _STEPS if s >= fine), -(-fine // _STEPS[-1]) * _STEPS[-1])
        number = room // step + 1
        if number > MOST:
            raise UsageError(
                f"a step of {step} gives {number:,} windows; {MOST:,} are the most",
                where="--step",
                hint="choose a longer step or a shorter range",
            )
        return cls(until, length, step, number)

    def spans(self) -> Iterator[tuple[int, datetime, datetime]]:
        """(window, start, end), oldest first."""
        for window in range(self.number - 1, -1, -1):
            end = self.until - self.step * window
            yield window, end - self.length, end


def counts(people: ir.Table, windows: Windows) -> ir.Table:
    """Events per window and user: columns `window`, `user`, `count`.

    Args:
        people: `time` and `user`, one row for each event and user of it; nothing at or after
            `windows.until`.
        windows: which windows. What is older than the oldest may come as windows beyond
            `windows.number`: to filter every event again costs a tenth of the whole.
    """
    import ibis
    from ibis import _

    length, step = windows.length // _MICRO, windows.step // _MICRO
    age = to_micros(windows.until) - 1 - micros(people.time)  # 0 for the youngest moment
    if step >= length:  # an event lies in one window or in none
        rows = people.select("user", age=age).mutate(window=_.age // step)
        if step > length:
            rows = rows.filter(_.age - _.window * step < length)
        return rows.group_by("window", "user").agg(count=_.count())
    rows = people.select(
        "user",
        first=ibis.greatest((age - length) // step + 1, 0),
        last=ibis.least(age // step, windows.number - 1),
    ).filter(_.first <= _.last)
    once = rows.group_by("first", "last", "user").agg(count=_.count())
    spread = once.select("user", "count", window=ibis.range(once.first, once.last + 1, 1).unnest())
    return spread.group_by("window", "user").agg(count=_["count"].sum())


def histogram(counted: ir.Table) -> ir.Table:
    """How many users have that many events: columns `window`, `count`, `users`."""
    from ibis import _

    return counted.group_by("window", "count").agg(users=_.count())


def measured(people: ir.Table, windows: Windows) -> Iterator[tuple[datetime, datetime, Evenness]]:
    """(start, end, numbers) of every window, oldest first; a window without users has n = 0.

    Args:
        people: `time` and `user`, one row for each event and user of it.
        windows: which windows.
    """
    groups: dict[int, list[tuple[int, int]]] = {}
    if windows.number:
        table = histogram(counts(people, windows)).to_pyarrow()
        columns = (table[name].to_pylist() for name in ("window", "count", "users"))
        for window, count, users in zip(*columns, strict=True):
            groups.setdefault(window, []).append((count, users))
    for window, start, end in windows.spans():
        yield start, end, measure_histogram(groups.get(window, ()))
