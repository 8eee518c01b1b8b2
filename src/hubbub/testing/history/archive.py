"""What the simulated history service holds: the traffic of a span of time, made when asked for.

Comes in: a `Traffic`, where its past begins, a clock. Goes out: counts and rows. Nothing is kept
but counts and a bounded number of blocks, so that a year at the real rate fits in memory; a
message can be found from the instant at which the bus publishes it, never earlier.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterator
from threading import Lock

from hubbub.testing.history.request import Filters
from hubbub.testing.simulator.message import SimMessage
from hubbub.testing.simulator.traffic import Traffic

__all__ = ["Archive"]

_KEPT = 250_000  # messages in memory
_COUNTS = 1_000_000  # numbers in memory
_EVERYTHING = Filters()


class _Shelf:
    """The readable messages of one block, and which of them pass which filters."""

    def __init__(self, messages: list[SimMessage]) -> None:
        self.rows = [m for m in messages if m.broken is None]
        self.instants = [m.at for m in self.rows]
        self.picks: dict[Filters, list[int]] = {}

    def pick(self, filters: Filters) -> list[int]:
        """Positions of the messages that pass."""
        if filters not in self.picks:
            if len(self.picks) > 16:  # noqa: PLR2004  (a shelf is not a cache of requests)
                self.picks.clear()
            self.picks[filters] = [k for k, m in enumerate(self.rows) if filters.match(m)]
        return self.picks[filters]


class Archive:
    """All messages of [start, now], by time; safe for several threads.

    Args:
        traffic: the model.
        start: the oldest instant, µs since the epoch.
        clock: now, µs since the epoch.
    """

    def __init__(self, traffic: Traffic, start: int, clock: Callable[[], int]) -> None:
        self._traffic, self._start, self._clock = traffic, start, clock
        self._micros = traffic.block_seconds * 1_000_000
        self._shelves: OrderedDict[int, _Shelf] = OrderedDict()
        self._kept = 0
        self._counts: dict[tuple[int, Filters], int] = {}
        self._lock = Lock()

    def _shelf(self, number: int) -> _Shelf:
        with self._lock:
            if number in self._shelves:
                self._shelves.move_to_end(number)
                return self._shelves[number]
            shelf = self._shelves[number] = _Shelf(self._traffic.block(number))
            self._kept += len(shelf.rows)
            while self._kept > _KEPT and len(self._shelves) > 1:
                _, old = self._shelves.popitem(last=False)
                self._kept -= len(old.rows)
            return shelf

    def _span(self, start: float | None, end: float | None) -> tuple[int, int]:
        """Instants [first, last) of the rows whose whole second lies in [start, end]."""
        first, last = self._start, self._clock() + 1
        if start is not None:
            first = max(first, math.ceil(start) * 1_000_000)
        if end is not None:
            last = min(last, (math.floor(end) + 1) * 1_000_000)
        return first, last

    def _inside(self, number: int, first: int, last: int, filters: Filters) -> list[int]:
        shelf = self._shelf(number)
        low, high = bisect_left(shelf.instants, first), bisect_left(shelf.instants, last)
        if filters == _EVERYTHING:
            return list(range(low, high))
        picked = shelf.pick(filters)
        return picked[bisect_left(picked, low) : bisect_left(picked, high)]

    def _counted(self, number: int, first: int, last: int, filters: Filters) -> int:
        whole = first <= number * self._micros and (number + 1) * self._micros <= last
        if not whole:
            return len(self._inside(number, first, last, filters))
        if (number, filters) not in self._counts:
            if len(self._counts) > _COUNTS:
                self._counts.clear()
            self._counts[number, filters] = len(self._inside(number, first, last, filters))
        return self._counts[number, filters]

    def select(
        self, start: float | None, end: float | None, filters: Filters, *, descending: bool,
        skip: int, most: int | None,
    ) -> tuple[int, list[SimMessage]]:  # fmt: skip
        """How many rows there are in [start, end] (seconds), and a page of them.

        Args:
            start: None is the beginning.
            end: None is now.
            filters: which messages.
            descending: the youngest first.
            skip: rows before the page.
            most: rows of the page, None for all.
        """
        first, last = self._span(start, end)
        if first >= last:
            return 0, []
        numbers = range(first // self._micros, (last - 1) // self._micros + 1)
        counts = {n: self._counted(n, first, last, filters) for n in numbers}
        total = sum(counts.values())
        rows: list[SimMessage] = []
        for number in reversed(numbers) if descending else numbers:
            if most is not None and len(rows) >= most:
                break
            if skip >= counts[number]:
                skip -= counts[number]
                continue
            found = self._inside(number, first, last, filters)
            if descending:
                found = found[::-1]
            stop = None if most is None else skip + most - len(rows)
            shelf = self._shelf(number)
            rows += [shelf.rows[k] for k in found[skip:stop]]
            skip = 0
        return total, rows

    def find(self, msg_id: str) -> SimMessage | None:
        """A message by its id; looks at everything, from the youngest."""
        return next((m for m in self._backwards() if m.id == msg_id), None)

    def _backwards(self) -> Iterator[SimMessage]:
        first, last = self._span(None, None)
        for number in range((last - 1) // self._micros, first // self._micros - 1, -1):
            shelf = self._shelf(number)
            high = bisect_right(shelf.instants, last - 1)
            yield from reversed(shelf.rows[bisect_left(shelf.instants, first) : high])
