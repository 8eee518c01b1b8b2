"""Ticks: four to six round numbers for values, calendar boundaries for times.

Comes in: the smallest and largest value, or the range of times. Goes out: tick values, and labels
that are unique. Times are aware and UTC.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from hubbub.times import parse_time

__all__ = [
    "Scale",
    "as_time",
    "calendar",
    "day",
    "every",
    "moment",
    "needs_year",
    "span",
    "values",
]

MOST = 9  # x labels
# Not strftime's: its names follow the locale of the process, and a picture must not.
_NAMES = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September"),
    *("October", "November", "December"),
)
_FLAT = 1e-9  # a smaller range is drawn as none
_HOURS = (1, 2, 3, 6, 12)
_MONTHS = (1, 2, 3, 6)
_MINUTES = (1, 2, 5, 10, 15, 30)
_DATED = re.compile(r"((?:\d{1,2} )?[A-Z][a-z]{2}|Q\d)(?: (\d{4}))?")


@dataclass(frozen=True, slots=True)
class Scale:
    """The ends of an axis, and its ticks between them, evenly spaced."""

    low: float
    high: float
    ticks: tuple[float, ...]

    @property
    def step(self) -> float:
        """From tick to tick."""
        return self.ticks[1] - self.ticks[0]


def values(low: float, high: float, *, whole: bool = False) -> Scale:
    """An axis that holds low and high and has four to six ticks at round numbers.

    `whole`: counts have no halves. The axis starts at zero where the values do not cross it.
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
    if best is None:  # whole numbers below 3: 0 1 2 3
        return Scale(low, low + 3, tuple(low + i for i in range(4)))
    return best


def as_time(value: object) -> datetime | None:
    """A time out of a cell: datetime, date, ISO text, ISO week `2026-W07`, `2026-07`; else None."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    if not isinstance(value, str) or len(value) < 7 or value[4:5] != "-":  # noqa: PLR2004
        return None
    try:
        if value[5] == "W":
            return datetime.strptime(f"{value}-1", "%G-W%V-%u").replace(tzinfo=UTC)
        return parse_time(f"{value}-01" if len(value) == 7 else value, datetime.now(UTC))  # noqa: PLR2004
    except ValueError:
        return None


def day(when: datetime, *, year: bool = False) -> str:
    """`27 February`, `27 February 2026`."""
    return f"{when.day} {_NAMES[when.month - 1]}" + (f" {when.year}" if year else "")


def moment(when: datetime, *, year: bool = False) -> str:
    """`27 February`, or with the time of day where it is not midnight: `27 February, 14:30`."""
    midnight = not (when.hour or when.minute)
    said = day(when, year=year)
    return said if midnight else f"{said}, {when:%H:%M}"


def needs_year(since: datetime, until: datetime) -> bool:
    """A range in which a day of the year may come twice."""
    return since.year != until.year and until - since > timedelta(days=180)


def span(since: datetime, until: datetime) -> str:
    """A half-open range in words, its last day included: `5 Jan – 29 Mar 2026`, UTC."""
    last = max(since, until - timedelta(microseconds=1))
    if until - since < timedelta(days=2) and (until.hour or until.minute or since.hour):
        form = f"{until:%H:%M}" if since.date() == last.date() else f"{_brief(until)} {until:%H:%M}"
        return f"{_brief(since)} {since.year} {since:%H:%M} – {form} UTC"
    if since.date() == last.date():
        return f"{_brief(since)} {since.year}"
    if (since.year, since.month) == (last.year, last.month):
        return f"{since.day}–{_brief(last)} {last.year}"
    first = _brief(since) if since.year == last.year else f"{_brief(since)} {since.year}"
    return f"{first} – {_brief(last)} {last.year}"


def _month(when: datetime) -> str:
    return _NAMES[when.month - 1][:3]


def _brief(when: datetime) -> str:
    return f"{when.day} {_month(when)}"


def _add_months(when: datetime, n: int) -> datetime:
    index = when.year * 12 + when.month - 1 + n
    return when.replace(year=index // 12, month=index % 12 + 1)


def _boundaries(
    since: datetime, until: datetime, floor: Callable[[datetime], datetime], n: timedelta | int
) -> list[datetime] | None:
    """All boundaries in [since, until], None if there are more than fit."""
    at = floor(since)
    out: list[datetime] = []
    while at <= until:
        if at >= since:
            out.append(at)
        if len(out) > MOST:
            return None
        try:
            at = at + n if isinstance(n, timedelta) else _add_months(at, n)
        except (OverflowError, ValueError):  # the year 9999
            break
    return out


def _steps() -> list[tuple[str, Callable[[datetime], datetime], timedelta | int]]:
    def part(seconds: int) -> Callable[[datetime], datetime]:
        def floor(t: datetime) -> datetime:
            midnight = t.replace(hour=0, minute=0, second=0, microsecond=0)
            return midnight + (t - midnight) // timedelta(seconds=seconds) * timedelta(
                seconds=seconds
            )

        return floor

    def odd(t: datetime) -> datetime:
        return part(86400)(t) - timedelta(days=1 - t.toordinal() % 2)

    def monday(t: datetime) -> datetime:
        return part(86400)(t) - timedelta(days=t.weekday())

    def months(n: int) -> Callable[[datetime], datetime]:
        def floor(t: datetime) -> datetime:
            index = (t.year * 12 + t.month - 1) // n * n
            year = max(index // 12, 1)
            return datetime(year, index % 12 + 1, 1, tzinfo=UTC)

        return floor

    out: list[tuple[str, Callable[[datetime], datetime], timedelta | int]] = []
    out += [("clock", part(60 * n), timedelta(minutes=n)) for n in _MINUTES]
    out += [("clock", part(3600 * n), timedelta(hours=n)) for n in _HOURS]
    out += [("day", part(86400), timedelta(days=1)), ("day", odd, timedelta(days=2))]
    out += [("day", monday, timedelta(weeks=n)) for n in (1, 2)]
    out += [("month", months(n), n) for n in _MONTHS]
    out += [("year", months(12 * n), 12 * n) for n in (1, 2, 5, 10, 20, 50, 100, 250, 500)]
    return out


_STEPS = _steps()


def calendar(
    since: datetime, until: datetime, least: timedelta = timedelta(0)
) -> list[tuple[str, datetime]]:
    """At most nine labels on calendar boundaries of [since, until]; the year where it is new.

    `least`: from label to label; days have no hours between them that could be labelled.
    """
    if until <= since:
        return [(f"{_brief(since)} {since.year}", since)]
    for kind, floor, step in _STEPS:
        if isinstance(step, timedelta) and step < least:
            continue
        times = _boundaries(since, until, floor, step)
        if times is not None:
            return _labels(kind, times) or [(f"{_brief(since)} {since.year}", since)]
    raise AssertionError("500 years always fit: there are 9,999")


def every(labels: Sequence[tuple[str, float]], n: int) -> list[tuple[str, float]] | None:
    """Each nth of the labels of `calendar`, with the year where it is new among these.

    None if they are no dates: of names and hours nobody misses one, of every second week one would.
    """
    dated = [(_DATED.fullmatch(label), at) for label, at in labels]
    out: list[tuple[str, float]] = []
    year = before = ""
    for i, (found, at) in enumerate(dated):
        if found is None:
            return None
        year = found[2] or year
        if i % n == 0:
            out.append((found[1] + (f" {year}" if year != before else ""), at))
            before = year
    return out


def _labels(kind: str, times: Sequence[datetime]) -> list[tuple[str, datetime]]:
    out: list[tuple[str, datetime]] = []
    before: datetime | None = None
    for t in times:
        new_year = before is None or before.year != t.year
        if kind == "year":
            label = f"{t.year}"
        elif kind == "month":
            label = f"{_month(t)} {t.year}" if new_year else f"{_month(t)}"
        elif kind == "day":
            label = f"{_brief(t)} {t.year}" if new_year else _brief(t)
        else:
            new_day = before is None or before.date() != t.date()
            label = f"{_brief(t)} {t:%H:%M}" if new_day else f"{t:%H:%M}"
        out.append((label, t))
        before = t
    return out
