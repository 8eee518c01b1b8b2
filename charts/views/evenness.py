"""The views `longtail`, `tail` and `lorenz`: how evenly work is shared, over time and in total.

Metrics never share an axis: `--metric` selects one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import accumulate
from statistics import median
from typing import Any

from hubbub.charts.chart import Chart
from hubbub.charts.picture import text
from hubbub.charts.picture.calendar import about_midnight
from hubbub.charts.picture.drawing import Drawing
from hubbub.charts.picture.scale import as_time, begins_day, day, ending, needs_year
from hubbub.charts.picture.sheet import finite, messages, records, several
from hubbub.charts.views.metrics import READINGS, Metric, Reading
from hubbub.language import _, in_english, ngettext
from hubbub.language.numbers import amount, decimal, percent
from hubbub.language.wording import duration, duration_after_in
from hubbub.registry import view
from hubbub.zones import current

__all__ = ["headline", "longtail", "lorenz", "tail"]

_NOTABLE = 1.6  # an extreme window of at least so many times the median goes into the title
_WEEK = timedelta(days=7)


def _when(row: Mapping[str, Any], *, year: bool) -> str:
    """Name a window: `on 27 February`, or `in the 24 h to 27 February, 14:30`."""
    start, end = as_time(row["start"]), as_time(row["end"])
    assert start is not None
    assert end is not None
    first, last = about_midnight(start), about_midnight(end)
    if current().plus(start, timedelta(days=1)) == end and begins_day(first):
        return _("on {day}", day=day(first, year=year))
    length, last_day = duration_after_in(end - start), ending(last, year=year)
    return _("in the {length} to {end}", length=length, end=last_day)


def _finding(  # noqa: PLR0911 - one for each form
    rows: Sequence[Mapping[str, Any]],
    values: Sequence[float | None],
    reading: Reading,
    *,
    year: bool,
) -> str:
    """State the extreme window if one stands out, else the range of values; nothing of evenness.

    Windows without a value are no part of "throughout".
    """
    known = [(v, i) for i, v in enumerate(values) if v is not None]
    if not known:
        return _("No window in this range has enough activity for {metric}", metric=_(reading.name))
    numbers = [v for v, i in known]
    low, middle, high = (amount(v) for v in (min(numbers), median(numbers), max(numbers)))
    extreme = max(numbers) if reading.lower else min(numbers)
    windows = [i for v, i in known if v == extreme]
    name = _(reading.title)
    when = _when(rows[windows[0]], year=year)
    if len(known) == 1:
        return _("{metric} was {value} {when}", metric=name, value=amount(extreme), when=when)
    if low == high:
        if len(known) == len(values):
            return _("{metric} was {value} throughout", metric=name, value=middle)
        return _("{metric} was {value} wherever it is known", metric=name, value=middle)
    notable = (
        extreme > median(numbers) * _NOTABLE
        if reading.lower
        else extreme * _NOTABLE < median(numbers)
    )
    if notable and len(windows) == 1:
        facts = {"metric": name, "when": when, "value": amount(extreme), "median": middle}
        if reading.lower:
            return _("{metric} was highest {when}, {value}; the median is {median}", **facts)
        return _("{metric} was lowest {when}, {value}; the median is {median}", **facts)
    return _(
        "{metric} stayed between {low} and {high}, median {median}",
        metric=name,
        low=low,
        high=high,
        median=middle,
    )


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
        note = str(people.get("note") or "")
        return _("effective people in all: {note}", note=_(note)) if note else ""
    number = amount(round(value, 1))
    if low is None or high is None:
        return _("in all, as if about {n} people had equally many messages", n=number)
    return _(
        "in all, as if {n} people had equally many messages ({level} interval {low}–{high})",
        n=number,
        level=percent(finite(people.get("level")) or 0.9),
        low=decimal(f"{low:,.1f}"),
        high=decimal(f"{high:,.1f}"),
    )


def _is_midnight(when: datetime) -> bool:
    return begins_day(about_midnight(when))


def _lines(window: timedelta | None) -> list[str]:
    """Name the lines: the values per window (None: a day of the calendar), and their mean."""
    length = "" if window is None else duration(window)
    return [_("per {length}", length=length) if length else _("per day"), _("7-day mean")]


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
    reading = READINGS[metric]
    values = [finite(row.get(metric)) for row in rows]
    ends = [as_time(row["end"]) for row in rows]
    starts = [as_time(row["start"]) for row in rows]
    days = window == timedelta(days=1) and bool(rows)
    days = days and all(s is not None and _is_midnight(s) for s in starts)
    times = [t for t in (starts if days else ends) if t is not None]
    drawn = [values]
    dense = len(times) > 1
    dense = dense and times[-1] <= current().plus(times[0], timedelta(days=len(times) - 1))
    if dense and times[-1] - times[0] >= 2 * _WEEK and window <= timedelta(days=1):
        drawn.append(weekly_mean(times, values))
    names = _lines(None if days else window)
    facts = {
        "metric": _(reading.label),
        "meaning": _(reading.means),
        "reading": _(reading.better),
    }
    subtitles = [
        _("{metric} per day: {meaning}; {reading}", **facts)
        if days
        else _(
            "{metric} of the {length} before each point: {meaning}; {reading}",
            length=duration(window),
            **facts,
        )
    ]
    unknown = values.count(None)
    if 0 < unknown < len(values):
        parts = {"n": amount(unknown), "all": amount(len(values))}
        subtitles.append(_("unknown in {n} of {all} windows", **parts))
    subtitles += several(result)
    if people := headline(result.diagnostics):
        subtitles.append(people)
    return draw_lines(
        chart,
        result,
        times,
        list(zip(names, drawn, strict=False)),  # a short range has no mean
        x="start" if days else "end",
        columns=in_english(_lines, None if days else window)[: len(drawn)],
        title=_finding(rows, values, reading, year=needs_year(since, until))
        if rows or not result.diagnostics.get("note")
        else _(
            "The range is shorter than one window of {length}", length=duration_after_in(window)
        ),
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
        return _("Nobody is named by the messages of this range")
    if len(counts) == 1:
        return _("All {of} are of one person, {name}", of=of, name=text.in_title(names[0]))
    if min(counts) == max(counts):
        return ngettext(
            "All {people} people have {n} message each",
            "All {people} people have {n} messages each",
            counts[0],
            people=amount(len(counts)),
        )
    size, share = _busiest_tenth(counts)
    facts = {"people": amount(len(counts)), "share": percent(share), "of": of}
    if size > 1:
        return _(
            "The busiest {n} of {people} people have {share} of all {of}", n=amount(size), **facts
        )
    best = [n for n, c in zip(names, counts, strict=True) if c == max(counts)]
    if len(best) > 1:
        return _("One of {people} people has {share} of all {of}", **facts)
    return _(
        "The busiest of {people} people, {name}, has {share} of all {of}",
        name=text.in_title(best[0]),
        **facts,
    )


def _numbers(row: Mapping[str, Any], diagnostics: Mapping[str, Any]) -> list[str]:
    """State the evenness numbers of the whole range."""
    numbers = []
    if (half := finite(row.get("absence_factor"))) is not None:
        numbers.append(
            ngettext(
                "{n} person suffices for half of them", "{n} people suffice for half of them", half
            )
        )
    if (gini := finite(row.get("gini"))) is not None:
        numbers.append(_("Gini index {n}", n=decimal(f"{gini:.2f}")))
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
        _("Share of mentions of the people with the fewest; nearer to the diagonal is more even")
    ]
    if total and rows:
        subtitles += _numbers(rows[-1], measured.diagnostics)
        subtitles += several(result)
    shares = [0.0, *(c / total for c in accumulate(counts))] if total else []
    mark, label = None, ""
    if len(counts) > 1 and total:
        others = len(counts) - _busiest_tenth(counts)[0]
        rest = shares[others]  # not 1 - share, which would round differently
        mark = (others / len(counts), rest)
        label = ngettext("{n} person: {share}", "{n} people: {share}", others, share=percent(rest))
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
