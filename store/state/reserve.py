"""Reserved disk space, so that a store on a full disk can still be opened and read.

SQLite needs a shared-memory file next to the state file, and deletes it when the last process
closes the state: without reserved space a full disk would prevent queries and listening. The
content of the reserve file is irrelevant.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

__all__ = ["Reserve"]

SIZE = 128 << 10  # bytes: the shared memory, and the first few pages that are written


class Reserve:
    """The reserve file at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def allocate(self) -> None:
        """Reserve the space unless it is reserved; if the disk refuses, the next open retries."""
        descriptor = None
        try:
            if self.path.exists() and self.path.stat().st_size == SIZE:
                return
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o600)
            os.posix_fallocate(descriptor, 0, SIZE)
        except OSError:  # no room, or no permission
            with suppress(OSError):  # a folder in which some files are writable, but none removable
                self.path.unlink()
        finally:
            if descriptor is not None:
                os.close(descriptor)

    def run(self, action: Callable[[], object]) -> None:
        """Run the action; on a full disk, release the reserve and run it again.

        Raises:
            sqlite3.Error: it fails with the reserve released, or for another reason.
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
