"""Calendar periods: the hours, days and ISO weeks of a range, in the time zone of the request.

A `Calendar` gives the starts and labels of its periods, and an integer expression for the number of
the period that a time lies in. Where they begin is decided in `hubbub.zones`.
"""

from __future__ import annotations

from bisect import bisect
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from hubbub.analyzers.common.times import DAY, HOUR, micros, number_since, wall
from hubbub.errors import UsageError
from hubbub.store.query.times import in_parts, whole_from
from hubbub.times import EPOCH, from_micros, to_micros
from hubbub.zones import UNIVERSAL, Zone

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
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
    """Refuse a range of so many periods that no reader could use them.

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
    """Consecutive periods: the beginning of each, and the end of the last one.

    There is at least one edge: without periods, where the first would begin.
    """

    per: Period
    zone: Zone
    edges: Sequence[datetime]

    @classmethod
    def touched(
        cls, per: Period, since: datetime, until: datetime, zone: Zone = UNIVERSAL
    ) -> Calendar:
        """Every period that overlaps [since, until).

        Raises:
            UsageError: these are more than `MOST`.
        """
        require_periods(max(0, -((since - until) // _LENGTHS[per])), per)
        edges = zone.edges(since, until, per) if until > since else [zone.floor(since, per)]
        require_periods(len(edges) - 1, per)
        return cls(per, zone, edges)

    @classmethod
    def inside(
        cls, per: Period, since: datetime, until: datetime, zone: Zone = UNIVERSAL
    ) -> Calendar:
        """Every period that lies wholly in [since, until).

        Raises:
            UsageError: these are more than `MOST`.
        """
        edges = cls.touched(per, since, max(since, until), zone).edges
        whole = [edge for edge in edges if since <= edge <= until]
        return cls(per, zone, whole or [zone.floor(until, per)])

    def last(self, number: int) -> Calendar:
        """The last periods of these, at most so many."""
        return Calendar(self.per, self.zone, self.edges[max(0, self.number - number) :])

    @property
    def number(self) -> int:
        """How many periods there are."""
        return len(self.edges) - 1

    @property
    def first(self) -> datetime:
        """The start of the first period."""
        return self.edges[0]

    @property
    def starts(self) -> Sequence[datetime]:
        """The starts of the periods, oldest first."""
        return self.edges[:-1]

    @property
    def labels(self) -> list[str]:
        """The labels of the periods, oldest first."""
        return [label(self.per, self.zone.local(start)) for start in self.starts]

    def number_of(self, when: ir.TimestampValue) -> ir.IntegerValue:
        """The index of the period of each time, from 0; times outside get an index out of range."""
        length, micro = _LENGTHS[self.per], timedelta(microseconds=1)
        if self.zone.is_utc:
            return number_since(when, self.first, length)
        first, last = to_micros(self.edges[0]), to_micros(self.edges[-1])
        offsets = self.zone.offsets(first, max(first + 1, last), days=self.per != "hour")
        origin, size = to_micros(_MONDAY if self.per == "week" else EPOCH), length // micro
        # Where clocks change, there may be an hour more, and where a date is skipped a day less.
        parts = [
            (start, bisect(self.edges, from_micros(start)) - 1 - (start + offset - origin) // size)
            for start, offset in offsets
        ]
        at = micros(when)
        index: ir.IntegerValue = (wall(at, offsets) - origin) // size + in_parts(at, parts)
        return index


def whole_since(events: Events, per: Period, since: datetime) -> datetime:
    """Return from when on periods are whole: `since`, or the start of the period that holds it.

    A range without an explicit beginning starts with the first event, also with one that the
    filters leave out. The period of that event is whole although it began a little earlier, if
    nothing seems to be missing (`hubbub.store.query.times.whole_from`).

    Args:
        events: of the range.
        per: the kind of period.
        since: the beginning of the range.
    """
    start = events.zone.floor(since, per)
    if start == since:
        return since
    begins: int | None
    if events.beginning is not None:
        begins = events.beginning(to_micros(since))
    else:  # these events are all that there is
        first = micros(events.stored.time).min().to_pyarrow().as_py()
        begins = (
            whole_from(events.stored, first, events.zone) if first == to_micros(since) else first
        )
    return start if begins is not None and begins <= to_micros(start) else since


def label(per: Period, start: datetime) -> str:
    """Format a start, in its zone: `2026-01-31` (day), `2026-W05` (week), `2026-01-31T10:00Z`."""
    if per == "week":
        year, week, _ = start.isocalendar()
        return f"{year}-W{week:02}"
    if per == "day":
        return f"{start:%Y-%m-%d}"
    return start.isoformat(timespec="minutes").replace("+00:00", "Z")
