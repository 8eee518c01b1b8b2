"""Copy a state file that must not be written, into memory.

A file in write-ahead mode can be read without writing if its shared memory exists, because another
process has it open; if nothing waits in its log; or as a copy.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from hubbub.errors import UsageError

__all__ = ["in_memory"]

_BUSY = 60.0  # seconds to wait for another process' transaction


def in_memory(path: Path) -> sqlite3.Connection:
    """Return a copy of a state file as of now; the file and its folder are not written.

    Args:
        path: the file; its log is read too.

    Raises:
        UsageError: there is no permission to read it.
        sqlite3.Error: it is damaged.
    """
    copy = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    try:
        _copy(path, copy)
    except BaseException:
        copy.close()
        raise
    return copy


def _copy(path: Path, target: sqlite3.Connection) -> None:
    log = path.with_name(f"{path.name}-wal")
    try:
        with path.open("rb"):  # SQLite says only that it cannot open the file
            waiting = log.stat().st_size if log.exists() else 0
        if path.with_name(f"{path.name}-shm").exists():
            try:
                _backup(path, "mode=ro", target)
            except sqlite3.OperationalError:
                pass  # the shared memory is of an earlier boot, or may not be read
            else:
                return
        if not waiting:
            _backup(path, "mode=ro&immutable=1", target)
            return
        with TemporaryDirectory(prefix="hubbub-") as folder:
            for file in (path, log):
                shutil.copyfile(file, Path(folder) / file.name)
            _backup(Path(folder) / path.name, "mode=rw", target)
    except PermissionError as e:
        raise UsageError(
            "no permission to read this store",
            where=str(e.filename or path),
            hint="run as its owner, or as an account that may read all of its files",
        ) from e


def _backup(path: Path, mode: str, target: sqlite3.Connection) -> None:
    uri = f"{path.absolute().as_uri()}?{mode}"
    with closing(sqlite3.connect(uri, uri=True, timeout=_BUSY)) as source:
        source.backup(target)
