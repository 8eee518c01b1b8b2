"""The views `daily_users`, `active_users`, `cohorts` and `returning`: how many people, who stays.

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
    about_midnight,
    last_day,
    named_period,
    narrowed,
    period_of,
    starts,
)
from hubbub.charts.picture.drawing import Drawing
from hubbub.charts.picture.scale import as_time, day, moment, needs_year
from hubbub.charts.picture.sheet import duration, finite, messages, records
from hubbub.registry import view

__all__ = ["active_users", "cohorts", "daily_users", "returning"]

_DAY = timedelta(days=1)
_WEEK = timedelta(weeks=1)
_LINES = 400  # points of a line
_APART = 4  # people in all get their own panel if they are this many times those of the busiest day
_UNITS = {"day": 21, "week": 760, "month": 3700, "quarter": 11_000}  # for up to so many days
_FEW = 10  # people; shares of fewer are not compared
_GROUPS = 24  # rows and columns of the triangle
_LATER = {3: "three", 6: "six", 12: "twelve"}
_SHARES = {
    "top_1": "top 1%",
    "next_9": "next 9%",
    "next_40": "next 40%",
    "rest": "the other half",
}


@view
def daily_users(
    query: Any,
    chart: Chart,
    since: datetime,
    until: datetime,
    *,
    per: Literal["auto", "hour", "day", "week", "h", "d", "w"] = "auto",
) -> Drawing:
    """People per day: active, seen for the first time, and seen so far."""
    from hubbub.charts.graphs.general import draw_lines
    from hubbub.charts.graphs.panels import draw_panels

    unit = period_of(per)
    if unit == "auto":
        days = (until - since) / _DAY
        unit = "hour" if days <= 3 else "day" if days <= _LINES else "week"  # noqa: PLR2004
    since, until = narrowed(since, until, unit)
    result = query.daily_users(since=since, until=until, per=unit)
    rows = records(result)
    times = [row["start"] for row in rows]
    active, new, total = (
        (name, [finite(row[column]) for row in rows])
        for name, column in (("active", "users"), ("new", "new"), ("seen so far", "total"))
    )
    title = _daily_finding(rows, unit, year=needs_year(since, until))
    subtitle = f"People per {unit}: active; new, not seen earlier in this range; seen so far"
    if len(rows) > 1 and rows[-1]["total"] > _APART * max(row["users"] for row in rows):
        # On a common scale the total of a year would flatten the lines of single days.
        subtitle += ", on a scale of its own"
        return draw_panels(
            chart, result, times, (active, new), (total,), title=title, subtitle=subtitle
        )
    return draw_lines(
        chart, result, times, [active, new, total], x="start", title=title, subtitle=subtitle
    )


def _daily_finding(rows: Sequence[Mapping[str, Any]], unit: str, *, year: bool) -> str:
    """State how many people are active each day, and how many different ones in all."""
    if not rows or not rows[-1]["total"]:
        return "Nobody is named by the messages of this range"
    total = int(rows[-1]["total"])
    first = next(row for row in rows if row["total"])
    start = as_time(first["start"])
    assert start is not None
    when = named_period(start, unit, year=year)
    if total == 1:
        return f"One person is active, first {when}"
    if len(rows) == 1:
        return f"{total:,} people are active {when}"
    usual = text.plural(median(row["users"] for row in rows), "person is", "people are")
    return f"A median of {usual} active each {unit}; {total:,} different people in all"


@view
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
    """
    from hubbub.charts.graphs.general import draw_columns

    unit = period_of(per)
    if unit == "auto":
        days = (until - since) / _DAY
        unit = next((name for name, most in _UNITS.items() if days <= most), "year")
    since, until = narrowed(since, until, unit)
    result = (query.usage if stored else query.active_users)(since=since, until=until, per=unit)
    users_by_day = {str(label): int(users) for label, users in result.data}
    periods = starts(since, until, unit) if users_by_day else []
    values = [users_by_day.get(last_day(start, unit).isoformat(), 0) for start in periods]
    return draw_columns(
        chart,
        result,
        periods,
        values,
        per=unit,
        unit="people",
        finding=_active_finding(periods, values, unit, year=needs_year(since, until)),
        subtitle=f"Different people per {unit} that "
        + ("the job usage found" if stored else "messages name"),
    )


def _active_finding(
    periods: Sequence[datetime], values: Sequence[int], unit: str, *, year: bool
) -> str:
    """State the median and the peak."""
    if not any(values):
        return "Nobody is named by the messages of this range"
    peak = max(range(len(values)), key=lambda i: (values[i], -i))
    when = named_period(periods[peak], unit, year=year)
    if len(values) == 1:
        return f"{text.plural(values[0], 'person is', 'people are')} active {when}"
    if min(values) == max(values):
        people = text.plural(values[0], "person is", "people are")
        return f"{people} active each {unit}"
    when = text.occasions(values.count(values[peak]), when, unit)
    if not median(values):
        preposition = "On" if unit == "day" else "In"
        return f"{preposition} most {unit}s nobody is active; the peak was {values[peak]:,} {when}"
    usual = text.plural(median(values), "person is", "people are")
    return f"A median of {usual} active each {unit}; the peak was {values[peak]:,} {when}"


def _window_and_step(length: timedelta) -> tuple[timedelta, timedelta]:
    """Return 13 weeks every week, or shorter windows if the range holds too few of them."""
    if length >= 15 * _WEEK:
        steps = -(-(length - 13 * _WEEK) // (150 * _WEEK))
        return 13 * _WEEK, steps * _WEEK
    if length >= 6 * _WEEK:
        return 4 * _WEEK, timedelta(days=1)
    if length > _WEEK:
        return _WEEK, _DAY
    return (length, length) if length else (_WEEK, _DAY)  # the range of an empty store is empty


@view
def cohorts(
    query: Any,
    chart: Chart,
    since: datetime,
    until: datetime,
    *,
    window: timedelta | None = None,
) -> Drawing:
    """Share of the top 1 %, next 9 %, next 40 % and the rest of people, over rolling 13 weeks.

    In a range of less than 15 weeks the window is 4 weeks, below 6 weeks it is one week.
    """
    from hubbub.charts.graphs.areas import draw_areas

    length, step = _window_and_step(until - since)
    if window is not None:
        length = window
    result = query.cohorts(since=since, until=until, window=length, step=step)
    rows = records(result)
    subtitles = [
        f"Share of messages per group of people, in the {_weeks(length)} before each point"
    ]
    if length != 13 * _WEEK and window is None:
        subtitles.append("the range is too short for 13 weeks")
    if rows and all(row["n"] <= 100 for row in rows):  # noqa: PLR2004 (percent)
        subtitles.append("the top 1% is one person")
    note = result.diagnostics.get("note")
    return draw_areas(
        chart,
        result,
        x="end",
        shares=_SHARES,
        finding=_cohorts_finding(rows, length, messages(result), year=needs_year(since, until)),
        subtitle="; ".join(subtitles),
        empty=str(note) if note else "No messages in this range name a user",
    )


def _weeks(length: timedelta) -> str:
    whole = length % _WEEK == timedelta(0) and length > _WEEK
    return f"{length // _WEEK} weeks" if whole else duration(length)


def _cohorts_finding(
    rows: Sequence[Mapping[str, Any]], length: timedelta, of: str, *, year: bool
) -> str:
    """State the share of the busiest 1 % at the end, and before if as many people were there."""
    known = [row for row in rows if finite(row["top_1"]) is not None]
    if not known:
        return "No stretch of this range has anybody at work"
    first, last = known[0], known[-1]
    n = int(last["n"])
    size = -(-n // 100)
    who = (
        f"The busiest of {n:,} people" if size == 1 else f"The busiest 1% ({size} of {n:,} people)"
    )
    end = as_time(last["end"])
    assert end is not None
    end = about_midnight(end)
    until = moment(end, year=year) if end.hour or end.minute else day(end - _DAY, year=year)
    when = f"in the {_weeks(length)} to {until}"
    if n == 1:
        return f"One person has all {of} {when}"
    share = text.percent(last["top_1"])
    sentence = f"{who} {'has' if size == 1 else 'have'} {share} of the {of} {when}"
    before, people = text.percent(first["top_1"]), int(first["n"])
    # a share of few people, or of a crowd, is no measure for this one
    alike = min(people, n) >= _FEW and max(people, n) <= 2 * min(people, n)
    if len(known) > 1 and alike and before != share:
        sentence += f"; at the beginning it was {before} of {people:,} people"
    return sentence


@view
def returning(query: Any, chart: Chart, since: datetime, until: datetime) -> Drawing:
    """Of the people first seen in a month, how many were active one, two, … months later."""
    from hubbub.charts.graphs.heatmap import draw_heatmap

    result = query.returning(since=since, until=until)
    rows = records(result)
    groups = list(dict.fromkeys(row["group"] for row in rows))
    shown = set(groups[-_GROUPS:])
    size = {row["group"]: row["people"] for row in rows}
    table = [
        {
            "first seen": f"{_month(row['group'])} ({size[row['group']]:,})",
            "months later": int(row["after"]),
            "share": row["share"],
            "group": row["group"],
        }
        for row in rows
        if row["group"] in shown and 0 < row["after"] <= _GROUPS and row["complete"]
    ]
    subtitles = ["Share of the people first seen in a month who were active so many months later"]
    if len(groups) > _GROUPS:
        subtitles.append(f"the newest {_GROUPS} of {len(groups):,} months")
    if len(groups) > 1:
        subtitles.append("people of the oldest month may be older than the range")
    return draw_heatmap(
        chart,
        result,
        row="first seen",
        column="months later",
        value="share",
        finding=_returning_finding(rows, groups),
        subtitle="; ".join(subtitles),
        empty="Two complete months are needed to see who returns"
        if rows
        else "No messages in this range name a user",
        percent=True,
        cells=table,
    )


def _month(group: str) -> str:
    start = as_time(group)
    return f"{day(start).partition(' ')[2][:3]} {start.year}" if start else group


def _returning_finding(rows: Sequence[Mapping[str, Any]], groups: Sequence[str]) -> str:
    """State the share of newcomers who were active one month later, and some months later."""
    if not rows:
        return "Nobody is named by the messages of this range"
    # People of the oldest month may have been active before the range: they are counted as
    # newcomers only if there are no others.
    counted = [r for r in rows if r["complete"] and r["after"] and r["group"] != groups[0]]
    newcomers = bool(counted)
    if not newcomers:
        counted = [r for r in rows if r["complete"] and r["after"]]
    if not counted:
        return "The range is too short to see who returns"

    def share(after: int) -> float:
        selected = [r for r in counted if r["after"] == after]
        return float(sum(r["active"] for r in selected) / sum(r["people"] for r in selected))

    people = sum(r["people"] for r in counted if r["after"] == 1)
    who = text.plural(people, "newcomer" if newcomers else "person", "" if newcomers else "people")
    who += "" if newcomers else f" of {_month(groups[0])}"
    sentence = f"{text.percent(share(1))} of {who} were active in the month after"
    later = max(r["after"] for r in counted)
    later = next((n for n in (12, 6, 3) if n <= later), 1)
    if later > 1:
        of = sum(r["people"] for r in counted if r["after"] == later)
        whose = "" if of == people else f" of {of:,}"
        sentence += f", {text.percent(share(later))}{whose} {_LATER[later]} months later"
    return sentence
