"""Whole calendar periods of a range, in UTC: a period that the range cuts looks like a fall.

Comes in: a range and the name of a period. Goes out: the range narrowed to whole periods, their
starts, and a period in words. It draws nothing.
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
_FEWEST = 2  # whole periods, below which the cut ones are shown too
_MOST = 9  # labels
#: From label to label, in periods; the last one fits 9,999 years.
_STEPS = {
    "month": (1, 2, 3, 6, 12, 24, 60, 120, 600, 1200, 12_000),
    "quarter": (1, 2, 4, 8, 20, 40, 200, 400, 4000),
    "year": (1, 2, 5, 10, 20, 50, 100, 1000),
}
_MISSING = 0.01  # of a period that a range may cut: an eye does not see so little


def period_of(per: str) -> str:
    """The long spelling of `h`, `d`, `w`, `m`, `q`, `y`, or the long one itself."""
    return _WORDS.get(per, per)


def _month(number: int) -> datetime:
    return datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC)


def _numbers(since: datetime, until: datetime, per: str) -> tuple[int, int]:
    """The first whole period, and the first one after them."""
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
    """[since, until) without the periods at its ends that it cuts, if two whole ones are left.

    A period of which less than a hundredth is cut off counts as whole: the first event comes some
    seconds after midnight, and what is proven ends some minutes before it.
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
    return _MISSING * (_start(number + 1, per) - _start(number, per))


def about_midnight(when: datetime) -> datetime:
    """The midnight that is a hundredth of a day away or nearer; else the time as it is."""
    midnight = (when + timedelta(hours=12)).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight if abs(when - midnight) <= _MISSING * timedelta(days=1) else when


def starts(since: datetime, until: datetime, per: str) -> list[datetime]:
    """Where the periods that touch [since, until) begin."""
    first, last = _numbers(since, until, per)
    if _start(first, per) > since:
        first -= 1
    if _start(last, per) < until:
        last += 1
    return [_start(number, per) for number in range(first, last)]


def last_day(start: datetime, per: str) -> date:
    """The last day of the period that begins there, which is its label in `active_users`."""
    if per in _EVEN:
        return (start + _EVEN[per][1] - timedelta(microseconds=1)).date()
    number = (start.year * 12 + start.month - 1) + _MONTHS[per]
    return (_month(number) - timedelta(days=1)).date()


def named_period(start: datetime, per: str, *, year: bool = True) -> str:
    """When, in words: `on 5 January`, `in the week of 5 January`, `in March 2026`, `in 2026`."""
    said = day(start, year=year)
    if per == "hour":
        return f"in the hour from {said}, {start:%H:%M}"
    if per == "day":
        return f"on {said}"
    if per == "week":
        return f"in the week of {said}"
    if per == "month":
        return f"in {day(start, year=True).partition(' ')[2]}"
    if per == "quarter":
        return f"in quarter {start.month // 3 + 1} of {start.year}"
    return f"in {start.year}"


def sparse_labels(times: list[datetime], per: str) -> tuple[tuple[str, float], ...]:
    """At most nine labels of columns that stand for months, quarters or years, at 0…1.

    They stand on round ones: each January, not every fourteenth month.
    """
    months = _MONTHS[per]
    numbers = [(t.year * 12 + t.month - 1) // months for t in times]
    for step in _STEPS[per]:
        chosen = [i for i, number in enumerate(numbers) if number % step == 0]
        if len(chosen) <= _MOST:
            break
    out = []
    before = None
    for i in chosen or [0]:
        start = times[i]
        year = f" {start.year}" if start.year != before else ""
        short = {
            "month": day(start).partition(" ")[2][:3] + year,
            "quarter": f"Q{start.month // 3 + 1}{year}",
            "year": f"{start.year}",
        }["year" if chosen and step * months % 12 == 0 else per]
        out.append((short, (i + 0.5) / len(times)))
        before = start.year
    return tuple(out)
