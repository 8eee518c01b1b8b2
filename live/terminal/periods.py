"""Statistics of one period of a live display: messages, bytes, and what was most active.

The sections of a web server's log are those of the query `traffic`; of a bus they are categories.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from hubbub.collector.decode.logs.access_log import HTTP, ROOT_FILE
from hubbub.collector.event import Event
from hubbub.formats.tables import clean
from hubbub.language.plurals import plural
from hubbub.live.alerts.wording import Shown
from hubbub.live.stream.frames import Received
from hubbub.times import from_micros
from hubbub.zones import Zone

__all__ = ["Period", "Periods", "amount", "format_change", "format_line", "section"]

_MAX_NAMES = 100_000  # sections and users of a period; further ones are not counted by name
_ROOT_FILE = re.compile(ROOT_FILE)
_KILO = 1_000
_UNITS = ("B", "kB", "MB", "GB", "TB")


def section(event: Event, *, root: bool = False) -> str | None:
    """Return the section of the site that a request asked for; of a message its category.

    Args:
        event: the event.
        root: whether a file directly under the root belongs to the section `/`.
    """
    if event.topic != HTTP:
        return event.category
    name = next(iter(event.objects), None)
    if root and name is not None:
        extra = event.extra or {}
        if extra.get("root_file") == "yes" or _ROOT_FILE.search(extra.get("request", "")):
            return "/"
    return name


@dataclass(slots=True)
class Period:
    """The sums of one period.

    Attributes:
        end: µs since the epoch.
        root: whether files directly under the root belong to the section `/`.
    """

    end: int = 0
    root: bool = False
    hits: int = 0
    bytes: int = 0
    sections: Counter[str] = field(default_factory=Counter)
    users: set[str] = field(default_factory=set)

    def add(self, events: Iterable[Event]) -> None:
        """Count events."""
        for event in events:
            self.hits += 1
            self.bytes += event.size
            if len(self.users) < _MAX_NAMES:
                self.users.update(event.users)
            name = section(event, root=self.root)
            if name is not None:
                known = name in self.sections or len(self.sections) < _MAX_NAMES
                self.sections[name if known else "other"] += 1

    def ordered(self) -> list[tuple[str, int]]:
        """Return sections and hits, the most active first, then by name."""
        return sorted(self.sections.items(), key=lambda item: (-item[1], item[0]))

    def document(self) -> dict[str, Any]:
        """Return the statistics with the names that the query `traffic` gives them."""
        ordered = self.ordered()
        name, hits = ordered[0] if ordered else (None, 0)
        return {
            "total_hits": self.hits,
            "total_bytes": self.bytes,
            "max_section": name,
            "max_hit": hits,
            "without_section": self.hits - sum(n for _, n in ordered),
            "sections": [list(item) for item in ordered],
        }


class Periods:
    """Cuts what is received into periods.

    Args:
        start: of the first, µs since the epoch.
        length: of each, µs.
        root: whether files directly under the root belong to the section `/`.
    """

    def __init__(self, start: int, length: int, *, root: bool = False) -> None:
        self._length, self._root = length, root
        self.seconds = length / 1_000_000
        self._open = Period(start + length, root)

    def add(self, received: Iterable[Received]) -> Iterator[Period]:
        """Count events by their arrival; yield the periods that are complete before one of them."""
        for event, arrived in received:
            yield from self.complete(arrived)
            self._open.add((event,))

    def complete(self, now: int, *, skip: bool = False) -> Iterator[Period]:
        """Yield the periods that have ended.

        Args:
            now: µs since the epoch.
            skip: leave out those in which the process slept, beginning with the second.
        """
        while now >= self._open.end:
            ended = self._open
            following = ended.end + self._length
            if skip and now >= following:
                following += (now - ended.end) // self._length * self._length
            self._open = Period(following, self._root)
            yield ended

    def rest(self, now: int) -> Iterator[Period]:
        """Yield the period that has not ended, as if it ended now; none if nothing was in it."""
        if self._open.hits:
            self._open.end = min(self._open.end, now)
            yield self._open


def format_line(period: Period, seconds: float, zone: Zone, noun: str = "messages") -> str:
    """Return a period as one line for people.

    Args:
        period: its sums.
        seconds: its length.
        zone: in which times are shown.
        noun: what is counted.
    """
    parts = [
        f"{zone.local(from_micros(period.end)):%H:%M:%S}",
        f"{period.hits:,} {noun} ({period.hits / seconds:,.1f}/s)",
        amount(period.bytes),
        plural(len(period.users), "user"),
    ]
    if ordered := period.ordered():
        name, hits = ordered[0]
        parts.append(f"most active {clean(name)[:60]} ({hits:,})")
    return "  ".join(parts)


def format_change(change: Shown, zone: Zone) -> str:
    """Return an alert that was raised or ended as one line for people."""
    when = f"{zone.local(from_micros(change.time)):%H:%M:%S}"
    return f"{when}  {change.mark} alert {change.state}  {change.text}"


def amount(size: int) -> str:
    """Return a number of bytes with a unit: 1.5 MB."""
    value, unit = float(size), 0
    while value >= _KILO and unit < len(_UNITS) - 1:
        value, unit = value / _KILO, unit + 1
    return f"{value:.0f} {_UNITS[unit]}" if unit == 0 else f"{value:.1f} {_UNITS[unit]}"
