"""Translate OS and SQLite errors into errors that tell a full disk from a damaged store."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hubbub.errors import HubbubError, NoMemoryError, NoRoomError, StoreError, UsageError
from hubbub.store.disk.filesystem import not_local

__all__ = ["PERMISSION", "translate_errors", "write_error"]

_FULL = (errno.ENOSPC, errno.EDQUOT)
_MAKE_ROOM = "make room: stored data is safe, and work resumes by itself"
_RESTORE = "restore the whole store from a backup, or use a new folder and gather again"
_CHECK_DISK = "check the kernel log for disk errors; received messages are kept meanwhile"
PERMISSION = "this writes to the store: run it as the store's owner, where it can be written"
_VERIFY = "`hubbub verify` checks whether anything is damaged"
_LOCKED = "stop the process that is stuck (`fuser` on this file shows which), and try again"


@contextmanager
def translate_errors(
    path: Path, kinds: tuple[type[OSError | sqlite3.Error], ...] = (OSError, sqlite3.Error)
) -> Iterator[None]:
    """Raise disk and SQLite errors within as a `HubbubError`.

    SQLite errors that only a bug can cause, such as an `IntegrityError`, pass unchanged.

    Args:
        path: the file or folder to report where the error names none.
        kinds: the errors to translate.

    Raises:
        NoRoomError: the disk is full.
        StoreError: the disk failed, the state file is damaged or locked.
        UsageError: no permission to write, or no local disk.
    """
    try:
        yield
    except kinds as e:
        if isinstance(e, OSError) or type(e) in {sqlite3.OperationalError, sqlite3.DatabaseError}:
            raise _translated(e, path) from e
        raise


def write_error(what: str, e: Exception, path: Path) -> StoreError:
    """Return the error for a failed write of the table library or Arrow.

    Args:
        what: what could not be done, as a clause.
        e: their error.
        path: the table's folder.
    """
    if getattr(e, "errno", None) in _FULL or "No space left" in str(e):
        return NoRoomError(
            f"{what}: the disk is full",
            where=str(path),
            hint="received messages stay in the spool, and are loaded when there is room",
        )
    if isinstance(e, MemoryError) or type(e).__name__ == "ArrowCapacityError":
        return NoMemoryError(
            f"{what}: it needs more memory than there is",
            where=str(path),
            hint="received messages stay in the spool, and are loaded when there is memory",
        )
    reason = str(e).partition("\n")[0]
    return StoreError(f"{what}: {reason}", where=str(path))


def _translated(e: OSError | sqlite3.Error, path: Path) -> HubbubError:
    where = str(path)
    if isinstance(e, OSError):
        if e.errno in _FULL:
            return NoRoomError("the disk is full", where=where, hint=_MAKE_ROOM)
        return StoreError(
            f"disk error: {e.strerror or e}", where=e.filename or where, hint=_CHECK_DISK
        )
    name = getattr(e, "sqlite_errorname", "")
    if name in {"SQLITE_FULL", "SQLITE_IOERR_SHMSIZE"}:
        return NoRoomError("the disk is full", where=where, hint=_MAKE_ROOM)
    if name.startswith("SQLITE_IOERR_SHM") or name == "SQLITE_IOERR_LOCK":
        return not_local(path, f"this file system does not share memory between processes ({e})")
    if name.startswith("SQLITE_READONLY"):
        return UsageError("no permission to write here", where=where, hint=PERMISSION)
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        what, hint = "another process has locked the state file for a minute", _LOCKED
    elif name.startswith(("SQLITE_IOERR", "SQLITE_CANTOPEN")):
        what, hint = f"disk error: {e}", _CHECK_DISK
    elif name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        what, hint = f"the state file is damaged: {e}", _RESTORE
    else:
        what, hint = f"the state file cannot be used: {e}", _VERIFY
    return StoreError(what, where=where, hint=hint)
