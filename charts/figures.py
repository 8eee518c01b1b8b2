"""The pictures of one kind of question each: curve, areas, histogram, columns of periods.

Comes in: columns of a table, with the texts that a view computed. Goes out: a `Drawing`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from hubbub.charts import text
from hubbub.charts.areas import AreaPlan, Areas
from hubbub.charts.bars import Stacked, StackPlan
from hubbub.charts.canvas import draw
from hubbub.charts.curve import Curve, CurvePlan
from hubbub.charts.histogram import Histogram, HistogramPlan, binned
from hubbub.charts.plots import capital, noun, time_axis
from hubbub.charts.scale import as_time
from hubbub.charts.sheet import Data, column, finite, records
from hubbub.charts.whole import sparse_labels
from hubbub.errors import UsageError

if TYPE_CHECKING:
    from hubbub.charts.chart import Chart
    from hubbub.charts.drawing import Drawing

__all__ = ["areas", "columns", "curve", "histogram"]


def curve(
    chart: Chart,
    result: Data,
    shares: Sequence[float],
    *,
    mark: tuple[float, float] | None,
    says: str,
    title: str,
    subtitle: str,
    rows: Sequence[Sequence[Any]],
) -> Drawing:
    """Cumulative shares, from 0 to 1."""
    page = chart.sheet(
        result,
        finding=title,
        title="",
        subtitle=subtitle,
        empty="No messages in this range name a user",
        height=500,
    )
    plan = CurvePlan(
        mark, text.clean(says), "share of people, those with the fewest messages first"
    )
    return draw(
        Curve,
        page,
        plan,
        [("share", list(shares))] if shares else [],
        columns=("people", "user", "messages", "share"),
        rows=rows,
    )


def areas(
    chart: Chart,
    result: Data,
    x: str,
    y: Sequence[str],
    names: Sequence[str],
    *,
    title: str,
    subtitle: str,
    empty: str,
) -> Drawing:
    """Shares over times."""
    table = records(result)
    times = [as_time(v) for v in column(table, x)]
    if not all(times):
        raise UsageError(f"column {x!r} does not hold times alone", hint="areas stand over times")
    order = sorted(range(len(table)), key=lambda i: times[i] or 0)
    known = [t for t in (times[i] for i in order) if t is not None]
    series = []
    for name, of in zip(names, y, strict=True):
        values = [finite(v) for v in column(table, of)]
        series.append((text.clean(name), [values[i] for i in order]))
    some = any(v is not None for _, values in series for v in values)
    page = chart.sheet(result, title="", finding=title, subtitle=subtitle, empty=empty)
    xs, ticks = time_axis(known) if known else ((), ())
    cells = zip(known, *(values for _, values in series), strict=True)
    return draw(
        Areas,
        page,
        AreaPlan(xs, ticks),
        series if some else [],
        columns=(x, *(n for n, _ in series)),
        rows=list(cells),
    )


def histogram(
    chart: Chart, result: Data, x: str, y: str, *, title: str, subtitle: str, empty: str
) -> Drawing:
    """How many have so many."""
    table = records(result)
    pairs = zip(map(finite, column(table, x)), map(finite, column(table, y)), strict=True)
    counts = [(int(k), int(n)) for k, n in pairs if k is not None and n is not None]
    found, ranges = binned(counts)
    said = [subtitle or capital(f"{noun(y)} by their number of {noun(x)}")]
    if ranges:
        said.append("each column holds twice as wide a range as the one before")
    page = chart.sheet(result, title="", finding=title, subtitle="; ".join(said), empty=empty)
    plan = HistogramPlan(tuple(name for name, _ in found), noun(x))
    return draw(
        Histogram,
        page,
        plan,
        [(noun(y), [n for _, n in found])] if found else [],
        columns=(noun(x), noun(y)),
        rows=sorted(counts),
    )


def columns(
    chart: Chart,
    result: Data,
    times: Sequence[datetime],
    values: Sequence[float],
    *,
    per: str,
    what: str,
    title: str,
    subtitle: str,
) -> Drawing:
    """A column per period; months and years are as wide as one another."""
    ticks: tuple[tuple[str, float], ...] = ()
    if times and per in {"month", "quarter", "year"}:
        ticks = sparse_labels(list(times), per)
    elif times:
        ticks = time_axis(times, centred=True)[1]
    page = chart.sheet(
        result, title="", finding=title, subtitle=subtitle, empty=f"No {what} in this range"
    )
    series = [(what, list(values))] if any(values) else []
    rows = list(zip(times, values, strict=True))
    most = max(values, default=0)
    peak = list(values).index(most) if min(values, default=0) < most else None
    plan = StackPlan(ticks, peak=peak)
    return draw(Stacked, page, plan, series, columns=("start", what), rows=rows)
