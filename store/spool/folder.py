"""The spool folder: listing its segments, and recovering those whose writer has died."""

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
    """One file of the spool."""

    path: Path

    @property
    def live(self) -> bool:
        """Its writer still appends."""
        return self.path.suffix == ".open"

    @property
    def torn(self) -> bool:
        """Its writer died while it was open."""
        return self.path.suffix == ".dead"

    @property
    def name(self) -> str:
        """The name that stays when the segment is sealed."""
        return self.path.stem


def _owned(path: Path) -> bool:
    """Whether a living writer holds this file."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def recover(folder: Path) -> int:
    """Take over what dead writers left open; how many segments. Only for the loader."""
    n = 0
    for path in sorted(folder.glob("*.open")):
        try:
            if _owned(path):
                continue
            path.rename(path.with_suffix(".dead"))
        except FileNotFoundError:
            continue  # its writer sealed it just now
        n += 1
    for path in folder.glob("*.new"):  # a writer died between creating and naming: no record in it
        try:
            if time.time() - path.stat().st_mtime > AGE and not _owned(path):
                path.unlink()
        except FileNotFoundError:
            continue
    if n:
        sync_folder(folder)
    return n


def segments(folder: Path) -> list[Segment]:
    """All segments, oldest first."""
    found = (Segment(p) for p in folder.iterdir() if p.suffix in {".open", ".seg", ".dead"})
    return sorted(found, key=lambda s: s.name)


def open_segment(one: Segment) -> int | None:
    """A descriptor of a segment that may have been sealed since it was listed; None: it is gone."""
    for suffix in (one.path.suffix, ".seg", ".dead"):
        with contextlib.suppress(FileNotFoundError):
            return os.open(one.path.with_suffix(suffix), os.O_RDONLY)
    return None
