"""Explanations of the queries of windows: longtail and cohorts."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from hubbub.analyzers.common.periods import whole_since
from hubbub.analyzers.common.times import micros
from hubbub.analyzers.evenness.windows import Windows
from hubbub.analyzers.explained.cell import (
    Column,
    Explanation,
    Request,
    Row,
    distinct_users,
    mentions,
    number,
    time_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import ibis.expr.types as ir

__all__ = ["EXPLANATIONS"]

_MICRO = timedelta(microseconds=1)


def _windows_of_longtail(request: Request) -> Windows:
    values, zone = request.values, request.events.zone
    return Windows.between(request.since, request.until, values["window"], values["step"], zone)


def _windows_of_cohorts(request: Request) -> Windows:
    values, events = request.values, request.events
    end, step = request.until, values["step"]
    if step % timedelta(weeks=1) == timedelta(0):
        end = events.zone.floor(end, "week")
    since = whole_since(events, "week", request.since)
    return Windows.between(since, end, values["window"], step, events.zone)


def _window(request: Request, row: Row, *, cut: Callable[[Request], Windows]) -> ir.Table:
    """Return a row for each event and user of the window of a row."""
    windows, end = cut(request), time_of(row["end"])
    window = next(index for index, _start, last in windows.spans() if last == end)
    last = windows.end - window * (windows.step // _MICRO)
    rows = mentions(request)
    at = request.events.wall(rows.time) if windows.by_clock else micros(rows.time)
    return rows.filter(at >= last - windows.length // _MICRO, at < last)


def _rarefied(values: Mapping[str, Any]) -> str:
    return "" if values["rarefy"] is None else "with --rarefy the numbers are expectations"


def _largest(rows: ir.Table) -> ir.Scalar:
    return rows.group_by("user").agg(n=rows.count()).n.max()


def _smallest(rows: ir.Table) -> ir.Scalar:
    return rows.group_by("user").agg(n=rows.count()).n.min()


def _both(counted: Callable[[Request, Row], ir.Table]) -> dict[str, Column]:
    """Return the columns `total` and `n`."""
    return {
        "total": Column(
            "the messages of the window, once for each user that they name", counted, number
        ),
        "n": Column("the distinct users of the window", counted, distinct_users),
    }


_LONGTAIL = partial(_window, cut=_windows_of_longtail)

EXPLANATIONS = {
    "longtail": Explanation(
        ("start", "end"),
        {
            **_both(_LONGTAIL),
            "head": Column(
                "the messages of the window: how many the busiest user has", _LONGTAIL, _largest
            ),
            "tail": Column(
                "the messages of the window: how many the least busy user has", _LONGTAIL, _smallest
            ),
        },
        refuses=_rarefied,
    ),
    "cohorts": Explanation(("start", "end"), _both(partial(_window, cut=_windows_of_cohorts))),
}
