"""The messages of the simulated history service, generated on demand.

Only counts and a bounded number of blocks are cached, so a year of traffic at the real rate fits
in memory. A message can be found once its time of publication has come, never earlier.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Iterator
from threading import Lock

from hubbub.testing.history.request import Filters
from hubbub.testing.simulator.message import SimMessage
from hubbub.testing.simulator.traffic import Traffic

__all__ = ["Archive"]

_MAX_MESSAGES = 250_000  # cached
_MAX_COUNTS = 1_000_000  # cached
_MAX_FILTERS = 16  # cached per block
_NO_FILTERS = Filters()


class _Block:
    """The readable messages of one block of traffic, with the matches of recent filters."""

    def __init__(self, messages: list[SimMessage]) -> None:
        self.rows = [m for m in messages if m.broken is None]
        self.times = [m.at for m in self.rows]
        self._matches: dict[Filters, list[int]] = {}

    def matching(self, filters: Filters) -> list[int]:
        """Return the positions of the messages that match."""
        if filters not in self._matches:
            if len(self._matches) > _MAX_FILTERS:
                self._matches.clear()
            self._matches[filters] = [k for k, m in enumerate(self.rows) if filters.match(m)]
        return self._matches[filters]


class Archive:
    """All messages from `start` to now, ordered by time. Thread-safe.

    Args:
        traffic: the traffic model.
        start: the earliest time, µs since the epoch.
        clock: returns the current time, µs since the epoch.
    """

    def __init__(self, traffic: Traffic, start: int, clock: Callable[[], int]) -> None:
        self._traffic, self._start, self._clock = traffic, start, clock
        self._block_micros = traffic.block_seconds * 1_000_000
        self._blocks: OrderedDict[int, _Block] = OrderedDict()
        self._cached = 0
        self._counts: dict[tuple[int, Filters], int] = {}
        self._lock = Lock()

    def _block(self, number: int) -> _Block:
        with self._lock:
            if number in self._blocks:
                self._blocks.move_to_end(number)
                return self._blocks[number]
            block = self._blocks[number] = _Block(self._traffic.block(number))
            self._cached += len(block.rows)
            while self._cached > _MAX_MESSAGES and len(self._blocks) > 1:
                _, evicted = self._blocks.popitem(last=False)
                self._cached -= len(evicted.rows)
            return block

    def _bounds(self, start: float | None, end: float | None) -> tuple[int, int]:
        """Return the half-open range of times, in µs, of the whole seconds in [start, end]."""
        lower, upper = self._start, self._clock() + 1
        if start is not None:
            lower = max(lower, math.ceil(start) * 1_000_000)
        if end is not None:
            upper = min(upper, (math.floor(end) + 1) * 1_000_000)
        return lower, upper

    def _positions(self, number: int, lower: int, upper: int, filters: Filters) -> list[int]:
        """Return the positions of the matching rows of a block in [lower, upper)."""
        block = self._block(number)
        first, last = bisect_left(block.times, lower), bisect_left(block.times, upper)
        if filters == _NO_FILTERS:
            return list(range(first, last))
        matches = block.matching(filters)
        return matches[bisect_left(matches, first) : bisect_left(matches, last)]

    def _count(self, number: int, lower: int, upper: int, filters: Filters) -> int:
        """Count the matching rows of a block in [lower, upper); cached for whole blocks."""
        micros = self._block_micros
        if number * micros < lower or upper < (number + 1) * micros:
            return len(self._positions(number, lower, upper, filters))
        if (number, filters) not in self._counts:
            if len(self._counts) > _MAX_COUNTS:
                self._counts.clear()
            self._counts[number, filters] = len(self._positions(number, lower, upper, filters))
        return self._counts[number, filters]

    def select(
        self,
        start: float | None,
        end: float | None,
        filters: Filters,
        *,
        descending: bool,
        offset: int,
        limit: int | None,
    ) -> tuple[int, list[SimMessage]]:
        """Return the total number of matching rows in [start, end], and a page of them.

        Args:
            start: seconds since the epoch; None: from the beginning.
            end: seconds since the epoch; None: until now.
            filters: conditions that rows must meet.
            descending: the newest row first.
            offset: rows before the page.
            limit: rows of the page; None: all.
        """
        lower, upper = self._bounds(start, end)
        if lower >= upper:
            return 0, []
        numbers = range(lower // self._block_micros, (upper - 1) // self._block_micros + 1)
        counts = {n: self._count(n, lower, upper, filters) for n in numbers}
        total = sum(counts.values())
        page: list[SimMessage] = []
        for number in reversed(numbers) if descending else numbers:
            if limit is not None and len(page) >= limit:
                break
            if offset >= counts[number]:
                offset -= counts[number]
                continue
            positions = self._positions(number, lower, upper, filters)
            if descending:
                positions = positions[::-1]
            stop = None if limit is None else offset + limit - len(page)
            block = self._block(number)
            page += [block.rows[k] for k in positions[offset:stop]]
            offset = 0
        return total, page

    def find(self, msg_id: str) -> SimMessage | None:
        """Return a message by id; searches the whole archive, newest first."""
        return next((m for m in self._newest_first() if m.id == msg_id), None)

    def _newest_first(self) -> Iterator[SimMessage]:
        lower, upper = self._bounds(None, None)
        last, first = (upper - 1) // self._block_micros, lower // self._block_micros
        for number in range(last, first - 1, -1):
            block = self._block(number)
            begin, end = bisect_left(block.times, lower), bisect_left(block.times, upper)
            yield from reversed(block.rows[begin:end])
