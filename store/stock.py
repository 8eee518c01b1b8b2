"""What the store holds of the bus by now: a count for any minutes, and how far the loader is.

Comes in: the state and the folder of the spool. Goes out: the numbers that history's own counts are
held against (`collector.heal.Heard`). It opens no table.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from hubbub.store import segment, spool
from hubbub.store.state import State

__all__ = ["Stock"]

_SECONDS = 60  # of a minute


class Stock:
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
        how old that record may be.
        """
        now = time.time_ns() // 1000
        read = dict(self._state.rows("SELECT name, position FROM segments"))
        for one in spool.segments(self._folder):  # by age
            descriptor = spool.open_segment(one)
            if descriptor is None:
                continue
            try:
                left = os.fstat(descriptor).st_size - max(read.get(one.name, 0), segment.HEAD.size)
            finally:
                os.close(descriptor)
            if left > 0:
                return min(now, int(one.name.partition("-")[0]) // 1000)
        return now
