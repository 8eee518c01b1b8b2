"""The views `radar`, `weekly_diff`, `daily_diff` and `volume`.

Comes in: the answers of the queries. Goes out: a `Drawing` each.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from hubbub.charts import text
from hubbub.charts.scale import as_time, day, moment
from hubbub.charts.sheet import finite, records
from hubbub.registry import view

if TYPE_CHECKING:
    from hubbub.charts.svg import Drawing

__all__ = ["daily_diff", "radar", "volume", "weekly_diff"]

Axis = Literal["topic", "category"]


@view
def radar(
    query: Any,
    chart: Any,
    since: datetime,
    until: datetime,
    axis: Axis = "category",
    user: list[str] | None = None,
) -> Drawing:
    """Share of all messages of each category that one user carries; up to three users."""
    users = list(user or ())
    result = query.radar(since=since, until=until, axis=axis, user=users)
    each = "category" if axis == "category" else "topic"
    subtitle = f"Share of all messages of each {each} that name the user; in brackets all messages"
    return chart.radar(result, users=users, subtitle=subtitle)


@view
def weekly_diff(
    query: Any, chart: Any, since: datetime, until: datetime, axis: Axis = "topic"
) -> Drawing:
    """The last complete week against the week before."""
    result = query.diff(since=since, until=until, per="week", axis=axis)
    return chart.changes(result, axis=axis)


@view
def daily_diff(
    query: Any, chart: Any, since: datetime, until: datetime, axis: Axis = "topic"
) -> Drawing:
    """Each day against the day before, a strip per topic."""
    return chart.strips(query.diff(since=since, until=until, per="day", axis=axis), axis=axis)


def _per(since: datetime, until: datetime) -> str:
    length = until - since
    if length <= timedelta(days=3):
        return "hour"
    return "day" if length <= timedelta(days=200) else "week"


@view
def volume(
    query: Any,
    chart: Any,
    since: datetime,
    until: datetime,
    per: Literal["auto", "hour", "day", "week", "h", "d", "w"] = "auto",
    axis: Axis = "topic",
) -> Drawing:
    """Messages over time, the five busiest topics and the rest."""
    bucket = {"h": "hour", "d": "day", "w": "week"}.get(per, per)
    bucket = _per(since, until) if bucket == "auto" else bucket
    result = query.volume(since=since, until=until, per=bucket, axis=axis)
    totals: dict[str, float] = {}
    names: dict[str, float] = {}
    for row in records(result):
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
        said = {"hour": moment, "day": day}.get(bucket, lambda t: f"the week of {day(t)}")
        on = f" {'in' if bucket == 'week' else 'on'} {said(when)}" if when else ""
        if len(totals) > 1:
            share = text.percent(names[first] / total)
            finding = f"{short} leads with {share} of messages; the peak was {text.amount(totals[peak])}{on}"
        else:
            finding = f"{text.plural(total, 'message')}{on}, {short} leads"
    return chart.stacked(
        result,
        x="start",
        y="messages",
        by="name",
        title=finding,
        subtitle=f"Messages per {bucket} by {axis}",
    )
