"""Evenness of many windows, overlapping or not, read in one pass.

Comes in: windows, and an Ibis table with the columns `time` and `user`, maybe `messages` (of that
user in an hour or day that no window cuts). Goes out: an `Evenness` for each window.

Each event is read once: it lies in the windows `first`…`last`, so the engine counts events per
(first, last, user). Where these are few the engine goes on to the histogram "how many users have c
events in window j", which is all that the numbers depend on, so that they are defined in one place
only; where they are many, `sliding` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

from hubbub.analyzers.common.times import micros
from hubbub.analyzers.evenness.metrics import Evenness, measure_histogram
from hubbub.analyzers.evenness.sliding import sliding
from hubbub.errors import UsageError
from hubbub.times import to_micros

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import ibis.expr.types as ir

    from hubbub.store.query.events import Events

__all__ = [
    "MOST",
    "Histogram",
    "Windows",
    "histogram",
    "histograms",
    "measured",
    "people_in",
]

#: (count, how many users have it), in any order.
Histogram: TypeAlias = "Sequence[tuple[int, int]]"

#: More windows than this are refused: a step was mistyped.
MOST = 50_000
#: Without a step at most so many windows, at the first of these distances that allows it.
_WANTED = 400
_MINUTE = timedelta(minutes=1)
_STEPS = tuple(_MINUTE * m for m in (1, 2, 5, 10, 15, 30)) + tuple(
    timedelta(hours=h) for h in (1, 2, 3, 4, 6, 8, 12, 24, 48, 72, 168, 336, 672)
)
_MICRO = timedelta(microseconds=1)
_HOUR, _DAY = timedelta(hours=1) // _MICRO, timedelta(days=1) // _MICRO
_WEEK, _MONDAY = 7 * _DAY, 4 * _DAY
#: Up to so many windows over one event its count is repeated for each; measured on DuckDB.
_FEW = 4


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


def people_in(events: Events, windows: Windows) -> ir.Table:
    """What `measured` needs: sums of weeks, days or hours where all windows begin and end so."""
    unit = _unit(windows)
    if unit is None:
        return events.unnest_users("time").select("time", "user")
    if unit == _WEEK:
        sums = events.weekly_users(summed=True)
    elif unit == _DAY:
        sums = events.daily_users(summed=False)
    else:
        sums = events.hourly_users(summed=False)
    return sums.select("time", "user", "messages")


def _unit(windows: Windows) -> int | None:
    """The longest of week, day and hour (µs) with which all windows begin and end."""
    until, others = to_micros(windows.until), (windows.length // _MICRO, windows.step // _MICRO)
    for unit, first in ((_WEEK, _MONDAY), (_DAY, 0), (_HOUR, 0)):
        if all(edge % unit == 0 for edge in (until - first, *others)):
            return unit
    return None


def measured(
    people: ir.Table,
    windows: Windows,
    numbers: Callable[[Histogram], Evenness] = measure_histogram,
) -> Iterator[tuple[datetime, datetime, Evenness]]:
    """(start, end, numbers) of every window, oldest first; a window without users has n = 0.

    Args:
        people: `time` and `user`, one row for each event and user of it; or sums, with `messages`.
        windows: which windows.
        numbers: what is computed of each histogram.
    """
    for start, end, groups in histograms(people, windows):
        yield start, end, numbers(groups)


def histograms(
    people: ir.Table, windows: Windows
) -> Iterator[tuple[datetime, datetime, Histogram]]:
    """(start, end, histogram) of every window, oldest first: (count, how many users have it)."""
    if not windows.number:
        return
    if windows.length > windows.step * _FEW:
        found = sliding(_stays(people, windows).to_pyarrow(), windows.number)
        for window, start, end in windows.spans():
            yield start, end, found[window]
        return
    rows = histogram(people, windows).to_pyarrow()
    groups: dict[int, list[tuple[int, int]]] = {}
    columns = (rows[name].to_pylist() for name in ("window", "count", "users"))
    for window, count, users in zip(*columns, strict=True):
        groups.setdefault(window, []).append((count, users))
    for window, start, end in windows.spans():
        yield start, end, groups.get(window, ())


def histogram(people: ir.Table, windows: Windows) -> ir.Table:
    """How many `users` have that `count` of events in a `window`; cheap where few windows overlap.

    What is older than the oldest window may come as windows beyond `windows.number`: to filter
    every event once more would cost a tenth of the whole.
    """
    import ibis
    from ibis import _

    if windows.step >= windows.length:  # an event lies in one window or in none
        step, age = windows.step // _MICRO, _age(people, windows)
        rows = people.select("user", *_weight(people), age=age).mutate(window=_.age // step)
        if windows.step > windows.length:
            rows = rows.filter(_.age - _.window * step < windows.length // _MICRO)
        counted = rows.group_by("window", "user").agg(count=_number(rows))
    else:
        once = _stays(people, windows)
        spread = ibis.range(once.first, once.last + 1, 1).unnest()
        rows = once.select("user", "count", window=spread)
        counted = rows.group_by("window", "user").agg(count=_["count"].sum())
    return counted.group_by("window", "count").agg(users=_.count())


def _age(people: ir.Table, windows: Windows) -> ir.IntegerValue:
    """Microseconds before the end of the newest window; 0 for its last moment."""
    return to_micros(windows.until) - 1 - micros(people.time)


def _stays(people: ir.Table, windows: Windows) -> ir.Table:
    """Events of a `user` that lie in exactly the windows `first`…`last`: `count` of them."""
    import ibis
    from ibis import _

    step = windows.step // _MICRO
    most, rest = divmod(windows.length // _MICRO, step)
    rows = people.select("user", *_weight(people), age=_age(people, windows))
    rows = rows.mutate(bucket=_.age // step)
    # An event lies in `most` windows, and in one more where its bucket begins.
    keys = ["bucket", "user"]
    more: ir.Value = ibis.literal(0)
    if rest:
        rows = rows.mutate(more=(_.age - _.bucket * step < rest).cast("int64"))
        keys, more = [*keys, "more"], _.more
    if "messages" in rows.columns and step == _WEEK == _unit(windows):  # few more than counts
        counted = rows.rename(count="messages")
    else:
        counted = rows.group_by(keys).agg(count=_number(rows))
    return counted.select(
        "user",
        "count",
        first=ibis.greatest(_.bucket - most + 1 - more, 0),
        last=ibis.least(_.bucket, windows.number - 1),
    ).filter(_.first <= _.last)


def _weight(people: ir.Table) -> list[str]:
    return ["messages"] if "messages" in people.columns else []


def _number(rows: ir.Table) -> ir.IntegerValue:
    """How many messages rows stand for."""
    return rows.messages.sum() if "messages" in rows.columns else rows.count()
