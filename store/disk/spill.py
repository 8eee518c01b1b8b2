"""Folders for what a query engine cannot hold in memory, inside the store.

They hold rows of events. No other account may read the store, and deleting it deletes them; in
the working folder, which is the engine's own choice, they would outlive a process that was killed.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import gettempdir, mkdtemp

__all__ = ["Spill", "delete_abandoned"]

FOLDER = "spill"
_PREFIX = "hubbub-spill-"  # of folders outside of a store
_ON_DISK = "/var/tmp"  # noqa: S108 - where /tmp may lie in memory; the folder itself is private
_ATTEMPTS = 8  # to make a folder that no other process takes for abandoned


class Spill:
    """A new folder for one engine; those of processes that died are deleted.

    Args:
        store: the store's folder; None: it cannot be written, and a private temporary folder
            (`TMPDIR`, else /var/tmp) is used.

    Attributes:
        path: the folder; None if there is no room for one.
    """

    def __init__(self, store: Path | None) -> None:
        self.path: Path | None = None
        with suppress(OSError):  # queries work on a full disk, too
            delete_abandoned(store)
            for _ in range(_ATTEMPTS):
                path = _new(store)
                lock = _lock(path)
                if lock is not None:
                    self.path, self._lock = path, lock
                    return

    def close(self) -> None:
        """Delete the folder."""
        if self.path is None:
            return
        os.close(self._lock)
        shutil.rmtree(self.path, ignore_errors=True)


def _new(store: Path | None) -> Path:
    if store is None:
        return Path(mkdtemp(prefix=_PREFIX, dir=_temporary()))
    (store / FOLDER).mkdir(mode=0o700, exist_ok=True)
    path = store / FOLDER / secrets.token_hex(8)
    path.mkdir(mode=0o700)
    return path


def _temporary() -> str:
    if "TMPDIR" not in os.environ and os.access(_ON_DISK, os.W_OK | os.X_OK):
        return _ON_DISK
    return gettempdir()


def _lock(path: Path) -> int | None:
    """Lock a new folder; None if a process that took it for abandoned was faster."""
    try:
        lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return None
    fcntl.flock(lock, fcntl.LOCK_SH)  # waits for one that deletes it
    if path.exists():
        return lock
    os.close(lock)
    return None


def delete_abandoned(store: Path | None) -> None:
    """Delete the folders of processes that died: no process holds their lock.

    Args:
        store: the store's folder; None: those outside of a store.
    """
    for path in _folders(store):
        with suppress(OSError):  # another process was faster, or is using it
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                if os.fstat(lock).st_uid == os.geteuid():
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(path)
            finally:
                os.close(lock)


def _folders(store: Path | None) -> Iterator[Path]:
    if store is not None:
        return (store / FOLDER).glob("*")
    return Path(_temporary()).glob(f"{_PREFIX}*")
