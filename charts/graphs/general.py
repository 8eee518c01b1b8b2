"""The general chart types: bars, columns and lines, with computed titles.

Rows that do not fit are added up as "other", values that are not numbers are left out, and the
subtitle states both.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from math import fsum
from typing import TYPE_CHECKING, Any

from hubbub.charts.graphs.bars import Row, RowPlan, Rows, Stacked, StackPlan
from hubbub.charts.graphs.common import capital, height_of, noun, spaced, sparse, time_axis
from hubbub.charts.graphs.line import LinePlan, Lines
from hubbub.charts.picture import scale, text
from hubbub.charts.picture.calendar import sparse_labels
from hubbub.charts.picture.canvas import draw
from hubbub.charts.picture.scale import as_time
from hubbub.charts.picture.sheet import Data
from hubbub.language import _, ngettext
from hubbub.language.numbers import amount, percent, signed
from hubbub.language.wording import joined

if TYPE_CHECKING:
    from hubbub.charts.chart import Chart
    from hubbub.charts.picture.drawing import Drawing

__all__ = ["draw_bars", "draw_columns", "draw_lines", "leader", "nothing", "without_number"]


def leader(names: Sequence[str], values: Sequence[float], unit: str) -> str:  # noqa: PLR0911 - one for each form
    """State who leads, also with ties, a single row, zeros, fractions and negative values."""
    top, low = max(values), min(values)
    best = [n for n, v in zip(names, values, strict=True) if v == top]
    if low < 0:
        last = [n for n, v in zip(names, values, strict=True) if v == low]
        ends = [n[0] if len(n) == 1 else _("{n} of them", n=len(n)) for n in (best, last)]
        if top == low:
            if len(best) > 1:
                return _("all {n} have {value} {unit}", n=len(names), value=signed(top), unit=unit)
            name = text.in_title(best[0])
            return _("{name} has {value} {unit}", name=name, value=signed(top), unit=unit)
        return _(
            "from {high} ({first}) to {low} ({last})",
            high=signed(top),
            first=ends[0],
            low=signed(low),
            last=ends[1],
        )
    total = fsum(values)
    if total == 0:
        return _("no {unit}", unit=unit)
    whole = all(v == int(v) for v in values)  # shares and means do not add up to anything
    if len(names) == 1:
        facts = {"name": text.in_title(best[0]), "value": amount(total), "unit": unit}
        if whole:
            return _("{name} has all {value} {unit}", **facts)
        return _("{name} has {value} {unit}", **facts)
    if len(best) == len(names):
        return _("all {n} have {value} {unit} each", n=len(names), value=amount(top), unit=unit)
    what = _("{value} {unit}", value=amount(top), unit=unit)
    if whole:
        what = _("{value} of {total} {unit}", value=amount(top), total=amount(total), unit=unit)
    if len(best) > 3:  # noqa: PLR2004 (a title names three at most)
        return _("{n} of {all} lead with {what} each", n=len(best), all=len(names), what=what)
    return text.leading(best, what)


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
        (_("(none)") if n is None else text.named(n), v)
        for n, v in zip(names, values, strict=True)
        if v is not None
    ]
    known.sort(key=lambda p: (-p[1], p[0]))
    dropped = len(values) - len(known)
    shown, rest = known, known[:0]
    if len(known) > top + 1:  # the largest in either direction
        rest = sorted(known, key=lambda p: (-abs(p[1]), p[0]))[top:]
        shown = [row for row in known if row not in rest]
    bars = [Row(n, ((v, amount(v), "up" if v >= 0 else "dn"),)) for n, v in shown]
    subtitles = [subtitle or capital(_("{values} per {names}", values=noun(y), names=noun(x)))]
    if rest:
        other = fsum(v for _, v in rest)
        bars.append(Row(_("other ({n})", n=amount(len(rest))), ((other, amount(other), "fo"),)))
        parts = {"shown": len(shown), "all": amount(len(known))}
        subtitles.append(_("the top {shown} of {all}; the rest is other", **parts))
    if dropped:
        subtitles.append(without_number(dropped))
    page = chart.sheet(
        data,
        title=title,
        finding=leader([n for n, _ in known], [v for _, v in known], noun(y))
        if known
        else nothing(noun(y), dropped),
        subtitle="; ".join(subtitles),
        empty=_("No {unit} in this range", unit=noun(y)),
        height=height_of(len(bars)),
    )
    series = [(noun(y), [b[0] for r in bars for b in r.bars])]
    return draw(Rows, page, RowPlan(tuple(bars)), series, columns=(x, y), rows=known)


def nothing(unit: str, dropped: int) -> str:
    """State that there are no numbers, or that none is known."""
    return _("no {unit} is known", unit=unit) if dropped else _("no {unit}", unit=unit)


def without_number(rows: int) -> str:
    """State how many rows are not drawn."""
    return ngettext("{n} row without a number left out", "{n} rows without a number left out", rows)


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
    gaps: bool = False,
    columns: Sequence[str] = (),
) -> Drawing:
    """Draw lines over `points`, which are times or names; `x` is what the points are called.

    `columns` name the series in the table behind the picture; by default their names do.
    """
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
    numbers = [v for name, column in values for v in column if v is not None]
    whole = bool(numbers) and all(v == int(v) for v in numbers)
    subtitle = subtitle or capital(
        _("{values} by {names}", values=joined([name for name, column in series]), names=noun(x))
    )
    missing = sum(v is None for name, column in values for v in column)
    if gaps and missing:
        subtitle = ngettext(
            "{subtitle}; {n} value is unknown, a gap",
            "{subtitle}; {n} values are unknown, a gap",
            missing,
            subtitle=subtitle,
        )
    page = chart.sheet(
        data,
        title=title,
        finding=_peak(values, [labels[i] for i in order], unit),
        subtitle=subtitle,
    )
    return draw(
        Lines,
        page,
        LinePlan(xs, ticks, whole=whole and not unit, unit=unit),
        values if numbers else [],
        columns=(x, *(columns or (name for name, column in series))),
        rows=[(points[i], *(column[i] for name, column in series)) for i in order],
    )


def _peak(
    series: Sequence[tuple[str, Sequence[float | None]]], labels: Sequence[str], unit: str
) -> str:
    """State the largest value and where it is."""
    known = [
        (v, -i, name) for name, column in series for i, v in enumerate(column) if v is not None
    ]
    if not known:
        return _("no {unit}", unit=joined([name for name, column in series]))
    value, negative_index, name = max(known)
    label = labels[-negative_index]
    most = percent(value) if unit == "%" else amount(value) + unit
    own = [v for v, i, n in known if n == name]
    facts = {"name": name, "value": most, "when": label}
    if len(set(own)) == 1:
        if len(own) > 1:
            return _("{name} was {value} throughout", name=name, value=most)
        return _("{name} was {value} on {when}", **facts)
    times = own.count(value)
    if times > 1:
        return _("{name} peaked at {value} {n} times", name=name, value=most, n=times)
    return _("{name} peaked at {value} on {when}", **facts)


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
    """Draw a column per calendar period, given by its start; months are as wide as each other.

    `unit` is a column's name: English in the table behind the picture.
    """
    ticks: tuple[tuple[str, float], ...] = ()
    if times and per in {"month", "quarter", "year"}:
        ticks = sparse_labels(list(times), per)
    elif times:
        ticks = time_axis(times, centred=True)[1]
    page = chart.sheet(
        result,
        finding=finding,
        subtitle=subtitle,
        empty=_("No {unit} in this range", unit=noun(unit)),
    )
    most = max(values, default=0)
    once = list(values).count(most) == 1 and len(values) > 1
    peak = list(values).index(most) if once else None  # equal columns have no peak
    return draw(
        Stacked,
        page,
        StackPlan(ticks, peak=peak),
        [(noun(unit), list(values))] if any(values) else [],
        columns=("start", unit),
        rows=list(zip(times, values, strict=True)),
    )
