"""The cache of plugins: JSON values with a time to live, in one SQLite file for all processes.

Losing it loses no data: it is written without waiting for the disk, a damaged file is replaced, and
when it is full, what expires first is dropped. It never holds a pickle.
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import blake2s
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from hubbub.closeable import Closeable
from hubbub.store.disk.files import make_folder
from hubbub.store.state.database import State

__all__ = ["FOLDER", "Cache", "CacheFile", "cache_of", "clear"]

#: In the store.
FOLDER = "plugins"

_NAME, _LOCKS = "cache.sqlite", "cache.lock"
_MAX_VALUE = 16 << 20  # bytes of one value as JSON
_MAX_KEY = 1 << 10  # bytes of a key; `memoize_query` hashes its own
_MAX_FILE = 512 << 20  # bytes
_BUSY = 30.0  # seconds to wait for another process' transaction
_FOREVER = 1e12  # seconds since the epoch: expires last


class CacheFile(Closeable):
    """The file; safe for several threads and processes.

    Args:
        folder: of the plugins' data, made if it does not exist; None: keep everything in memory.
        clock: returns the seconds since the epoch.
    """

    def __init__(self, folder: Path | None, clock: Callable[[], float] = time.time) -> None:
        self._folder, self._clock = folder, clock
        self._lock = threading.RLock()
        if folder is not None:
            make_folder(folder)
        self._db = self._open()

    def _open(self) -> sqlite3.Connection:
        path = None if self._folder is None else self._folder / _NAME
        try:
            return self._connect(path)
        except sqlite3.DatabaseError as error:
            if path is None or isinstance(error, sqlite3.OperationalError):
                raise
            for suffix in ("", "-wal", "-shm"):  # damaged: a cache can be computed again
                path.with_name(path.name + suffix).unlink(missing_ok=True)
            return self._connect(path)

    @staticmethod
    def _connect(path: Path | None) -> sqlite3.Connection:
        name = ":memory:" if path is None else str(path)
        if path is not None:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        db = sqlite3.connect(name, timeout=_BUSY, isolation_level=None, check_same_thread=False)
        try:
            _execute_patiently(db, "PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = OFF")
            db.execute("PRAGMA secure_delete = ON")  # a forgotten name must not remain
            page = db.execute("PRAGMA page_size").fetchone()[0]
            db.execute(f"PRAGMA max_page_count = {_MAX_FILE // page}")
            db.execute(
                "CREATE TABLE IF NOT EXISTS entries (module TEXT NOT NULL, key TEXT NOT NULL,"
                " expires REAL NOT NULL, value TEXT NOT NULL, PRIMARY KEY (module, key))"
            )
            db.execute("CREATE INDEX IF NOT EXISTS entries_expires ON entries (expires)")
        except BaseException:
            db.close()
            raise
        return db

    def get(self, module: str, key: str) -> str | None:
        """Return the JSON text of a live entry; None if there is none."""
        with self._lock:
            row = self._db.execute(
                "SELECT value FROM entries WHERE module = ? AND key = ? AND expires > ?",
                (module, key, self._clock()),
            ).fetchone()
        return None if row is None else str(row[0])

    def set(self, module: str, key: str, text: str, seconds: float | None) -> None:
        """Store a JSON text; None: it does not expire.

        Raises:
            ValueError: the text or the key is too long.
        """
        size = len(text.encode())
        if size > _MAX_VALUE:
            raise ValueError(f"{size:,} bytes are too many for the cache: {_MAX_VALUE:,} at most")
        if len(key.encode()) > _MAX_KEY:
            raise ValueError(f"the key is too long for the cache: {_MAX_KEY:,} bytes at most")
        now = self._clock()
        expires = _FOREVER if seconds is None else now + seconds
        with self._lock:
            for _ in range(8):
                try:
                    self._db.execute("DELETE FROM entries WHERE expires <= ?", (now,))
                    self._db.execute(
                        "INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?)",
                        (module, key, expires, text),
                    )
                except sqlite3.OperationalError as error:
                    if error.sqlite_errorname != "SQLITE_FULL":
                        raise
                    self._make_room()
                else:
                    return
        raise ValueError("there is no room in the cache, although everything else was dropped")

    def _make_room(self) -> None:
        """Drop the half of the entries that expires first."""
        self._db.execute(
            "DELETE FROM entries WHERE rowid IN (SELECT rowid FROM entries ORDER BY expires"
            " LIMIT (SELECT (count(*) + 1) / 2 FROM entries))"
        )

    def delete(self, module: str, key: str) -> None:
        """Delete an entry, if it exists."""
        with self._lock:
            self._db.execute("DELETE FROM entries WHERE module = ? AND key = ?", (module, key))

    def clear(self) -> None:
        """Delete everything, also from the free pages of the file and from its log."""
        with self._lock:
            self._db.execute("DELETE FROM entries")
            _execute_patiently(self._db, "VACUUM")
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def computing(self, module: str, key: str) -> Iterator[None]:
        """Hold an entry's lock: one thread of all processes at a time computes it.

        The lock ends with its holder, however that ends.
        """
        if self._folder is None:
            yield
            return
        digest = blake2s(f"{module}\0{key}".encode(), digest_size=8).digest()
        offset = int.from_bytes(digest) >> 2
        # an open file description of its own: it locks against other threads as well
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        descriptor = os.open(self._folder / _LOCKS, flags, 0o600)
        try:
            fcntl.fcntl(descriptor, fcntl.F_OFD_SETLKW, _flock(offset))
            yield
        finally:
            os.close(descriptor)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()


def _flock(offset: int) -> bytes:
    """Return the `struct flock` that locks one byte, for writing."""
    return struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, offset, 1, 0)


def _execute_patiently(db: sqlite3.Connection, statement: str) -> None:
    """Run a statement to which SQLite's own timeout does not apply."""
    deadline = time.monotonic() + _BUSY
    while True:
        try:
            db.execute(statement).fetchall()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


class Cache:
    """The injected `cache`: JSON values for a limited time, by key, of one module.

    Args:
        file: the cache of all modules.
        module: the module that owns the keys.
    """

    def __init__(self, file: CacheFile, module: str) -> None:
        self._file, self._module = file, module

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value, or the default if there is none or it has expired."""
        text = self._file.get(self._module, _checked(key))
        return default if text is None else json.loads(text)

    def set(self, key: str, value: Any, seconds: float | None = None) -> None:
        """Store a JSON value for some seconds; None: until space is needed.

        Raises:
            TypeError, ValueError: JSON cannot hold the value, or it is too large.
        """
        self._file.set(self._module, _checked(key), json.dumps(value), seconds)

    def delete(self, key: str) -> None:
        """Delete the value, if there is one."""
        self._file.delete(self._module, _checked(key))


def _checked(key: str) -> str:
    if not isinstance(key, str):
        raise TypeError(f"the key of a cached value is a string, not {type(key).__name__}")
    return key


def cache_of(state: State) -> CacheFile:
    """Return the cache beside a store's state; one in memory where nothing may be written.

    It is opened once for each state.
    """
    with _OPENING:
        if state not in _open_files:
            folder = None if state.read_only else state.path.parent / FOLDER
            _open_files[state] = CacheFile(folder)
        return _open_files[state]


_OPENING = threading.Lock()
_open_files: WeakKeyDictionary[State, CacheFile] = WeakKeyDictionary()


def clear(store: Path) -> None:
    """Delete all values that are cached in a store."""
    if (store / FOLDER / _NAME).exists():
        with CacheFile(store / FOLDER) as file:
            file.clear()
