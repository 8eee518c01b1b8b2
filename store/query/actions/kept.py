"""Read the rollup `actions`: the same actions as in the events, without sorting them.

`runs` says which rows are actions as they are, and which are joined here.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import ibis
from ibis import _

from hubbub.store.query.actions.in_events import by_day, messages_with_starts
from hubbub.store.query.actions.runs import (
    EDGE,
    FOREVER,
    Runs,
    near_midnight,
    start_of_day,
    with_begins,
)
from hubbub.store.query.times import stamp
from hubbub.store.rollups.actions import PAUSE
from hubbub.store.rollups.tables import DAY

if TYPE_CHECKING:
    from collections.abc import Iterator

    import ibis.expr.types as ir

__all__ = ["KeptActions"]

#: Rows of the rollup of which the sums are returned at once; usually there are fewer of these.
_ROWS = 2_000_000
#: Days that are named one by one.
_MOST = 4_000
_TRUE, _FALSE, _NOTHING = ibis.literal(value=True), ibis.literal(value=False), ibis.null("int64")


class KeptActions(Runs):
    """Actions from the rollup."""

    def starts(self) -> ir.Table:
        """Return the columns `user` and `start`."""
        begun = self._each().drop("time")
        return begun.union(self._other_starts(self._edges))

    @cached_property
    def _edges(self) -> ir.Table:
        return self.edges(self.plain(*EDGE))

    def days(self, origin: int, size: int) -> Iterator[ir.Table]:
        """Yield the actions by day, in parts: see `action_days`."""
        offsets, cut = self.events.selection.offsets(), self._cut(origin, size)
        if cut is None or any(offset for _, offset in offsets):
            yield by_day(self.starts(), origin, size, offsets)
            return
        yield by_day(self._other_starts(self._edges), origin, size, offsets)
        for first, end in self._parts():
            sums = self.sums(origin, size, first, end)
            sums = sums.mutate(shown=sums.day)
            if days := [day for day in cut if first <= day < end]:
                each = self._each().filter(_.time >= stamp(days[0]), _.time <= stamp(days[-1]))
                each = each.filter(each.time.isin([*map(stamp, days)])).drop("time")
                sums = sums.union(by_day(each, origin, size, offsets).select(sums.columns))
            yield sums

    def _each(self) -> ir.Table:
        """Return `user`, `start` and `time` of the actions that are `plain` rows, in the range."""
        plain = self.plain("start", "day")
        each = plain.filter(plain.start - plain.day >= PAUSE).select("user", "start", "time")
        if self.since is not None:  # the day before was read to know what continues
            each = each.filter(each.start >= self.since + PAUSE)
        return each if self.until is None else each.filter(each.start < self.until)

    def _parts(self) -> Iterator[tuple[int, int]]:
        """Yield ranges [µs, µs) with about `_ROWS` rows."""
        files, rows = self.usable.files, 0
        first = min(file.first for file in files)
        for file in files:
            rows += file.rows
            if rows >= _ROWS and file.first > first:
                yield first, file.first
                first, rows = file.first, 0
        yield first, FOREVER

    def sums(self, origin: int, size: int, begin: int = 0, end: int = FOREVER) -> ir.Table:
        """Return those rows of `days` that are sums; they are most, and cheap to read.

        Args:
            origin: see `action_days`.
            size: see `action_days`.
            begin: no days before this time, µs.
            end: no days from this time on, µs.
        """
        cut, plain = self._cut(origin, size), self.plain("final", "later", "hours", "x", "y", "day")
        first = plain.filter(plain.final.notnull(), plain.later > 0)
        if begin > self.reader.oldest:
            first = first.filter(first.time >= stamp(begin))
        if end <= self.reader.newest:
            first = first.filter(first.time < stamp(end))
        if cut is None:
            first = first.filter(_FALSE)
        elif cut:
            first = first.filter(first.time.notin([*map(stamp, cut)]))
        if self.since is not None:
            first = first.filter(first.day >= self.since)
        interval = (first.day - origin) // size
        return first.select(
            "user", "hours", "x", "y", actions="later", day=first.day // DAY, interval=interval
        )

    def _cut(self, origin: int, size: int) -> list[int] | None:
        """Return the starts (µs) of the days that hold a time origin + n * size or `until`.

        None if these are most of the days, or too many to name them.
        """
        first = max(self.reader.oldest, self.since or -FOREVER) // DAY * DAY
        end = min(self.reader.newest + 1, self.until or FOREVER)
        if (size < 2 * DAY and (size % DAY or origin % DAY)) or (end - first) // size > _MOST:
            return None
        edges = range(origin - (origin - first) // size * size, end, size)
        times = [*edges] if self.until is None else [*edges, self.until]
        return sorted({time // DAY * DAY for time in times if time % DAY})

    def pauses(self, since: int, until: int, without: ir.Table | None = None) -> ir.Table:
        """Return the columns `user`, `start`, `pause` (µs since the action before began).

        Most pauses are kept, in `gap`; those over midnight are between `final` and the next first.

        Args:
            since: both actions begin at or after it, µs.
            until: both actions begin before it, µs.
            without: column `user`: whose pauses are not needed.
        """
        if self.since is not None:
            since = max(since, self.since)
        until = min(until, self.until or FOREVER)

        def plain(*names: str) -> ir.Table:
            rows = self.plain(*names)
            if since > self.reader.oldest:
                rows = rows.filter(rows.time >= stamp(self.usable.rollup.floor(since) - DAY))
            if until <= self.reader.newest:
                rows = rows.filter(rows.time < stamp(until))
            return rows if without is None else rows.anti_join(without, "user")

        edges = self.edges(plain(*EDGE))
        within = plain("start", "gap", "day")
        within = within.filter(within.start - within.day >= PAUSE, within.gap.notnull())
        within = within.select("user", start=within.start + within.gap, pause=within.gap)
        days = plain("start", "final", "day")
        days = days.filter(days.start - days.day >= PAUSE, days.final.notnull())
        days = days.select("user", first="start", final="final")
        for some, of_days in (_of_early(edges), _of_starts(self._joined_starts(edges))):
            within, days = within.union(some), days.union(of_days)
        order = ibis.window(group_by="user", order_by="first")
        over = days.mutate(pause=days["first"] - days.final.lag().over(order))
        over = over.filter(over.pause.notnull()).select("user", start="first", pause="pause")
        pauses = within.union(over)
        pauses = pauses.filter(pauses.start < until, pauses.start - pauses.pause >= since)
        return pauses if without is None else pauses.anti_join(without, "user")

    def sizes(self, *others: ir.Table) -> ir.Table:
        """Return the columns `user`, `messages` (of an action), `number` (of such actions).

        Args:
            others: runs before and after the range, which begins and ends at midnight or with the
                stored time.
        """
        names = ("user", "target", "start", "end", "messages")

        def plain(*names: str) -> ir.Table:
            rows = self.plain(*names, "day")
            return rows if self.since is None else rows.filter(rows.time >= stamp(self.since))

        whole = plain("start", "end", "messages")
        whole = whole.filter(~near_midnight(whole)).group_by("user", "messages").agg(n=_.count())
        runs = plain(*names[1:])
        runs = runs.filter(near_midnight(runs)).select(*names)
        if self.others is not None:
            joined = self.others
            if self.since is not None:
                joined = joined.filter(joined.start >= self.since)
            others = (*others, joined)
        for part in others:
            runs = runs.union(part.select(runs.columns))
        return whole.union(sizes(runs)).group_by("user", "messages").agg(number=_.n.sum())

    def _other_starts(self, edges: ir.Table) -> ir.Table:
        """Return `user` and `start` of the actions that are not `plain` rows, in the range."""
        first = _begun(edges).filter(_.plain).select("user", "start")
        if self.since is not None:
            first = first.filter(first.start >= self.since + PAUSE)
        starts = first.union(self._joined_starts(edges))
        return starts if self.until is None else starts.filter(starts.start < self.until)

    def _joined_starts(self, edges: ir.Table) -> ir.Table:
        """Return `user` and `start` of the actions that are found here, in the range."""
        first = _begun(edges).filter(~_.plain).select("user", "start")
        starts = first
        if self.joined is not None:
            rows = self.joined
            later = rows.filter(rows.begins, rows.start - rows.day >= PAUSE)
            starts = first.union(later.select("user", "start"))
        if self.since is None:
            return starts
        after = starts.filter(starts.start >= self.since + PAUSE)
        return after.union(self._first_minutes())

    def _first_minutes(self) -> ir.Table:
        """Return `user` and `start` of the actions of the first ten minutes of the range."""
        assert self.since is not None
        end = min(self.since + PAUSE, self.until or FOREVER)
        rows = messages_with_starts(self.events.between(self.since, end))
        return rows.filter(rows.begins).select("user", start="at")


def sizes(runs: ir.Table) -> ir.Table:
    """Join runs that no pause separates; return `user`, `messages` and `n`, how many have these."""
    so_far = ibis.cumulative_window(group_by=["user", "target"], order_by="start")
    rows = with_begins(runs).mutate(action=_.begins.cast("int64").sum().over(so_far))
    each = rows.group_by("user", "target", "action").agg(messages=_.messages.sum())
    return each.group_by("user", "messages").agg(n=_.count())


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
    rows = starts.mutate(day=start_of_day(starts.start))
    order = ibis.window(group_by=["user", "day"], order_by="start")
    pauses = rows.mutate(pause=rows.start - rows.start.lag().over(order))
    days = rows.group_by("user", "day").agg(first=_.start.min(), final=_.start.max())
    return (
        pauses.filter(_.pause.notnull()).select("user", "start", "pause"),
        days.select("user", "first", "final"),
    )
