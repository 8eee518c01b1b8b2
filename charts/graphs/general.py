"""The general charts behind `Chart`: bars, columns, lines and stacks, with computed titles.

Rows that do not fit are summed up as "other"; values that cannot be drawn are left out; the
subtitle states both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from hubbub.charts.graphs.bars import Row, RowPlan, Rows, Stacked, StackPlan
from hubbub.charts.graphs.common import _spaced, capital, height_of, noun, sparse, time_axis
from hubbub.charts.graphs.line import LinePlan, Lines
from hubbub.charts.picture import scale, text
from hubbub.charts.picture.calendar import sparse_labels
from hubbub.charts.picture.canvas import draw
from hubbub.charts.picture.scale import as_time
from hubbub.charts.picture.sheet import Data

if TYPE_CHECKING:
    from hubbub.charts.chart import Chart
    from hubbub.charts.picture.drawing import Drawing

__all__ = ["columns", "lines", "period_columns", "rows", "stacks"]


_COLUMNS = 200  # more than so many buckets are drawn together


def leader(names: Sequence[str], values: Sequence[float], what: str) -> str:
    """Who leads, as a sentence that is true also with ties, one row, zeros and negatives."""
    top = max(values)
    best = [n for n, v in zip(names, values, strict=True) if v == top]
    if min(values) < 0:
        low = min(range(len(values)), key=lambda i: values[i])
        return f"from {text.signed(top)} ({best[0]}) to {text.signed(values[low])} ({names[low]})"
    total = sum(values)
    if total == 0:
        return f"no {what}"
    of = f"{text.amount(top)} of {text.amount(total)} {what}"
    if len(names) == 1:
        return f"{best[0]} has all {text.amount(total)} {what}"
    if len(best) == len(names):
        return f"all {len(names)} have {text.amount(top)} {what} each"
    if len(best) > 3:  # noqa: PLR2004 (a title is no list)
        return f"{len(best)} of {len(names)} lead with {of} each"
    return f"{text.joined(best)} {'leads' if len(best) == 1 else 'lead'} with {of}" + (
        " each" if len(best) > 1 else ""
    )


def rows(
    chart: Chart,
    data: Data,
    axes: tuple[str, str],
    names: Sequence[Any],
    values: Sequence[float | None],
    *,
    top: int,
    title: str,
    subtitle: str,
) -> Drawing:
    """Horizontal bars, the longest first."""
    x, y = axes
    known = [
        ("(none)" if n is None else text.named(n), v)
        for n, v in zip(names, values, strict=True)
        if v is not None
    ]
    known.sort(key=lambda p: (-p[1], p[0]))
    dropped = len(values) - len(known)
    shown, rest = (known[:top], known[top:]) if len(known) > top + 1 else (known, [])
    bars = [Row(n, ((v, text.amount(v), "up" if v >= 0 else "dn"),)) for n, v in shown]
    said = [subtitle or capital(f"{noun(y)} per {noun(x)}")]
    if rest:
        other = sum(v for _, v in rest)
        bars.append(Row(f"other ({len(rest):,})", ((other, text.amount(other), "fo"),)))
        said.append(f"the top {len(shown)} of {len(known):,}; the rest is other")
    if dropped:
        said.append(f"{text.plural(dropped, 'row')} without a number left out")
    finding = (
        leader([n for n, _ in known], [v for _, v in known], noun(y)) if known else f"no {noun(y)}"
    )
    page = chart.sheet(
        data,
        title=title,
        finding=finding,
        subtitle="; ".join(said),
        empty=f"No {noun(y)} in this range",
        height=height_of(len(bars)),
    )
    series = [(noun(y), [b[0] for r in bars for b in r.bars])]
    return draw(Rows, page, RowPlan(tuple(bars)), series, columns=axes, rows=known)


def columns(
    chart: Chart,
    data: Data,
    axes: tuple[str, str],
    times: Sequence[Any],
    values: Sequence[float | None],
    *,
    title: str,
    subtitle: str,
) -> Drawing:
    """A column per time."""
    x, y = axes
    cells = [(t, noun(y), v or 0.0) for t, v in zip(times, values, strict=True)]
    return stacks(chart, data, (x, y, ""), cells, top=1, title=title, subtitle=subtitle, finding="")


def lines(
    chart: Chart,
    data: Data,
    x: str,
    at: Sequence[Any],
    series: Sequence[tuple[str, Sequence[float | None]]],
    *,
    title: str,
    subtitle: str,
    unit: str = "",
    finding: str = "",
    height: int = 450,
) -> Drawing:
    """Lines over times or names."""
    times = [as_time(v) for v in at]
    order = list(range(len(at)))
    if at and all(times):
        known = [t for t in times if t is not None]
        order.sort(key=lambda i: known[i])
        xs, ticks = time_axis([known[i] for i in order])
        years = scale.needs_year(min(known), max(known))
        labels = [scale.moment(t, year=years) for t in known]
    else:
        labels = [text.clean(v) for v in at]
        xs, ticks = tuple(p for _, p in _spaced(labels)), sparse(labels)
    values = [(n, [column[i] for i in order]) for n, column in series]
    flat = [v for _, column in values for v in column if v is not None]
    whole = bool(flat) and all(v == int(v) for v in flat)
    page = chart.sheet(
        data,
        title=title,
        finding=finding or _peak(values, [labels[i] for i in order], unit),
        subtitle=subtitle or capital(f"{text.joined([n for n, _ in series])} by {noun(x)}"),
        height=height,
    )
    plan = LinePlan(xs, ticks, whole=whole and not unit, unit=unit)
    table = [(at[i], *(column[i] for _, column in series)) for i in order]
    return draw(
        Lines, page, plan, values if flat else [], columns=(x, *(n for n, _ in series)), rows=table
    )


def _peak(
    series: Sequence[tuple[str, Sequence[float | None]]], labels: Sequence[str], unit: str
) -> str:
    known = [
        (v, -i, name) for name, column in series for i, v in enumerate(column) if v is not None
    ]
    if not known:
        return f"no {text.joined([n for n, _ in series])}"
    value, back, name = max(known)
    said = text.percent(value) if unit == "%" else text.amount(value) + unit
    if len({v for v, _, n in known if n == name}) == 1:
        return f"{name} was {said}" + (" throughout" if len(labels) > 1 else f" on {labels[-back]}")
    return f"{name} peaked at {said} on {labels[-back]}"


def _grouped(
    buckets: Sequence[Any], cells: dict[str, list[float]]
) -> tuple[list[Any], dict[str, list[float]], int]:
    """At most `_COLUMNS` columns: so many neighbours in one."""
    size = -(-len(buckets) // _COLUMNS)
    if size <= 1:
        return list(buckets), cells, 1
    starts = range(0, len(buckets), size)
    return (
        [buckets[i] for i in starts],
        {n: [sum(v[i : i + size]) for i in starts] for n, v in cells.items()},
        size,
    )


def stacks(
    chart: Chart,
    data: Data,
    axes: tuple[str, str, str],
    cells: Sequence[tuple[Any, Any, float]],
    *,
    top: int,
    title: str,
    subtitle: str,
    finding: str,
) -> Drawing:
    """Stacked columns; the largest series stands on the axis, "other" on top."""
    x, y, by = axes
    times = {b: as_time(b) for b, _, _ in cells}
    timed = bool(times) and all(times.values())
    buckets = sorted(times, key=lambda b: times[b] or 0) if timed else list(times)
    index = {b: i for i, b in enumerate(buckets)}
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0] * len(buckets))
    for bucket, name, value in cells:
        if name is not None and value > 0:
            sums[str(name)][index[bucket]] += value
    order = sorted(sums, key=lambda n: (-sum(sums[n]), n))
    kept = order if len(order) <= top + 1 else order[:top]
    series = {n: sums[n] for n in kept}
    said = [subtitle or capital(f"{noun(y)} by {noun(by)}" if by else noun(y))]
    if rest := order[len(kept) :]:
        series[f"other ({len(rest):,})"] = [
            sum(col) for col in zip(*(sums[n] for n in rest), strict=True)
        ]
        said.append(f"the top {top} of {len(order):,}, the rest is other")
    drawn, series, size = _grouped(buckets, series)
    if size > 1:
        said.append(f"each column adds up {size} of them")
    names = text.short_names(kept)
    if timed:
        ticks = time_axis([times[b] for b in drawn], centred=True)[1]  # type: ignore[misc]  # all are times
    else:
        ticks = tuple(
            (text.clean(b), (i + 0.5) / len(drawn))
            for i, b in enumerate(drawn)
            if i % (-(-len(drawn) // scale.MOST)) == 0
        )
    page = chart.sheet(
        data,
        title=title,
        finding=finding
        or _stack_finding([names.get(n, n) for n in order], [sum(sums[n]) for n in order], noun(y)),
        subtitle="; ".join(said),
        empty=f"No {noun(y)} in this range",
    )
    plan = StackPlan(ticks, others=len(kept) if rest else None)
    table = [(b, *(series[n][i] for n in series)) for i, b in enumerate(drawn)]
    return draw(
        Stacked,
        page,
        plan,
        [(names.get(n, n), v) for n, v in series.items()],
        columns=(x, *(names.get(n, n) for n in series)),
        rows=table,
    )


def _stack_finding(names: Sequence[str], totals: Sequence[float], what: str) -> str:
    if not names:
        return f"no {what}"
    if len(names) == 1:
        return f"{text.amount(totals[0])} {what}"
    return f"{names[0]} leads with {text.percent(totals[0] / sum(totals))} of {what}"


def period_columns(
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
