"""Calendar periods (hour to year, UTC) within a time range.

A range is narrowed to whole periods, because a period that is cut off looks like a drop in
activity.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hubbub.charts.picture.scale import day
from hubbub.times import EPOCH

__all__ = [
    "about_midnight",
    "last_day",
    "named_period",
    "narrowed",
    "period_of",
    "sparse_labels",
    "starts",
]

_MONDAY = EPOCH + timedelta(days=4)
_EVEN = {
    "hour": (EPOCH, timedelta(hours=1)),
    "day": (EPOCH, timedelta(days=1)),
    "week": (_MONDAY, timedelta(days=7)),
}
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
_TOLERANCE = 0.01  # share of a period that may be cut off without being visible


def period_of(per: str) -> str:
    """Spell out `h`, `d`, `w`, `m`, `q` or `y`; other names are returned as they are."""
    return _WORDS.get(per, per)


def _month(number: int) -> datetime:
    return datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC)


def _numbers(since: datetime, until: datetime, per: str) -> tuple[int, int]:
    """Return the numbers of the first whole period in the range and of the first one after it."""
    if per in _EVEN:
        origin, length = _EVEN[per]
        return -((origin - since) // length), (until - origin) // length
    months = _MONTHS[per]

    def number(when: datetime) -> int:
        return (when.year * 12 + when.month - 1) // months

    first = number(since)
    return (first if _start(first, per) == since else first + 1), number(until)


def _start(number: int, per: str) -> datetime:
    if per in _EVEN:
        origin, length = _EVEN[per]
        return origin + number * length
    return _month(number * _MONTHS[per])


def narrowed(since: datetime, until: datetime, per: str) -> tuple[datetime, datetime]:
    """Drop partial periods at both ends of [since, until), if two whole ones are left.

    A period of which at most a hundredth is cut off counts as whole: the first event comes some
    seconds after midnight, and the proven coverage ends some minutes before it.
    """
    first, last = _numbers(since, until, per)
    if _start(first, per) > since and since - _start(first - 1, per) <= _slack(first - 1, per):
        first -= 1
    if _start(last, per) < until and _start(last + 1, per) - until <= _slack(last, per):
        last += 1
    if last - first < _FEWEST:
        return since, until
    return max(since, _start(first, per)), min(until, _start(last, per))


def _slack(number: int, per: str) -> timedelta:
    return _TOLERANCE * (_start(number + 1, per) - _start(number, per))


def about_midnight(when: datetime) -> datetime:
    """Round to midnight if it is at most a hundredth of a day away."""
    midnight = (when + timedelta(hours=12)).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight if abs(when - midnight) <= _TOLERANCE * timedelta(days=1) else when


def starts(since: datetime, until: datetime, per: str) -> list[datetime]:
    """Return the starts of all periods that overlap [since, until)."""
    first, last = _numbers(since, until, per)
    if _start(first, per) > since:
        first -= 1
    if _start(last, per) < until:
        last += 1
    return [_start(number, per) for number in range(first, last)]


def last_day(start: datetime, per: str) -> date:
    """Return the last day of the period that starts at `start`: its label in `active_users`."""
    if per in _EVEN:
        return (start + _EVEN[per][1] - timedelta(microseconds=1)).date()
    number = (start.year * 12 + start.month - 1) + _MONTHS[per]
    return (_month(number) - timedelta(days=1)).date()


def named_period(start: datetime, per: str, *, year: bool = True) -> str:
    """Name a period: `on 5 January`, `in the week of 5 January`, `in March 2026`, `in 2026`."""
    date_name = day(start, year=year)
    if per == "hour":
        return f"in the hour from {date_name}, {start:%H:%M}"
    if per == "day":
        return f"on {date_name}"
    if per == "week":
        return f"in the week of {date_name}"
    if per == "month":
        return f"in {day(start, year=True).partition(' ')[2]}"
    if per == "quarter":
        return f"in quarter {start.month // 3 + 1} of {start.year}"
    return f"in {start.year}"


def sparse_labels(times: list[datetime], per: str) -> tuple[tuple[str, float], ...]:
    """Return at most nine labels, with positions 0…1, for columns of months, quarters or years.

    Round periods are labelled: each January, not every fourteenth month.
    """
    months = _MONTHS[per]
    numbers = [(t.year * 12 + t.month - 1) // months for t in times]
    for step in _STEPS[per]:
        chosen = [i for i, number in enumerate(numbers) if number % step == 0]
        if len(chosen) <= _MOST:
            break
    labels = []
    previous_year = None
    for i in chosen or [0]:
        start = times[i]
        year = f" {start.year}" if start.year != previous_year else ""
        label = {
            "month": day(start).partition(" ")[2][:3] + year,
            "quarter": f"Q{start.month // 3 + 1}{year}",
            "year": f"{start.year}",
        }["year" if chosen and step * months % 12 == 0 else per]
        labels.append((label, (i + 0.5) / len(times)))
        previous_year = start.year
    return tuple(labels)
