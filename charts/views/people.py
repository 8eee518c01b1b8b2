"""The views `daily_users` and `active_users`: how many people take part.

Periods that the range cuts off are left out if two whole ones remain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import Any, Literal

from hubbub.charts.chart import Chart
from hubbub.charts.picture import text
from hubbub.charts.picture.calendar import (
    last_day,
    named_part,
    narrowed,
    period_of,
    starts,
)
from hubbub.charts.picture.drawing import Drawing
from hubbub.charts.picture.scale import as_time, needs_year
from hubbub.charts.picture.sheet import finite, records
from hubbub.language import N_, _, ngettext, periods
from hubbub.language.numbers import amount
from hubbub.registry import view

__all__ = ["active_users", "daily_users"]

_DAY = timedelta(days=1)
_LINES = 400  # points of a line
_APART = 4  # people in all get their own panel if they are this many times those of the busiest day
_COLUMNS = N_("active"), N_("new"), N_("seen so far")
_UNITS = {"day": 21, "week": 760, "month": 3700, "quarter": 11_000}  # for up to so many days


@view(names_people=False)
def daily_users(
    query: Any,
    chart: Chart,
    since: datetime,
    until: datetime,
    *,
    per: Literal["auto", "hour", "day", "week", "h", "d", "w"] = "auto",
) -> Drawing:
    """People per day: active, seen for the first time, and seen so far.

    Args:
        query: Calls queries.
        chart: Draws.
        since: Start of the range.
        until: End of the range, exclusive.
        per: Length of a period; auto: by the range.
    """
    from hubbub.charts.graphs.general import draw_lines
    from hubbub.charts.graphs.panels import draw_panels

    unit = period_of(per)
    if unit == "auto":
        days = (until - since) / _DAY
        unit = "hour" if days <= 3 else "day" if days <= _LINES else "week"  # noqa: PLR2004
    whole = narrowed(since, until, unit, to_newest=chart.to_newest)
    since, until = whole.since, whole.until
    result = query.daily_users(since=since, until=until, per=unit)
    rows = records(result)
    times = [row["start"] for row in rows]
    active, new, total = (
        (_(name), [finite(row[column]) for row in rows])
        for name, column in zip(_COLUMNS, ("users", "new", "total"), strict=True)
    )
    title = _daily_finding(rows, unit, since, until)
    subtitle = _(
        "People {per_day}: active; new, not seen earlier in this range; seen so far",
        per_day=periods.per(unit),
    )
    if len(rows) > 1 and rows[-1]["total"] > _APART * max(row["users"] for row in rows):
        # On a common scale the total of a year would flatten the lines of single days.
        subtitle = "; ".join(
            [_("{subtitle}, on a scale of its own", subtitle=subtitle), *whole.notes]
        )
        return draw_panels(
            chart,
            result,
            times,
            (active, new),
            (total,),
            columns=_COLUMNS,
            title=title,
            subtitle=subtitle,
        )
    subtitle = "; ".join([subtitle, *whole.notes])
    return draw_lines(
        chart,
        result,
        times,
        [active, new, total],
        x="start",
        title=title,
        subtitle=subtitle,
        columns=_COLUMNS,
    )


def _daily_finding(
    rows: Sequence[Mapping[str, Any]], unit: str, since: datetime, until: datetime
) -> str:
    """State how many people are active each day, and how many different ones in all."""
    if not rows or not rows[-1]["total"]:
        return _("Nobody is named by the messages of this range")
    total = int(rows[-1]["total"])
    first = next(row for row in rows if row["total"])
    start = as_time(first["start"])
    assert start is not None
    when = named_part(start, unit, since, until, year=needs_year(since, until))
    if total == 1:
        return _("One person is active, first {when}", when=when)
    if len(rows) == 1:
        return _active(total, when)
    return ngettext(
        "A median of {n} person is active {each_day}; {total} different people in all",
        "A median of {n} people are active {each_day}; {total} different people in all",
        median(row["users"] for row in rows),
        each_day=periods.each(unit),
        total=amount(total),
    )


def _active(people: float, when: str) -> str:
    return ngettext(
        "{n} person is active {when}", "{n} people are active {when}", people, when=when
    )


@view(names_people=False)
def active_users(
    query: Any,
    chart: Chart,
    since: datetime,
    until: datetime,
    *,
    per: Literal[
        "auto", "d", "w", "m", "q", "y", "day", "week", "month", "quarter", "year"
    ] = "auto",
    stored: bool = False,
) -> Drawing:
    """Distinct people per day, week, month, quarter or year.

    With `--stored`, the numbers stored by the job `usage`, also for days whose events were deleted.

    Args:
        query: Calls queries.
        chart: Draws.
        since: Start of the range.
        until: End of the range, exclusive.
        per: Length of a period; auto: by the range.
        stored: Draw the numbers that the job `usage` stored.
    """
    from hubbub.charts.graphs.general import draw_columns

    unit = period_of(per)
    if unit == "auto":
        days = (until - since) / _DAY
        unit = next((name for name, most in _UNITS.items() if days <= most), "year")
    whole = narrowed(since, until, unit, to_newest=chart.to_newest)
    since, until = whole.since, whole.until
    result = (query.usage if stored else query.active_users)(since=since, until=until, per=unit)
    users_by_day = {str(label): int(users) for label, users in result.data}
    begins = starts(since, until, unit) if users_by_day else []
    values = [users_by_day.get(last_day(start, unit).isoformat(), 0) for start in begins]
    found = (
        _("Different people {per_day} that the job usage found", per_day=periods.per(unit))
        if stored
        else _("Different people {per_day} that messages name", per_day=periods.per(unit))
    )
    return draw_columns(
        chart,
        result,
        begins,
        values,
        per=unit,
        unit="people",
        finding=_active_finding(begins, values, unit, since, until),
        subtitle="; ".join([found, *whole.notes]),
    )


def _active_finding(
    begins: Sequence[datetime],
    values: Sequence[int],
    unit: str,
    since: datetime,
    until: datetime,
) -> str:
    """State the median and the peak."""
    if not any(values):
        return _("Nobody is named by the messages of this range")
    peak = max(range(len(values)), key=lambda i: (values[i], -i))
    when = named_part(begins[peak], unit, since, until, year=needs_year(since, until))
    if len(values) == 1:
        return _active(values[0], when)
    if min(values) == max(values):
        return _active(values[0], periods.each(unit))
    when = text.occasions(values.count(values[peak]), when, unit)
    if not median(values):
        return _(
            "{on_most_days} nobody is active; the peak was {n} {when}",
            on_most_days=periods.mostly(unit),
            n=amount(values[peak]),
            when=when,
        )
    return ngettext(
        "A median of {n} person is active {each_day}; the peak was {most} {when}",
        "A median of {n} people are active {each_day}; the peak was {most} {when}",
        median(values),
        each_day=periods.each(unit),
        most=amount(values[peak]),
        when=when,
    )
