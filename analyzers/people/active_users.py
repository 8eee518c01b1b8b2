"""The queries `active_users`, `daily_users` and `recipients`: how many people, period by period.

Comes in: events. Goes out: a row for each period. A user counts once a period, however busy.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from hubbub.analyzers.common.periods import Calendar, period
from hubbub.analyzers.common.times import DAY, clock, micros, number_since
from hubbub.errors import UsageError
from hubbub.registry import query
from hubbub.store.query.globs import matches
from hubbub.times import EPOCH

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from hubbub.store.query.events import Events

__all__ = [
    "Active",
    "Per",
    "active_users",
    "daily_users",
    "last_day",
    "period_number",
    "recipients",
]

Per = Literal["d", "w", "m", "q", "y", "day", "week", "month", "quarter", "year"]
_MONDAY = EPOCH + 4 * DAY
#: Periods of so many months each.
_MONTHS = {"m": 1, "q": 3, "y": 12}


def period_number(per: str, when: ir.TimestampValue) -> ir.IntegerValue:
    """Which period of the UTC calendar holds each time, counted without a break.

    Args:
        per: `d`, `w` (Monday to Sunday), `m`, `q` or `y`, or a word that begins so.
        when: a column of times.
    """
    unit = per[0]
    if unit == "d":
        return number_since(when, EPOCH, DAY)
    if unit == "w":
        return number_since(when, _MONDAY, 7 * DAY)
    shown = clock(micros(when))
    number: ir.IntegerValue = (shown.year() * 12 + shown.month() - 1) // _MONTHS[unit]
    return number


def last_day(per: str, number: int) -> date:
    """The last day of the period with that number: the day, its Sunday, or the end of its month."""
    unit = per[0]
    if unit == "d":
        return EPOCH.date() + number * DAY
    if unit == "w":
        return _MONDAY.date() + (7 * number + 6) * DAY
    year, month = divmod((number + 1) * _MONTHS[unit], 12)
    if (year, month) == (date.max.year + 1, 0):
        return date.max
    return date(year, month + 1, 1) - DAY


class Active(NamedTuple):
    """How many people one period had."""

    period: date  # its last day
    users: int


@query
def active_users(events: Events, per: Per = "w") -> list[Active]:
    """Distinct users per day, week, month, quarter or year: pairs of a label and a number.

    The label is the last day of the period (of a week its Sunday), and may lie after the end of
    the range. Periods are listed from that of the first event with a user to that of the last one,
    those between them without anybody with 0. The first and last may be cut by the range.
    """
    from ibis import _

    daily = per[0] == "d"  # then each day and user has one row
    sums = events.daily_users() if daily else events.weekly_users()
    rows = sums.select("user", number=period_number(per, sums.time)).group_by("number")
    counted = rows.agg(users=_.count() if daily else _.user.nunique()).to_pyarrow().to_pylist()
    found = {row["number"]: row["users"] for row in counted}
    if not found:
        return []
    every = range(min(found), max(found) + 1)
    return [Active(last_day(per, number), found.get(number, 0)) for number in every]


@query
def daily_users(
    events: Events,
    since: datetime,
    until: datetime,
    per: Literal["hour", "day", "week", "h", "d", "w"] = "day",
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Distinct users of each day, how many of them are new, and how many there were so far.

    Every day (`--per`: hour, ISO week) that the range touches has a row. `new` users were not
    seen earlier in the range, so the first days of a range call everybody new; `total` is the sum
    of `new` up to there.
    """
    from ibis import _

    length = period(per)
    calendar = Calendar.touched(length, since, until)
    once = length != "week"  # each user and period has one row
    sums = {"hour": events.hourly_users, "day": events.daily_users, "week": events.weekly_users}
    people = sums[length]()
    rows = people.select("user", bucket=calendar.number_of(people.time))
    unique = rows.group_by("bucket").agg(users=_.count() if once else _.user.nunique())
    first = rows.group_by("user").agg(bucket=_.bucket.min())
    new = first.group_by("bucket").agg(new=_.count())
    counted = unique.left_join(new, "bucket").select("bucket", "users", "new")
    found = {row["bucket"]: row for row in counted.to_pyarrow().to_pylist()}
    if not found:
        return [], {"new_since": since}
    data, total = [], 0
    for number, start in enumerate(calendar.starts):
        row = found.get(number, {})
        total += (new_here := row.get("new") or 0)
        users = row.get("users", 0)
        data.append({"start": start, "users": users, "new": new_here, "total": total})
    return data, {"new_since": since}


@query
def recipients(
    events: Events,
    per: Per = "m",
    object: list[str] | None = None,  # noqa: A002 - the option's name
    top: int | None = None,
) -> list[dict[str, Any]]:
    """Distinct users per period and object: who received which badge, who worked on what.

    One row for each period and object with a user, in the order of time, the most users first.
    `end` is the last day of the period, as in active_users. For badges add --category fedbadges.
    `--object` lists only these (globs), also where a message names others too; `--top` only so
    many of each period.
    """
    import ibis
    from ibis import _

    if top is not None and top < 1:
        raise UsageError(f"there is no top {top}", where="--top", hint="write 1 or more")
    people = events.unnest_users("time", "objects")
    rows = people.select("user", number=period_number(per, people.time), object=_.objects.unnest())
    if object:
        rows = rows.filter(matches(rows.object, object))
    each = rows.group_by("number", "object", "user").agg(n=_.count())
    found = each.group_by("number", "object").agg(users=_.count(), messages=_.n.sum())
    if top is not None:
        order = ibis.window(group_by="number", order_by=[_.users.desc(), _.object])
        found = found.mutate(rank=ibis.row_number().over(order)).filter(_["rank"] < top)
    ordered = found.order_by("number", _.users.desc(), "object").to_pyarrow().to_pylist()
    return [
        {
            "end": last_day(per, row["number"]),
            "object": row["object"],
            "users": row["users"],
            "messages": row["messages"],
        }
        for row in ordered
    ]
