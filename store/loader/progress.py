"""What the store holds of the bus by now: a count for any minutes, and how far the loader is.

Comes in: the state and the folder of the spool. Goes out: the numbers that history's own counts are
held against (`collector.heal.Heard`). It opens no table.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hubbub.errors import StoreError
from hubbub.store.spool import folder as spool
from hubbub.store.spool import segment
from hubbub.store.spool.trust import UNREADY
from hubbub.store.state.database import State

__all__ = ["Queue", "LoadProgress"]

_SECONDS = 60  # of a minute


@dataclass(frozen=True, slots=True)
class Queue:
    """What the loader has not loaded."""

    segments: int = 0
    bytes: int = 0
    age: float = 0.0  # seconds that the oldest of it may have waited
    oldest: float = 0.0  # age in seconds of the oldest file of the spool, also of a loaded one


class LoadProgress:
    """Counts of one store."""

    def __init__(self, state: State, folder: Path) -> None:
        self._state, self._folder = state, folder

    def stored(self, start: int, end: int) -> int:
        """Messages of the bus and its history in [start, end), seconds at whole minutes."""
        found = self._state.rows(
            "SELECT total(n) FROM minutes WHERE minute >= ? AND minute < ?",
            start // _SECONDS,
            end // _SECONDS,
        )
        return int(found[0][0])

    def loaded(self) -> int:
        """What was received before is in the tables, or refused; µs.

        The beginning of the oldest segment that holds a record which was not loaded: its age says
        how old that record may be. One that cannot be judged (the files of its trust are gone) may
        wait for ever: it counts as not received, and history brings what it holds.
        """
        now, unready = time.time_ns() // 1000, set(self._state.get(UNREADY) or ())
        for begun, left, one in self._segments():
            if left > 0 and not (unready and _flags(one) >> segment.TRUST in unready):
                return min(now, begun)
        return now

    def queue(self) -> Queue:
        """What waits, without reading it."""
        now, found = time.time_ns() // 1000, list(self._segments())
        begun = [(start, left) for start, left, _ in found if left > 0]

        def age(starts: list[int]) -> float:
            return max(0.0, (now - min(starts, default=now)) / 1_000_000)

        return Queue(
            segments=len(begun),
            bytes=sum(left for _, left in begun),
            age=age([start for start, _ in begun]),
            oldest=age([start for start, *_ in found]),
        )

    def _segments(self) -> Iterator[tuple[int, int, spool.Segment]]:
        """When each was begun, µs, and how many bytes of it are not loaded; by age."""
        read = dict(self._state.rows("SELECT name, position FROM segments"))
        for one in spool.segments(self._folder):
            descriptor = spool.open_segment(one)
            if descriptor is None:
                continue
            try:
                size = os.fstat(descriptor).st_size
            finally:
                os.close(descriptor)
            left = size - max(read.get(one.name, 0), segment.HEAD.size)
            yield int(one.name.partition("-")[0]) // 1000, max(0, left), one


def _flags(one: spool.Segment) -> int:
    """Of its head; 0: it is gone by now, or damaged, and will be set aside."""
    descriptor = spool.open_segment(one)
    if descriptor is None:
        return 0
    try:
        return segment.flags(descriptor)
    except StoreError:
        return 0
    finally:
        os.close(descriptor)
