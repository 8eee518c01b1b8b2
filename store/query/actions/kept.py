"""Read the rollup `actions`: the same actions as in the events, without sorting them.

`runs` says which rows are actions as they are, and which are joined here.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import ibis
from ibis import _

from hubbub.store.query.actions.in_events import by_day, messages_with_starts, pauses_within
from hubbub.store.query.actions.runs import (
    EDGE,
    FOREVER,
    Runs,
    near_midnight,
    start_of_day,
    with_begins,
)
from hubbub.store.query.engine import hold
from hubbub.store.query.times import stamp
from hubbub.store.rollups.actions import PAUSE
from hubbub.store.rollups.tables import DAY

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from hubbub.store.query.actions.intervals import Intervals

__all__ = ["KeptActions"]

#: Days that are named one by one.
_MOST = 4_000
_TRUE, _FALSE, _NOTHING = ibis.literal(value=True), ibis.literal(value=False), ibis.null("int64")


class KeptActions(Runs):
    """Actions from the rollup."""

    def starts(self) -> ir.Table:
        """Return the columns `user` and `start`."""
        begun = self._each().drop("time")
        return begun.union(self._other_starts(self._early))

    @cached_property
    def _early(self) -> ir.Table:
        return self.early(self.plain(*EDGE))

    def days(self, origin: int, size: int, since: int | None = None) -> ir.Table:
        """Return the actions by day: see `action_days`."""
        offsets, cut = self.events.selection.offsets(), self._cut(origin, size)
        begin = 0 if since is None else since // DAY * DAY

        def summed(starts: ir.Table) -> ir.Table:
            starts = starts if since is None else starts.filter(starts.start >= begin)
            return by_day(starts, origin, size, offsets)

        if cut is None or any(offset for _, offset in offsets):
            return summed(self.starts())
        starts = self._other_starts(self._early)
        if days := [day for day in cut if day >= begin]:
            each = self._each().filter(_.time >= stamp(days[0]), _.time <= stamp(days[-1]))
            each = each.filter(each.time.isin([*map(stamp, days)]))
            starts = starts.union(each.select(starts.columns))
        rows, sums = summed(starts), self.sums(origin, size, begin)
        for part in (sums.mutate(shown=sums.day), self._after_early(origin, size, begin)):
            rows = rows.union(part.select(rows.columns))
        return rows

    def _after_early(self, origin: int, size: int, begin: int) -> ir.Table:
        """Return rows without actions: `first` after the early actions of a day.

        Where a day begins with an early action, the row with its sums does not tell that.
        """
        rows = self._early.filter(_.plain, _.day >= begin)
        first = rows.start + rows.gap
        rows = rows.mutate(first=first).filter(first - rows.day >= PAUSE)
        if self.until is not None:
            rows = rows.filter(rows["first"] < self.until)
        if self.since is not None:
            rows = rows.filter(rows["first"] >= self.since + PAUSE)
        day, zero = rows.day // DAY, ibis.literal(0, "int64")
        interval = (rows["first"] - origin) // size
        return rows.select("user", "first", interval=interval, day=day, shown=day, hours=zero,
                           x=zero, y=zero, actions=zero)  # fmt: skip

    def _each(self) -> ir.Table:
        """Return `user`, `start` and `time` of the actions that are `plain` rows, in the range."""
        plain = self.plain("start", "day")
        each = plain.filter(plain.start - plain.day >= PAUSE).select("user", "start", "time")
        if self.since is not None:  # the day before was read to know what continues
            each = each.filter(each.start >= self.since + PAUSE)
        return each if self.until is None else each.filter(each.start < self.until)

    def sums(self, origin: int, size: int, begin: int = 0, end: int = FOREVER) -> ir.Table:
        """Return those rows of `days` that are sums; they are most, and cheap to read.

        Args:
            origin: see `action_days`.
            size: see `action_days`.
            begin: no days before this time, µs.
            end: no days from this time on, µs.
        """
        cut, plain = self._cut(origin, size), self.plain("start", "later", "hours", "x", "y", "day")
        first = plain.filter(plain.later > 0)  # null but in the first row of a day
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
        start = ibis.ifelse(first.start - first.day >= PAUSE, first.start, _NOTHING)
        return first.select(
            "user", "hours", "x", "y", actions="later", day=first.day // DAY, interval=interval,
            first=start,
        )  # fmt: skip

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

    def pauses(
        self, within: Intervals, without: ir.Table | None = None, *, few: bool = False
    ) -> ir.Table:
        """Return the columns of `action_pauses`.

        Most pauses are kept, in `gap`; those over midnight are between `final` and the next first.

        Args:
            within: both actions begin in the same of these intervals.
            without: columns `user` and `interval`: whose pauses are not needed, and where.
            few: whether memory suffices for the rows of the others.
        """
        since = max(within.origin, -FOREVER if self.since is None else self.since)
        until = min(within.end, self.until or FOREVER)
        part = self.within(self.usable.rollup.floor(since) - DAY, until)
        rows = part.plain(*EDGE, "final")
        if without is not None:
            rows = _of_others(rows, within, without)
        near = ibis.ifelse(near_midnight(rows), rows.target, ibis.null("string"))
        rows = rows.select("user", "day", "start", "end", "gap", "final", target=near)
        if few:
            rows = hold(self.reader.backend, rows)
        early = part.early(rows)
        later = rows.filter(rows.start - rows.day >= PAUSE)
        kept = later.filter(later.gap.notnull())
        kept = kept.select("user", start=kept.start + kept.gap, pause=kept.gap)
        days = later.filter(later.final.notnull()).select("user", first="start", final="final")
        others = [_of_early(early)]
        if part.joined is not None:
            others.append(_of_starts(part.joined_starts(early)))
        for some, of_days in others:
            kept, days = kept.union(some), days.union(of_days)
        order = ibis.window(group_by="user", order_by="first")
        over = days.mutate(pause=days["first"] - days.final.lag().over(order))
        over = over.filter(over.pause.notnull()).select("user", start="first", pause="pause")
        return pauses_within(kept.union(over), within, since, until)

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

    def _other_starts(self, early: ir.Table) -> ir.Table:
        """Return `user` and `start` of the actions that are not `plain` rows, in the range."""
        starts = self._with_joined(early.filter(_.begins).select("user", "start"))
        return starts if self.until is None else starts.filter(starts.start < self.until)

    def joined_starts(self, early: ir.Table) -> ir.Table:
        """Return `user` and `start` of the actions that are found here, in the range."""
        return self._with_joined(early.filter(_.begins, ~_.plain).select("user", "start"))

    def _with_joined(self, starts: ir.Table) -> ir.Table:
        """Return starts of early actions and those of later ones that are found here."""
        if self.joined is not None:
            rows = self.joined
            later = rows.filter(rows.begins, rows.start - rows.day >= PAUSE)
            starts = starts.union(later.select("user", "start"))
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
    # Of runs that start at one time the one that begins an action comes first.
    order = ["start", ibis.desc("begins")]
    so_far = ibis.cumulative_window(group_by=["user", "target"], order_by=order)
    rows = with_begins(runs).mutate(action=_.begins.cast("int64").sum().over(so_far))
    each = rows.group_by("user", "target", "action").agg(messages=_.messages.sum())
    return each.group_by("user", "messages").agg(n=_.count())


def _of_others(rows: ir.Table, within: Intervals, without: ir.Table) -> ir.Table:
    """Leave out the rows of days that lie in an interval in which their user is not needed.

    A day that has times of two intervals stays, and so does one whose last action may be continued
    in the next one.
    """
    everywhere = without.group_by("user").agg(n=_.count()).filter(_.n == within.number)
    rows = rows.anti_join(everywhere, "user")  # faster by far than to find each row's interval
    rows = rows.mutate(number=within.of(rows.day))
    whole = rows.day + (DAY + PAUSE) < within.begin(rows.number + 1)
    placed = rows.mutate(interval=ibis.ifelse(whole, rows.number, _NOTHING))
    return placed.anti_join(without, ["user", "interval"])


def _of_early(early: ir.Table) -> tuple[ir.Table, ir.Table]:
    """Return the pauses after the early actions of kept days, and these days.

    Returns:
        `user`, `start`, `pause`; and `user`, `first`, `final`: the starts of the first and the last
        action of the user's day.
    """
    rows = early.filter(early.plain)
    of_day = ibis.window(group_by=["user", "day"])
    ordered = ibis.window(group_by=["user", "day"], order_by=["start", "target"])
    rows = rows.mutate(last=_.start.lead().over(ordered).isnull())
    rows = rows.mutate(after=ibis.ifelse(_.last, _.start + _.gap, _NOTHING).max().over(of_day))
    begun = rows.filter(rows.begins)
    following = ibis.coalesce(begun.start.lead().over(ordered), begun.after)
    pauses = begun.select("user", start=following, pause=following - begun.start)
    days = rows.group_by("user", "day").agg(
        begun=_.start.min(where=_.begins),
        begun_last=_.start.max(where=_.begins),
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
