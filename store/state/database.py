"""The transactional state of a store: one SQLite file.

It holds checkpoints, the coverage ledger, counters, dead letters and how far the loader has read;
never an event. Forgotten names are replaced before anything is written. Readers in other processes
are not blocked by a writer.

The schema has a version (`PRAGMA user_version`); `schema.STEPS` migrate from each to the next.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from hubbub.closeable import Closeable
from hubbub.errors import StoreError, UsageError
from hubbub.store.disk.errors import PERMISSION, translate_errors
from hubbub.store.disk.filesystem import not_local
from hubbub.store.state import dead_letters, ledger
from hubbub.store.state.pseudonyms import Forgotten
from hubbub.store.state.reserve import Reserve
from hubbub.store.state.schema import APPLICATION, STEPS
from hubbub.store.state.snapshot import in_memory

__all__ = ["State"]

_BUSY = 60.0  # seconds to wait for another process' transaction


class State(Closeable):
    """The open SQLite file. Implements `Ledger`; safe for several threads and processes.

    Args:
        path: the file.
        create: create it if it does not exist.
        read_only: work on a copy in memory, as of now; the file is not written.

    Raises:
        StoreError: the file is damaged, not hubbub's, or written by a newer hubbub.
        UsageError: the file cannot be opened for writing (with `read_only`, for reading), or lies
            on a file system without shared memory.
    """

    def __init__(self, path: Path, *, create: bool = True, read_only: bool = False) -> None:
        self.path, self.read_only = path, False
        self._lock = threading.RLock()
        self._depth = 0
        self._forgotten: tuple[int, Forgotten] | None = None  # and the data version it was read at
        if read_only:
            with self._translated():
                self._db = in_memory(path)
            self._closing_on_error(self._migrate)
            self.read_only = True
            return
        mode, new = "rwc" if create else "rw", not path.exists()
        try:
            self._db = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode={mode}",
                uri=True,
                timeout=_BUSY,
                isolation_level=None,
                check_same_thread=False,
            )
        except sqlite3.OperationalError as e:
            raise UsageError(f"cannot open the store's state: {e}", where=str(path)) from e
        reserve = Reserve(path.with_suffix(".reserve"))
        try:
            self._closing_on_error(lambda: self._prepare(reserve))
        except UsageError:  # not on a local disk: leave nothing there
            if new:
                for name in (path.name, f"{path.name}-wal", f"{path.name}-shm", reserve.path.name):
                    path.with_name(name).unlink(missing_ok=True)
            raise
        reserve.allocate()

    def _closing_on_error(self, action: Callable[[], None]) -> None:
        try:
            with self._translated():
                action()
        except BaseException:
            self._db.close()
            raise

    def _prepare(self, reserve: Reserve) -> None:
        """Set what SQLite must guarantee, and check that it does: it answers with what it set."""
        reserve.run(self._enable_wal)
        # overwrite deleted rows: a forgotten name must not remain in free pages
        for name, value, answer in (("synchronous", "FULL", 2), ("secure_delete", "ON", 1)):
            self._db.execute(f"PRAGMA {name} = {value}").fetchall()
            set_to = self._db.execute(f"PRAGMA {name}").fetchone()[0]
            if set_to != answer:
                raise StoreError(
                    f"this SQLite library refuses {name} = {value} (it is {set_to})",
                    where=str(self.path),
                    hint=f"SQLite {sqlite3.sqlite_version} was built without it: use another",
                )
        self._migrate()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def _enable_wal(self) -> None:
        """Switch to write-ahead logging; SQLite's own timeout does not apply to this statement."""
        deadline = time.monotonic() + _BUSY
        while True:
            try:
                mode = self._db.execute("PRAGMA journal_mode = WAL").fetchone()[0]
            except sqlite3.OperationalError as e:
                if e.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() >= deadline:
                    raise
                time.sleep(0.01)
            else:
                if mode != "wal":
                    raise not_local(self.path, "SQLite cannot share memory here")
                return

    def _migrate(self) -> None:
        """Bring the schema up to date, after checking that the file is ours.

        A current one is only read: another process may be writing.
        """
        if self._schema(self._db) == (APPLICATION, len(STEPS)):
            return
        with self.transaction() as db:
            application, version = self._schema(db)
            if application not in (0, APPLICATION):
                raise StoreError("this SQLite file is not hubbub's", where=str(self.path))
            if version > len(STEPS):
                raise StoreError(
                    f"the store has schema version {version}; this hubbub supports {len(STEPS)}",
                    where=str(self.path),
                    hint="install the newer hubbub that wrote it",
                )
            if version < len(STEPS):
                for step in STEPS[version:]:
                    for statement in step:
                        db.execute(statement)
                db.execute(f"PRAGMA application_id = {APPLICATION}")
                db.execute(f"PRAGMA user_version = {len(STEPS)}")

    @staticmethod
    def _schema(db: sqlite3.Connection) -> tuple[int, int]:
        """Return the application and the schema version that a file states."""
        application = db.execute("PRAGMA application_id").fetchone()[0]
        return application, db.execute("PRAGMA user_version").fetchone()[0]

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Commit everything within or nothing, durably; a nested transaction joins the outermost.

        Raises:
            StoreError: no room, or the file is damaged; nothing was written.
            UsageError: the file is open for reading only.
        """
        self.require_writable()
        with self._lock, self._translated():
            if self._depth == 0:
                self._db.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield self._db
            except BaseException:
                self._depth -= 1
                if self._depth == 0 and self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
            self._depth -= 1
            if self._depth == 0:
                try:
                    self._db.execute("COMMIT")
                except sqlite3.Error:  # SQLite rolls back by itself, unless it was busy
                    if self._db.in_transaction:
                        self._db.execute("ROLLBACK")
                    raise

    def require_writable(self) -> None:
        """Refuse to write where the file was opened with `read_only`.

        Raises:
            UsageError: it was.
        """
        if self.read_only:
            raise UsageError("no permission to write here", where=str(self.path), hint=PERMISSION)

    def data_version(self) -> int:
        """Return a number that changes whenever another connection has committed a change."""
        return int(self.rows("PRAGMA data_version")[0][0])

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a SELECT.

        Raises:
            StoreError: the file is damaged.
        """
        with self._lock, self._translated():
            return self._db.execute(sql, values).fetchall()

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement outside any transaction (VACUUM, a PRAGMA).

        Raises:
            StoreError: no room, or the file is damaged.
        """
        with self._lock, self._translated():
            return self._db.execute(statement).fetchall()

    def _translated(self) -> AbstractContextManager[None]:
        return translate_errors(self.path, (sqlite3.Error,))

    # forgotten names

    @property
    def forgotten(self) -> Forgotten:
        """The current list of forgotten names; read again only after another process wrote."""
        with self._lock:
            version = self.rows("PRAGMA data_version")[0][0]
            if self._forgotten is None or self._forgotten[0] != version:
                keys = self.rows("SELECT value FROM secrets WHERE name = 'forget'")
                digests = dict(self.rows("SELECT digest, units FROM forgotten"))
                self._forgotten = version, Forgotten(keys[0][0] if keys else b"", digests)
            return self._forgotten[1]

    def reload_forgotten(self) -> None:
        """Read the list again at its next use: it was changed through this object."""
        self._forgotten = None

    # checkpoints

    def get(self, key: str) -> Any:
        """Return the JSON value stored under `key`; None if there is none."""
        key = self.forgotten.text(key)
        rows = self.rows("SELECT value FROM checkpoints WHERE key = ?", key)
        return json.loads(rows[0][0]) if rows else None

    def set(self, key: str, value: Any) -> None:
        """Store a JSON value durably; None deletes it."""
        with self.transaction() as db:
            key, value = self.forgotten.text(key), self.forgotten.document(value)
            if value is None:
                db.execute("DELETE FROM checkpoints WHERE key = ?", (key,))
            else:
                db.execute(
                    "INSERT OR REPLACE INTO checkpoints VALUES (?, ?)", (key, json.dumps(value))
                )

    def keys(self, prefix: str = "") -> list[str]:
        """Return the keys that start with `prefix`, sorted."""
        rows = self.rows(
            "SELECT key FROM checkpoints WHERE substr(key, 1, ?) = ? ORDER BY key",
            len(prefix),
            prefix,
        )
        return [key for (key,) in rows]

    # coverage

    def span(  # noqa: PLR0917 - the shape of Ledger
        self, source: str, filters: str, start: int, end: int, state: str, proof: str
    ) -> None:
        """Record a span [start, end) in µs: see `ledger.record`."""
        with self.transaction() as db:
            source, filters, proof = map(self.forgotten.text, (source, filters, proof))
            ledger.record(db, ledger.CoverageSpan(source, filters, start, end, state, proof))

    def spans(self, source: str, filters: str) -> list[tuple[int, int, str]]:
        """Return the (start, end, state) of one source and filter, µs, sorted."""
        source, filters = map(self.forgotten.text, (source, filters))
        spans = ledger.find(self.rows, None, None, source)
        return [(s.start, s.end, s.state) for s in spans if s.filters == filters]

    def coverage(
        self, since: int | None = None, until: int | None = None
    ) -> list[ledger.CoverageSpan]:
        """Return the spans that overlap [since, until) (µs), by source and time, not clipped."""
        return ledger.find(self.rows, since, until, None)

    # counters

    def count(self, source: str, name: str, n: int) -> None:
        """Add `n` to the counter `name` of a source (`new`, `known`, `refused:REASON`, …)."""
        with self.transaction() as db:
            source = self.forgotten.text(source)
            db.execute(
                "INSERT INTO counters VALUES (?, ?, ?)"
                " ON CONFLICT DO UPDATE SET n = n + excluded.n",
                (source, name, n),
            )

    def counts(self, source: str | None = None) -> dict[str, dict[str, int]]:
        """Return source → name → count.

        Args:
            source: only of this source, which is then the key as it is given here.
        """
        counts: dict[str, dict[str, int]] = {}
        for stored, name, n in self.rows(
            "SELECT source, name, n FROM counters WHERE ?1 IS NULL OR source = ?1"
            " ORDER BY source, name",
            source and self.forgotten.text(source),
        ):
            counts.setdefault(source or stored, {})[name] = n
        return counts

    # dead letters

    def bury(self, letter: dead_letters.DeadLetter) -> None:
        """Store a dead letter: see `dead_letters.bury`."""
        with self.transaction() as db:
            dead_letters.bury(db, [dead_letters.redact(letter, self.forgotten)])

    def dead_letters(
        self, *, reason: str | None = None, source: str | None = None, limit: int = 100
    ) -> list[dead_letters.DeadLetter]:
        """Return dead letters, newest first."""
        return dead_letters.find(self.rows, reason, source, limit)

    def dead_letter_counts(self) -> dict[str, int]:
        """Return how many dead letters are stored, by reason."""
        return dict(
            self.rows("SELECT reason, count(*) FROM dead_letters GROUP BY reason ORDER BY reason")
        )
