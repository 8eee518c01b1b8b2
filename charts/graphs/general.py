"""The general chart types: bars, columns, lines and stacks, with computed titles.

Rows that do not fit are added up as "other", values that are not numbers are left out, and the
subtitle states both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from hubbub.charts.graphs.bars import Row, RowPlan, Rows, Stacked, StackPlan
from hubbub.charts.graphs.common import capital, height_of, noun, spaced, sparse, time_axis
from hubbub.charts.graphs.line import LinePlan, Lines
from hubbub.charts.picture import scale, text
from hubbub.charts.picture.calendar import sparse_labels
from hubbub.charts.picture.canvas import draw
from hubbub.charts.picture.scale import as_time
from hubbub.charts.picture.sheet import Data

if TYPE_CHECKING:
    from hubbub.charts.chart import Chart
    from hubbub.charts.picture.drawing import Drawing

__all__ = ["draw_bars", "draw_columns", "draw_lines", "draw_stacks"]

_COLUMNS = 200  # buckets; more are added up in groups


def _leader(names: Sequence[str], values: Sequence[float], unit: str) -> str:
    """State who leads, also with ties, a single row, zeros and negative values."""
    top = max(values)
    best = [n for n, v in zip(names, values, strict=True) if v == top]
    if min(values) < 0:
        low = min(range(len(values)), key=lambda i: values[i])
        return f"from {text.signed(top)} ({best[0]}) to {text.signed(values[low])} ({names[low]})"
    total = sum(values)
    if total == 0:
        return f"no {unit}"
    of = f"{text.amount(top)} of {text.amount(total)} {unit}"
    if len(names) == 1:
        return f"{best[0]} has all {text.amount(total)} {unit}"
    if len(best) == len(names):
        return f"all {len(names)} have {text.amount(top)} {unit} each"
    if len(best) > 3:  # noqa: PLR2004 (a title names three at most)
        return f"{len(best)} of {len(names)} lead with {of} each"
    return f"{text.joined(best)} {'leads' if len(best) == 1 else 'lead'} with {of}" + (
        " each" if len(best) > 1 else ""
    )


def draw_bars(
    chart: Chart,
    data: Data,
    names: Sequence[Any],
    values: Sequence[float | None],
    *,
    x: str,
    y: str,
    top: int,
    title: str,
    subtitle: str,
) -> Drawing:
    """Draw horizontal bars, the longest first; the rows beyond `top` are one bar "other"."""
    known = [
        ("(none)" if n is None else text.named(n), v)
        for n, v in zip(names, values, strict=True)
        if v is not None
    ]
    known.sort(key=lambda p: (-p[1], p[0]))
    dropped = len(values) - len(known)
    shown, rest = (known[:top], known[top:]) if len(known) > top + 1 else (known, [])
    bars = [Row(n, ((v, text.amount(v), "up" if v >= 0 else "dn"),)) for n, v in shown]
    subtitles = [subtitle or capital(f"{noun(y)} per {noun(x)}")]
    if rest:
        other = sum(v for _, v in rest)
        bars.append(Row(f"other ({len(rest):,})", ((other, text.amount(other), "fo"),)))
        subtitles.append(f"the top {len(shown)} of {len(known):,}; the rest is other")
    if dropped:
        subtitles.append(f"{text.plural(dropped, 'row')} without a number left out")
    page = chart.sheet(
        data,
        title=title,
        finding=_leader([n for n, _ in known], [v for _, v in known], noun(y))
        if known
        else f"no {noun(y)}",
        subtitle="; ".join(subtitles),
        empty=f"No {noun(y)} in this range",
        height=height_of(len(bars)),
    )
    series = [(noun(y), [b[0] for r in bars for b in r.bars])]
    return draw(Rows, page, RowPlan(tuple(bars)), series, columns=(x, y), rows=known)


def draw_lines(
    chart: Chart,
    data: Data,
    points: Sequence[Any],
    series: Sequence[tuple[str, Sequence[float | None]]],
    *,
    x: str,
    title: str,
    subtitle: str,
    unit: str = "",
) -> Drawing:
    """Draw lines over `points`, which are times or names; `x` is what the points are called."""
    times = [as_time(v) for v in points]
    order = list(range(len(points)))
    if points and all(times):
        known = [t for t in times if t is not None]
        order.sort(key=lambda i: known[i])
        xs, ticks = time_axis([known[i] for i in order])
        years = scale.needs_year(min(known), max(known))
        labels = [scale.moment(t, year=years) for t in known]
    else:
        labels = [text.clean(v) for v in points]
        xs, ticks = spaced(len(labels)), sparse(labels)
    values = [(name, [column[i] for i in order]) for name, column in series]
    numbers = [v for _, column in values for v in column if v is not None]
    whole = bool(numbers) and all(v == int(v) for v in numbers)
    page = chart.sheet(
        data,
        title=title,
        finding=_peak(values, [labels[i] for i in order], unit),
        subtitle=subtitle or capital(f"{text.joined([n for n, _ in series])} by {noun(x)}"),
    )
    return draw(
        Lines,
        page,
        LinePlan(xs, ticks, whole=whole and not unit, unit=unit),
        values if numbers else [],
        columns=(x, *(n for n, _ in series)),
        rows=[(points[i], *(column[i] for _, column in series)) for i in order],
    )


def _peak(
    series: Sequence[tuple[str, Sequence[float | None]]], labels: Sequence[str], unit: str
) -> str:
    """State the largest value and where it is."""
    known = [
        (v, -i, name) for name, column in series for i, v in enumerate(column) if v is not None
    ]
    if not known:
        return f"no {text.joined([n for n, _ in series])}"
    value, negative_index, name = max(known)
    label = labels[-negative_index]
    amount = text.percent(value) if unit == "%" else text.amount(value) + unit
    if len({v for v, _, n in known if n == name}) == 1:
        return f"{name} was {amount}" + (" throughout" if len(labels) > 1 else f" on {label}")
    return f"{name} peaked at {amount} on {label}"


def _grouped(
    buckets: Sequence[Any], series: dict[str, list[float]]
) -> tuple[list[Any], dict[str, list[float]], int]:
    """Add up neighbouring buckets so that at most `_COLUMNS` remain; also return the group size."""
    size = -(-len(buckets) // _COLUMNS)
    if size <= 1:
        return list(buckets), series, 1
    starts = range(0, len(buckets), size)
    return (
        [buckets[i] for i in starts],
        {n: [sum(v[i : i + size]) for i in starts] for n, v in series.items()},
        size,
    )


def draw_stacks(
    chart: Chart,
    data: Data,
    cells: Sequence[tuple[Any, Any, float]],
    *,
    x: str,
    y: str,
    by: str = "",
    top: int,
    title: str,
    subtitle: str,
    finding: str = "",
) -> Drawing:
    """Draw stacked columns: the largest series stands on the axis, "other" on top.

    Args:
        chart: of the view.
        data: the result behind the picture.
        cells: (bucket, name of the series, value); buckets are times or names.
        x: what the buckets are called.
        y: what the values are called.
        by: what the series are called; empty if there is one.
        top: series to draw; the rest is added up in "other".
        title: replaces the computed one.
        subtitle: replaces the computed one.
        finding: replaces the computed one behind the title of the view.
    """
    times = {bucket: as_time(bucket) for bucket, _, _ in cells}
    timed = bool(times) and all(times.values())
    buckets = sorted(times, key=lambda b: times[b] or 0) if timed else list(times)
    index = {b: i for i, b in enumerate(buckets)}
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0] * len(buckets))
    for bucket, name, value in cells:
        if name is not None and value > 0:
            sums[str(name)][index[bucket]] += value
    order = sorted(sums, key=lambda n: (-sum(sums[n]), n))
    shown = order if len(order) <= top + 1 else order[:top]
    series = {n: sums[n] for n in shown}
    subtitles = [subtitle or capital(f"{noun(y)} by {noun(by)}" if by else noun(y))]
    if rest := order[len(shown) :]:
        series[f"other ({len(rest):,})"] = [
            sum(col) for col in zip(*(sums[n] for n in rest), strict=True)
        ]
        subtitles.append(f"the top {top} of {len(order):,}, the rest is other")
    drawn, series, size = _grouped(buckets, series)
    if size > 1:
        subtitles.append(f"each column adds up {size} of them")
    names = text.short_names(shown)
    if timed:
        ticks = time_axis([times[b] for b in drawn], centred=True)[1]  # type: ignore[misc]  # none is None
    else:
        step = -(-len(drawn) // scale.MOST)
        ticks = tuple(
            (text.clean(b), (i + 0.5) / len(drawn)) for i, b in enumerate(drawn) if i % step == 0
        )
    page = chart.sheet(
        data,
        title=title,
        finding=finding
        or _largest([names.get(n, n) for n in order], [sum(sums[n]) for n in order], noun(y)),
        subtitle="; ".join(subtitles),
        empty=f"No {noun(y)} in this range",
    )
    return draw(
        Stacked,
        page,
        StackPlan(ticks, others=len(shown) if rest else None),
        [(names.get(n, n), v) for n, v in series.items()],
        columns=(x, *(names.get(n, n) for n in series)),
        rows=[(b, *(series[n][i] for n in series)) for i, b in enumerate(drawn)],
    )


def _largest(names: Sequence[str], totals: Sequence[float], unit: str) -> str:
    """State which series is the largest, given the series in descending order."""
    if not names:
        return f"no {unit}"
    if len(names) == 1:
        return f"{text.amount(totals[0])} {unit}"
    return f"{names[0]} leads with {text.percent(totals[0] / sum(totals))} of {unit}"


def draw_columns(
    chart: Chart,
    result: Data,
    times: Sequence[datetime],
    values: Sequence[float],
    *,
    per: str,
    unit: str,
    finding: str,
    subtitle: str,
) -> Drawing:
    """Draw a column per calendar period, given by its start; months are as wide as each other."""
    ticks: tuple[tuple[str, float], ...] = ()
    if times and per in {"month", "quarter", "year"}:
        ticks = sparse_labels(list(times), per)
    elif times:
        ticks = time_axis(times, centred=True)[1]
    page = chart.sheet(result, finding=finding, subtitle=subtitle, empty=f"No {unit} in this range")
    most = max(values, default=0)
    peak = list(values).index(most) if min(values, default=0) < most else None
    return draw(
        Stacked,
        page,
        StackPlan(ticks, peak=peak),
        [(unit, list(values))] if any(values) else [],
        columns=("start", unit),
        rows=list(zip(times, values, strict=True)),
    )
