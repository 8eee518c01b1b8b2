"""What changed: the last week against the one before, and every day against its day before.

Comes in: the answer of the query `diff`: labels, counts and diff per topic; None is not known.
Goes out: a `Drawing`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hubbub.analyzers.result import Result
from hubbub.charts.graphs.bars import Row, RowPlan, Rows, Strip, StripPlan, Strips
from hubbub.charts.graphs.common import height_of, time_axis
from hubbub.charts.picture import scale, text
from hubbub.charts.picture.canvas import draw
from hubbub.charts.picture.sheet import finite
from hubbub.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubbub.charts.chart import Chart
    from hubbub.charts.picture.drawing import Drawing

__all__ = ["all_steps", "last_step"]

_BARS = 12
_STRIPS = 8
_BUCKETS = 200  # columns a strip; more are thinner than the eye resolves


def _parts(result: Any) -> tuple[list[str], Mapping[str, Any], Mapping[str, Any]]:
    data = result.data if isinstance(result, Result) else result
    if not isinstance(data, Mapping) or not {"labels", "counts", "diff"} <= set(data):
        raise UsageError(
            "a picture of changes needs labels, counts and diff",
            hint="give it the answer of the query diff",
        )
    return list(data["labels"]), data["counts"], data["diff"]


def _plain(result: Any) -> Any:
    return result if isinstance(result, Result) else [dict(result)]


def _bucket(label: str) -> str:
    """A label in words: `16–22 Mar 2026` for a week or seven days, `5 Jan 2026` for a day."""
    first, _, seven = label.partition("/")
    start = scale.as_time(first)
    if start is None:
        return text.clean(label)
    return scale.span(start, start + timedelta(days=7 if "W" in label or seven else 1))


def change(value: float, before: float) -> str:
    """`+387 (+206%)`, `+12 (new)`."""
    if not before or not value:
        return f"{text.signed(value)} (new)" if value > 0 else text.signed(value)
    share = text.percent(abs(value) / before)
    return f"{text.signed(value)} ({'+' if value > 0 else '−'}{share})"


def last_step(chart: Chart, result: Any, *, axis: str, title: str = "") -> Drawing:
    """Diverging bars of the newest bucket whose change is known."""
    labels, counts, diffs = _parts(result)
    at = len(labels) - 1
    known: list[tuple[str, float, float]] = []
    short = text.short_names(counts)
    if at >= 1:
        for name, values in diffs.items():
            value, now = finite(values[at]), finite(counts[name][at])
            if value is not None and now is not None and (value or now):
                known.append((name, value, now - value))
    known.sort(key=lambda r: (-abs(r[1]), r[0]))
    shown, rest = (known[:_BARS], known[_BARS:]) if len(known) > _BARS + 1 else (known, [])
    shown = sorted(shown, key=lambda r: (-r[1], r[0]))
    rows = [Row(short[n], ((v, change(v, b), "up" if v > 0 else "dn"),)) for n, v, b in shown]
    said = [_compared(labels, axis)]
    if rest:
        # A bar for the others would be the longest one, and say the least.
        value, before = sum(v for _, v, _ in rest), sum(b for _, _, b in rest)
        said.append(
            f"the {len(shown)} largest changes of {len(known):,}, "
            f"the others {change(value, before)} together"
        )
    page = chart.sheet(
        _plain(result),
        title=title,
        finding=_week_finding([(short[n], v) for n, v, _ in known], axis, len(labels)),
        subtitle="; ".join(said),
        empty="Two complete weeks are needed for a change"
        if at < 1
        else "No messages in either week",
        height=height_of(len(rows)),
    )
    table = [(short[n], b, b + v, v) for n, v, b in known]
    series = [("change", [r.bars[0][0] for r in rows])]
    return draw(
        Rows,
        page,
        RowPlan(tuple(rows)),
        series if rows else [],
        columns=(axis, "before", "now", "change"),
        rows=table,
    )


def _compared(labels: Sequence[str], axis: str) -> str:
    if len(labels) < 2:  # noqa: PLR2004 (a change needs two)
        return f"Change in messages per {axis} from week to week"
    return f"Change in messages per {axis}, {_bucket(labels[-1])} against {_bucket(labels[-2])}"


def _week_finding(known: Sequence[tuple[str, float]], axis: str, buckets: int) -> str:
    if buckets < 2:  # noqa: PLR2004 (a change needs two)
        return "Not enough complete weeks for a comparison"
    if not known:
        return "No messages in the last two weeks"
    up, down = sum(v > 0 for _, v in known), sum(v < 0 for _, v in known)
    many = "topics" if axis == "topic" else "categories"
    if not up and not down:
        return f"Week on week: no {axis} changed"
    name, value = known[0]
    counted = f"{up} {axis if up == 1 else many} up, {down} down"
    return f"Week on week: {counted}; {name} changed most, {text.signed(value)}"


def _years(labels: Sequence[str]) -> bool:
    first, last = scale.as_time(labels[0]), scale.as_time(labels[-1])
    return first is not None and last is not None and scale.needs_year(first, last)


def _fewer(values: Sequence[float | None], size: int) -> tuple[float | None, ...]:
    """Of each `size` neighbours the one that changed most, so that no jump disappears."""
    if size <= 1:
        return tuple(values)
    out: list[float | None] = []
    for i in range(0, len(values), size):
        known = [v for v in values[i : i + size] if v is not None]
        out.append(max(known, key=abs) if known else None)
    return tuple(out)


def all_steps(chart: Chart, result: Any, *, axis: str, title: str = "") -> Drawing:
    """A strip per topic, the busiest first."""
    labels, counts, diffs = _parts(result)
    totals = {n: sum(finite(v) or 0 for v in values) for n, values in counts.items()}
    order = sorted((n for n in totals if totals[n]), key=lambda n: (-totals[n], n))
    shown = order[:_STRIPS]
    short = text.short_names(counts)
    size = -(-len(labels) // _BUCKETS)
    strips, jumps = [], []
    for name in shown:
        values = [finite(v) for v in diffs[name]]
        known = [(abs(v), -i, v) for i, v in enumerate(values) if v is not None]
        most = max(known, default=(0.0, 0, 0.0))
        if most[0]:
            jumps.append((most, name))
        strips.append(Strip(short[name], _fewer(values, size), f"max ±{text.brief(most[0])}"))
    measured = f"Messages per {axis} minus those of the day before; up is more, down is fewer"
    said = [measured, "each row has its own scale"]
    if len(order) > len(shown):
        said.append(f"the top {len(shown)} of {len(order):,}, the rest is not shown")
    if size > 1:
        said.append(f"each bar is the largest change in {size} days")
    finding = "No change from day to day" if shown else "No messages in this range"
    if jumps:
        (_, back, value), name = max(jumps, key=lambda j: j[0][0])
        when = scale.as_time(labels[-back])
        said_when = scale.day(when, year=_years(labels)) if when else text.clean(labels[-back])
        finding = f"Biggest daily change: {short[name]} {text.signed(value)} on {said_when}"
    page = chart.sheet(
        _plain(result),
        title=title,
        finding=finding,
        subtitle="; ".join(said),
        empty="No messages in this range",
        height=max(200, 150 + 40 * len(strips)),
    )
    times = [t for t in map(scale.as_time, labels[:: max(size, 1)]) if t is not None]
    ticks = time_axis(times, centred=True)[1] if times else ()
    values_of = [(s.name, s.values) for s in strips]
    has = any(v is not None for _, vs in values_of for v in vs)
    table = [(label, *(diffs[n][i] for n in shown)) for i, label in enumerate(labels)]
    columns = ("day", *(short[n] for n in shown))
    plan = StripPlan(tuple(strips), ticks)
    return draw(Strips, page, plan, values_of if has else [], columns=columns, rows=table)
