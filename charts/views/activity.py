"""The views `radar`, `weekly_diff`, `daily_diff` and `volume`: messages by topic and category."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Literal

from hubbub.charts.chart import Chart
from hubbub.charts.picture import text
from hubbub.charts.picture.calendar import (
    about_midnight,
    called_part,
    named_part,
    narrowed,
    period_of,
    starts,
)
from hubbub.charts.picture.drawing import Drawing
from hubbub.charts.picture.scale import as_time, begins_day, needs_year
from hubbub.charts.picture.sheet import finite, records
from hubbub.language import N_, _, ngettext, periods
from hubbub.language.numbers import amount, percent
from hubbub.registry import view
from hubbub.zones import current

__all__ = ["daily_diff", "radar", "volume", "weekly_diff"]

Axis = Literal["topic", "category"]
_WEEK = 7  # days


@view(names_people=False)
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
    """Share of all messages of each category that name one user; up to three users.

    `--axes` is the number of categories drawn: those in which the users are named most. With more
    than ten, bars are drawn instead of a web.

    Args:
        query: Calls queries.
        chart: Draws.
        since: Start of the range.
        until: End of the range, exclusive.
        axis: What an axis is.
        user: Draw these users (glob), three at most.
        axes: How many categories are drawn.
        events: The selected events.
    """
    from hubbub.charts.graphs.radar import USERS, draw_radar

    users = list(user or ())
    if events is not None:  # merged accounts are drawn under the person's name
        users = list(dict.fromkeys(map(events.persons.name, users)))
    top = None if users else USERS
    result = query.radar(since=since, until=until, axis=axis, user=users, top=top)
    if axis == "topic":
        subtitle = _(
            "Share of all messages of each topic that name the user; in brackets all messages"
        )
    else:
        subtitle = _(
            "Share of all messages of each category that name the user; in brackets all messages"
        )
    return draw_radar(chart, result, users=users, subtitle=subtitle, most=axes)


@view(names_people=False)
def weekly_diff(
    query: Any, chart: Chart, since: datetime, until: datetime, *, axis: Axis = "topic"
) -> Drawing:
    """The last complete week against the week before.

    Without two calendar weeks in the range: its last seven whole days against the seven before.

    Args:
        query: Calls queries.
        chart: Draws.
        since: Start of the range.
        until: End of the range, exclusive.
        axis: What messages are grouped by.
    """
    from hubbub.charts.graphs.changes import draw_last_change

    result = query.diff(since=since, until=until, per="week", axis=axis, last=2)
    if len(result.data["labels"]) < 2:  # noqa: PLR2004 (a change needs two)
        whole = narrowed(since, until, "day")
        days = query.diff(
            since=whole.since, until=whole.until, per="day", axis=axis, last=2 * _WEEK
        )
        if len(days.data["labels"]) >= 2 * _WEEK:
            result = replace(days, data=_sevens(days.data))
    return draw_last_change(chart, result, axis=axis)


def _sevens(days: Mapping[str, Any]) -> dict[str, Any]:
    """Reduce the result of `diff` per day to its last fourteen days, as two buckets of seven."""
    counts = {
        name: [sum(each[-2 * _WEEK : -_WEEK]), sum(each[-_WEEK:])]
        for name, each in days["counts"].items()
    }
    return {
        "labels": [f"{days['labels'][-n]}/P7D" for n in (2 * _WEEK, _WEEK)],
        "counts": counts,
        "diff": {name: [None, now - before] for name, (before, now) in counts.items()},
    }


@view(names_people=False)
def daily_diff(
    query: Any, chart: Chart, since: datetime, until: datetime, *, axis: Axis = "topic"
) -> Drawing:
    """Each day against the day before, a strip per topic; complete days if there are two.

    Args:
        query: Calls queries.
        chart: Draws.
        since: Start of the range.
        until: End of the range, exclusive.
        axis: What messages are grouped by.
    """
    from hubbub.charts.graphs.changes import STRIPS, draw_all_changes

    whole = narrowed(since, until, "day")
    ends = whole.since, whole.until
    result = query.diff(since=whole.since, until=whole.until, per="day", axis=axis, top=STRIPS)
    complete = all(begins_day(about_midnight(t)) for t in ends)
    return draw_all_changes(chart, result, axis=axis, complete=complete, notes=whole.notes)


def _bucket_of(since: datetime, until: datetime) -> str:
    length = until - since
    if length <= timedelta(days=3):
        return "hour"
    return "day" if length <= timedelta(days=200) else "week"


@view(names_people=False)
def volume(
    query: Any,
    chart: Chart,
    since: datetime,
    until: datetime,
    *,
    per: Literal["auto", "hour", "day", "week", "h", "d", "w"] = "auto",
    axis: Axis = "topic",
) -> Drawing:
    """Messages over time, the five busiest topics and the rest.

    Args:
        query: Calls queries.
        chart: Draws.
        since: Start of the range.
        until: End of the range, exclusive.
        per: Length of a period; auto: by the range.
        axis: What messages are grouped by.
    """
    from hubbub.charts.graphs.common import noun

    bucket = period_of(per)
    bucket = _bucket_of(since, until) if bucket == "auto" else bucket
    whole = narrowed(since, until, bucket, to_newest=chart.to_newest)
    since, until = whole.since, whole.until
    result = query.volume(since=since, until=until, per=bucket, axis=axis)
    rows = records(result)
    present = {row["start"] for row in rows}
    buckets = [current().iso(start) for start in starts(since, until, bucket)]
    if rows:  # a bucket without messages is an empty column, not a missing one
        rows += [{"start": s, "name": None, "messages": 0} for s in buckets if s not in present]
    return chart.stacked(
        result,
        rows=rows,
        x="start",
        y="messages",
        by="name",
        title=_volume_finding(rows, bucket, since, until),
        subtitle="; ".join(
            [
                _("Messages {per_day} by {axis}", per_day=periods.per(bucket), axis=noun(axis)),
                *whole.notes,
            ]
        ),
    )


def _volume_finding(  # noqa: PLR0911 - one for each form
    rows: Sequence[Mapping[str, Any]], bucket: str, since: datetime, until: datetime
) -> str:
    """State the largest share, and the period with most messages of all."""
    by_start: dict[str, float] = {}
    by_name: dict[str, float] = {}
    for row in rows:
        n = finite(row["messages"]) or 0
        by_start[row["start"]] = by_start.get(row["start"], 0) + n
        if row["name"] is not None:
            by_name[row["name"]] = by_name.get(row["name"], 0) + n
    total = sum(by_start.values())
    if not total or not by_name:
        return _("No messages in this range")
    most = max(by_start.values())
    peaks = [start for start, n in by_start.items() if n == most]
    start = as_time(peaks[0])
    assert start is not None
    part = (start, bucket, since, until)
    year = needs_year(since, until)
    once = named_part(*part, year=year)
    largest = max(by_name.values())
    short = text.short_names(by_name)
    leaders = sorted(short[name] for name, n in by_name.items() if n == largest)
    if total == 1:
        return _("One message, of {name}, {when}", name=text.in_title(leaders[0]), when=once)
    if len(by_start) == 1:
        if len(by_name) == 1:
            return ngettext(
                "{n} message {when}, all of {name}",
                "{n} messages {when}, all of {name}",
                total,
                when=once,
                name=text.in_title(leaders[0]),
            )
        return ngettext(
            "{n} message {when}; {leaders}",
            "{n} messages {when}; {leaders}",
            total,
            when=once,
            leaders=text.leading(leaders, percent(largest / total)),
        )
    if len(by_name) == 1:
        name = text.in_title(leaders[0])
        sentence = ngettext(
            "All {n} message are of {name}", "All {n} messages are of {name}", total, name=name
        )
    else:
        share = percent(largest / total)
        sentence = text.leading(leaders, _("{share} of messages", share=share))
    if len(peaks) == len(by_start):
        return ngettext(
            "{sentence}; {n} message {each_day}",
            "{sentence}; {n} messages {each_day}",
            most,
            sentence=sentence,
            each_day=periods.each(bucket),
        )
    facts = {"sentence": sentence, "n": amount(most)}
    if len(peaks) > 1:
        on = text.occasions(len(peaks), once, bucket)
        return _("{sentence}; at most {n} in all, {when}", when=on, **facts)
    return _(_BUSIEST[bucket], when=called_part(*part, year=year), **facts)


_BUSIEST = {
    "hour": N_("{sentence}; the busiest hour was {when}: {n} in all"),
    "day": N_("{sentence}; the busiest day was {when}: {n} in all"),
    "week": N_("{sentence}; the busiest week was {when}: {n} in all"),
}
