"""The view `traffic`: requests of a web server over time, by section of the site."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from hubbub.charts.chart import Chart
from hubbub.charts.picture import text
from hubbub.charts.picture.calendar import whole_ticks
from hubbub.charts.picture.drawing import Drawing
from hubbub.charts.picture.scale import as_time, moment, needs_year
from hubbub.charts.picture.sheet import records
from hubbub.language import N_, _, ngettext
from hubbub.language.numbers import amount, byte_size, percent
from hubbub.language.wording import duration
from hubbub.registry import view

__all__ = ["period_of", "traffic"]

_COLUMNS = 100
_NONE = N_("no section")
_MINUTES = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10_080, 20_160, 43_200)


def period_of(length: timedelta) -> timedelta:
    """Return a round period of which the range holds at most a hundred, at least 10 s."""
    periods = (timedelta(seconds=10), *(timedelta(minutes=m) for m in _MINUTES))
    return next((p for p in periods if length <= _COLUMNS * p), length / _COLUMNS)


@view(names_people=False)
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

    Without `--period` the range is divided into at most a hundred.

    Args:
        query: Calls queries.
        chart: Draws.
        since: Start of the range.
        until: End of the range, exclusive.
        period: Length of a period; by default there are at most a hundred.
        root: Count files directly under the root as the section `/`.
    """
    length = period or period_of(until - since)
    whole = whole_ticks(since, until, length, to_newest=chart.to_newest)
    since, until = whole.since, whole.until
    result = query.traffic(since=since, until=until, period=length, root=root)
    rows = records(result)
    cells: list[dict[str, Any]] = []
    totals: Counter[str] = Counter()
    for row in rows:
        hits = [*row["sections"], [_(_NONE), row["without_section"]]]
        totals.update({name: n for name, n in hits if n})
        parts = [{"name": name, "requests": n} for name, n in hits if n]
        cells += [
            {"start": row["start"], **part} for part in parts or [{"name": None, "requests": 0}]
        ]
    subtitle = _("Requests per {period} by section of the site", period=_period_name(length))
    if rows and totals:
        subtitle = _(
            "{subtitle}; {size} answered in all",
            subtitle=subtitle,
            size=byte_size(sum(row["total_bytes"] for row in rows)),
        )
    return chart.stacked(
        result,
        rows=cells,
        x="start",
        y="requests",
        by="name",
        title=_finding(rows, totals, length, year=needs_year(since, until)),
        subtitle="; ".join([subtitle, *whole.notes]),
    )


def _period_name(length: timedelta) -> str:
    """Format the length of a period: `30 min`, `hour`."""
    if length == timedelta(hours=1):
        return _("hour")
    return _("minute") if length == timedelta(minutes=1) else duration(length)


def _finding(
    rows: Sequence[Mapping[str, Any]], totals: Mapping[str, int], length: timedelta, *, year: bool
) -> str:
    """State the section with most requests, and the peak."""
    total = sum(totals.values())
    if not total:
        return _("No requests of a web server in this range")
    most = max(totals.values())
    leaders = sorted(text.named(n) for n, hits in totals.items() if hits == most)
    peak = max(rows, key=lambda row: row["total_hits"])
    when = as_time(peak["start"])
    assert when is not None
    if total == 1:
        sentence = _("One request, to {section}", section=text.in_title(leaders[0]))
    elif len(totals) == 1:
        sentence = ngettext(
            "All {n} request went to {section}",
            "All {n} requests went to {section}",
            total,
            section=text.in_title(leaders[0]),
        )
    else:
        share = percent(most / total)
        sentence = text.leading(leaders, _("{share} of {n} requests", share=share, n=amount(total)))
    if len(rows) == 1:
        return sentence
    hits = amount(peak["total_hits"])
    times = sum(row["total_hits"] == peak["total_hits"] for row in rows)
    if times > 1:  # equal columns have no peak
        return _(
            "{sentence}; at most {n} in all per {period}",
            sentence=sentence,
            n=hits,
            period=_period_name(length),
        )
    return _(
        "{sentence}; the busiest {period} began on {start}: {n} in all",
        sentence=sentence,
        period=_period_name(length),
        start=moment(when, year=year),
        n=hits,
    )
