"""The view `traffic`: what a web server was asked for over time, section by section.

Comes in: the answer of the query `traffic`. Goes out: a `Drawing`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from hubbub.charts.chart import Chart
from hubbub.charts.picture import text
from hubbub.charts.picture.drawing import Drawing
from hubbub.charts.picture.scale import as_time, moment, needs_year
from hubbub.charts.picture.sheet import duration, records
from hubbub.registry import view

__all__ = ["period_of", "traffic"]

_COLUMNS = 100
_NONE = "no section"
_MINUTES = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10_080, 20_160, 43_200)


def period_of(length: timedelta) -> timedelta:
    """A period of which a range has at most a hundred; 10 s at least."""
    periods = (timedelta(seconds=10), *(timedelta(minutes=m) for m in _MINUTES))
    return next((p for p in periods if length <= _COLUMNS * p), length / _COLUMNS)


@view
def traffic(
    query: Any,
    chart: Chart,
    since: datetime,
    until: datetime,
    *,
    period: timedelta | None = None,
    root: bool = False,
) -> Drawing:
    """Requests of a web server over time, by section of the site.

    Without `--period` it is so long that the range has at most a hundred of them.
    """
    length = period or period_of(until - since)
    result = query.traffic(since=since, until=until, period=length, root=root)
    rows = _whole(records(result), since, until, length)
    cells: list[dict[str, Any]] = []
    totals: Counter[str] = Counter()
    for row in rows:
        hits = [*row["sections"], [_NONE, row["without_section"]]]
        totals.update({name: n for name, n in hits if n})
        parts = [{"name": name, "requests": n} for name, n in hits if n]
        cells += [
            {"start": row["start"], **part} for part in parts or [{"name": None, "requests": 0}]
        ]
    said = f"Requests per {_words(length)} by section of the site"
    if rows:
        many = sum(row["total_bytes"] for row in rows)
        said += f"; {_bytes(many)} answered in all"
    return chart.stacked(
        result,
        rows=cells,
        x="start",
        y="requests",
        by="name",
        title=_finding(rows, totals, length, year=needs_year(since, until)),
        subtitle=said,
    )


def _whole(
    rows: Sequence[Mapping[str, Any]], since: datetime, until: datetime, length: timedelta
) -> list[Mapping[str, Any]]:
    """The periods that the range does not cut, if there are two: half of one looks like a fall."""
    least = length / 100

    def inside(row: Mapping[str, Any]) -> bool:
        start = as_time(row["start"])
        return start is not None and since - least <= start and start + length <= until + least

    kept = [row for row in rows if inside(row)]
    return kept if len(kept) > 1 else list(rows)


def _bytes(n: int) -> str:
    """`500 B`, `118 MB`."""
    said = text.brief(n)
    return f"{said[:-1]} {said[-1]}B" if said[-1].isalpha() else f"{said} B"


def _words(length: timedelta) -> str:
    """`30 min`, `hour`."""
    return {"1 h": "hour", "1 min": "minute"}.get(said := duration(length), said)


def _finding(
    rows: Sequence[Mapping[str, Any]], totals: Mapping[str, int], length: timedelta, *, year: bool
) -> str:
    total = sum(totals.values())
    if not total:
        return "No requests of a web server in this range"
    first = max(totals, key=lambda n: (totals[n], n))
    share = text.percent(totals[first] / total)
    name = text.named(first)
    peak = max(rows, key=lambda row: row["total_hits"])
    when = as_time(peak["start"])
    assert when is not None
    at = f"{_words(length)} from {moment(when, year=year)}"
    if len(totals) == 1:
        said = (
            f"All {text.plural(total, 'request')} went to {name}"
            if total > 1
            else f"One request, to {name}"
        )
    else:
        said = f"{name} leads with {share} of {text.amount(total)} requests"
    if len(rows) == 1:
        return said
    return f"{said}; the peak was {text.amount(peak['total_hits'])} in the {at}"
