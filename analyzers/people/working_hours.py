"""Working hours of users: usual time zone, actions at night or on weekends, days without a pause.

The functions take a table of actions (`user`, `start` in µs since the epoch) and return a row for
each user. No message contains a time zone, so it is estimated: the mean hour of the day of a
person's actions (the angle of the sum of unit vectors on a clock face, Mardia and Jupp 2000,
Directional Statistics, 2.2) is taken as 15:00, the middle of a day from 7 to 23 h.
"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING

from hubbub.analyzers.common.times import clock, wall

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from hubbub.zones import Offsets

__all__ = ["off_hours", "streaks", "zones"]

_MICRO = timedelta(microseconds=1)
_HOUR = timedelta(hours=1) // _MICRO
_DAY = timedelta(days=1) // _MICRO
_MIDDLE, _WAKES, _SLEEPS = 15, 7, 23
_SATURDAY = 5
#: With fewer actions, or actions spread more evenly over the day, no zone is estimated.
_MIN_ACTIONS, _MIN_CONCENTRATION = 50, 0.2
#: Days without an action that are a pause; a weekend.
_PAUSE = 2


def zones(actions: ir.Table) -> ir.Table:
    """Estimate `user`, `zone`: whole hours east of UTC, -12 to 11; only users with clear habits."""
    from ibis import _

    angle = (actions.start % _DAY) * (2 * math.pi / _DAY)
    vectors = actions.select("user", x=angle.cos(), y=angle.sin())
    sums = vectors.group_by("user").agg(x=_.x.sum(), y=_.y.sum(), n=_.count())
    length = (sums.x * sums.x + sums.y * sums.y).sqrt()
    clear = sums.filter(sums.n >= _MIN_ACTIONS, length >= _MIN_CONCENTRATION * sums.n)
    east = (_MIDDLE - clear.y.atan2(clear.x) * (12 / math.pi)).round().cast("int64")
    return clear.select("user", zone=(east + 36) % 24 - 12)


def off_hours(actions: ir.Table, split: int) -> ir.Table:
    """Count the actions of each user at night (23 to 7 h) or on a weekend, before and since a time.

    Args:
        actions: has the column `zone` too; rows without a zone are ignored.
        split: the time (µs since the epoch) that separates `before` from `since`.

    Returns:
        `user`, `off_before` of `of_before` actions, `off_since` of `of_since` actions.
    """
    rows = actions.filter(actions.zone.notnull())
    local = clock(rows.start + rows.zone * _HOUR)
    hour = local.hour()
    off = (hour >= _SLEEPS) | (hour < _WAKES) | (local.day_of_week.index() >= _SATURDAY)
    late = rows.start >= split
    return rows.group_by("user").agg(
        off_before=(off & ~late).sum(),
        of_before=(~late).sum(),
        off_since=(off & late).sum(),
        of_since=late.sum(),
    )


def streaks(actions: ir.Table, split: int, offsets: Offsets) -> ir.Table:
    """Return `user`, `days`: the longest run of days without a pause that reaches past the split.

    A pause is two whole days in a row without an action, in the user's zone, or by the
    clock with `offsets`. The run counts from its first to its last active day.
    """
    import ibis
    from ibis import _

    estimated = actions.start + actions.zone * _HOUR
    shown = ibis.coalesce(estimated, wall(actions.start, offsets))
    days = actions.select("user", day=shown // _DAY, late=actions.start >= split)
    each = days.group_by("user", "day").agg(late=_.late.any())
    order = ibis.window(group_by="user", order_by="day")
    so_far = ibis.cumulative_window(group_by="user", order_by="day")
    # The first day has no day before it, so its difference is null: no pause.
    days = each.mutate(begins=ibis.ifelse(_.day - _.day.lag().over(order) > _PAUSE, 1, 0))
    by_run = days.mutate(run=_.begins.sum().over(so_far)).group_by("user", "run")
    runs = by_run.agg(days=_.day.max() - _.day.min() + 1, late=_.late.any())
    return runs.filter(_.late).group_by("user").agg(days=_.days.max())
