"""Axis scales: four to six round numbers for values, calendar boundaries for times.

Also parses times out of result cells and formats dates. Times are aware and UTC; they are shown in
the zone of the request (`hubbub.zones.current`), which times of day name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from hubbub.language import _
from hubbub.language.dates import date_name, short_date, short_month
from hubbub.times import parse_time
from hubbub.zones import current

__all__ = [
    "Dated",
    "Scale",
    "as_time",
    "begins_day",
    "calendar",
    "day",
    "ending",
    "every",
    "moment",
    "needs_year",
    "span",
    "values",
    "zoned_span",
]

MOST = 9  # x labels
_FLAT = 1e-9  # a smaller range counts as a single value
_HOURS = (1, 2, 3, 6, 12)
_MONTHS = (1, 2, 3, 6)
_MINUTES = (1, 2, 5, 10, 15, 30)


class Dated(str):
    """A label of a day, month or quarter, with or without the year."""

    __slots__ = ("full", "short", "year")

    short: str
    full: str
    year: int

    @classmethod
    def of(cls, short: str, full: str, year: int, *, shown: bool) -> Dated:
        """Return the label; the year is a part of `full`, and `shown` says whether of the label."""
        label = cls(full if shown else short)
        label.short, label.full, label.year = short, full, year
        return label


@dataclass(frozen=True, slots=True)
class Scale:
    """The ends of an axis and its evenly spaced ticks."""

    low: float
    high: float
    ticks: tuple[float, ...]

    @property
    def step(self) -> float:
        """Distance between ticks."""
        return self.ticks[1] - self.ticks[0]


def values(low: float, high: float, *, whole: bool = False) -> Scale:
    """Return an axis from `low` to `high` or beyond, with four to six ticks at round numbers.

    The axis includes zero. With `whole`, ticks are whole numbers.
    """
    low, high = min(low, 0.0), max(high, 0.0)
    if high - low < _FLAT:
        high = low + 1
    best: Scale | None = None
    power = math.floor(math.log10(high - low)) - 1
    for exponent in range(power - 1, power + 3):
        for digit in (1, 2, 2.5, 5):
            step = digit * 10.0**exponent
            if whole and (step < 1 or step != int(step)):
                continue
            first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
            count = last - first + 1
            if not 4 <= count <= 6:  # noqa: PLR2004 (four to six ticks)
                continue
            ticks = tuple(round(i * step, 12 - exponent) for i in range(first, last + 1))
            scale = Scale(ticks[0], ticks[-1], ticks)
            if best is None or scale.high - scale.low < (best.high - best.low) * (1 - 1e-9):
                best = scale
    if best is None:  # whole numbers below 3: ticks at 0 1 2 3
        return Scale(low, low + 3, tuple(low + i for i in range(4)))
    return best


def as_time(value: object) -> datetime | None:
    """Read a time from a cell: datetime, date, ISO text, `2026-W07` or `2026-07`; None if none."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if isinstance(value, date):
        return current().midnight(value)
    if not isinstance(value, str) or len(value) < 7 or value[4:5] != "-":  # noqa: PLR2004
        return None
    try:
        if value[5] == "W":
            return current().instant(datetime.strptime(f"{value}-1", "%G-W%V-%u"))  # noqa: DTZ007
        now = current().local(datetime.now(UTC))
        return parse_time(f"{value}-01" if len(value) == 7 else value, now)  # noqa: PLR2004
    except ValueError:
        return None


def day(when: datetime, *, year: bool = False) -> str:
    """Format the date of a time: `27 February`, `27 February 2026`."""
    return date_name(current().local(when), year=year)


def moment(when: datetime, *, year: bool = False) -> str:
    """Format a time: `27 February` at midnight, otherwise `27 February, 14:30 UTC`."""
    date = day(when, year=year)
    return date if begins_day(when) else _("{date}, {time}", date=date, time=current().clock(when))


def ending(end: datetime, *, year: bool = False) -> str:
    """Format the end of a half-open time: at midnight the day before, else the time."""
    if begins_day(end):
        return day(end - timedelta(microseconds=1), year=year)
    return moment(end, year=year)


def begins_day(when: datetime) -> bool:
    """Whether a time is in the first minute of a day."""
    return current().floor(when, "day") == when.replace(second=0, microsecond=0)


def needs_year(since: datetime, until: datetime) -> bool:
    """Whether dates in this range are ambiguous without the year."""
    first, last = current().local(since), current().local(until)
    return first.year != last.year and until - since > timedelta(days=180)


def span(since: datetime, until: datetime) -> str:
    """Format a half-open range with its last day included: `5 Jan – 29 Mar 2026`."""
    if since >= until:
        return _("an empty range")
    zone, days = current(), begins_day(until) and _at_midnight(since)
    length, end_clock = until - since, zone.clock(until)
    last = zone.local(max(since, until - timedelta(microseconds=1)))
    since, until = zone.local(since), zone.local(until)
    if length < timedelta(days=2) and not days:
        end = end_clock
        if since.date() != last.date():
            end = _("{date} {time}", date=short_date(until), time=end_clock)
        start = _("{date} {time}", date=short_date(since, year=True), time=f"{since:%H:%M}")
        return _("{first} – {last}", first=start, last=end)
    if since.date() == last.date():
        return short_date(since, year=True)
    end = short_date(last, year=True)
    if (since.year, since.month) == (last.year, last.month):
        return _("{day}–{last}", day=since.day, last=end)
    first = short_date(since, year=since.year != last.year)
    return _("{first} – {last}", first=first, last=end)


def zoned_span(since: datetime, until: datetime) -> str:
    """Format a range as `span`, with its zone unless that is UTC: `… 2026, Europe/Berlin`."""
    name, text = current().name, span(since, until)
    return text if current().is_utc or text.endswith(name) else f"{text}, {name}"


def _at_midnight(when: datetime) -> bool:
    """Whether a time is in the first hour of a day, as a range that begins with an event."""
    return when - current().floor(when, "day") < timedelta(hours=1)


def _add_months(when: datetime, n: int) -> datetime:
    index = when.year * 12 + when.month - 1 + n
    return when.replace(year=index // 12, month=index % 12 + 1)


def _boundaries(
    since: datetime, until: datetime, floor: Callable[[datetime], datetime], step: timedelta | int
) -> list[datetime] | None:
    """Return all boundaries in [since, until], None if there are more than fit.

    `step` is a duration or a number of months.
    """
    boundary = floor(since)
    boundaries: list[datetime] = []
    while boundary <= until:
        if boundary >= since:
            boundaries.append(boundary)
        if len(boundaries) > MOST:
            return None
        try:
            if isinstance(step, timedelta):
                boundary += step
            else:
                boundary = _add_months(boundary, step)
        except (OverflowError, ValueError):  # the year 9999
            break
    return boundaries


def _steps() -> list[tuple[str, Callable[[datetime], datetime], timedelta | int]]:
    def seconds(n: int) -> Callable[[datetime], datetime]:
        step = timedelta(seconds=n)

        def floor(t: datetime) -> datetime:
            midnight = t.replace(hour=0, minute=0, second=0, microsecond=0)
            return midnight + (t - midnight) // step * step

        return floor

    def odd_day(t: datetime) -> datetime:
        return seconds(86400)(t) - timedelta(days=1 - t.toordinal() % 2)

    def monday(t: datetime) -> datetime:
        return seconds(86400)(t) - timedelta(days=t.weekday())

    def months(n: int) -> Callable[[datetime], datetime]:
        def floor(t: datetime) -> datetime:
            index = (t.year * 12 + t.month - 1) // n * n
            year = max(index // 12, 1)
            return datetime(year, index % 12 + 1, 1)  # noqa: DTZ001 - on the clock of the zone

        return floor

    steps: list[tuple[str, Callable[[datetime], datetime], timedelta | int]] = []
    steps += [("clock", seconds(60 * n), timedelta(minutes=n)) for n in _MINUTES]
    steps += [("clock", seconds(3600 * n), timedelta(hours=n)) for n in _HOURS]
    steps += [("day", seconds(86400), timedelta(days=1)), ("day", odd_day, timedelta(days=2))]
    steps += [("day", monday, timedelta(weeks=n)) for n in (1, 2)]
    steps += [("month", months(n), n) for n in _MONTHS]
    steps += [
        ("year", months(12 * n), 12 * n) for n in (1, 2, 5, 10, 20, 50, 100, 250, 500, 1000, 2000)
    ]
    return steps


#: (kind of label, rounds a time down to a boundary, distance of boundaries), finest first.
_STEPS = _steps()


def calendar(
    since: datetime, until: datetime, least: timedelta = timedelta(0)
) -> list[tuple[str, datetime]]:
    """Return at most nine labels on calendar boundaries of [since, until], by the clock.

    Labels carry the year where it changes. `least` is the shortest distance between labels: buckets
    of a day need no labels at hours.
    """
    zone = current()
    first, last = (zone.local(t).replace(tzinfo=None) for t in (since, until))
    alone: list[tuple[str, datetime]] = [(_dated(first, shown=True), since)]
    if until <= since:
        return alone
    for kind, floor, step in _STEPS:
        if isinstance(step, timedelta) and step < least:
            continue
        times = _boundaries(first, last, floor, step)
        if times is not None:
            labels = [(label, zone.instant(t)) for label, t in _labels(kind, times)]
            return [(label, t) for label, t in labels if since <= t <= until] or alone
    raise AssertionError("steps of 2000 years fit any range up to the year 9999")


def every(labels: Sequence[tuple[str, float]], n: int) -> list[tuple[str, float]] | None:
    """Return every nth of the labels of `calendar`, with the year where it changes among these.

    None if the labels are not all dates: names and hours may be dropped one by one, dates must stay
    evenly spaced.
    """
    kept: list[tuple[str, float]] = []
    previous_year = None
    for i, (label, position) in enumerate(labels):
        if not isinstance(label, Dated):
            return None
        if i % n == 0:
            kept.append((label.full if label.year != previous_year else label.short, position))
            previous_year = label.year
    return kept


def _dated(when: date, *, shown: bool) -> Dated:
    return Dated.of(short_date(when), short_date(when, year=True), when.year, shown=shown)


def _labels(kind: str, times: Sequence[datetime]) -> list[tuple[str, datetime]]:
    labels: list[tuple[str, datetime]] = []
    previous: datetime | None = None
    for t in times:
        new_year = previous is None or previous.year != t.year
        if kind == "year":
            label = f"{t.year}"
        elif kind == "month":
            months = short_month(t), short_month(t, year=True)
            label = Dated.of(*months, t.year, shown=new_year)
        elif kind == "day":
            label = _dated(t, shown=new_year)
        else:
            new_day = previous is None or previous.date() != t.date()
            label = f"{t:%H:%M}"
            if new_day:
                label = _("{date} {time}", date=short_date(t), time=label)
        labels.append((label, t))
        previous = t
    return labels
