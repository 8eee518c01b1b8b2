"""Explanations of queries by period: volume, diff, year_over_year, traffic, alerts, briefing."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from hubbub.analyzers.activity.volume import periods_of_diff
from hubbub.analyzers.alerts.threshold import MAX_TICKS
from hubbub.analyzers.common.periods import Calendar, period
from hubbub.analyzers.common.ticks import Ticks
from hubbub.analyzers.common.times import DAY
from hubbub.analyzers.explained.cell import (
    Column,
    Explanation,
    Request,
    Row,
    between,
    bytes_of,
    distinct_objects,
    distinct_users,
    mentions,
    messages,
    number,
    time_of,
)
from hubbub.collector.decode.logs.access_log import HTTP
from hubbub.times import EPOCH

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import ibis.expr.types as ir

__all__ = ["EXPLANATIONS"]


def _volume(request: Request, row: Row) -> ir.Table:
    length, axis = period(request.values["per"]), request.values["axis"]
    start = time_of(row["start"])
    rows = between(messages(request), start, request.events.zone.following(start, length))
    return rows if axis is None else rows.filter(rows[axis] == row["name"])


def _diff(request: Request, row: Row) -> ir.Table:
    values = request.values
    calendar = periods_of_diff(
        request.events, request.since, request.until, values["per"], values["last"]
    )
    periods = dict(zip(calendar.labels, pairwise(calendar.edges), strict=True))
    rows = between(messages(request), *periods[row["label"]])
    return rows.filter(rows[values["axis"]] == row["name"])


def _diff_records(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "label": label,
            "counts": count,
            "diff": data["diff"][name][i],
        }
        for name, counts in data["counts"].items()
        for i, (label, count) in enumerate(zip(data["labels"], counts, strict=True))
    ]


def _week(request: Request, row: Row, *, before: bool) -> tuple[datetime, datetime]:
    """Return the week of a row, or the same week of the year before."""
    zone = request.events.zone
    start = time_of(row["start"])
    if before:
        start = zone.midnight(date.fromisocalendar(row["year"] - 1, row["week"], 1))
    return start, zone.following(start, "week")


def _messages_of_week(request: Request, row: Row, *, before: bool = False) -> ir.Table:
    return between(messages(request), *_week(request, row, before=before))


def _users_of_week(request: Request, row: Row, *, before: bool = False) -> ir.Table:
    return between(mentions(request), *_week(request, row, before=before))


def _traffic(request: Request, row: Row) -> ir.Table:
    start = time_of(row["start"])
    rows = messages(request)
    return between(rows.filter(rows.topic == HTTP), start, start + request.values["period"])


def _ticks(request: Request, row: Row, *, recent: bool) -> ir.Table:
    """Return the events of the ticks of the short average, or of the long one before them."""
    values, length = request.values, request.values["resolution"]
    table = request.events.stored
    ticks = Ticks.of(
        table,
        length,
        maximum=MAX_TICKS,
        option="--resolution",
        until=request.until,
        zone=request.events.zone,
    )
    middle = row["tick"] - int(values["short"])
    first, last = (middle, row["tick"]) if recent else (middle - int(values["long"]), middle)
    rows = messages(request)
    amount = 1 if values["measure"] == "messages" else rows["size"]
    rows = rows.mutate(amount=amount, ticks=int(values["short" if recent else "long"]))
    at = ticks.number_of(rows.time)
    return rows.filter(at >= first, at < last)


def _mean(rows: ir.Table) -> ir.Scalar:
    total = rows.amount.sum().cast("float64") / rows.ticks.max()
    return total.fill_null(0)


def _day(request: Request, ago: int) -> tuple[datetime, datetime]:
    """Return the day of a briefing, or the one so many days before."""
    zone = request.events.zone
    day = date.fromisoformat(request.diagnostics["day"]) - ago * DAY
    return zone.midnight(day), zone.midnight(day + DAY)


def _briefing(request: Request, row: Row, *, ago: int) -> ir.Table:
    start, end = _day(request, ago)
    if row["what"] == "messages":
        rows = between(messages(request), start, end)
        return rows if row["name"] is None else rows.filter(rows.category == row["name"])
    if row["what"] == "objects":
        objects = request.events.unnest_objects()
        return between(objects.select("id", "time", "size", "object"), start, end)
    people = mentions(request)
    found = between(people, start, end)
    if row["what"] == "new users":
        days = timedelta(seconds=request.diagnostics["look_back"]) // DAY
        seen = between(people, _day(request, ago + days)[0], start)
        found = found.filter(found.user.notin(seen.user))
    return found


def _briefing_number(rows: ir.Table) -> ir.Scalar:
    if "user" in rows.columns:
        return distinct_users(rows)
    return distinct_objects(rows) if "object" in rows.columns else number(rows)


def _phase(request: Request, row: Row, *, people: bool) -> ir.Table:
    rows = mentions(request) if people else messages(request)
    return between(rows, time_of(row["start"]), time_of(row["end"]))


def _newcomers(request: Request, row: Row) -> ir.Table:
    start, people = time_of(row["start"]), mentions(request)
    look_back = timedelta(seconds=request.diagnostics["look_back"])
    seen = between(people, start - look_back, start)
    found = between(people, start, time_of(row["end"]))
    return found.filter(found.user.notin(seen.user))


def _daily_users(request: Request, row: Row, *, until_end: bool = False) -> ir.Table:
    start = time_of(row["start"])
    end = request.events.zone.following(start, period(request.values["per"]))
    return between(mentions(request), EPOCH if until_end else start, end)


def _new_users(request: Request, row: Row) -> ir.Table:
    calendar = Calendar.touched(
        period(request.values["per"]), request.since, request.until, request.events.zone
    )
    people, start = mentions(request), time_of(row["start"])
    seen = between(people, calendar.first, start)
    found = _daily_users(request, row)
    return found.filter(found.user.notin(seen.user))


def _both(counted: Callable[[Request, Row], ir.Table], what: str) -> dict[str, Column]:
    """Return the columns `messages` and `bytes`."""
    return {
        "messages": Column(f"the messages {what}", counted, number),
        "bytes": Column(f"the bytes of the messages {what}", counted, bytes_of),
    }


EXPLANATIONS = {
    "volume": Explanation(("start", "name"), _both(_volume, "of the period (and name)")),
    "diff": Explanation(
        ("name", "label"),
        {"counts": Column("the messages of the topic or category in the period", _diff, number)},
        records=_diff_records,
    ),
    "year_over_year": Explanation(
        ("week", "year"),
        {
            "messages": Column("the messages of the week", _messages_of_week, number),
            "users": Column("the distinct users of the week", _users_of_week, distinct_users),
            "messages_before": Column(
                "the messages of the same week of the year before",
                partial(_messages_of_week, before=True),
                number,
            ),
            "users_before": Column(
                "the distinct users of the same week of the year before",
                partial(_users_of_week, before=True),
                distinct_users,
            ),
        },
    ),
    "traffic": Explanation(
        ("start",),
        {
            "total_hits": Column("the requests of the period", _traffic, number),
            "total_bytes": Column("the bytes of the requests of the period", _traffic, bytes_of),
        },
    ),
    "alerts": Explanation(
        ("tick",),
        {
            "short": Column(
                "the mean per tick of the ticks up to this one", partial(_ticks, recent=True), _mean
            ),
            "long": Column(
                "the mean per tick of the ticks before those", partial(_ticks, recent=False), _mean
            ),
        },
    ),
    "briefing": Explanation(
        ("what", "name"),
        {
            "value": Column(
                "what the row names, of the day", partial(_briefing, ago=0), _briefing_number
            ),
            "yesterday": Column(
                "what the row names, of the day before", partial(_briefing, ago=1), _briefing_number
            ),
        },
    ),
    "event_activity": Explanation(
        ("phase",),
        {
            "messages": Column("the messages of the phase", partial(_phase, people=False), number),
            "users": Column(
                "the distinct users of the phase", partial(_phase, people=True), distinct_users
            ),
            "newcomers": Column(
                "the distinct users of the phase who were not seen in the look-back before it",
                _newcomers,
                distinct_users,
            ),
        },
    ),
    "daily_users": Explanation(
        ("start",),
        {
            "users": Column("the distinct users of the period", _daily_users, distinct_users),
            "new": Column(
                "the distinct users of the period who were not seen earlier in the range",
                _new_users,
                distinct_users,
            ),
            "total": Column(
                "the distinct users from the beginning of the range to the end of the period",
                partial(_daily_users, until_end=True),
                distinct_users,
            ),
        },
    ),
}
