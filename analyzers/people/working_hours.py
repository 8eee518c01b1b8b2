"""When people act: their usual zone, what lies outside usual hours, and how long without a pause.

Comes in: a table of actions (`user`, `start` in µs since the epoch). Goes out: a row for each user.
No message says where somebody lives. The zone is a guess from habit: the mean hour of the day of a
person's actions (the angle of the sum of unit vectors on a clock face, Mardia and Jupp 2000,
Directional Statistics, 2.2) is taken for 15:00, the middle of a day from 7 to 23 h.
"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING

from hubbub.analyzers.common.times import clock

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["off_hours", "streaks", "zones"]

_MICRO = timedelta(microseconds=1)
_HOUR = timedelta(hours=1) // _MICRO
_DAY = timedelta(days=1) // _MICRO
_MIDDLE, _WAKES, _SLEEPS = 15, 7, 23
_SATURDAY = 5
#: Fewer actions, or actions spread over the clock so evenly, tell no zone.
_FEWEST, _CONCENTRATION = 50, 0.2
#: So many days without an action are a pause: a weekend.
_PAUSE = 2


def zones(actions: ir.Table) -> ir.Table:
    """`user`, `zone`: whole hours east of UTC, -12 to 11; only users whose habits tell one."""
    from ibis import _

    angle = (actions.start % _DAY) * (2 * math.pi / _DAY)
    turned = actions.select("user", x=angle.cos(), y=angle.sin())
    sums = turned.group_by("user").agg(x=_.x.sum(), y=_.y.sum(), n=_.count())
    clear = sums.filter(
        sums.n >= _FEWEST, (sums.x * sums.x + sums.y * sums.y).sqrt() >= _CONCENTRATION * sums.n
    )
    east = (_MIDDLE - clear.y.atan2(clear.x) * (12 / math.pi)).round().cast("int64")
    return clear.select("user", zone=(east + 36) % 24 - 12)


def off_hours(actions: ir.Table, split: int) -> ir.Table:
    """How many actions of each user lie at night (23 to 7 h) or on a weekend, before and since.

    Args:
        actions: with the column `zone` too; a row without a zone counts nowhere.
        split: the moment (µs since the epoch) that parts `before` from `since`.

    Returns:
        `user`, `off_before`, `of_before`, `off_since`, `of_since`.
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


def streaks(actions: ir.Table, split: int) -> ir.Table:
    """`user`, `days`: the longest run of days without a pause that reaches beyond the split.

    A pause is two whole days in a row without an action, in the user's zone (else UTC). The run
    counts from its first to its last active day.
    """
    import ibis
    from ibis import _

    shift = actions.zone.fill_null(0) * _HOUR
    days = actions.select("user", day=(actions.start + shift) // _DAY, late=actions.start >= split)
    each = days.group_by("user", "day").agg(late=_.late.any())
    order = ibis.window(group_by="user", order_by="day")
    upto = ibis.cumulative_window(group_by="user", order_by="day")
    # the first day has none before it: no pause either
    begun = each.mutate(begins=ibis.ifelse(_.day - _.day.lag().over(order) > _PAUSE, 1, 0))
    runs = begun.mutate(run=_.begins.sum().over(upto)).group_by("user", "run")
    found = runs.agg(days=_.day.max() - _.day.min() + 1, late=_.late.any())
    return found.filter(_.late).group_by("user").agg(days=_.days.max())
