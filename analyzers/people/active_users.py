"""The queries `active_users`, `daily_users` and `recipients`: distinct users per period."""

from __future__ import annotations

from collections import Counter
from datetime import MAXYEAR, UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from hubbub.analyzers.common.limits import require_minimum
from hubbub.analyzers.common.periods import Calendar, period, require_periods
from hubbub.analyzers.common.times import DAY, clock, micros, wall
from hubbub.registry import query
from hubbub.store.query.from_rollups import cut_alike
from hubbub.store.query.globs import matches
from hubbub.store.query.months.kept import KeptMonths
from hubbub.store.query.months.touches import has_unique_touches, touches
from hubbub.store.query.times import in_parts
from hubbub.times import EPOCH, from_micros, to_micros

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

    from hubbub.store.query.events import Events

__all__ = [
    "ActiveUsers",
    "Per",
    "Periods",
    "active_users",
    "daily_users",
    "last_day",
    "number_of_day",
    "period_at",
    "period_number",
    "recipients",
    "whole_periods",
]

Per = Literal["d", "w", "m", "q", "y", "day", "week", "month", "quarter", "year"]
_MONDAY = EPOCH + 4 * DAY
_MICRO = timedelta(microseconds=1)
_DAY = DAY // _MICRO
_AT_ONCE = 5_000_000  # events
#: Months of each period.
_MONTHS = {"m": 1, "q": 3, "y": 12}


def period_number(per: str, events: Events, when: ir.TimestampValue) -> ir.IntegerValue:
    """The period of the calendar that each time lies in, as consecutive numbers.

    Args:
        per: `d`, `w` (Monday to Sunday), `m`, `q` or `y`, or the whole word.
        events: whose time zone cuts the periods.
        when: a column of times.
    """
    return period_at(per, events, micros(when))


def period_at(per: str, events: Events, at: ir.IntegerValue) -> ir.IntegerValue:
    """Return the `period_number` of each time, given in µs since the epoch."""
    unit, at = per[0], wall(at, events.selection.offsets())
    if unit in {"d", "w"}:
        origin, days = (_MONDAY, 7) if unit == "w" else (EPOCH, 1)
        index: ir.IntegerValue = (at - to_micros(origin)) // (days * DAY // _MICRO)
        return index
    wall_clock = clock(at)
    number: ir.IntegerValue = (wall_clock.year() * 12 + wall_clock.month() - 1) // _MONTHS[unit]
    return number


def last_day(per: str, number: int) -> date:
    """Return the last day of the period with this number, as `period_number` counts."""
    unit = per[0]
    if unit == "d":
        return EPOCH.date() + number * DAY
    if unit == "w":
        return _MONDAY.date() + (7 * number + 6) * DAY
    year, month = divmod((number + 1) * _MONTHS[unit], 12)
    if (year, month) == (date.max.year + 1, 0):
        return date.max
    return date(year, month + 1, 1) - DAY


def number_of_day(per: str, day: date) -> int:
    """Return the number of the period that holds a day, as `period_number` counts."""
    unit = per[0]
    if unit == "d":
        return (day - EPOCH.date()).days
    if unit == "w":
        return (day - _MONDAY.date()).days // 7
    return (day.year * 12 + day.month - 1) // _MONTHS[unit]


class Periods(NamedTuple):
    """The events of consecutive periods."""

    events: Events
    starts: list[tuple[int, int]]  # the start of each period that has events, µs, and its number

    def number(self, at: ir.IntegerValue) -> ir.IntegerValue:
        """Return the number of the period of each time (µs), which is that of an event."""
        return in_parts(at, self.starts)


def whole_periods(events: Events, rollup: str, per: str) -> list[Periods]:
    """Return the events by consecutive periods, if a rollup by month answers for whole ones.

    Periods together have about `_AT_ONCE` events: one after the other they need less memory, and
    each costs some time. Empty if the rollup cannot answer.

    Args:
        events: of a range.
        rollup: the name of one by month.
        per: length of a period.
    """
    kept = KeptMonths.of(events, rollup)
    months = _MONTHS.get(per[0])
    if kept is None or months is None or not cut_alike(events.selection, _DAY):
        return []
    sizes: Counter[int] = Counter()
    for month, number in kept.sizes().items():
        sizes[number_of_day(per, from_micros(month).date())] += number
    groups: list[list[int]] = []
    total = _AT_ONCE
    for number, size in sorted(sizes.items()):
        total += size
        if total > _AT_ONCE:
            groups.append([])
            total = size
        groups[-1].append(number)
    parts = []
    for numbers in groups:
        starts = [(to_micros(_start_of_month(number * months)), number) for number in numbers]
        end = to_micros(_start_of_month((numbers[-1] + 1) * months))
        since, until = events.selection.since, events.selection.until
        first = starts[0][0] if since is None else max(starts[0][0], since)
        end = end if until is None else min(end, until)
        if first < end:
            parts.append(Periods(events.between(first, end), starts))
    return parts


def _start_of_month(number: int) -> datetime:
    """Return the start (UTC) of the month with this number, as `period_number` counts months."""
    year, month = divmod(number, 12)
    return (
        datetime.max.replace(tzinfo=UTC)
        if year > MAXYEAR
        else datetime(year, month + 1, 1, tzinfo=UTC)
    )


class ActiveUsers(NamedTuple):
    """The number of distinct users of one period."""

    period: date  # its last day
    users: int


@query(names_people=False, columns=("period", "users"))
def active_users(events: Events, per: Per = "w") -> list[ActiveUsers]:
    """Distinct users per day, week, month, quarter or year: pairs of a label and a number.

    The label is the last day of the period (of a week its Sunday) and may lie after the end of the
    range. Periods run from that of the first event with a user to that of the last one; periods
    without users in between have 0. The range may cut the first and the last period.

    Args:
        events: The selected events.
        per: Length of a period.
    """
    from ibis import _

    daily = per[0] == "d"  # daily rollups have one row for each day and user
    sums = events.daily_users() if daily else events.weekly_users()
    rows = sums.select("user", number=period_number(per, events, sums.time)).group_by("number")
    counted = rows.agg(users=_.count() if daily else _.user.nunique()).to_pyarrow().to_pylist()
    users = {row["number"]: row["users"] for row in counted}
    if not users:
        return []
    periods = range(min(users), max(users) + 1)
    require_periods(len(periods), "day" if daily else "period")
    return [ActiveUsers(last_day(per, number), users.get(number, 0)) for number in periods]


@query(names_people=False, columns=("start", "users", "new", "total"))
def daily_users(
    events: Events,
    since: datetime,
    until: datetime,
    per: Literal["hour", "day", "week", "h", "d", "w"] = "day",
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Distinct users of each day, how many of them are new, and how many there were so far.

    Every day (`--per`: hour, ISO week) that the range touches has a row. `new` users were not seen
    earlier in the range, so in the first days of a range most users are new; `total` is the running
    sum of `new`.

    Args:
        events: The selected events.
        since: Start of the range.
        until: End of the range, exclusive.
        per: Length of a period.
    """
    from ibis import _

    length = period(per)
    calendar = Calendar.touched(length, since, until, events.zone)
    one_row = length != "week"  # hourly and daily rollups have one row for each period and user
    sums = {"hour": events.hourly_users, "day": events.daily_users, "week": events.weekly_users}
    people = sums[length]()
    rows = people.select("user", bucket=calendar.number_of(people.time))
    unique = rows.group_by("bucket").agg(users=_.count() if one_row else _.user.nunique())
    first = rows.group_by("user").agg(bucket=_.bucket.min())
    new = first.group_by("bucket").agg(new=_.count())
    counted = unique.left_join(new, "bucket").select("bucket", "users", "new")
    by_bucket = {row["bucket"]: row for row in counted.to_pyarrow().to_pylist()}
    if not by_bucket:
        return [], {"new_since": since}
    data, total = [], 0
    for number, start in enumerate(calendar.starts):
        row = by_bucket.get(number, {})
        new_users = row.get("new") or 0
        total += new_users
        users = row.get("users", 0)
        data.append({"start": start, "users": users, "new": new_users, "total": total})
    return data, {"new_since": since}


@query(names_people=False)
def recipients(
    events: Events,
    per: Per = "m",
    object: list[str] | None = None,  # noqa: A002 - the option's name
    top: int | None = None,
) -> pa.Table:
    """Distinct users per period and object: who received which badge, who worked on what.

    Each period and object with a user has a row, by time, then the most users first. `end` is the
    last day of the period, as in active_users. For badges add --category fedbadges. `--object`
    lists only these objects (globs), also where a message names others too; `--top N` only the N
    with the most users of each period.

    Args:
        events: The selected events.
        per: Length of a period.
        object: List only these objects (glob).
        top: List only so many objects of each period, those with the most users.
    """
    import ibis
    import pyarrow as pa
    import pyarrow.compute as pc
    from ibis import _

    if top is not None:
        require_minimum(top, "--top")
    events.audience.note(events)
    counted = []
    parts: list[Periods | None] = [*whole_periods(events, "monthly_touches", per)]
    for part in parts or [None]:
        rows = touches(events, months=False) if part is None else touches(part.events)
        at = rows["first"]
        number = period_at(per, events, at) if part is None else part.number(at)
        rows = rows.select("user", "object", "messages", number=number)
        if object:
            rows = rows.filter(matches(rows.object, object))
        if part is None or _MONTHS[per[0]] > 1 or not has_unique_touches(part.events):
            names = ["number", "object", "user"]
            rows = rows.group_by(names).agg(messages=_.messages.sum())
        sums = rows.group_by("number", "object").agg(users=_.count(), messages=_.messages.sum())
        if top is not None:
            order = ibis.window(group_by="number", order_by=[_.users.desc(), _.object])
            sums = sums.mutate(rank=ibis.row_number().over(order)).filter(_["rank"] < top)
        ordered = sums.order_by("number", _.users.desc(), "object")
        ordered = ordered.select("number", "object", "users", "messages")
        counted.append(events.get_backend().to_pyarrow(ordered))
    rows = pa.concat_tables(counted)
    numbers = pc.unique(rows["number"])
    days = pa.array([last_day(per, number) for number in numbers.to_pylist()], pa.date32())
    ends = days.take(pc.index_in(rows["number"], value_set=numbers))
    return rows.set_column(0, "end", ends)
