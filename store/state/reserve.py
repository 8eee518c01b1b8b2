"""A little room put aside, so that a store on a full disk can still be opened and read.

SQLite needs shared memory in a file beside the state, which goes when the last process closes it:
on a full disk nobody could ask what is stored, nor start to listen. The file is empty of meaning.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

__all__ = ["Reserve"]

SIZE = 128 << 10  # bytes: shared memory, and a few pages of what is written first


class Reserve:
    """The file at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def keep(self) -> None:
        """Put room aside, if there is any."""
        descriptor = None
        try:
            if self.path.exists() and self.path.stat().st_size == SIZE:
                return
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o600)
            os.posix_fallocate(descriptor, 0, SIZE)
        except OSError:  # no room, or no permission: whoever opens next tries again
            with suppress(OSError):  # in a folder where we may write to some files and make none
                self.path.unlink()
        finally:
            if descriptor is not None:
                os.close(descriptor)

    def spend_on(self, action: Callable[[], object]) -> None:
        """Do it; where there is no room for it, do it in this one.

        Raises:
            sqlite3.Error: it cannot be done there either, or something else is wrong.
        """
        try:
            action()
        except sqlite3.OperationalError as e:
            if e.sqlite_errorname not in {"SQLITE_IOERR_SHMSIZE", "SQLITE_FULL"}:
                raise
            if not self.path.exists():
                raise
            self.path.unlink(missing_ok=True)
            action()
