"""The rows of the rollup `actions` for the events of a selection.

Most rows are actions as they are (`plain`). The others are few, and are joined by the reader
(`joined`; `begins` is false where a row continues an action): those of days of which several files
have rows, or later commits have events; and those of merged accounts. A row of the first minutes of
a day may continue an action of the day before (`early`). Of a range that begins within the stored
time, the first ten minutes are read from the events: what came before the range does not count.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, reduce
from typing import TYPE_CHECKING, Self

import ibis
from ibis import _

from hubbub.store.query.engine import hold
from hubbub.store.query.globs import matches
from hubbub.store.query.identity_join import person_names
from hubbub.store.query.times import micros, stamp
from hubbub.store.rollups.actions import PAUSE
from hubbub.store.rollups.tables import DAY

if TYPE_CHECKING:
    from collections.abc import Sequence

    import ibis.expr.types as ir

    from hubbub.store.query.events import Events
    from hubbub.store.query.from_rollups import RollupReader, UsableRollup

__all__ = [
    "EDGE",
    "FOREVER",
    "Runs",
    "near_midnight",
    "of_messages",
    "start_of_day",
    "with_begins",
]

FOREVER = 2**62  # after all times, µs
_NAMED = 1_000  # days that are named one by one
_RUN = ("user", "target", "day", "start", "end", "messages")
_EDGE = ("user", "target", "day", "start", "end")
EDGE = (*_EDGE[1:], "gap")
_TRUE, _FALSE, _NOTHING = ibis.literal(value=True), ibis.literal(value=False), ibis.null("int64")


@dataclass(frozen=True)
class Runs:
    """The rollup `actions`, for the events of a selection."""

    events: Events
    reader: RollupReader
    usable: UsableRollup
    #: Days that are read, µs; None: all. An action is known by its day and the one before.
    low: int | None = None
    high: int | None = None

    def within(self, low: int, high: int) -> Self:
        """Return the same for days from `low` to before `high` (µs): less is read."""
        return replace(self, low=low, high=high)

    @classmethod
    def of(cls, events: Events) -> Self | None:
        """Return the actions of these events; None if the rollup cannot answer for them."""
        chosen, reader = events.selection, events.rollups
        filtered = chosen.topic or chosen.category or chosen.action or chosen.object or chosen.user
        if reader is None or events.by != "users" or filtered:
            return None
        usable = reader.rollup("actions")
        return None if usable is None else cls(events, reader, usable)

    @cached_property
    def since(self) -> int | None:
        """The begin of the range, if there are events before it."""
        since = self.events.selection.since
        return None if since is None or since <= self.reader.oldest else since

    @cached_property
    def until(self) -> int | None:
        """The end of the range, if there are events after it."""
        until = self.events.selection.until
        return None if until is None or until > self.reader.newest else until

    @cached_property
    def _repeated(self) -> list[tuple[int, int]]:
        """The days whose rows are joined here, as ranges [µs, µs)."""
        ranges = self.usable.repeated()
        if self.since is not None:
            floor, ceil = self.usable.rollup.floor, self.usable.rollup.ceil
            ranges = [*ranges, (floor(self.since), ceil(self.since + PAUSE + 1))]
        low, high = -FOREVER if self.low is None else self.low, self.high or FOREVER
        return [(first, end) for first, end in ranges if first < high and end > low]

    def _rows(self, names: Sequence[str]) -> ir.Table:
        """Return columns of the rows that may be in the range, of users that count.

        Columns are chosen first: an engine would compute rows that two parts of an expression have
        in common once, with the columns of both, and before the filters of either.
        """
        rows = self.usable.rows
        computed = {"day": micros(rows.time), "end": rows.start + rows.length}
        columns = dict.fromkeys(("time", *names))
        rows = rows.select(**{n: computed[n] if n in computed else rows[n] for n in columns})
        if self.since is not None:  # the day before may have what continues in the first minutes
            rows = rows.filter(rows.time >= stamp(self.usable.rollup.floor(self.since) - DAY))
        if self.until is not None:
            rows = rows.filter(rows.time < stamp(self.until))
        if self.low is not None and self.low > self.reader.oldest:
            rows = rows.filter(rows.time >= stamp(self.low))
        if self.high is not None and self.high <= self.reader.newest:
            rows = rows.filter(rows.time < stamp(self.high))
        return rows

    def counted(self, rows: ir.Table) -> ir.Table:
        """Leave out the users whom the selection removes."""
        removed = self.events.persons.left_out(self.events.selection.removed)
        return rows.filter(~matches(rows.user, removed)) if removed else rows

    def plain(self, *names: str) -> ir.Table:
        """Return `time`, `user` and other columns of the rows of no repeated day or merged account.

        Args:
            names: columns of the rollup; `day` (µs) and `end` (µs).
        """
        rows = self._rows(("user", *names))
        if self._repeated:
            rows = rows.filter(~_in_ranges(rows, self._repeated))
        if self.events.persons:
            rows = rows.filter(rows.user.notin(person_names(self.events.persons).merged))
        return self.counted(rows)

    @cached_property
    def others(self) -> ir.Table | None:
        """The other runs that are to be joined here, by person; None if there are none."""
        parts, persons = [], self.events.persons
        if self._repeated:
            inside = self._rows(_RUN)
            parts.append(inside.filter(_in_ranges(inside, self._repeated)).select(*_RUN))
        if persons:
            rows = self._rows(_RUN)
            if self._repeated:
                rows = rows.filter(~_in_ranges(rows, self._repeated))
            parts.append(rows.filter(rows.user.isin(person_names(persons).merged)).select(*_RUN))
        if self.usable.since.files:
            everybody = replace(self.events.selection, bots=True, not_user=())
            later = self.reader.select(self.usable.since.files, everybody)
            runs = of_messages(later.stored.mutate(user=later.stored.users.unnest()))
            if self.low is not None and self.high is not None:
                runs = runs.filter(runs.day >= self.low, runs.day < self.high)
            parts.append(runs)
        if not parts:
            return None
        runs = reduce(lambda a, b: a.union(b), parts)
        if persons:
            names = person_names(persons)
            named = runs.left_join(names, runs.user == names.merged)
            runs = named.mutate(user=ibis.coalesce(named.person, named.user)).select(*_RUN)
        return self.counted(runs)

    @cached_property
    def joined(self) -> ir.Table | None:
        """`others`, with `begins`; held, since to find these is to sort the runs."""
        if self.others is None:
            return None
        return hold(self.reader.backend, with_begins(self.others))

    def early(self, plain: ir.Table) -> ir.Table:
        """Return the runs that begin in the first ten minutes of a day; few, and in memory.

        Columns: `user`, `target`, `day`, `start`, `plain`, `begins` (false where it continues one
        of the day before), and for `plain` ones `gap` and the others that are given.

        Args:
            plain: with the `EDGE` columns.
        """
        only = [name for name in plain.columns if name not in {*_EDGE, "time"}]
        rows = plain.filter(near_midnight(plain))
        rows = rows.select(*_EDGE, *only, begun=_TRUE, plain=_TRUE)
        if self.joined is not None:
            joined = self.joined.filter(near_midnight(self.joined))
            joined = joined.select(
                *_EDGE, begun="begins", **dict.fromkeys(only, _NOTHING), plain=_FALSE
            )
            rows = rows.union(joined.select(rows.columns))
        late = rows.filter(_.end - _.day >= DAY - PAUSE)
        late = late.group_by("user", "target", day=late.day + DAY).agg(reached=_.end.max())
        rows = rows.filter(_.start - _.day < PAUSE).left_join(late, ["user", "target", "day"])
        begins = rows.begun & (rows.reached.isnull() | (rows.start > rows.reached + PAUSE))
        names = ("user", "target", "day", "start", *only, "plain")
        return hold(self.reader.backend, rows.select(*names, begins=begins))


def with_begins(runs: ir.Table) -> ir.Table:
    """Add `begins`: whether no run before of the user and target reaches to less than a pause."""
    before = ibis.rows_window(preceding=(None, 1), group_by=["user", "target"], order_by="start")
    reached = runs.mutate(reached=_.end.max().over(before))
    begins = reached.reached.isnull() | (reached.start > reached.reached + PAUSE)
    return reached.mutate(begins=begins).drop("reached")


def near_midnight(runs: ir.Table) -> ir.BooleanValue:
    """Whether a run may continue one of the day before, or be continued on the next day."""
    near: ir.BooleanValue = (runs.start - runs.day < PAUSE) | (runs.end - runs.day >= DAY - PAUSE)
    return near


def of_messages(rows: ir.Table) -> ir.Table:
    """Return a run for each row, a message of a `user`, with `time`, `category` and `objects`."""
    rows = rows.select("category", "objects", "user", start=micros(rows.time))
    return rows.select(
        user=rows.user,
        target=ibis.coalesce(rows.objects[0], rows.category),
        day=start_of_day(rows.start),
        start=rows.start,
        end=rows.start,
        messages=ibis.literal(1, "int64"),
    )


def start_of_day(start: ir.IntegerValue) -> ir.IntegerValue:
    """Return the start of the day (UTC) of a time, both µs."""
    day: ir.IntegerValue = start - (start % DAY + DAY) % DAY
    return day


def _in_ranges(rows: ir.Table, ranges: Sequence[tuple[int, int]]) -> ir.BooleanValue:
    """Whether the column `time`, starts of days, lies in one of these ranges of days [µs, µs)."""
    if sum(end - first for first, end in ranges) <= _NAMED * DAY:  # looked up, which is faster
        days = [day for first, end in ranges for day in range(first, end, DAY)]
        named: ir.BooleanValue = rows.time.isin([*map(stamp, days)])
        return named
    inside = [(rows.time >= stamp(first)) & (rows.time < stamp(end)) for first, end in ranges]
    answer: ir.BooleanValue = ibis.or_(*inside)
    return answer
