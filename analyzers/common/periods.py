"""Calendar periods: the hours, days and ISO weeks (UTC) of a range.

A `Calendar` gives the starts and labels of its periods, and an integer expression for the number of
the period that a time lies in.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from hubbub.analyzers.common.times import DAY, HOUR, micros, number_since
from hubbub.errors import UsageError
from hubbub.times import EPOCH, to_micros

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import ibis.expr.types as ir

    from hubbub.store.query.events import Events

__all__ = ["MOST", "Calendar", "Period", "label", "period", "require_periods", "whole_since"]

Period = Literal["hour", "day", "week"]
_NAMES: Mapping[str, Period] = {
    "h": "hour",
    "hour": "hour",
    "d": "day",
    "day": "day",
    "w": "week",
    "week": "week",
}
_LENGTHS: Mapping[Period, timedelta] = {"hour": HOUR, "day": DAY, "week": 7 * DAY}
#: The most periods of an answer: days of 136 years, hours of more than five.
MOST = 50_000
#: The first Monday after the epoch; ISO weeks are counted from it.
_MONDAY = EPOCH + 4 * DAY


def period(name: str) -> Period:
    """Return the long name for `h`, `d`, `w`, `hour`, `day` or `week`."""
    return _NAMES[name]


def require_periods(number: int, per: str) -> None:
    """Refuse a range of so many periods that nobody would read them.

    Raises:
        UsageError: there are more than `MOST`.
    """
    if number > MOST:
        raise UsageError(
            f"the range has {number:,} {per}s, more than {MOST:,}",
            hint="choose longer periods with --per, or a shorter range with --since and --until",
        )


@dataclass(frozen=True, slots=True)
class Calendar:
    """Consecutive periods of one length: `number` of them, the first starting at `first`."""

    per: Period
    first: datetime
    number: int

    @classmethod
    def touched(cls, per: Period, since: datetime, until: datetime) -> Calendar:
        """Every period that overlaps [since, until).

        Raises:
            UsageError: these are more than `MOST`.
        """
        first, length = _start(per, since), _LENGTHS[per]
        number = max(0, -((first - until) // length)) if until > since else 0
        require_periods(number, per)
        return cls(per, first, number)

    @classmethod
    def inside(cls, per: Period, since: datetime, until: datetime) -> Calendar:
        """Every period that lies wholly in [since, until).

        Raises:
            UsageError: these are more than `MOST`.
        """
        length = _LENGTHS[per]
        first = _start(per, since)
        first = first if first == since else first + length
        number = max(0, (until - first) // length)
        require_periods(number, per)
        return cls(per, first, number)

    @property
    def length(self) -> timedelta:
        """The length of each period."""
        return _LENGTHS[self.per]

    @property
    def starts(self) -> list[datetime]:
        """The starts of the periods, oldest first."""
        return [self.first + self.length * i for i in range(self.number)]

    @property
    def labels(self) -> list[str]:
        """The labels of the periods, oldest first."""
        return [label(self.per, start) for start in self.starts]

    def number_of(self, when: ir.TimestampValue) -> ir.IntegerValue:
        """The index of the period of each time, from 0; times outside get an index out of range."""
        return number_since(when, self.first, self.length)


def whole_since(events: Events, per: Period, since: datetime) -> datetime:
    """Return from when on periods are whole: `since`, or the start of the period that holds it.

    A range without an explicit beginning starts with the first event. The period of that event is
    whole although it began a little earlier, if the silence up to the first event is no longer than
    the longest one in the day (of an hour: the hour) after it: then nothing seems to be missing.

    Args:
        events: of the range.
        per: the kind of period.
        since: the beginning of the range.
    """
    import ibis
    from ibis import _

    start = _start(per, since)
    if start == since:
        return since
    times = events.stored.select(at=micros(events.stored.time))
    [first] = times.agg(first=_["at"].min()).to_pyarrow()["first"].to_pylist()
    if first is None or first != to_micros(since):
        return since
    near = times.filter(times["at"] <= first + min(DAY, _LENGTHS[per]) // timedelta(microseconds=1))
    gaps = near.mutate(gap=_["at"] - _["at"].lag().over(ibis.window(order_by="at")))
    [longest] = gaps.agg(longest=_.gap.max()).to_pyarrow()["longest"].to_pylist()
    silence = first - to_micros(start)
    return start if longest is not None and silence <= longest else since


def label(per: Period, start: datetime) -> str:
    """Format the start: `2026-01-31` (day), `2026-W05` (week), `2026-01-31T10:00Z` (hour)."""
    if per == "week":
        year, week, _ = start.isocalendar()
        return f"{year}-W{week:02}"
    return f"{start:%Y-%m-%d}" if per == "day" else f"{start:%Y-%m-%dT%H:%MZ}"


def _start(per: Period, when: datetime) -> datetime:
    origin = _MONDAY if per == "week" else EPOCH
    return origin + (when - origin) // _LENGTHS[per] * _LENGTHS[per]
