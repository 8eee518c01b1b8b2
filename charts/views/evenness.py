"""The views `longtail`, `tail` and `lorenz`: how evenly work is shared, over time and in total.

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
from hubbub.charts.picture.scale import as_time, begins_day, day, ending, needs_year
from hubbub.charts.picture.sheet import duration, finite, messages, records, several
from hubbub.registry import view
from hubbub.zones import current

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
_NOTABLE = 1.6  # an extreme window of at least so many times the median goes into the title
_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class _Reading:
    """How to present a metric."""

    name: str  # in a title
    means: str  # what is measured, and its unit
    better: str  # how to read it
    lower: bool  # lower is more even


_MORE = "higher where more people share the work"
#: Metrics of one window's counts: a busy window differs from a quiet one of the same people.
_VOLUME = "it also grows with the number of messages"
_ALIKE = "compare windows of equally many messages"
_READINGS: Mapping[str, _Reading] = {
    "longtail": _Reading(
        "the long-tail metric",
        "mean gap to the head→tail line, in messages",
        _VOLUME,
        lower=True,
    ),
    "longtail_exact": _Reading(
        "the exact long-tail metric",
        "mean gap to the line that meets the tail, in messages",
        _VOLUME,
        lower=True,
    ),
    "longtail_scaled": _Reading(
        "the scaled long-tail metric",
        "gap to the straight head→tail line, in multiples of the mean",
        "0 for equal counts and for a straight slope",
        lower=True,
    ),
    "gini": _Reading(
        "the Gini index", "0 even, near 1 one person has nearly all", _ALIKE, lower=True
    ),
    "gini_corrected": _Reading(
        "the corrected Gini index", "0 even, near 1 one person has nearly all", _ALIKE, lower=True
    ),
    "effective_people": _Reading(
        "effective people",
        "as if so many people had equally many messages (Hill number of order 2), each message "
        "counted as an action of its own",
        _MORE,
        lower=False,
    ),
    "hill_1": _Reading(
        "effective people of order 1", "exponential of Shannon's entropy", _MORE, lower=False
    ),
    "pielou": _Reading(
        "Pielou's evenness", "1 even, near 0 one person has nearly all", _ALIKE, lower=False
    ),
    "absence_factor": _Reading(
        "the absence factor",
        "fewest people who together have half of the mentions",
        _MORE,
        lower=False,
    ),
}


def _when(row: Mapping[str, Any], *, year: bool) -> str:
    """Name a window: `on 27 February`, or `in the 24 h to 27 February, 14:30`."""
    start, end = as_time(row["start"]), as_time(row["end"])
    assert start is not None
    assert end is not None
    first, last = about_midnight(start), about_midnight(end)
    if current().plus(start, timedelta(days=1)) == end and begins_day(first):
        return f"on {day(first, year=year)}"
    return f"in the {duration(end - start)} to {ending(last, year=year)}"


def _finding(
    rows: Sequence[Mapping[str, Any]],
    values: Sequence[float | None],
    reading: _Reading,
    *,
    year: bool,
) -> str:
    """State the extreme window if one stands out, else the range of values; nothing of evenness.

    Windows without a value are no part of "throughout".
    """
    known = [(v, i) for i, v in enumerate(values) if v is not None]
    if not known:
        return f"No window in this range has enough activity for {reading.name}"
    numbers = [v for v, _ in known]
    low, middle, high = (text.amount(v) for v in (min(numbers), median(numbers), max(numbers)))
    extreme = max(numbers) if reading.lower else min(numbers)
    windows = [i for v, i in known if v == extreme]
    name = reading.name[0].upper() + reading.name[1:]
    if len(known) == 1:
        return f"{name} was {text.amount(extreme)} {_when(rows[windows[0]], year=year)}"
    if low == high:
        every = len(known) == len(values)
        return f"{name} was {middle} " + ("throughout" if every else "wherever it is known")
    notable = (
        extreme > median(numbers) * _NOTABLE
        if reading.lower
        else extreme * _NOTABLE < median(numbers)
    )
    if notable and len(windows) == 1:
        which = "highest" if reading.lower else "lowest"
        when = _when(rows[windows[0]], year=year)
        return f"{name} was {which} {when}, {text.amount(extreme)}; the median is {middle}"
    return f"{name} stayed between {low} and {high}, median {middle}"


def weekly_mean(times: Sequence[datetime], values: Sequence[float | None]) -> list[float | None]:
    """Return the mean of the seven days around each time; None if over half of them is missing."""
    means: list[float | None] = []
    low = high = 0
    for t in times:
        while low < len(times) and times[low] <= t - _WEEK / 2:
            low += 1
        while high < len(times) and times[high] <= t + _WEEK / 2:
            high += 1
        known = [v for v in values[low:high] if v is not None]
        inside = times[0] <= t - _WEEK / 2 + _WEEK / 14 and t + _WEEK / 2 - _WEEK / 14 <= times[-1]
        enough = inside and 2 * len(known) >= high - low
        means.append(sum(known) / len(known) if enough and known else None)
    return means


def headline(diagnostics: Mapping[str, Any]) -> str:
    """State the effective people of the whole range with their interval; empty if not computed.

    A number without an interval is only approximate, and says so.
    """
    people = diagnostics.get("effective_people")
    if not isinstance(people, Mapping):
        return ""
    value, low, high = (finite(people.get(k)) for k in ("value", "low", "high"))
    if value is None:
        return f"effective people in all: {people['note']}" if people.get("note") else ""
    number = text.amount(round(value, 1))
    if low is None or high is None:
        return f"in all, as if about {number} people had equally many messages"
    level = finite(people.get("level")) or 0.9
    ends = f"{low:,.1f}–{high:,.1f}"
    return (
        f"in all, as if {number} people had equally many messages "
        f"({text.percent(level)} interval {ends})"
    )


def _is_midnight(when: datetime) -> bool:
    return begins_day(about_midnight(when))


@view(names_people=False)
def longtail(
    query: Any,
    chart: Chart,
    since: datetime,
    until: datetime,
    *,
    window: timedelta = timedelta(hours=24),
    step: timedelta | None = None,
    metric: Metric = "absence_factor",
) -> Drawing:
    """Evenness per window over time: the absence factor, and effective people of the whole range.

    `--metric longtail` draws the long-tail metric as first published, which follows the volume.

    Args:
        query: Calls queries.
        chart: Draws.
        since: Start of the range.
        until: End of the range, exclusive.
        window: Length of a window.
        step: Time between the ends of two windows; by default such that there are at most 400.
        metric: The number that is drawn.
    """
    from hubbub.charts.graphs.general import draw_lines

    result = query.longtail(since=since, until=until, window=window, step=step, interval=True)
    rows = records(result)
    reading = _READINGS[metric]
    values = [finite(row.get(metric)) for row in rows]
    ends = [as_time(row["end"]) for row in rows]
    starts = [as_time(row["start"]) for row in rows]
    days = window == timedelta(days=1) and bool(rows)
    days = days and all(s is not None and _is_midnight(s) for s in starts)
    times = [t for t in (starts if days else ends) if t is not None]
    series: list[tuple[str, list[float | None]]] = [
        ("per day" if days else f"per {duration(window)}", values)
    ]
    dense = len(times) > 1
    dense = dense and times[-1] <= current().plus(times[0], timedelta(days=len(times) - 1))
    if dense and times[-1] - times[0] >= 2 * _WEEK and window <= timedelta(days=1):
        series.append(("7-day mean", weekly_mean(times, values)))
    each = "per day" if days else f"of the {duration(window)} before each point"
    name = reading.name.removeprefix("the ")
    subtitles = [f"{name[0].upper()}{name[1:]} {each}: {reading.means}; {reading.better}"]
    unknown = values.count(None)
    if 0 < unknown < len(values):
        subtitles.append(f"unknown in {unknown:,} of {len(values):,} windows")
    subtitles += several(result)
    if people := headline(result.diagnostics):
        subtitles.append(people)
    return draw_lines(
        chart,
        result,
        times,
        series,
        x="start" if days else "end",
        title=_finding(rows, values, reading, year=needs_year(since, until))
        if rows or not result.diagnostics.get("note")
        else f"The range is shorter than one window of {duration(window)}",
        subtitle="; ".join(subtitles),
    )


@view(names_people=False)
def tail(query: Any, chart: Chart, since: datetime, until: datetime) -> Drawing:
    """Counts per user from head to tail, and the straight line between the two."""
    from hubbub.charts.graphs.tail import draw_tail

    return draw_tail(chart, query.tail(since=since, until=until))


def _busiest_tenth(counts: Sequence[float]) -> tuple[int, float]:
    """Return the size of the busiest tenth of the people, at least 1, and their share of work."""
    size = -(-len(counts) // 10)
    return size, sum(sorted(counts, reverse=True)[:size]) / sum(counts)


def _lorenz_finding(names: Sequence[str], counts: Sequence[float], of: str) -> str:
    """State the share of the busiest tenth; `of` says of which messages."""
    if not sum(counts):
        return "Nobody is named by the messages of this range"
    if len(counts) == 1:
        return f"All {of} are of one person, {text.in_title(names[0])}"
    if min(counts) == max(counts):
        return f"All {len(counts):,} people have {text.plural(counts[0], 'message')} each"
    size, share = _busiest_tenth(counts)
    percent = text.percent(share)
    if size == 1:
        best = [n for n, c in zip(names, counts, strict=True) if c == max(counts)]
        first = (
            f"The busiest of {len(counts)} people, {text.in_title(best[0])},"
            if len(best) == 1
            else (f"One of {len(counts)} people")
        )
        return f"{first} has {percent} of all {of}"
    return f"The busiest {size:,} of {len(counts):,} people have {percent} of all {of}"


def _numbers(row: Mapping[str, Any], diagnostics: Mapping[str, Any]) -> list[str]:
    """State the evenness numbers of the whole range."""
    numbers = []
    if (half := finite(row.get("absence_factor"))) is not None:
        verb = "person suffices" if half == 1 else "people suffice"
        numbers.append(f"{text.amount(half)} {verb} for half of them")
    if (gini := finite(row.get("gini"))) is not None:
        numbers.append(f"Gini index {gini:.2f}")
    if people := headline(diagnostics):
        numbers.append(people)
    return numbers


@view(names_people=False)
def lorenz(query: Any, chart: Chart, since: datetime, until: datetime) -> Drawing:
    """Cumulative share of the work over the share of people, with the evenness numbers."""
    from hubbub.charts.graphs.lorenz import draw_lorenz

    length = max(until - since, timedelta(microseconds=1))
    result = query.tail(since=since, until=until)
    measured = query.longtail(since=since, until=until, window=length, step=length, interval=True)
    people = [(text.named(r["user"]), finite(r["count"]) or 0.0) for r in records(result)]
    people.sort(key=lambda p: (p[1], p[0]))
    names, counts = [n for n, _ in people], [c for _, c in people]
    total = sum(counts)
    rows = records(measured)
    subtitles = [
        "Share of mentions of the people with the fewest; nearer to the diagonal is more even"
    ]
    if total and rows:
        subtitles += _numbers(rows[-1], measured.diagnostics)
        subtitles += several(result)
    shares = [0.0, *(c / total for c in accumulate(counts))] if total else []
    mark, label = None, ""
    if len(counts) > 1 and total:
        size, _ = _busiest_tenth(counts)
        others = len(counts) - size
        rest = shares[others]  # not 1 - share, which would round differently
        mark = (others / len(counts), rest)
        label = f"{text.plural(others, 'person', 'people')}: {text.percent(rest)}"
    return draw_lorenz(
        chart,
        result,
        shares,
        mark=mark,
        label=label,
        finding=_lorenz_finding(names, counts, messages(result)),
        subtitle="; ".join(subtitles),
        rows=[(i, n, c, s) for i, (n, c, s) in enumerate(zip(names, counts, shares[1:]), 1)],  # noqa: B905 (shares are empty if all counts are 0)
    )
