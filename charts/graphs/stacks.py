"""Stacked columns for any rows, over their own times or side by side, with a computed title.

Values may be negative, fractions or unknown. Series that do not fit are added up as "other", rows
without a number are left out, and the subtitle states both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import fsum
from typing import TYPE_CHECKING, Any

from hubbub.charts.graphs.bars import Stacked, StackPlan
from hubbub.charts.graphs.common import capital, noun, slot, time_axis
from hubbub.charts.graphs.general import leader, nothing, without_number
from hubbub.charts.picture import scale, text
from hubbub.charts.picture.canvas import draw
from hubbub.charts.picture.scale import as_time
from hubbub.charts.picture.sheet import Data
from hubbub.language import _, pgettext
from hubbub.language.numbers import amount, percent, signed

if TYPE_CHECKING:
    from hubbub.charts.chart import Chart
    from hubbub.charts.picture.drawing import Drawing

__all__ = ["draw_stacks"]

_COLUMNS = 200  # buckets; more are joined in groups

Values = list[float | None]


def _grouped(
    buckets: Sequence[Any], series: dict[str, Values]
) -> tuple[list[list[Any]], dict[str, Values], int]:
    """Join neighbouring buckets so that at most `_COLUMNS` remain; also return the group size.

    A group has the mean of its known values, so that the last one, of fewer buckets, is no drop.
    """
    size = max(-(-len(buckets) // _COLUMNS), 1)
    starts = range(0, len(buckets), size)

    def mean(values: Values) -> float | None:
        known = [v for v in values if v is not None]
        return fsum(known) / len(known) if known else None

    groups = [list(buckets[i : i + size]) for i in starts]
    if size == 1:
        return groups, series, 1
    return groups, {n: [mean(v[i : i + size]) for i in starts] for n, v in series.items()}, size


@dataclass(frozen=True, slots=True)
class _Piles:
    """What the rows add up to. A series has an entry only for buckets in which it occurs."""

    buckets: list[Any]
    labels: list[Any]  # of the buckets
    timed: bool  # whether the buckets are times
    known: set[int]  # indices of buckets of which a value is known
    sums: dict[str, dict[int, float]]  # by series and index of the bucket
    dropped: int  # rows without a number

    def values(self, sums: Mapping[int, float]) -> Values:
        """Return a value for each bucket: 0 where it is missing, None where nothing is known."""
        return [sums.get(i, 0.0) if i in self.known else None for i in range(len(self.buckets))]


def _piled(cells: Sequence[tuple[Any, Any, float | None]]) -> _Piles:
    times = [as_time(bucket) for bucket, _, _ in cells]
    timed = bool(times) and all(times)
    keys = [*times] if timed else [bucket for bucket, _, _ in cells]
    labels = dict(zip(reversed(keys), (bucket for bucket, _, _ in reversed(cells)), strict=True))
    buckets = sorted(set(keys)) if timed else list(dict.fromkeys(keys))  # type: ignore[type-var]  # none is None
    index = {b: i for i, b in enumerate(buckets)}
    known: set[int] = set()
    parts: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    dropped = 0
    for key, (_bucket, name, value) in zip(keys, cells, strict=True):
        if value is None:
            dropped += 1
            continue
        known.add(index[key])
        if name is not None and value:
            parts[str(name)][index[key]].append(value)
    sums = {
        name: {i: fsum(values) for i, values in sorted(part.items())}
        for name, part in parts.items()
    }
    return _Piles(buckets, [labels[b] for b in buckets], timed, known, sums, dropped)


def _together(series: Iterable[Mapping[int, float]]) -> dict[int, float]:
    """Add up several series."""
    values: dict[int, list[float]] = defaultdict(list)
    for sums in series:
        for i, value in sums.items():
            values[i].append(value)
    return {i: fsum(part) for i, part in values.items()}


def draw_stacks(
    chart: Chart,
    data: Data,
    cells: Sequence[tuple[Any, Any, float | None]],
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
        cells: (bucket, name of the series, value); buckets are times or names. A value of None is
            unknown: it is left out, and the subtitle states how many are.
        x: what the buckets are called.
        y: what the values are called.
        by: what the series are called; empty if there is one.
        top: series to draw; the rest is added up in "other".
        title: replaces the computed one.
        subtitle: replaces the computed one.
        finding: replaces the computed one behind the title of the view.
    """
    piles = _piled(cells)
    buckets, labels, sums, dropped = piles.buckets, piles.labels, piles.sums, piles.dropped
    size_of = {n: fsum(map(abs, values.values())) for n, values in sums.items()}
    order = sorted(sums, key=lambda n: (-size_of[n], n))
    shown = order if len(order) <= top + 1 else order[:top]
    series = {n: piles.values(sums[n]) for n in shown}
    subtitles = [
        subtitle
        or capital(_("{values} by {names}", values=noun(y), names=noun(by)) if by else noun(y))
    ]
    if rest := order[len(shown) :]:
        series[_("other ({n})", n=amount(len(rest)))] = piles.values(
            _together(sums[n] for n in rest)
        )
        parts = {"shown": top, "all": amount(len(order))}
        subtitles.append(_("the top {shown} of {all}, the rest is other", **parts))
    groups, series, size = _grouped(buckets, series)
    if size > 1:
        subtitles.append(_("each column is the mean of {n} of them", n=size))
    if dropped:
        subtitles.append(without_number(dropped))
    names = text.short_names(shown)
    columns = [names[n] for n in shown] + [f"other ({len(rest):,})"] * bool(rest)
    titles = names if by else {n: noun(n) for n in shown}
    numbers = [v for values in series.values() for v in values if v is not None]
    page = chart.sheet(
        data,
        title=title,
        finding=finding or _finding(names, order, piles, noun(y)),
        subtitle="; ".join(subtitles),
        empty=_("No {unit} is known in this range", unit=noun(y))
        if dropped
        else _("No {unit} in this range", unit=noun(y)),
    )
    plan = _stack_plan(groups, timed=piles.timed, others=len(shown) if rest else None)
    return draw(
        Stacked,
        page,
        replace(plan, whole=all(v == int(v) for v in numbers) or (size > 1 and max(numbers) > 3)),  # noqa: PLR2004
        [(titles.get(n, n), v) for n, v in series.items()],
        columns=(x, *columns),
        rows=[(labels[i * size], *(series[n][i] for n in series)) for i in range(len(groups))],
    )


def _stack_plan(groups: Sequence[Sequence[Any]], *, timed: bool, others: int | None) -> StackPlan:
    """Place the columns: over their times, or side by side."""
    if timed:
        times = [t for group in groups for t in group]
        places, ticks = time_axis(times, centred=True)
        at = dict(zip(times, places, strict=True))
        xs = tuple((at[group[0]] + at[group[-1]]) / 2 for group in groups)
        wide = min(slot(times) * max(map(len, groups)), 1.0)
        return StackPlan(ticks, others=others, xs=xs, wide=wide)
    step = max(-(-len(groups) // scale.MOST), 1)
    marked = list(enumerate(groups))[::step]
    return StackPlan(
        tuple((text.clean(group[0]), (i + 0.5) / len(groups)) for i, group in marked), others=others
    )


def _finding(names: Mapping[str, str], order: Sequence[str], piles: _Piles, unit: str) -> str:
    """State which series is the largest, or of a single one its ends and sum."""
    if not order:
        return nothing(unit, piles.dropped)
    if len(order) == 1:
        times = [as_time(b) for b in piles.buckets]
        known = [t for t in times if t is not None]
        year = len(known) > 1 and scale.needs_year(known[0], known[-1])
        labels = [
            scale.moment(t, year=year) if t else text.named(b)
            for t, b in zip(times, piles.buckets, strict=True)
        ]
        return _course(piles.values(piles.sums[order[0]]), labels, unit)
    totals = [fsum(piles.sums[n].values()) for n in order]
    called = [names.get(n, n) for n in order]
    if any(v < 0 for n in order for v in piles.sums[n].values()):
        return leader(called, totals, unit)
    best = [n for n, total in zip(called, totals, strict=True) if total == totals[0]]
    share = percent(totals[0] / fsum(totals))
    return text.leading(best, pgettext("of a sum", "{share} of {what}", share=share, what=unit))


def _course(values: Values, labels: Sequence[str], unit: str) -> str:
    """State the ends of one series, and its sum where the numbers are whole."""
    known = [(v, label) for v, label in zip(values, labels, strict=True) if v is not None]
    numbers = [v for v, _ in known]
    high, low = max(numbers), min(numbers)
    if len(known) == 1:
        return _("{value} {unit} on {when}", value=amount(high), unit=unit, when=known[0][1])
    if high == low:
        return _("{unit} is {value} throughout", unit=unit, value=amount(high))

    def on(value: float) -> str:
        where = [label for v, label in known if v == value]
        if len(where) == 1:
            return _("on {when}", when=where[0])
        return _("on {n} of {all} occasions", n=len(where), all=len(known))

    whole = all(v == int(v) for v in numbers)
    facts = {"unit": unit, "when": on(high)}
    if low < 0:
        facts |= {"high": signed(high), "low": signed(low), "then": on(low)}
        if whole:
            facts["total"] = signed(fsum(numbers))
            return _(
                "{unit} from {high} {when} to {low} {then}, adding up to {total}",
                **facts,
            )
        return _("{unit} from {high} {when} to {low} {then}", **facts)
    if whole:
        total, peak = amount(fsum(numbers)), amount(high)
        return _(
            "{unit} adds up to {total}; the peak was {peak} {when}",
            total=total,
            peak=peak,
            **facts,
        )
    return _(
        "{unit} between {low} and {high}, highest {when}",
        low=amount(low),
        high=amount(high),
        **facts,
    )
