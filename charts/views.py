"""The views `radar`, `weekly_diff`, `daily_diff` and `volume`.

Comes in: the answers of the queries. Goes out: a `Drawing` each.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

from hubbub.charts import text
from hubbub.charts.chart import Chart
from hubbub.charts.drawing import Drawing
from hubbub.charts.scale import as_time, day, moment, needs_year
from hubbub.charts.sheet import finite, records
from hubbub.registry import view
from hubbub.times import EPOCH, iso

__all__ = ["daily_diff", "radar", "volume", "weekly_diff"]

Axis = Literal["topic", "category"]
_FEWEST = 2  # complete days that can be compared


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
    """The last complete week against the week before."""
    result = query.diff(since=since, until=until, per="week", axis=axis)
    return chart.changes(result, axis=axis)


@view
def daily_diff(
    query: Any, chart: Chart, since: datetime, until: datetime, *, axis: Axis = "topic"
) -> Drawing:
    """Each day against the day before, a strip per topic; complete days (UTC) if there are two."""
    first = -(-(since - EPOCH) // timedelta(days=1))
    last = (until - EPOCH) // timedelta(days=1)
    if last - first >= _FEWEST:  # a day that the range cuts would look like a fall or a jump
        since, until = EPOCH + timedelta(days=first), EPOCH + timedelta(days=last)
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


def buckets(since: datetime, until: datetime, per: str) -> list[str]:
    """The starts of all calendar buckets that touch [since, until), as ISO texts."""
    step = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}[per]
    at = since.replace(minute=0, second=0, microsecond=0)
    if per != "hour":
        at = at.replace(hour=0)
    if per == "week":
        at -= timedelta(days=at.weekday())
    out: list[str] = []
    while at < until:
        out.append(iso(at))
        at += step
    return out


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
    bucket = {"h": "hour", "d": "day", "w": "week"}.get(per, per)
    bucket = _per(since, until) if bucket == "auto" else bucket
    result = query.volume(since=since, until=until, per=bucket, axis=axis)
    rows = records(result)
    have = {row["start"] for row in rows}
    empty = [{"start": b, "name": None, "messages": 0} for b in buckets(since, until, bucket)]
    if rows:  # a bucket without messages is an empty column, not a missing one
        rows = [*rows, *(e for e in empty if e["start"] not in have)]
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
