"""List the segments of the spool folder, and recover those whose writer died."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from dataclasses import dataclass
from pathlib import Path

from hubbub.store.disk.files import sync_folder

__all__ = ["Segment", "open_segment", "recover", "segments"]


AGE = 60.0  # seconds after which a segment is sealed


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment file of the spool."""

    path: Path

    @property
    def live(self) -> bool:
        """Whether its writer may still append to it."""
        return self.path.suffix == ".open"

    @property
    def torn(self) -> bool:
        """Whether its writer died while it was open."""
        return self.path.suffix == ".dead"

    @property
    def name(self) -> str:
        """Its name without the suffix, which changes when it is sealed."""
        return self.path.stem


def _owned(path: Path) -> bool:
    """Whether a running writer holds the lock of this file."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def recover(folder: Path) -> int:
    """Mark segments whose writer died as torn; return how many. Only for the loader."""
    n = 0
    for path in sorted(folder.glob("*.open")):
        try:
            if _owned(path):
                continue
            path.rename(path.with_suffix(".dead"))
        except FileNotFoundError:
            continue  # its writer has just sealed it
        n += 1
    for path in folder.glob("*.new"):  # left by a writer that died before its first record
        try:
            if time.time() - path.stat().st_mtime > AGE and not _owned(path):
                path.unlink()
        except FileNotFoundError:
            continue
    if n:
        sync_folder(folder)
    return n


def segments(folder: Path) -> list[Segment]:
    """Return all segments, oldest first."""
    listed = (Segment(p) for p in folder.iterdir() if p.suffix in {".open", ".seg", ".dead"})
    return sorted(listed, key=lambda s: s.name)


def open_segment(segment: Segment) -> int | None:
    """Open a segment that may have been sealed since it was listed.

    Returns:
        A file descriptor; None if the segment was deleted meanwhile.
    """
    for suffix in (segment.path.suffix, ".seg", ".dead"):
        with contextlib.suppress(FileNotFoundError):
            return os.open(segment.path.with_suffix(suffix), os.O_RDONLY)
    return None
