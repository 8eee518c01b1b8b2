"""Count what waits in the spool to be loaded."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hubbub.store.spool import folder as spool
from hubbub.store.spool import segment

__all__ = ["Waiting", "count_waiting"]


@dataclass(frozen=True, slots=True)
class Waiting:
    """How much of the spool is not loaded yet."""

    segments: int = 0
    records: int = 0
    bytes: int = 0


def count_waiting(folder: Path, positions: Mapping[str, int]) -> Waiting:
    """Count what is not loaded yet. Only the heads of records are read.

    Args:
        folder: the spool.
        positions: segment → how many bytes of it are loaded.
    """
    segments = records = size = 0
    for waiting in spool.segments(folder):
        descriptor = spool.open_segment(waiting)
        if descriptor is None:
            continue
        try:
            start = max(positions.get(waiting.name, 0), segment.HEAD.size)
            remaining = os.fstat(descriptor).st_size - start
            if remaining > 0:
                segments, size = segments + 1, size + remaining
                records += segment.count(descriptor, start)
        finally:
            os.close(descriptor)
    return Waiting(segments, records, size)
