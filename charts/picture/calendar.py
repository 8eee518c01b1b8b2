"""Calendar periods (hour to year, in the zone of the request) within a time range.

A range is narrowed to whole periods, because a period that is cut off looks like a drop in
activity.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from hubbub.analyzers.common.periods import require_periods
from hubbub.charts.picture.scale import Dated, day, ending, moment, needs_year
from hubbub.language import _, periods, pgettext
from hubbub.language.dates import month_name, short_month
from hubbub.times import EPOCH
from hubbub.zones import current

__all__ = [
    "Whole",
    "about_midnight",
    "called_part",
    "last_day",
    "named_part",
    "named_period",
    "narrowed",
    "period_of",
    "sparse_labels",
    "starts",
    "whole_ticks",
]

_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_WORDS = {"h": "hour", "d": "day", "w": "week", "m": "month", "q": "quarter", "y": "year"}
_FEWEST = 2  # whole periods; if there are fewer, partial ones are drawn too
_MOST = 9  # labels
#: Periods from label to label; the largest fits 9,999 years.
_STEPS = {
    "month": (1, 2, 3, 6, 12, 24, 60, 120, 600, 1200, 12_000),
    "quarter": (1, 2, 4, 8, 20, 40, 200, 400, 4000),
    "year": (1, 2, 5, 10, 20, 50, 100, 1000),
}
_ENOUGH = 2 + _FEWEST  # periods: without those that the range cuts, there are enough
_MICRO = timedelta(microseconds=1)
#: Of the longest period of each kind.
_LENGTHS = {
    "hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7),
    "month": timedelta(days=31), "quarter": timedelta(days=92), "year": timedelta(days=366),
}  # fmt: skip
_TOLERANCE = 0.01  # share of a period that may be cut off without being visible


def period_of(per: str) -> str:
    """Spell out `h`, `d`, `w`, `m`, `q` or `y`; other names are returned as they are."""
    return _WORDS.get(per, per)


@dataclass(frozen=True, slots=True)
class Whole:
    """A range without the periods that it would cut, and sentences on what is left out or cut."""

    since: datetime
    until: datetime
    notes: tuple[str, ...] = ()


def narrowed(since: datetime, until: datetime, per: str, *, to_newest: bool = False) -> Whole:
    """Drop partial periods at both ends of [since, until), if two others are left.

    A period of which at most a hundredth is cut off counts as whole: the first event comes some
    seconds after midnight, and the proven coverage ends some minutes before it. `to_newest` says
    that the range ends with the newest event: its last period has all that is stored, and stays.
    """
    if until <= since:
        return Whole(since, until)
    zone = current()
    first, last = zone.floor(since, per), zone.floor(until - _MICRO, per)
    start, number = first, 1
    while start < last and number < _ENOUGH:
        start, number = zone.following(start, per), number + 1
    ends = first, zone.following(first, per), last, zone.following(last, per)
    return _whole(since, until, ends, per, number=number, to_newest=to_newest)


def whole_ticks(
    since: datetime, until: datetime, length: timedelta, *, to_newest: bool = False
) -> Whole:
    """Narrow a range to whole ticks, as `narrowed` does to periods.

    Ticks are multiples of `length` since 1970 on the clock of the zone, with its offset at `since`.
    """
    origin = EPOCH - (current().local(since).utcoffset() or timedelta(0))
    first, end = (since - origin) // length, -((origin - until) // length)
    if end <= first:
        return Whole(since, until)
    ticks = (first, first + 1, end - 1, end)
    ends = tuple(origin + tick * length for tick in ticks)
    return _whole(since, until, ends, "period", number=end - first, to_newest=to_newest)


def _whole(
    since: datetime,
    until: datetime,
    ends: Sequence[datetime],
    per: str,
    *,
    number: int,
    to_newest: bool,
) -> Whole:
    """Narrow a range that touches `number` periods, or more if that is `_ENOUGH`.

    `ends` are those of the first and the last period.
    """
    first, second, last, end = ends
    is_late = since - first > _TOLERANCE * (second - first)
    is_early = end - until > _TOLERANCE * (end - last)
    notes = [periods.to_newest(per)] if is_early and to_newest else []
    is_early = is_early and not to_newest
    if number - is_late - is_early >= _FEWEST:
        year = needs_year(since, until)
        if is_late or is_early:
            before = moment(second, year=year) if is_late else ""
            after = moment(last, year=year) if is_early else ""
            notes.append(periods.left_out(per, before, after))
        kept = (second if is_late else since), (last if is_early else until)
        return Whole(*kept, tuple(notes))
    if number == 1 and (is_late or is_early):
        return Whole(since, until, (periods.partial(per),))
    if is_late or is_early:
        notes.insert(0, periods.cut(per, first=is_late, last=is_early))
    return Whole(since, until, tuple(notes))


def about_midnight(when: datetime) -> datetime:
    """Round to midnight if it is at most a hundredth of a day away."""
    zone = current()
    start = zone.floor(when, "day")
    midnight = min(start, zone.following(start, "day"), key=lambda edge: abs(edge - when))
    return midnight if abs(when - midnight) <= _TOLERANCE * timedelta(days=1) else when


def starts(since: datetime, until: datetime, per: str) -> list[datetime]:
    """Return the starts of all periods that overlap [since, until).

    Raises:
        UsageError: they are more than anybody could use.
    """
    require_periods((until - since) // _LENGTHS[per], per)
    return current().edges(since, until, per)[:-1]


def last_day(start: datetime, per: str) -> date:
    """Return the last day of the period that starts at `start`: its label in `active_users`."""
    zone = current()
    return zone.day(zone.following(start, per) - timedelta(microseconds=1))


def named_period(start: datetime, per: str, *, year: bool = True) -> str:
    """Name a period: `on 5 January`, `in the week of 5 January`, `in March 2026`, `in 2026`."""
    date = day(start, year=year)
    if per == "hour":
        return _("in the hour from {day}, {time}", day=date, time=current().clock(start))
    if per == "day":
        return _("on {day}", day=date)
    if per == "week":
        return _("in the week of {day}", day=date)
    start = current().local(start)
    if per == "month":
        return pgettext("in a month", "in {month}", month=month_name(start))
    if per == "quarter":
        return _("in quarter {n} of {year}", n=start.month // 3 + 1, year=start.year)
    return pgettext("in a year", "in {year}", year=start.year)


def named_part(
    start: datetime, per: str, since: datetime, until: datetime, *, year: bool = True
) -> str:
    """Name the part of a period that lies in [since, until): `on 5 January, 06:00–18:00 UTC`.

    A period of which nothing that is visible is cut off has its own name.
    """
    part = _part(start, per, since, until)
    if part is None:
        return named_period(start, per, year=year)
    if clocks := _clocks(*part):
        return _("on {day}, {times}", day=day(part[0], year=year), times=clocks)
    first, last = moment(part[0], year=year), ending(part[1], year=year)
    return _("from {first} to {last}", first=first, last=last)


def called_part(
    start: datetime, per: str, since: datetime, until: datetime, *, year: bool = True
) -> str:
    """Name a part as `named_part`, after "the busiest hour was": `that from 5 January, 14:00`.

    Args:
        start: of the period.
        per: its length: hour, day or week.
        since: start of the range.
        until: end of the range, exclusive.
        year: whether dates have the year.
    """
    part = _part(start, per, since, until)
    if part is None:
        date = day(start, year=year)
        if per == "hour":
            time = current().clock(start)
            return pgettext("busiest", "that from {day}, {time}", day=date, time=time)
        if per == "week":
            return pgettext("busiest", "that of {day}", day=date)
        return pgettext("busiest", "{day}", day=date)
    if clocks := _clocks(*part):
        date = day(part[0], year=year)
        return pgettext("busiest", "{day}, {times}", day=date, times=clocks)
    first, last = moment(part[0], year=year), ending(part[1], year=year)
    return pgettext("busiest", "from {first} to {last}", first=first, last=last)


def _part(
    start: datetime, per: str, since: datetime, until: datetime
) -> tuple[datetime, datetime] | None:
    """Return the part of a period that lies in [since, until); None: nothing visible is cut off."""
    end = current().following(start, per)
    tolerance = _TOLERANCE * (end - start)
    if since - start <= tolerance and end - until <= tolerance:
        return None
    return max(since, start), min(until, end)


def _clocks(first: datetime, last: datetime) -> str:
    """Format a time within a day: `06:00–18:00 UTC`; empty if it is not within one."""
    zone = current()
    if zone.day(first) != zone.day(last - timedelta(microseconds=1)):
        return ""
    clocks = [zone.clock(edge).partition(" ")[0] for edge in (first, last)]
    if zone.day(last) != zone.day(first):
        clocks[1] = "24:00"
    return f"{'–'.join(clocks)} {zone.name}"


def sparse_labels(times: list[datetime], per: str) -> tuple[tuple[str, float], ...]:
    """Return at most nine labels, with positions 0…1, for columns of months, quarters or years.

    Round periods are labelled: each January, not every fourteenth month.
    """
    months = _MONTHS[per]
    times = [current().local(t) for t in times]
    numbers = [(t.year * 12 + t.month - 1) // months for t in times]
    for step in _STEPS[per]:
        chosen = [i for i, number in enumerate(numbers) if number % step == 0]
        if len(chosen) <= _MOST:
            break
    labels: list[tuple[str, float]] = []
    previous_year = None
    for i in chosen or [0]:
        start = times[i]
        shown = start.year != previous_year
        if (chosen and step * months % 12 == 0) or per == "year":
            label = f"{start.year}"
        elif per == "month":
            both = short_month(start), short_month(start, year=True)
            label = Dated.of(*both, start.year, shown=shown)
        else:
            n = start.month // 3 + 1
            both = _("Q{n}", n=n), _("Q{n} {year}", n=n, year=start.year)
            label = Dated.of(*both, start.year, shown=shown)
        labels.append((label, (i + 0.5) / len(times)))
        previous_year = start.year
    return tuple(labels)
