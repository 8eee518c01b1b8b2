"""The view `alerts`: when traffic rose above its own average, and by how much.

Comes in: the answer of the query `alerts`, with both averages. Goes out: a `Drawing`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from hubbub.charts.chart import Chart
from hubbub.charts.picture import text
from hubbub.charts.picture.drawing import Drawing
from hubbub.charts.picture.scale import as_time, moment, needs_year
from hubbub.charts.picture.sheet import duration, finite, records
from hubbub.registry import view

__all__ = ["alerts", "resolution_of"]

_POINTS = 750  # of a line; two hours have 720 ticks of 10 s
_SECONDS = (
    *(1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 900, 1800, 3600),
    *(7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 1_209_600, 2_592_000),
)
_FINEST = timedelta(seconds=10)
_RATES = ((1, "second"), (60, "minute"), (3600, "hour"), (86_400, "day"))
_EACH = 5  # a rate is said per the shortest time in which so many happen


@dataclass(frozen=True, slots=True)
class Raise:
    """An alert: when it was raised and ended (None: not yet), and what it reached.

    `peak` is in multiples of the long average; None where that was 0.
    """

    start: datetime
    end: datetime | None
    peak: float | None

    @property
    def reached(self) -> str:
        """`3.2×`."""
        return "out of silence" if self.peak is None else f"{text.amount(round(self.peak, 1))}×"


def resolution_of(length: timedelta) -> timedelta:
    """A tick that gives a range about 700 of them; 10 s at least."""
    ticks = (timedelta(seconds=s) for s in _SECONDS if timedelta(seconds=s) >= _FINEST)
    return next((t for t in ticks if length <= _POINTS * t), timedelta(seconds=_SECONDS[-1]))


@view
def alerts(
    query: Any,
    chart: Chart,
    since: datetime,
    until: datetime,
    *,
    measure: Literal["messages", "bytes"] = "messages",
    short: int = 12,
    long: int = 120,
    threshold: float = 1.5,
    resolution: timedelta | None = None,
) -> Drawing:
    """When traffic rose above its own average: both averages, and the alerts.

    Without `--resolution` a tick is so long that the range has about 700 of them.
    """
    from hubbub.charts.graphs.alert_lanes import Raised, RaisedPlan, Span
    from hubbub.charts.graphs.common import time_axis
    from hubbub.charts.picture.canvas import draw

    tick = resolution or resolution_of(until - since)
    asked = {"measure": measure, "short": short, "long": long, "threshold": threshold}
    result = query.alerts(since=since, until=until, resolution=tick, averages=_POINTS, **asked)
    found = raised(records(result), result.diagnostics["peaks"])
    points = result.diagnostics["averages"]
    known = [p for p in points if finite(p["short_rate"])]
    points = points if known else ()  # nothing but zeros is no traffic
    times = [t for t in (as_time(p["time"]) for p in points) if t is not None]
    seconds, per = _rate([finite(p["short_rate"]) or 0 for p in points])
    fast = [_times(p["short_rate"], seconds) for p in points]
    slow = [_times(p["long_rate"], seconds) for p in points]
    over = [None if v is None else v * threshold for v in slow]
    factor = text.amount(threshold)
    series = [
        (f"{_adjective(tick * short)} mean", fast),
        (f"threshold {factor}×", over),
        (f"{_adjective(tick * long)} mean", slow),
    ]
    said = (
        f"{measure.capitalize()} per {per}: an alert is raised while the mean of "
        f"{duration(tick * short)} is above {factor}× that of the {duration(tick * long)} before"
    )
    page = chart.sheet(
        result,
        title="",
        finding=finding(found, asked, since, until, known=[v for v in slow if v is not None])
        if points
        else f"No {measure} in this range",
        subtitle=said,
        empty=f"No {measure} in this range",
    )
    xs, ticks = time_axis(times) if times else ((), ())
    lane = tuple(Span(*_place(one, times), _labels(one), one.end is None) for one in found)
    plan = RaisedPlan(xs, ticks, lanes=(("alerts", lane),) if lane else ())
    table = list(zip(times, fast, over, slow, strict=True))
    return draw(
        Raised,
        page,
        plan,
        series if points else [],
        columns=("time", *(name for name, _ in series)),
        rows=table,
    )


def raised(changes: Sequence[Mapping[str, Any]], peaks: Sequence[float | None]) -> list[Raise]:
    """The alerts that the changes begin and end."""
    starts = [as_time(one["time"]) for one in changes if one["state"] == "raised"]
    ends = [as_time(one["time"]) for one in changes if one["state"] == "ended"]
    ends += [None] * (len(starts) - len(ends))
    return [
        Raise(start, end, peak)
        for start, end, peak in zip(starts, ends, peaks, strict=True)
        if start is not None
    ]


def finding(
    found: Sequence[Raise],
    asked: Mapping[str, Any],
    since: datetime,
    until: datetime,
    *,
    known: Sequence[float],
) -> str:
    """How many alerts, and the strongest of them."""
    length, year = duration(until - since), needs_year(since, until)
    if not known:
        return f"No alert could be raised: the averages need more than {length}"
    if not found:
        factor = text.amount(asked["threshold"])
        return f"No traffic alert in {length}: {asked['measure']} stayed below {factor}× their mean"
    strongest = max(found, key=lambda one: one.peak or 0)
    when = moment(strongest.start, year=year)
    still = "still open" if found[-1].end is None else ""
    if len(found) == 1:
        said = f"One traffic alert in {length}: {strongest.reached} the mean on {when}"
        if strongest.peak is None:
            said = f"One traffic alert in {length}: {strongest.reached} on {when}"
        return f"{said}, {still}" if still else said
    said = f"{len(found):,} traffic alerts in {length}" + (f", one {still}" if still else "")
    if strongest.peak is None:
        return said
    return f"{said}; the strongest {strongest.reached} the mean on {when}"


def _rate(rates: Sequence[float]) -> tuple[float, str]:
    """Seconds of the unit in which a rate is a number for people, and its name."""
    most = max(rates, default=0)
    for seconds, name in _RATES:
        if most * seconds >= _EACH:
            return seconds, name
    return _RATES[-1]


def _adjective(length: timedelta) -> str:
    """`20-min`, `2.5-day`."""
    return duration(length).replace(" days", "-day").replace(" ", "-")


def _times(rate: Any, seconds: float) -> float | None:
    value = finite(rate)
    return None if value is None else value * seconds


def _place(one: Raise, times: Sequence[datetime]) -> tuple[float, float]:
    """Where an alert stands, at 0…1 of the width."""
    first, last = times[0], times[-1]
    if first == last:
        return 0.0, 1.0

    def at(when: datetime) -> float:
        return min(max((when - first) / (last - first), 0.0), 1.0)

    return at(one.start), at(one.end or last)


def _labels(one: Raise) -> tuple[str, ...]:
    if one.end is None:
        return f"{one.reached}, open", one.reached, "open"
    lasted = f"{one.reached} for {duration(one.end - one.start)}"
    return (lasted, one.reached) if one.peak is not None else (one.reached,)
