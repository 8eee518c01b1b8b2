"""Time zones: where days, weeks, months and hours begin in them, and how their times are written.

Times are aware and in UTC everywhere; a `Zone` is asked where periods are cut and where a time is
shown. Periods are half-open and adjoin: the hour that is repeated when clocks go back is an hour of
its own, and a day has 23, 24 or 25 hours (or 23.5 and 24.5, or 47).

The zone in which a request shows its times is `current`, within `showing`.
"""

from __future__ import annotations

import difflib
import zoneinfo
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Final

from hubbub.times import from_micros, iso, to_micros

__all__ = ["UNIVERSAL", "Offsets", "Zone", "current", "find", "showing"]

_MICRO, _DAY, _HOUR = timedelta(microseconds=1), timedelta(days=1), timedelta(hours=1)
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_UTC_NAMES = frozenset({"utc", "uct", "zulu", "universal"})
_NOT_ZONES = frozenset({"posix", "right", "localtime", "posixrules", "factory"})
_LONGEST = 64  # characters of a name that are compared
_EARLIEST, _LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)

#: (from this time on, the offset east of UTC), both in µs, ascending; the first holds before too.
Offsets = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Zone:
    """A time zone by its IANA name; `find` checks the name."""

    name: str

    def __str__(self) -> str:
        return self.name

    @property
    def is_utc(self) -> bool:
        """Whether it is UTC itself."""
        return self.name == "UTC"

    @property
    def info(self) -> tzinfo:
        """The zone as the standard library has it."""
        return UTC if self.is_utc else zoneinfo.ZoneInfo(self.name)

    def local(self, when: datetime) -> datetime:
        """Return the time as clocks in the zone show it.

        For reading its fields, not for sums: arithmetic on such times ignores changes of clocks.
        """
        return when.astimezone(self.info)

    def instant(self, wall: datetime) -> datetime:
        """Return, in UTC, the first time at which clocks in the zone show `wall` (without a zone).

        For a time that clocks skip it is the time of the same distance from the time before.
        """
        return wall.replace(tzinfo=self.info, fold=0).astimezone(UTC)

    def plus(self, when: datetime, length: timedelta) -> datetime:
        """Return the time so much later, or earlier: whole days by the clock."""
        if not length or length % _DAY:
            return when + length
        return self.instant(self.local(when).replace(tzinfo=None) + length)

    def midnight(self, day: date) -> datetime:
        """Return the beginning of a day in UTC: its first midnight, or where clocks skip that."""
        return self.instant(datetime.combine(day, time()))

    def day(self, when: datetime) -> date:
        """Return the day that holds a time."""
        local = self.local(when).date()
        if self.is_utc or local == date.max:
            return local
        # clocks that go back over midnight show the end of the day before again
        return local + _DAY if self.midnight(local + _DAY) <= when else local

    def floor(self, when: datetime, per: str) -> datetime:
        """Return, in UTC, the beginning of the period that holds a time.

        Args:
            when: an aware time.
            per: hour, day, week (from Monday), month, quarter or year.
        """
        if per == "hour":
            offset = self._offset(when)
            start = _whole_hours(when + offset) - offset
            # after a change of the clocks a new hour begins, also if the one before is not over
            return start if self._offset(start) == offset else self._change(start, when)
        day = self.day(when)
        if per == "week":
            day -= timedelta(days=day.weekday())
        elif per != "day":
            months = day.year * 12 + day.month - 1
            months -= months % _MONTHS[per]
            day = date(months // 12, months % 12 + 1, 1)
        return self.midnight(day)

    def following(self, start: datetime, per: str) -> datetime:
        """Return, in UTC, the end of the period that begins at `start`.

        Raises:
            OverflowError, ValueError: it lies after the year 9999.
        """
        if per == "hour":
            offset = self._offset(start)
            end = _whole_hours(start + offset) + _HOUR - offset
            last = end - _MICRO
            return end if self._offset(last) == offset else self._change(start, last)
        day = self.day(start)
        if per in {"day", "week"}:
            day += (7 if per == "week" else 1) * _DAY
        else:
            months = day.year * 12 + day.month - 1 + _MONTHS[per]
            day = date(months // 12, months % 12 + 1, 1)
        return self.midnight(day)

    def edges(self, since: datetime, until: datetime, per: str) -> list[datetime]:
        """Return the beginnings of all periods that overlap [since, until), and the last one's end.

        Only the first beginning where the range is empty.
        """
        edges = [self.floor(since, per)]
        while edges[-1] < until:
            edges.append(self.following(edges[-1], per))
        return edges

    def offsets(self, since: int, until: int, *, days: bool = True) -> Offsets:
        """Return the offsets that hold within [since, until), in µs; not before 1900 or after 2200.

        With `days`, as days are cut: where clocks go back over midnight, which begins the new day,
        the offset changes only at the second midnight.
        """
        return ((since, 0),) if self.is_utc else _offsets(self, since, until, days)

    def wall(self, micros: int) -> int:
        """Return what clocks show at a time, both in µs since 1970, as `offsets` has it."""
        offset = 0
        for start, value in self.offsets(micros, micros + 1):
            offset = value if start <= micros else offset
        return micros + offset

    def iso(self, when: datetime) -> str:
        """Format as `2026-01-31T10:00:00+01:00`; UTC with `Z`."""
        return iso(when) if self.is_utc else self.local(when).isoformat()

    def clock(self, when: datetime) -> str:
        """Format the time of day: `14:30 Europe/Berlin`; a repeated one with its offset."""
        local = self.local(when)
        repeated = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
        offset = f"{local:%z}" if repeated else ""
        offset = f"{offset[:3]}:{offset[3:5]}" if offset else ""
        return f"{local:%H:%M}{offset} {self.name}"

    def _offset(self, when: datetime) -> timedelta:
        return self.local(when).utcoffset() or timedelta(0)

    def _change(self, before: datetime, after: datetime) -> datetime:
        """Return the time at which the offset of `before` changes, the only time until `after`."""
        offset = self._offset(before)
        low, high = to_micros(before), to_micros(after)
        while high - low > 1:
            middle = (low + high) // 2
            if self._offset(from_micros(middle)) == offset:
                low = middle
            else:
                high = middle
        return from_micros(high)


def _whole_hours(when: datetime) -> datetime:
    return when.replace(minute=0, second=0, microsecond=0)


@lru_cache(maxsize=64)
def _offsets(zone: Zone, since: int, until: int, days: bool) -> Offsets:  # noqa: FBT001 - cached
    first, last = to_micros(_EARLIEST), to_micros(_LATEST)
    low, high = max(first, min(since, last)), max(first, min(until, last))
    when, end = from_micros(low), from_micros(high)
    offset = zone._offset(when)  # noqa: SLF001 - its own module
    offsets = [(since, offset // _MICRO)]
    while when < end:
        following = min(when + _DAY, end)
        new = zone._offset(following)  # noqa: SLF001
        if new != offset:
            change = zone._change(when, following)  # noqa: SLF001
            midnight = _whole_hours(change + offset).replace(hour=0)
            if days and change + new < midnight < change + offset:
                change = midnight - new  # the second midnight: the day has begun with the first
            offsets.append((to_micros(change), new // _MICRO))
            offset = new
        when = following
    return tuple(offsets)


UNIVERSAL: Final = Zone("UTC")
_CURRENT: ContextVar[Zone] = ContextVar("hubbub_zone", default=UNIVERSAL)


def current() -> Zone:
    """Return the zone in which the request that is being answered shows times."""
    return _CURRENT.get()


@contextmanager
def showing(zone: Zone) -> Iterator[None]:
    """Show times in a zone."""
    token = _CURRENT.set(zone)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def find(name: str) -> Zone:
    """Return the zone of an IANA name; all names of UTC give the same one.

    Raises:
        ValueError: there is no such zone; the message offers near names.
    """
    cleaned = name.strip()
    if cleaned.lower().removeprefix("etc/") in _UTC_NAMES:
        return UNIVERSAL
    try:
        zoneinfo.ZoneInfo(cleaned)
        known = cleaned.lower().partition("/")[0] not in _NOT_ZONES
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        known = False
    if known:
        return Zone(cleaned)
    near = _near(cleaned)
    hint = f"did you mean {' or '.join(near)}?" if near else "write an IANA name: Europe/Berlin"
    raise ValueError(f"there is no such time zone; {hint}")


def _near(name: str) -> list[str]:
    """Return at most three zones of a similar name, or whose city is called so."""
    wanted = name.lower().replace(" ", "_")[:_LONGEST]
    zones = sorted(zoneinfo.available_timezones())
    same = [zone for zone in zones if wanted in {zone.lower(), zone.lower().rpartition("/")[2]}]
    if same:
        return same[:3]
    by_text = {zone.lower().rpartition("/")[2]: zone for zone in zones}
    by_text |= {zone.lower(): zone for zone in zones}
    found = difflib.get_close_matches(wanted, by_text, n=6, cutoff=0.6)
    return list(dict.fromkeys(by_text[text] for text in found))[:3]
