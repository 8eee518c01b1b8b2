"""Follow the spool: the frames that any writer appends, as they arrive.

A follower never changes the spool and takes no part in loading. It holds the segments open that it
reads, so that one which is loaded and deleted meanwhile is still read to its end.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hubbub.closeable import Closeable
from hubbub.collector.event import Frame
from hubbub.errors import StoreError
from hubbub.store.spool import folder as spool
from hubbub.store.spool import segment

__all__ = ["Follower"]

_LIMIT = 10_000  # frames of one call


@dataclass(slots=True)
class _Reading:
    """A segment that is being read."""

    descriptor: int
    position: int  # bytes that were read
    flags: int | None = None  # None: its header is not complete yet


class Follower(Closeable):
    """Reads what is appended to a spool from now on.

    Args:
        folder: the spool.
        limit: frames that one call of `poll` returns at most; the others come with the next.
    """

    def __init__(self, folder: Path, *, limit: int = _LIMIT) -> None:
        self._folder, self._limit = folder, limit
        self._open: dict[str, _Reading] = {}
        self._finished: set[str] = set()  # damaged, or no segment at all
        for each in self._segments():
            self._start(each, at_end=True)

    def poll(self) -> list[tuple[Frame, int]]:
        """Return the frames that were appended since the last call, with their segments' flags.

        Segments are read in order of their start; what one writer appended is in order.
        """
        listed = self._segments()
        names = {each.name for each in listed}
        for each in listed:
            if each.name not in self._open and each.name not in self._finished:
                self._start(each)
        frames: list[tuple[Frame, int]] = []
        for name in sorted(self._open):
            frames += self._read(name, self._limit - len(frames))
            if name not in names and len(frames) < self._limit:
                self._stop(name)  # deleted, and read to its end
        self._finished &= names
        return frames

    def close(self) -> None:
        """Close the segments."""
        for name in list(self._open):
            self._stop(name)

    def _segments(self) -> list[spool.Segment]:
        try:
            return spool.segments(self._folder)
        except FileNotFoundError:
            return []

    def _start(self, each: spool.Segment, *, at_end: bool = False) -> None:
        descriptor = spool.open_segment(each)
        if descriptor is not None:
            reading = self._open[each.name] = _Reading(descriptor, 0)
            if at_end:
                reading.position = segment.complete(descriptor)

    def _stop(self, name: str) -> None:
        os.close(self._open.pop(name).descriptor)

    def _read(self, name: str, limit: int) -> Iterator[tuple[Frame, int]]:
        """Yield new frames of a segment; damaged ranges are left to the loader, which reports."""
        reading = self._open[name]
        if limit <= 0 or os.fstat(reading.descriptor).st_size <= reading.position:
            return
        try:
            if not reading.flags:
                reading.flags = segment.flags(reading.descriptor, name)
            records = segment.read(reading.descriptor, reading.position, name=name, live=True)
            for number, record in enumerate(records, 1):
                reading.position = record.end
                if isinstance(record, segment.Record):
                    yield record.frame, reading.flags
                if number >= limit:
                    return
        except StoreError:  # no segment: the loader sets it aside and says so
            self._stop(name)
            self._finished.add(name)
