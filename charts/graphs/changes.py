"""Changes between periods: bars for the last period, or strips of bars for all of them.

The data are those of the query `diff`: labels, counts and differences per topic, None if unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hubbub.analyzers.result import Result
from hubbub.charts.graphs.bars import Row, RowPlan, Rows, Strip, StripPlan, Strips
from hubbub.charts.graphs.common import height_of, noun, time_axis
from hubbub.charts.picture import scale, text
from hubbub.charts.picture.canvas import draw
from hubbub.charts.picture.sheet import finite
from hubbub.errors import UsageError
from hubbub.language import _, ngettext
from hubbub.language.numbers import amount, brief, percent, signed
from hubbub.zones import current

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubbub.charts.chart import Chart
    from hubbub.charts.picture.drawing import Drawing

__all__ = ["STRIPS", "draw_all_changes", "draw_last_change"]

_BARS = 12
STRIPS = 8
_BUCKETS = 200  # columns per strip; more would be too thin to see


def _parts(result: Any) -> tuple[list[str], Mapping[str, Any], Mapping[str, Any]]:
    data = result.data if isinstance(result, Result) else result
    if not isinstance(data, Mapping) or not {"labels", "counts", "diff"} <= set(data):
        raise UsageError(
            "a chart of changes needs labels, counts and diff",
            hint="pass the result of the query diff",
        )
    return list(data["labels"]), data["counts"], data["diff"]


def _bucket(label: str) -> str:
    """Spell out a label: `16–22 Mar 2026` for a week or seven days, `5 Jan 2026` for a day."""
    first, _, duration = label.partition("/")
    start = scale.as_time(first)
    if start is None:
        return text.clean(label)
    return scale.span(
        start, current().plus(start, timedelta(days=7 if "W" in label or duration else 1))
    )


def _change(value: float, before: float) -> str:
    """Format a change with its share of the former value: `+387 (+206%)`, `+12 (from 0)`."""
    if not before or not value:
        return _("{change} (from 0)", change=signed(value)) if value > 0 else signed(value)
    share = percent(abs(value) / before)
    return f"{signed(value)} ({'+' if value > 0 else '−'}{share})"


def draw_last_change(chart: Chart, result: Any, *, axis: str) -> Drawing:
    """Draw a bar per topic, up or down, for the change from the last but one bucket to the last.

    Raises:
        UsageError: the data are not those of the query `diff`.
    """
    labels, counts, diffs = _parts(result)
    enough = len(labels) >= 2  # noqa: PLR2004 (a change needs two)
    known: list[tuple[str, float, float]] = []  # (topic, change, former value)
    short = text.short_names(counts)
    if enough:
        for name, values in diffs.items():
            value, now = finite(values[-1]), finite(counts[name][-1])
            if value is not None and now is not None and (value or now):
                known.append((name, value, now - value))
    known.sort(key=lambda r: (-abs(r[1]), r[0]))
    shown, rest = (known[:_BARS], known[_BARS:]) if len(known) > _BARS + 1 else (known, [])
    shown = sorted(shown, key=lambda r: (-r[1], r[0]))
    rows = [Row(short[n], ((v, _change(v, b), "up" if v > 0 else "dn"),)) for n, v, b in shown]
    subtitles = [_compared(labels, axis)]
    if rest:
        # No bar for the others: it would be the longest one and the least informative.
        value, before = sum(row[1] for row in rest), sum(row[2] for row in rest)
        subtitles.append(
            _(
                "the {shown} largest changes of {all}, the others {change} together",
                shown=len(shown),
                all=amount(len(known)),
                change=_change(value, before),
            )
        )
    page = chart.sheet(
        _plain(result),
        finding=_week_finding([(short[n], v) for n, v, b in known], axis, enough=enough),
        subtitle="; ".join(subtitles),
        empty=_("No messages in either week")
        if enough
        else _("Two complete weeks are needed for a change"),
        height=height_of(len(rows)),
    )
    return draw(
        Rows,
        page,
        RowPlan(tuple(rows)),
        [("change", [r.bars[0][0] for r in rows])] if rows else [],
        columns=(axis, "before", "now", "change"),
        rows=[(short[n], b, b + v, v) for n, v, b in known],
    )


def _plain(result: Any) -> Any:
    return result if isinstance(result, Result) else [dict(result)]


def _compared(labels: Sequence[str], axis: str) -> str:
    """State which periods are compared."""
    if len(labels) < 2:  # noqa: PLR2004 (a change needs two)
        return _("Change in messages per {axis} from week to week", axis=noun(axis))
    return _(
        "Change in messages per {axis}, {now} against {before}",
        axis=noun(axis),
        now=_bucket(labels[-1]),
        before=_bucket(labels[-2]),
    )


def _week_finding(known: Sequence[tuple[str, float]], axis: str, *, enough: bool) -> str:
    """State how many topics rose and fell, and which changed most."""
    if not enough:
        return _("Not enough complete weeks for a comparison")
    if not known:
        return _("No messages in the two weeks compared")
    changes = [value for name, value in known]
    up, down = sum(v > 0 for v in changes), sum(v < 0 for v in changes)
    if not up and not down:
        if axis == "topic":
            return _("Week on week: no topic changed")
        return _("Week on week: no category changed")
    name, value = known[0]
    if axis == "topic":
        counted = ngettext(
            "{n} topic up, {down} down", "{n} topics up, {down} down", up, n=up, down=down
        )
    else:
        counted = ngettext(
            "{n} category up, {down} down", "{n} categories up, {down} down", up, n=up, down=down
        )
    same = sum(abs(v) == abs(value) for v in changes)
    if same > 1:
        return _(
            "Week on week: {counted}; {n} changed most, by {change} each",
            counted=counted,
            n=same,
            change=amount(abs(value)),
        )
    return _(
        "Week on week: {counted}; {name} changed most, {change}",
        counted=counted,
        name=text.in_title(name),
        change=signed(value),
    )


def _needs_year(labels: Sequence[str]) -> bool:
    first, last = scale.as_time(labels[0]), scale.as_time(labels[-1])
    return first is not None and last is not None and scale.needs_year(first, last)


def _extremes(values: Sequence[float | None], size: int) -> tuple[float | None, ...]:
    """Keep the largest change of each `size` neighbours, so that no jump disappears."""
    if size <= 1:
        return tuple(values)
    extremes: list[float | None] = []
    for i in range(0, len(values), size):
        known = [v for v in values[i : i + size] if v is not None]
        extremes.append(max(known, key=abs) if known else None)
    return tuple(extremes)


def _daily_finding(largest: Mapping[str, Any], name: str, *, year: bool) -> str:
    """State the largest change of all, and when, if there is but one."""
    if (times := largest["times"]) > 1:
        change = amount(abs(largest["change"]))
        return _("Biggest daily change: ±{change}, {n} times", change=change, n=times)
    when = scale.as_time(largest["label"])
    date = scale.day(when, year=year) if when else text.clean(largest["label"])
    return _(
        "Biggest daily change: {name} {change} on {date}",
        name=text.in_title(name),
        change=signed(largest["change"]),
        date=date,
    )


def draw_all_changes(
    chart: Chart, result: Result, *, axis: str, complete: bool = True, notes: Sequence[str] = ()
) -> Drawing:
    """Draw a strip of changes per topic, the busiest topics first, each with its own scale.

    A day that the range cuts looks like a change: without `complete` days nothing is drawn.

    Args:
        chart: of the view.
        result: of the query `diff`, with the `STRIPS` busiest topics.
        axis: `topic` or `category`.
        complete: whether all days lie wholly in the range.
        notes: further parts of the subtitle.

    Raises:
        UsageError: the data are not those of the query `diff`.
    """
    labels, counts, diffs = _parts(result)
    complete = complete and len(labels) >= 2  # noqa: PLR2004 (a change needs two)
    names, largest = result.diagnostics["names"], result.diagnostics["largest"]
    if not complete:
        labels, counts, diffs, names, largest = labels[:1], {}, {}, 0, None
    totals = {n: sum(finite(v) or 0 for v in values) for n, values in counts.items()}
    shown = sorted((n for n in totals if totals[n]), key=lambda n: (-totals[n], n))
    short = text.short_names([*shown, largest["name"]] if largest else shown)
    size = -(-len(labels) // _BUCKETS)
    strips = []
    for name in shown:
        values = [finite(v) for v in diffs[name]]
        most = max((abs(v) for v in values if v is not None), default=0.0)
        strips.append(Strip(short[name], _extremes(values, size), _("max ±{n}", n=brief(most))))
    subtitles = [
        _(
            "Messages per {axis} minus those of the day before; up is more, down is fewer",
            axis=noun(axis),
        ),
        _("each row has its own scale"),
    ]
    if names > len(shown):
        parts = {"shown": len(shown), "all": amount(names)}
        subtitles.append(_("the top {shown} of {all}, the rest is not shown", **parts))
    if size > 1:
        subtitles.append(_("each bar is the largest change in {n} days", n=size))
    subtitles += notes
    nothing = (
        _("No messages in this range")
        if complete
        else _("Two complete days are needed for a change")
    )
    finding = _("No change from day to day") if shown else nothing
    if largest:
        finding = _daily_finding(largest, short[largest["name"]], year=_needs_year(labels))
    page = chart.sheet(
        _plain(result),
        finding=finding,
        subtitle="; ".join(subtitles),
        empty=nothing,
        height=max(200, 150 + 40 * len(strips)),
    )
    times = [t for t in map(scale.as_time, labels[:: max(size, 1)]) if t is not None]
    ticks = time_axis(times, centred=True)[1] if times else ()
    drawable = any(v is not None for strip in strips for v in strip.values)
    return draw(
        Strips,
        page,
        StripPlan(tuple(strips), ticks),
        [(s.name, s.values) for s in strips] if drawable else [],
        columns=("day", *(short[n] for n in shown)),
        rows=[(label, *(diffs[n][i] for n in shown)) for i, label in enumerate(labels)],
    )
