"""The journal file: posted batches of events, in the order in which they were accepted.

`journal.sqlite` in the store's folder. A row is a request's batch, a JSON array of objects, and its
number is never used again. A row is deleted once its events are in the spool and every event
handler has passed it. Several processes may write; each group of rows is one transaction.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubbub.closeable import Closeable
from hubbub.errors import StoreError
from hubbub.store.disk.errors import translate_errors

__all__ = ["NAME", "Journal", "Row", "exists"]

NAME = "journal.sqlite"
#: `PRAGMA application_id`: "hubj".
_APPLICATION = 0x6875626A
_BUSY = 30.0  # seconds to wait for another process' transaction
_PATIENCE = 30.0  # seconds to wait for readers of an older state
_SCHEMA = (
    # `key`: random, part of the ids of these events; `spooled`: the last row that is in the spool
    "CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID",
    # AUTOINCREMENT: a number is not used again after its row was deleted
    """CREATE TABLE IF NOT EXISTS batches (
        number INTEGER PRIMARY KEY AUTOINCREMENT, received INTEGER NOT NULL, body TEXT NOT NULL)""",
)


@dataclass(frozen=True, slots=True)
class Row:
    """A batch of events as it was accepted."""

    number: int
    received: int  # µs since the epoch
    body: str  # a JSON array of objects

    def events(self) -> list[dict[str, Any]]:
        """Return the events."""
        events: list[dict[str, Any]] = json.loads(self.body)
        return events


def exists(store_folder: Path) -> bool:
    """Whether the store has a journal: one that never took an event has none."""
    return (store_folder / NAME).exists()


class Journal(Closeable):
    """The open journal of a store; safe for several threads.

    Args:
        store_folder: the store's folder, in which the file is created if it is missing.

    Raises:
        StoreError: the file is damaged, or there is no room.
    """

    def __init__(self, store_folder: Path) -> None:
        self.path = store_folder / NAME
        self._lock = threading.RLock()
        with self._translated():
            self._db = sqlite3.connect(
                self.path, timeout=_BUSY, isolation_level=None, check_same_thread=False
            )
            try:
                self._prepare()
            except BaseException:
                self._db.close()
                raise

    def _prepare(self) -> None:
        if self._db.execute("PRAGMA application_id").fetchone()[0] not in {0, _APPLICATION}:
            raise StoreError("this SQLite file is not hubbub's journal", where=str(self.path))
        self._enable_wal()
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA secure_delete = ON")
        with self._transaction():
            for statement in _SCHEMA:
                self._db.execute(statement)
            self._db.execute(f"PRAGMA application_id = {_APPLICATION}")
            for name, value in (("key", secrets.token_hex(8)), ("spooled", 0)):
                self._db.execute("INSERT OR IGNORE INTO facts VALUES (?, ?)", (name, value))
        self.path.chmod(0o600)

    def _enable_wal(self) -> None:
        """Switch to write-ahead logging; SQLite's own timeout does not apply to this statement."""
        deadline = time.monotonic() + _BUSY
        while True:
            try:
                self._db.execute("PRAGMA journal_mode = WAL").fetchall()
            except sqlite3.OperationalError as error:
                if error.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() >= deadline:
                    raise
                time.sleep(0.01)
            else:
                return

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    @property
    def key(self) -> str:
        """A random text of this journal, which makes the ids of its events unique."""
        return str(self._fact("key"))

    @property
    def spooled(self) -> int:
        """The number of the last row whose events are in the spool."""
        return int(self._fact("spooled"))

    def last(self) -> int:
        """Return the number of the last row that was ever accepted; 0 before the first."""
        rows = self._rows("SELECT seq FROM sqlite_sequence WHERE name = 'batches'")
        return int(rows[0][0]) if rows else 0

    def append(self, bodies: Sequence[str], received: int) -> list[int]:
        """Add batches in one transaction; return their numbers once they are durable.

        Args:
            bodies: JSON arrays of objects.
            received: µs since the epoch.

        Raises:
            StoreError: no room, or damage; none of them was added.
        """
        with self._transaction():
            insert = "INSERT INTO batches (received, body) VALUES (?, ?)"
            numbers = [self._db.execute(insert, (received, body)).lastrowid for body in bodies]
        return [int(number) for number in numbers if number is not None]

    def after(self, number: int, limit: int, size: int) -> list[Row]:
        """Return the rows after one, in order.

        Args:
            number: of the row before the first.
            limit: how many rows at most.
            size: bytes of them at most, except that the first is always returned.
        """
        rows: list[Row] = []
        total = 0
        for row in self._rows(
            "SELECT number, received, body FROM batches WHERE number > ? ORDER BY number LIMIT ?",
            number,
            limit,
        ):
            total += len(row[2])
            if rows and total > size:
                break
            rows.append(Row(*row))
        return rows

    def waiting(self) -> int:
        """Return how many rows there are."""
        return int(self._rows("SELECT count(*) FROM batches")[0][0])

    def waiting_after(self, number: int) -> int:
        """Return how many rows there are after one."""
        return int(self._rows("SELECT count(*) FROM batches WHERE number > ?", number)[0][0])

    def mark_spooled(self, number: int) -> None:
        """Record that the events of all rows up to this one are durable in the spool."""
        with self._transaction():
            self._db.execute(
                "UPDATE facts SET value = max(value, ?) WHERE name = 'spooled'", (number,)
            )

    def delete_passed(self, passed: int | None) -> int:
        """Delete the rows that are in the spool and passed by the handlers; return how many.

        Args:
            passed: the number of the last row that every handler has passed; None: no handlers.
        """
        end = self.spooled if passed is None else min(passed, self.spooled)
        if not self._rows("SELECT 1 FROM batches WHERE number <= ? LIMIT 1", end):
            return 0
        with self._transaction():
            return self._db.execute("DELETE FROM batches WHERE number <= ?", (end,)).rowcount

    def rewrite(self, change: Callable[[Any], Any]) -> int:
        """Pass the events of each row through `change`, in one transaction; return changed rows.

        Nothing of what was replaced stays in the bytes of the file or its log.

        Args:
            change: from the list of events of a row to its replacement.

        Raises:
            StoreError: a reader holds an older state.
        """
        changed = 0
        with self._transaction():
            rows = self._db.execute("SELECT number, body FROM batches").fetchall()
            for number, body in rows:
                before = json.loads(body)
                after = change(before)
                if after != before:
                    changed += 1
                    self._db.execute(
                        "UPDATE batches SET body = ? WHERE number = ?", (json.dumps(after), number)
                    )
        with self._lock, self._translated():
            self._db.execute("VACUUM")
            deadline = time.monotonic() + _PATIENCE
            while self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                if time.monotonic() > deadline:
                    raise StoreError(
                        "another process still reads an older journal",
                        where=str(self.path),
                        hint="end it, and run `hubbub forget` again: it does the remaining steps",
                    )
                time.sleep(0.1)
        return changed

    def faults(self) -> list[str]:
        """Return what is wrong with the file: damage, and rows that are no array of objects."""
        found = [text for (text,) in self._rows("PRAGMA integrity_check(20)") if text != "ok"]
        for number, body in self._rows("SELECT number, body FROM batches ORDER BY number"):
            try:
                events = json.loads(body)
            except ValueError:
                events = None
            if not (isinstance(events, list) and all(isinstance(e, dict) for e in events)):
                found.append(f"row {number} is not a list of events")
        return found

    def _fact(self, name: str) -> Any:
        return self._rows("SELECT value FROM facts WHERE name = ?", name)[0][0]

    def _rows(self, sql: str, *values: Any) -> list[Any]:
        with self._lock, self._translated():
            return self._db.execute(sql, values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock, self._translated():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def _translated(self) -> AbstractContextManager[None]:
        return translate_errors(self.path, (sqlite3.Error,))
