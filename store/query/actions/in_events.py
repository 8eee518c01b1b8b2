"""Find actions in the events themselves."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING

from hubbub.store.query.times import micros
from hubbub.store.rollups.actions import PAUSE, SCALE

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from hubbub.store.query.events import Events

__all__ = ["by_day", "messages_with_starts", "pauses_between"]

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


def pauses_between(starts: ir.Table) -> ir.Table:
    """Return the pauses between the starts of each user; see `action_pauses`."""
    import ibis
    from ibis import _

    order = ibis.window(group_by="user", order_by="start")
    pauses = starts.mutate(pause=starts.start - starts.start.lag().over(order))
    return pauses.filter(_.pause.notnull()).select("user", "start", "pause")


def by_day(starts: ir.Table) -> ir.Table:
    """Return the columns of `action_days`, a row for each action."""
    import ibis

    rows = starts.mutate(time=(starts.start % _DAY + _DAY) % _DAY)
    angle = rows.time * (2 * math.pi / _DAY)
    return rows.select(
        "user",
        "start",
        actions=ibis.literal(1, "int64"),
        hours=ibis.literal(1, "int64") << (rows.time // _HOUR),
        x=(angle.cos() * SCALE).round().cast("int64"),
        y=(angle.sin() * SCALE).round().cast("int64"),
    )
