"""How far loading is: stored messages per minute, and what of the spool is not loaded yet.

The healing of gaps compares these numbers with the history server's counts. No table is opened.
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

__all__ = ["LoadProgress", "Queue"]

_MINUTE = 60  # seconds


@dataclass(frozen=True, slots=True)
class Queue:
    """The part of the spool that is not loaded yet."""

    segments: int = 0
    bytes: int = 0
    age: float = 0.0  # seconds since its oldest segment was started
    oldest: float = 0.0  # seconds since the oldest segment of the spool was started, loaded or not


class LoadProgress:
    """The progress of loading in one store."""

    def __init__(self, state: State, folder: Path) -> None:
        self._state, self._folder = state, folder

    def stored(self, start: int, end: int) -> int:
        """Count stored messages of the bus and its history in [start, end), seconds.

        Both are whole minutes.
        """
        rows = self._state.rows(
            "SELECT total(n) FROM minutes WHERE minute >= ? AND minute < ?",
            start // _MINUTE,
            end // _MINUTE,
        )
        return int(rows[0][0])

    def loaded(self) -> int:
        """Return the time (µs) before which all received messages are loaded or refused.

        That is the start of the oldest segment with a record that is not loaded. Segments that
        cannot be checked, because the files of their trust settings are missing, might never be
        loaded: they count as not received, and their messages are fetched from history.
        """
        now, unready = time.time_ns() // 1000, set(self._state.get(UNREADY) or ())
        for start, remaining, waiting in self._segments():
            if remaining > 0 and not (unready and _flags(waiting) >> segment.TRUST in unready):
                return min(now, start)
        return now

    def queue(self) -> Queue:
        """Return the size and age of what is not loaded, without reading it."""
        now, segments = time.time_ns() // 1000, list(self._segments())
        unloaded = [(start, remaining) for start, remaining, _ in segments if remaining > 0]

        def age(starts: list[int]) -> float:
            return max(0.0, (now - min(starts, default=now)) / 1_000_000)

        return Queue(
            segments=len(unloaded),
            bytes=sum(remaining for _, remaining in unloaded),
            age=age([start for start, _ in unloaded]),
            oldest=age([start for start, *_ in segments]),
        )

    def _segments(self) -> Iterator[tuple[int, int, spool.Segment]]:
        """Yield the start (µs) of each segment and the bytes of it that are not loaded, by age."""
        positions = dict(self._state.rows("SELECT name, position FROM segments"))
        for waiting in spool.segments(self._folder):
            descriptor = spool.open_segment(waiting)
            if descriptor is None:
                continue
            try:
                size = os.fstat(descriptor).st_size
            finally:
                os.close(descriptor)
            remaining = size - max(positions.get(waiting.name, 0), segment.HEAD.size)
            yield int(waiting.name.partition("-")[0]) // 1000, max(0, remaining), waiting


def _flags(waiting: spool.Segment) -> int:
    """Return the flags of a segment; 0 if it was deleted meanwhile or its head is damaged."""
    descriptor = spool.open_segment(waiting)
    if descriptor is None:
        return 0
    try:
        return segment.flags(descriptor)
    except StoreError:
        return 0
    finally:
        os.close(descriptor)
