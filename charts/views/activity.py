"""The views `radar`, `weekly_diff`, `daily_diff` and `volume`.

Comes in: the answers of the queries. Goes out: a `Drawing` each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Literal

from hubbub.charts.chart import Chart
from hubbub.charts.picture import text
from hubbub.charts.picture.calendar import narrowed, period_of, starts
from hubbub.charts.picture.drawing import Drawing
from hubbub.charts.picture.scale import as_time, day, moment, needs_year
from hubbub.charts.picture.sheet import finite, records
from hubbub.registry import view
from hubbub.times import iso

__all__ = ["daily_diff", "radar", "volume", "weekly_diff"]

Axis = Literal["topic", "category"]
_WEEK = 7  # days


@view
def radar(
    query: Any,
    chart: Chart,
    since: datetime,
    until: datetime,
    *,
    axis: Axis = "category",
    user: list[str] | None = None,
    axes: int = 8,
    events: Any = None,
) -> Drawing:
    """Share of all messages of each category that one user carries; up to three users.

    `--axes` is how many categories are drawn: those where the users are named most. Above ten,
    bars stand instead of the web.
    """
    users = list(user or ())
    if events is not None:  # whoever was merged is drawn under the person's name
        users = list(dict.fromkeys(map(events.persons.name, users)))
    result = query.radar(since=since, until=until, axis=axis, user=users)
    each = "category" if axis == "category" else "topic"
    subtitle = f"Share of all messages of each {each} that name the user; in brackets all messages"
    return chart.radar(result, users=users, subtitle=subtitle, axes=axes)


@view
def weekly_diff(
    query: Any, chart: Chart, since: datetime, until: datetime, *, axis: Axis = "topic"
) -> Drawing:
    """The last complete week against the week before.

    Where the range holds no two calendar weeks: its last seven whole days against the seven before.
    """
    result = query.diff(since=since, until=until, per="week", axis=axis)
    if len(result.data["labels"]) < 2:  # noqa: PLR2004 (a change needs two)
        since, until = narrowed(since, until, "day")
        days = query.diff(since=since, until=until, per="day", axis=axis)
        if len(days.data["labels"]) >= 2 * _WEEK:
            result = replace(days, data=_sevens(days.data))
    return chart.changes(result, axis=axis)


def _sevens(days: Mapping[str, Any]) -> dict[str, Any]:
    """The last fourteen days as two steps of seven."""
    counts = {
        name: [sum(each[-2 * _WEEK : -_WEEK]), sum(each[-_WEEK:])]
        for name, each in days["counts"].items()
    }
    return {
        "labels": [f"{days['labels'][-n]}/P7D" for n in (2 * _WEEK, _WEEK)],
        "counts": counts,
        "diff": {name: [None, now - before] for name, (before, now) in counts.items()},
    }


@view
def daily_diff(
    query: Any, chart: Chart, since: datetime, until: datetime, *, axis: Axis = "topic"
) -> Drawing:
    """Each day against the day before, a strip per topic; complete days (UTC) if there are two."""
    since, until = narrowed(since, until, "day")
    return chart.strips(query.diff(since=since, until=until, per="day", axis=axis), axis=axis)


def _per(since: datetime, until: datetime) -> str:
    length = until - since
    if length <= timedelta(days=3):
        return "hour"
    return "day" if length <= timedelta(days=200) else "week"


def _on(when: datetime, bucket: str, *, year: bool) -> str:
    if bucket == "week":
        return f" in the week of {day(when, year=year)}"
    return f" on {moment(when, year=year)}"


@view
def volume(
    query: Any,
    chart: Chart,
    since: datetime,
    until: datetime,
    *,
    per: Literal["auto", "hour", "day", "week", "h", "d", "w"] = "auto",
    axis: Axis = "topic",
) -> Drawing:
    """Messages over time, the five busiest topics and the rest."""
    bucket = period_of(per)
    bucket = _per(since, until) if bucket == "auto" else bucket
    since, until = narrowed(since, until, bucket)
    result = query.volume(since=since, until=until, per=bucket, axis=axis)
    rows = records(result)
    have = {row["start"] for row in rows}
    every = [iso(start) for start in starts(since, until, bucket)]
    if rows:  # a bucket without messages is an empty column, not a missing one
        rows += [{"start": s, "name": None, "messages": 0} for s in every if s not in have]
    totals: dict[str, float] = {}
    names: dict[str, float] = {}
    for row in rows:
        n = finite(row["messages"]) or 0
        totals[row["start"]] = totals.get(row["start"], 0) + n
        if row["name"] is not None:
            names[row["name"]] = names.get(row["name"], 0) + n
    finding = "No messages in this range"
    total = sum(totals.values())
    if total and names:
        first = max(names, key=lambda n: (names[n], n))
        peak = max(totals, key=lambda b: totals[b])
        short = text.short_names(names)[first]
        when = as_time(peak)
        on = _on(when, bucket, year=needs_year(since, until)) if when else ""
        if len(totals) > 1:
            share = text.percent(names[first] / total)
            most = text.amount(totals[peak])
            finding = f"{short} leads with {share} of messages; the peak was {most}{on}"
        else:
            finding = f"{text.plural(total, 'message')}{on}, {short} leads"
    return chart.stacked(
        result,
        rows=rows,
        x="start",
        y="messages",
        by="name",
        title=finding,
        subtitle=f"Messages per {bucket} by {axis}",
    )
