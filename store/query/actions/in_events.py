"""Find actions in the events themselves."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING

from hubbub.store.query.times import micros, wall
from hubbub.store.rollups.actions import PAUSE, SCALE

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from hubbub.store.query.actions.intervals import Intervals
    from hubbub.store.query.events import Events
    from hubbub.zones import Offsets

__all__ = ["by_day", "messages_with_starts", "pauses_between", "pauses_within"]

_DAY = timedelta(days=1) // timedelta(microseconds=1)
_HOUR = _DAY // 24


def messages_with_starts(events: Events) -> ir.Table:
    """One row for each user of each message, with whether an action `begins` there.

    Columns: `user`, `target`, `at` (µs since the epoch), `begins`.
    """
    import ibis
    from ibis import _

    people = events.unnest_users("time", "objects", "category")
    rows = people.select(
        user=people.user,
        target=ibis.coalesce(people.objects[0], people.category),
        at=micros(people.time),
    )
    by_time = ibis.window(group_by=["user", "target"], order_by="at")
    rows = rows.mutate(pause=_["at"] - _["at"].lag().over(by_time))
    begins = rows.pause.isnull() | (rows.pause > PAUSE)
    return rows.mutate(begins=begins).drop("pause")


def pauses_between(starts: ir.Table, within: Intervals) -> ir.Table:
    """Return the pauses between the starts of each user; see `action_pauses`."""
    import ibis
    from ibis import _

    starts = starts.filter((starts.start >= within.origin) & (starts.start < within.end))
    order = ibis.window(group_by="user", order_by="start")
    pauses = starts.mutate(pause=starts.start - starts.start.lag().over(order))
    pauses = pauses.filter(_.pause.notnull()).select("user", "start", "pause")
    return pauses_within(pauses, within, within.origin, within.end)


def pauses_within(pauses: ir.Table, within: Intervals, since: int, until: int) -> ir.Table:
    """Keep the pauses between actions of one interval and in [since, until), in µs.

    Args:
        pauses: columns `user`, `start`, `pause`.
        within: the intervals.
        since: no action begins before it.
        until: all actions begin before it.
    """
    begin = pauses.start - pauses.pause
    pauses = pauses.filter(pauses.start < until, begin >= since)
    pauses = pauses.mutate(interval=within.of(pauses.start))
    return pauses.filter(pauses.start - pauses.pause >= within.begin(pauses.interval))


def by_day(starts: ir.Table, origin: int, size: int, offsets: Offsets) -> ir.Table:
    """Return the columns of `action_days`.

    Args:
        starts: `user` and `start` of actions.
        origin: where an interval begins, µs.
        size: length of an interval, µs.
        offsets: of the clock.
    """
    import ibis
    from ibis import _

    time = (starts.start % _DAY + _DAY) % _DAY
    angle = time * (2 * math.pi / _DAY)
    each = starts.select(
        "user",
        interval=(starts.start - origin) // size,
        day=starts.start // _DAY,
        shown=wall(starts.start, offsets) // _DAY,
        hours=ibis.literal(1, "int64") << (time // _HOUR),
        x=(angle.cos() * SCALE).round().cast("int64"),
        y=(angle.sin() * SCALE).round().cast("int64"),
        start="start",
    )
    return each.group_by("user", "interval", "day", "shown").agg(
        actions=_.count(),
        hours=_.hours.bit_or(),
        x=_.x.sum().cast("int64"),
        y=_.y.sum().cast("int64"),
        first=_.start.min(),
    )
