"""Read the rollup `actions`: the same actions as in the events, without sorting them.

Most of its rows are actions as they are (`_plain`). The others are few, and are joined here
(`_joined`; `begins` is false where a row continues an action): those of days of which several files
have rows, or later commits have events; and those of merged accounts. A row of the first minutes of
a day may continue an action of the day before. Of a range that begins within the stored time, the
first ten minutes are read from the events: what came before the range does not count.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, reduce
from typing import TYPE_CHECKING, Any, Self

import ibis
from ibis import _

from hubbub.store.query.actions.in_events import messages_with_starts
from hubbub.store.query.engine import hold
from hubbub.store.query.globs import matches
from hubbub.store.query.identity_join import person_names
from hubbub.store.query.times import micros
from hubbub.store.rollups.actions import PAUSE
from hubbub.store.rollups.tables import DAY
from hubbub.times import from_micros

if TYPE_CHECKING:
    from collections.abc import Sequence

    import ibis.expr.types as ir

    from hubbub.store.query.events import Events
    from hubbub.store.query.from_rollups import RollupReader, UsableRollup

__all__ = ["KeptActions"]

_RUN = ("user", "target", "day", "start", "end")
_FOREVER = 2**62  # after all times, µs
_TRUE, _FALSE, _NOTHING = ibis.literal(value=True), ibis.literal(value=False), ibis.null("int64")


@dataclass(frozen=True)
class KeptActions:
    """The rollup `actions`, for the events of a selection."""

    events: Events
    reader: RollupReader
    usable: UsableRollup

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
    def _since(self) -> int | None:
        """The begin of the range, if there are events before it."""
        since = self.events.selection.since
        return None if since is None or since <= self.reader.oldest else since

    @cached_property
    def _until(self) -> int | None:
        until = self.events.selection.until
        return None if until is None or until > self.reader.newest else until

    @cached_property
    def _repeated(self) -> list[tuple[int, int]]:
        """The days whose rows are joined here, as ranges [µs, µs)."""
        ranges = self.usable.repeated()
        if self._since is not None:
            floor, ceil = self.usable.rollup.floor, self.usable.rollup.ceil
            ranges = [*ranges, (floor(self._since), ceil(self._since + PAUSE + 1))]
        return ranges

    def starts(self) -> ir.Table:
        """Return the columns `user` and `start`."""
        plain, edges = self._plain, self._edges(self._plain)
        begun = plain.filter(plain.start - plain.day >= PAUSE).select("user", "start")
        first = _begun(edges).filter(_.plain)
        starts = begun.union(first.select("user", "start"))
        if self._since is not None:  # the day before was read to know what continues
            starts = starts.filter(starts.start >= self._since + PAUSE)
        starts = starts.union(self._joined_starts(edges))
        return starts if self._until is None else starts.filter(starts.start < self._until)

    def pauses(self, since: int, until: int) -> ir.Table:
        """Return the columns `user`, `start`, `pause` (µs since the action before began).

        Most pauses are kept, in `gap`; those over midnight are between `final` and the next first.

        Args:
            since: both actions begin at or after it, µs.
            until: both actions begin before it, µs.
        """
        if self._since is not None:
            since = max(since, self._since)
        until = min(until, self._until or _FOREVER)
        plain = self._plain
        if since > self.reader.oldest:
            plain = plain.filter(plain.time >= _stamp(self.usable.rollup.floor(since) - DAY))
        if until <= self.reader.newest:
            plain = plain.filter(plain.time < _stamp(until))
        edges = self._edges(plain)
        later = plain.filter(plain.start - plain.day >= PAUSE)
        within = later.filter(later.gap.notnull())
        within = within.select("user", start=within.start + within.gap, pause=within.gap)
        days = later.filter(later.final.notnull()).select("user", first="start", final="final")
        for some, of_days in (_of_early(edges), _of_starts(self._joined_starts(edges))):
            within, days = within.union(some), days.union(of_days)
        order = ibis.window(group_by="user", order_by="first")
        over = days.mutate(pause=days["first"] - days.final.lag().over(order))
        over = over.filter(over.pause.notnull()).select("user", start="first", pause="pause")
        pauses = within.union(over)
        return pauses.filter(pauses.start < until, pauses.start - pauses.pause >= since)

    def _joined_starts(self, edges: ir.Table) -> ir.Table:
        """Return `user` and `start` of the actions that are found here, in the range."""
        first = _begun(edges).filter(~_.plain).select("user", "start")
        starts = first
        if self._joined is not None:
            rows = self._joined
            later = rows.filter(rows.begins, rows.start - rows.day >= PAUSE)
            starts = first.union(later.select("user", "start"))
        if self._since is None:
            return starts
        after = starts.filter(starts.start >= self._since + PAUSE)
        return after.union(self._first_minutes())

    def _first_minutes(self) -> ir.Table:
        """Return `user` and `start` of the actions of the first ten minutes of the range."""
        assert self._since is not None
        end = min(self._since + PAUSE, self._until or _FOREVER)
        rows = messages_with_starts(self.events.between(self._since, end))
        return rows.filter(rows.begins).select("user", start="at")

    # the runs

    def _edges(self, plain: ir.Table) -> ir.Table:
        """Return the runs that begin or end within ten minutes of midnight; few, and in memory.

        Columns: `user`, `target`, `day`, `start`, `end`, `begins`, and for `plain` ones `gap` and
        `final`.
        """

        def near(rows: ir.Table) -> ir.Table:
            return rows.filter(
                (rows.start - rows.day < PAUSE) | (rows.end - rows.day >= DAY - PAUSE)
            )

        rows = near(plain).select(*_RUN, "gap", "final", begins=_TRUE, plain=_TRUE)
        if self._joined is not None:
            joined = near(self._joined)
            rows = rows.union(
                joined.select(*_RUN, "begins", gap=_NOTHING, final=_NOTHING, plain=_FALSE).select(
                    rows.columns
                )
            )
        return hold(self.reader.backend, rows)

    @cached_property
    def _rows(self) -> ir.Table:
        """The rows of the rollup that may be in the range, of users that count."""
        rows = self.usable.rows
        if self._since is not None:  # the day before may have what continues in the first minutes
            rows = rows.filter(rows.time >= _stamp(self.usable.rollup.floor(self._since) - DAY))
        if self._until is not None:
            rows = rows.filter(rows.time < _stamp(self._until))
        return rows.select(
            "user", "target", "start", "gap", "final", "time",
            day=micros(rows.time), end=rows.start + rows.length,
        )  # fmt: skip

    def _counted(self, rows: ir.Table) -> ir.Table:
        """Leave out the users whom the selection removes."""
        removed = self.events.persons.widened(self.events.selection.removed)
        return rows.filter(~matches(rows.user, removed)) if removed else rows

    @cached_property
    def _plain(self) -> ir.Table:
        """The rows that are neither of a repeated day nor of a merged account."""
        rows = self._rows
        if self._repeated:
            rows = rows.filter(~_in_ranges(rows, self._repeated))
        if self.events.persons:
            rows = rows.filter(rows.user.notin(person_names(self.events.persons).merged))
        return self._counted(rows)

    @cached_property
    def _joined(self) -> ir.Table | None:
        """The other rows, by person, joined; None if there are none."""
        parts, persons = [], self.events.persons
        if self._repeated:
            inside = self._rows.filter(_in_ranges(self._rows, self._repeated))
            parts.append(inside.select(*_RUN))
        if persons:
            rows = self._rows
            if self._repeated:
                rows = rows.filter(~_in_ranges(rows, self._repeated))
            parts.append(rows.filter(rows.user.isin(person_names(persons).merged)).select(*_RUN))
        if self.usable.since.files:
            parts.append(self._later())
        if not parts:
            return None
        runs = reduce(lambda a, b: a.union(b), parts)
        if persons:
            names = person_names(persons)
            named = runs.left_join(names, runs.user == names.merged)
            runs = named.mutate(user=ibis.coalesce(named.person, named.user)).select(*_RUN)
        before = ibis.rows_window(
            preceding=(None, 1), group_by=["user", "target"], order_by="start"
        )
        reached = self._counted(runs).mutate(reached=_.end.max().over(before))
        begins = reached.reached.isnull() | (reached.start > reached.reached + PAUSE)
        return reached.mutate(begins=begins).select(*_RUN, "begins")

    def _later(self) -> ir.Table:
        """A run for each user of each message that was committed after the rollup."""
        everybody = replace(self.events.selection, bots=True, not_user=())
        later = self.reader.select(self.usable.since.files, everybody).stored
        at = micros(later.time)
        rows = later.select("category", "objects", start=at, user=later.users.unnest())
        return rows.select(
            user=rows.user,
            target=ibis.coalesce(rows.objects[0], rows.category),
            day=rows.start - (rows.start % DAY + DAY) % DAY,
            start=rows.start,
            end=rows.start,
        )


def _early(edges: ir.Table) -> tuple[ir.Table, ir.Table, list[ir.BooleanValue]]:
    """Return the runs that begin early in a day, those that end late, and which continue which."""
    first = edges.filter(edges.begins, edges.start - edges.day < PAUSE)
    late = edges.filter(edges.end - edges.day >= DAY - PAUSE)
    before = late.select(who=late.user, what=late.target, ended=late.end)
    continued = [
        first.user == before.who,
        first.target == before.what,
        before.ended < first.start,
        before.ended >= first.start - PAUSE,
    ]
    return first, before, continued


def _begun(edges: ir.Table) -> ir.Table:
    """Return the early runs that begin an action: they continue none of the day before."""
    first, before, continued = _early(edges)
    return first.anti_join(before, continued)


def _of_early(edges: ir.Table) -> tuple[ir.Table, ir.Table]:
    """Return the pauses after the early actions of kept days, and these days.

    Returns:
        `user`, `start`, `pause`; and `user`, `first`, `final`: the starts of the first and the last
        action of the user's day.
    """
    first, before, continued = _early(edges)
    rows = first.anti_join(before, continued).mutate(begun=_TRUE)
    rows = rows.union(first.semi_join(before, continued).mutate(begun=_FALSE)).filter(_.plain)
    of_day = ibis.window(group_by=["user", "day"])
    ordered = ibis.window(group_by=["user", "day"], order_by=["start", "target"])
    rows = rows.mutate(last=_.start.lead().over(ordered).isnull())
    rows = rows.mutate(after=ibis.ifelse(_.last, _.start + _.gap, _NOTHING).max().over(of_day))
    begun = rows.filter(rows.begun)
    following = ibis.coalesce(begun.start.lead().over(ordered), begun.after)
    pauses = begun.select("user", start=following, pause=following - begun.start)
    days = rows.group_by("user", "day").agg(
        begun=_.start.min(where=_.begun),
        begun_last=_.start.max(where=_.begun),
        after=_.after.max(),
        final=_.final.max(),
    )
    days = days.select(
        "user",
        first=ibis.coalesce(days.begun, days.after),
        final=ibis.ifelse(days.after.isnull(), days.begun_last, days.final),
    )
    return pauses.filter(pauses.pause.notnull()), days.filter(days["first"].notnull())


def _of_starts(starts: ir.Table) -> tuple[ir.Table, ir.Table]:
    """Return the same as `_of_early`, of actions whose starts are given."""
    rows = starts.mutate(day=starts.start - (starts.start % DAY + DAY) % DAY)
    order = ibis.window(group_by=["user", "day"], order_by="start")
    pauses = rows.mutate(pause=rows.start - rows.start.lag().over(order))
    days = rows.group_by("user", "day").agg(first=_.start.min(), final=_.start.max())
    return (
        pauses.filter(_.pause.notnull()).select("user", "start", "pause"),
        days.select("user", "first", "final"),
    )


def _stamp(micros: int) -> Any:
    return ibis.timestamp(from_micros(micros))


def _in_ranges(rows: ir.Table, ranges: Sequence[tuple[int, int]]) -> ir.BooleanValue:
    """Whether the column `time` lies in one of these ranges [µs, µs)."""
    inside = [(rows.time >= _stamp(first)) & (rows.time < _stamp(end)) for first, end in ranges]
    answer: ir.BooleanValue = ibis.or_(*inside)
    return answer
