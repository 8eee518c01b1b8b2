"""Folders for what a query engine cannot hold in memory, inside the store.

They hold rows of events. No other account may read the store, and deleting it deletes them; in
the working folder, which is the engine's own choice, they would outlive a process that was killed.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp

__all__ = ["Spill", "delete_abandoned"]

FOLDER = "spill"


class Spill:
    """A new folder for one engine; those of processes that died are deleted.

    Args:
        store: the store's folder; None: one of the system's temporary folders is used.

    Attributes:
        path: the folder; None if there is no room for one.
    """

    def __init__(self, store: Path | None) -> None:
        self.path: Path | None = None
        try:
            path = Path(mkdtemp(prefix="hubbub-")) if store is None else _new(store)
            self._lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        except OSError:  # queries work on a full disk, too
            return
        fcntl.flock(self._lock, fcntl.LOCK_SH)
        self.path = path

    def close(self) -> None:
        """Delete the folder."""
        if self.path is None:
            return
        os.close(self._lock)
        shutil.rmtree(self.path, ignore_errors=True)


def _new(store: Path) -> Path:
    (store / FOLDER).mkdir(mode=0o700, exist_ok=True)
    delete_abandoned(store)
    path = store / FOLDER / secrets.token_hex(8)
    path.mkdir(mode=0o700)
    return path


def delete_abandoned(store: Path) -> None:
    """Delete the folders of processes that died: no process holds their lock."""
    for path in (store / FOLDER).glob("*"):
        with suppress(OSError):  # another process was faster, or is using it
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path)
            finally:
                os.close(lock)
