"""Explanations of the queries of people who come, stay and leave: returning, health."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING

from hubbub.analyzers.explained.cell import (
    Column,
    Explanation,
    Request,
    Row,
    between,
    distinct_users,
    mentions,
    number,
    time_of,
)
from hubbub.analyzers.people.active_users import number_of_day, period_number
from hubbub.analyzers.people.cohorts import first_months

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["EXPLANATIONS"]


def _group(request: Request, row: Row, *, after: int | None) -> ir.Table:
    """Return the messages of the people of a group in a month after it; None: that of the row."""
    group = number_of_day("m", date.fromisoformat(f"{row['group']}-01"))
    first = first_months(request.events, request.diagnostics["look_back_months"])
    members = first.filter(first.group == group)
    rows = mentions(request)
    month = group + (row["after"] if after is None else after)
    in_month = rows.filter(period_number("m", request.events, rows.time) == month)
    return in_month.filter(in_month.user.isin(members.user))


def _window(request: Request, row: Row) -> ir.Table:
    return between(mentions(request), time_of(row["start"]), time_of(row["end"]))


def _before(request: Request, row: Row) -> ir.Table:
    """Return the rows of the window before."""
    start, end = time_of(row["start"]), time_of(row["end"])
    return between(mentions(request), start - (end - start), start)


def _kind(request: Request, row: Row, *, kind: str) -> ir.Table:
    """Return the rows of the window's new, continuing or returning users."""
    rows, before = _window(request, row), _before(request, row)
    if kind == "continuing":
        return rows.filter(rows.user.isin(before.user))
    start = time_of(row["start"])
    look_back = timedelta(seconds=request.diagnostics["look_back"])
    seen = between(mentions(request), start - look_back, start)
    known = rows.user.isin(seen.user)
    return rows.filter(~rows.user.isin(before.user), known if kind == "returning" else ~known)


def _drifting(request: Request, row: Row) -> ir.Table:
    before = _before(request, row)
    return before.filter(before.user.notin(_window(request, row).user))


EXPLANATIONS = {
    "returning": Explanation(
        ("group", "after"),
        {
            "active": Column(
                "the distinct users of the group who were seen in the month `after`",
                partial(_group, after=None),
                distinct_users,
            ),
            "people": Column(
                "the distinct users first seen in the month of the group",
                partial(_group, after=0),
                distinct_users,
            ),
        },
    ),
    "health": Explanation(
        ("start",),
        {
            "messages": Column(
                "the messages of the window, once for each user that they name", _window, number
            ),
            "people": Column("the distinct users of the window", _window, distinct_users),
            "new": Column(
                "the distinct users of the window who were not seen in the look-back",
                partial(_kind, kind="new"),
                distinct_users,
            ),
            "continuing": Column(
                "the distinct users of the window who were seen in the window before",
                partial(_kind, kind="continuing"),
                distinct_users,
            ),
            "returning": Column(
                "the distinct users of the window who were seen in the look-back, but not in the "
                "window before",
                partial(_kind, kind="returning"),
                distinct_users,
            ),
            "drifting": Column(
                "the distinct users of the window before who were not seen in this one",
                _drifting,
                distinct_users,
            ),
        },
    ),
}
