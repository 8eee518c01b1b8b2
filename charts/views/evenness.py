"""The views `longtail`, `tail` and `lorenz`: how evenly work is shared, over time and in all.

Metrics never share an axis: `--metric` selects one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from statistics import median
from typing import Any, Literal

from hubbub.charts.chart import Chart
from hubbub.charts.picture import text
from hubbub.charts.picture.calendar import about_midnight
from hubbub.charts.picture.drawing import Drawing
from hubbub.charts.picture.scale import as_time, day, moment, needs_year
from hubbub.charts.picture.sheet import duration, finite, records
from hubbub.registry import view

__all__ = ["headline", "longtail", "lorenz", "tail"]


Metric = Literal[
    "longtail",
    "longtail_exact",
    "longtail_scaled",
    "gini",
    "gini_corrected",
    "effective_people",
    "hill_1",
    "pielou",
    "absence_factor",
]
_NOTABLE = 1.6  # a worst window that is so many times the median deserves the title
_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class _Reading:
    name: str  # as the title says it
    means: str  # what is measured, and in which unit
    better: str  # which way is better
    lower: bool  # lower is more even


_EVEN, _LESS = "higher is more even", "lower is more even"
_READINGS: Mapping[str, _Reading] = {
    "longtail": _Reading(
        "the long-tail metric",
        "mean gap to the head→tail line, in messages; grows with volume",
        _LESS,
        lower=True,
    ),
    "longtail_exact": _Reading(
        "the exact long-tail metric",
        "mean gap to the line that meets the tail, in messages; grows with volume",
        _LESS,
        lower=True,
    ),
    "longtail_scaled": _Reading(
        "the scaled long-tail metric",
        "gap to the straight head→tail line, in multiples of the mean; corrected for volume",
        _LESS,
        lower=True,
    ),
    "gini": _Reading("the Gini index", "0 even, 1 one person does all", _LESS, lower=True),
    "gini_corrected": _Reading(
        "the corrected Gini index", "0 even, 1 one person does all", _LESS, lower=True
    ),
    "effective_people": _Reading(
        "effective people",
        "as if so many people shared the work equally (Hill number of order 2)",
        _EVEN,
        lower=False,
    ),
    "hill_1": _Reading(
        "effective people of order 1", "exponential of Shannon's entropy", _EVEN, lower=False
    ),
    "pielou": _Reading("Pielou's evenness", "1 even, 0 one person does all", _EVEN, lower=False),
    "absence_factor": _Reading(
        "the absence factor", "fewest people who together do half of the work", _EVEN, lower=False
    ),
}


def _when(row: Mapping[str, Any], *, year: bool) -> str:
    """Which window, in words: `on 27 February`, or `in the 24 h to 27 February, 14:30`."""
    start, end = as_time(row["start"]), as_time(row["end"])
    assert start is not None
    assert end is not None
    first, last = about_midnight(start), about_midnight(end)
    if end - start == timedelta(days=1) and moment(first) == day(first):
        return f"on {day(first, year=year)}"
    if moment(last) == day(last):  # half-open: its last day is the one before
        return f"in the {duration(end - start)} to {day(last - timedelta(days=1), year=year)}"
    return f"in the {duration(end - start)} to {moment(last, year=year)}"


def _finding(
    rows: Sequence[Mapping[str, Any]],
    values: Sequence[float | None],
    reading: _Reading,
    *,
    year: bool,
) -> str:
    known = [(v, i) for i, v in enumerate(values) if v is not None]
    if not known:
        return f"No window in this range has enough activity for {reading.name}"
    numbers = [v for v, _ in known]
    middle = median(numbers)
    worst = max(known)[1] if reading.lower else min(known)[1]
    value = values[worst]
    assert value is not None
    row = rows[worst]
    when = _when(row, year=year)
    name = reading.name[0].upper() + reading.name[1:]
    if len(known) == 1:
        return f"{name} was {text.amount(value)} {when}"
    notable = value > middle * _NOTABLE if reading.lower else value * _NOTABLE < middle
    total, head = finite(row.get("total")), finite(row.get("head"))
    if notable and total and head and head / total >= 1 / 3:
        return f"One person carried {text.percent(head / total)} of the load {when}"
    if notable:
        return f"The load was least even {when}: {reading.name} {text.amount(value)}"
    if text.amount(min(numbers)) == text.amount(max(numbers)):
        return f"{name} was {text.amount(middle)} throughout"
    return (
        f"{name} stayed between {text.amount(min(numbers))} and {text.amount(max(numbers))}, "
        f"median {text.amount(middle)}"
    )


def weekly_mean(times: Sequence[datetime], values: Sequence[float | None]) -> list[float | None]:
    """The mean over the seven days around each time, where at least half of them is known."""
    out: list[float | None] = []
    low = high = 0
    for t in times:
        while low < len(times) and times[low] <= t - _WEEK / 2:
            low += 1
        while high < len(times) and times[high] <= t + _WEEK / 2:
            high += 1
        known = [v for v in values[low:high] if v is not None]
        inside = times[0] <= t - _WEEK / 2 + _WEEK / 14 and t + _WEEK / 2 - _WEEK / 14 <= times[-1]
        enough = inside and 2 * len(known) >= high - low
        out.append(sum(known) / len(known) if enough and known else None)
    return out


def headline(diagnostics: Mapping[str, Any]) -> str:
    """Effective people of the whole range with the interval, where the query gives it."""
    people = diagnostics.get("effective_people")
    if not isinstance(people, Mapping):
        return ""
    value, low, high = (finite(people.get(k)) for k in ("value", "low", "high"))
    if value is None:
        return f"effective people in all: {people['note']}" if people.get("note") else ""
    said = f"in all, as if {text.amount(round(value, 1))} people shared the work equally"
    if low is not None and high is not None:
        level = finite(people.get("level")) or 0.9
        ends = f"{text.amount(round(low, 1))}–{text.amount(round(high, 1))}"
        said += f" ({text.percent(level)} interval {ends})"
    return said


def _midnight(when: datetime) -> bool:
    return moment(about_midnight(when)) == day(about_midnight(when))


@view
def longtail(
    query: Any,
    chart: Chart,
    since: datetime,
    until: datetime,
    *,
    window: timedelta = timedelta(hours=24),
    step: timedelta | None = None,
    metric: Metric = "longtail",
) -> Drawing:
    """Evenness per window over time."""
    result = query.longtail(since=since, until=until, window=window, step=step, interval=True)
    rows = records(result)
    reading = _READINGS[metric]
    values = [finite(row.get(metric)) for row in rows]
    ends = [as_time(row["end"]) for row in rows]
    starts = [as_time(row["start"]) for row in rows]
    days = bool(rows) and all(s is not None and _midnight(s) for s in starts)
    days = days and window == timedelta(days=1)
    times = [t for t in (starts if days else ends) if t is not None]
    series: list[tuple[str, list[float | None]]] = [
        ("per day" if days else f"per {duration(window)}", values)
    ]
    dense = len(times) > 1 and (times[-1] - times[0]) / (len(times) - 1) <= timedelta(days=1)
    if dense and times[-1] - times[0] >= 2 * _WEEK and window <= timedelta(days=1):
        series.append(("7-day mean", weekly_mean(times, values)))
    every = "per day" if days else f"of the {duration(window)} before each point"
    name = reading.name.removeprefix("the ")
    said = [f"{name[0].upper()}{name[1:]} {every}: {reading.means}; {reading.better}"]
    if people := headline(getattr(result, "diagnostics", {})):
        said.append(people)
    return chart.series(
        result,
        x="start" if days else "end",
        at=times,
        series=series,
        title=_finding(rows, values, reading, year=needs_year(since, until)),
        subtitle="; ".join(said),
    )


@view
def tail(query: Any, chart: Chart, since: datetime, until: datetime) -> Drawing:
    """Counts per user from head to tail, and the straight line between the two."""
    return chart.tail(query.tail(since=since, until=until))


def busiest(counts: Sequence[float]) -> tuple[int, float]:
    """How many are the busiest tenth of the people (at least one), and their share of the work."""
    few = -(-len(counts) // 10)
    return few, sum(sorted(counts, reverse=True)[:few]) / sum(counts)


def finding(names: Sequence[str], counts: Sequence[float]) -> str:
    """Which share of the work the busiest tenth does."""
    if not sum(counts):
        return "Nobody is named by the messages of this range"
    if len(counts) == 1:
        return f"All activity comes from one person, {names[0]}"
    if min(counts) == max(counts):
        return f"{len(counts):,} people share the work equally"
    few, share = busiest(counts)
    if few == 1:
        first = names[max(range(len(counts)), key=lambda i: (counts[i], -i))]
        return (
            f"The busiest of {len(counts)} people, {first}, does {text.percent(share)} of the work"
        )
    return f"The busiest {few:,} of {len(counts):,} people do {text.percent(share)} of the work"


def _numbers(row: Mapping[str, Any], diagnostics: Mapping[str, Any]) -> list[str]:
    """The evenness numbers of the whole range, in words."""
    said = []
    if (half := finite(row.get("absence_factor"))) is not None:
        verb = "person does" if half == 1 else "people do"
        said.append(f"{text.amount(half)} {verb} half")
    if (gini := finite(row.get("gini"))) is not None:
        said.append(f"Gini index {gini:.2f}")
    if people := headline(diagnostics):
        said.append(people)
    return said


@view
def lorenz(query: Any, chart: Chart, since: datetime, until: datetime) -> Drawing:
    """Cumulative share of the work over the share of people, with the evenness numbers."""
    whole = max(until - since, timedelta(microseconds=1))
    result = query.tail(since=since, until=until)
    measured = query.longtail(since=since, until=until, window=whole, step=whole, interval=True)
    people = [(text.named(r["user"]), finite(r["count"]) or 0.0) for r in records(result)]
    people.sort(key=lambda p: (p[1], p[0]))
    names, counts = [n for n, _ in people], [c for _, c in people]
    total = sum(counts)
    rows = records(measured)
    said = ["Share of messages of the people with the fewest; nearer to the diagonal is more even"]
    if total and rows:
        said += _numbers(rows[-1], measured.diagnostics)
    curve = [0.0, *(c / total for c in accumulate(counts))] if total else []
    mark, says = None, ""
    if len(counts) > 1 and total:
        few, share = busiest(counts)
        mark = (1 - few / len(counts), 1 - share)
        says = f"{text.plural(len(counts) - few, 'person', 'people')}: {text.percent(1 - share)}"
    return chart.curve(
        result,
        curve,
        mark=mark,
        says=says,
        title=finding(names, counts),
        subtitle="; ".join(said),
        rows=[(i, n, c, s) for i, (n, c, s) in enumerate(zip(names, counts, curve[1:]), 1)],  # noqa: B905 (no curve where nobody did anything)
    )
