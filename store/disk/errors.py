"""What a disk or SQLite refused, as an error that says whether to make room or to mend.

Comes in: an OSError or an error of SQLite's. Goes out: a `StoreError`; never a guess that a store
is damaged where only the disk is full.
"""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hubbub.errors import HubbubError, NoRoomError, StoreError, UsageError

__all__ = ["translate_errors", "trouble", "write_error"]

_FULL = (errno.ENOSPC, errno.EDQUOT)
_ROOM = "make room: what is stored is safe, and work goes on by itself"
_BACKUP = "restore the whole store from a backup, or use a new folder and gather again"
_DISK = "the kernel's log says what is wrong with the disk; what was received is kept meanwhile"
_OWNER = "readers write too (SQLite's shared memory): run as the store's owner"
_STUCK = "end what is stuck (`fuser` on this file says who), and try again"


def trouble(e: OSError | sqlite3.Error, where: Path) -> HubbubError:
    """What happened, and what to do."""
    at = str(where)
    if isinstance(e, OSError):
        if e.errno in _FULL:
            return NoRoomError("the disk is full", where=at, hint=_ROOM)
        return StoreError(
            f"the disk refuses: {e.strerror or e}", where=e.filename or at, hint=_DISK
        )
    name = getattr(e, "sqlite_errorname", "")
    if name in {"SQLITE_FULL", "SQLITE_IOERR_SHMSIZE"}:
        return NoRoomError("the disk is full", where=at, hint=_ROOM)
    if name.startswith("SQLITE_READONLY"):
        return UsageError("no permission to write here", where=at, hint=_OWNER)
    what, hint = f"the state file is damaged: {e}", _BACKUP
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        what, hint = "another process has held the state for a minute", _STUCK
    elif name.startswith(("SQLITE_IOERR", "SQLITE_CANTOPEN")):
        what, hint = f"the disk refuses: {e}", _DISK
    return StoreError(what, where=at, hint=hint)


def write_error(what: str, e: Exception, where: Path) -> StoreError:
    """What could not be written, of an error of the table library's or Arrow's."""
    full = getattr(e, "errno", None) in _FULL or "No space left" in str(e)
    kind = NoRoomError if full else StoreError
    why = "the disk is full" if full else str(e).partition("\n")[0]
    hint = "what was received stays in the spool, and is loaded when there is room"
    return kind(f"{what}: {why}", where=str(where), hint=hint if full else "")


@contextmanager
def translate_errors(
    where: Path, kinds: tuple[type[OSError | sqlite3.Error], ...] = (OSError, sqlite3.Error)
) -> Iterator[None]:
    """What the disk or SQLite refuses within becomes a `HubbubError`; a fault of ours stays one.

    Args:
        where: the file or folder, if the error does not say.
        kinds: errors that can come from there.

    Raises:
        StoreError, UsageError: see `trouble`.
    """
    try:
        yield
    except kinds as e:
        if isinstance(e, OSError) or type(e) in {sqlite3.OperationalError, sqlite3.DatabaseError}:
            raise trouble(e, where) from e
        raise
