"""Transactional state: one SQLite file beside the tables.

Comes in: checkpoints, spans of coverage, counters, dead letters, how far the loader has read. Goes
out: the same, also to other processes while one writes. It never holds an event, nor the name of
somebody who was forgotten: what is written passes through `forgotten` first.

The schema has a version (`PRAGMA user_version`); `migrations.STEPS` lead from each to the next.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from hubbub.closeable import Closeable
from hubbub.errors import StoreError, UsageError
from hubbub.store.disk.errors import translate_errors
from hubbub.store.state import dead_letters, ledger
from hubbub.store.state.pseudonyms import Forgotten
from hubbub.store.state.reserve import Reserve
from hubbub.store.state.schema import APPLICATION, STEPS

__all__ = ["State"]

_BUSY = 60.0  # seconds to wait for another process' transaction


class State(Closeable):
    """The SQLite file. Implements `Ledger`; safe for several threads and processes.

    Args:
        path: the file.
        create: make it if it is not there.

    Raises:
        StoreError: damaged, or written by a newer hubbub.
        UsageError: cannot be opened for writing.
    """

    def __init__(self, path: Path, *, create: bool = True) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._depth = 0
        self._list: tuple[int, Forgotten] | None = None  # at that version of the data
        mode = "rwc" if create else "rw"
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
            with self._told():
                reserve.spend_on(self._write_ahead)
                self._db.execute("PRAGMA synchronous = FULL")
                # a forgotten name leaves no free page
                self._db.execute("PRAGMA secure_delete = ON")
                self._migrate()
        except BaseException:
            self._db.close()
            raise
        reserve.keep()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def _write_ahead(self) -> None:
        """Where two processes make the file at once, SQLite waits for neither: we do."""
        end = time.monotonic() + _BUSY
        while True:
            try:
                self._db.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as e:
                if e.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() >= end:
                    raise
                time.sleep(0.01)
            else:
                return

    def _migrate(self) -> None:
        with self.transaction() as db:
            application = db.execute("PRAGMA application_id").fetchone()[0]
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if application not in (0, APPLICATION):
                raise StoreError("this SQLite file is not hubbub's", where=str(self.path))
            if version > len(STEPS):
                raise StoreError(
                    f"the store has schema version {version}; this hubbub knows {len(STEPS)}",
                    where=str(self.path),
                    hint="install the newer hubbub that wrote it",
                )
            if version < len(STEPS):
                for step in STEPS[version:]:
                    for statement in step:
                        db.execute(statement)
                db.execute(f"PRAGMA application_id = {APPLICATION}")
                db.execute(f"PRAGMA user_version = {len(STEPS)}")

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, durable at the end; nests into the outermost one.

        Raises:
            StoreError: no room, or the file is damaged; nothing was written.
        """
        with self._lock, self._told():
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
                except sqlite3.Error:  # SQLite takes it back by itself, except where it was busy
                    if self._db.in_transaction:
                        self._db.execute("ROLLBACK")
                    raise

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows of a SELECT.

        Raises:
            StoreError: the file is damaged.
        """
        with self._lock, self._told():
            return self._db.execute(sql, values).fetchall()

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        """A statement that runs outside any transaction (VACUUM, a PRAGMA).

        Raises:
            StoreError: no room, or the file is damaged.
        """
        with self._lock, self._told():
            return self._db.execute(statement).fetchall()

    def _told(self) -> AbstractContextManager[None]:
        return translate_errors(self.path, (sqlite3.Error,))

    # whom the store has forgotten

    @property
    def forgotten(self) -> Forgotten:
        """The list as of now; read again only after another process wrote."""
        with self._lock:
            version = self.rows("PRAGMA data_version")[0][0]
            if self._list is None or self._list[0] != version:
                keys = self.rows("SELECT value FROM secrets WHERE name = 'forget'")
                digests = dict(self.rows("SELECT digest, units FROM forgotten"))
                self._list = version, Forgotten(keys[0][0] if keys else b"", digests)
            return self._list[1]

    def list_changed(self) -> None:
        """The list was written through this object."""
        self._list = None

    # checkpoints

    def get(self, key: str) -> Any:
        """The JSON value stored under `key`, None if there is none."""
        key = self.forgotten.text(key)
        found = self.rows("SELECT value FROM checkpoints WHERE key = ?", key)
        return json.loads(found[0][0]) if found else None

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
        """The keys that start with `prefix`, sorted."""
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
        """Record a span [start, end) in µs: see `spans.record`."""
        with self.transaction() as db:
            source, filters, proof = map(self.forgotten.text, (source, filters, proof))
            ledger.record(db, ledger.CoverageSpan(source, filters, start, end, state, proof))

    def spans(self, source: str, filters: str) -> list[tuple[int, int, str]]:
        """The (start, end, state) of one source and filter, µs, sorted."""
        source, filters = map(self.forgotten.text, (source, filters))
        found = ledger.find(self.rows, None, None, source)
        return [(s.start, s.end, s.state) for s in found if s.filters == filters]

    def coverage(
        self, since: int | None = None, until: int | None = None
    ) -> list[ledger.CoverageSpan]:
        """What the ledger says about [since, until) in µs, by source and time, not clipped."""
        return ledger.find(self.rows, since, until, None)

    # counters

    def count(self, source: str, name: str, n: int) -> None:
        """Add to the counter `name` of a source (`new`, `known`, `refused:REASON`, …)."""
        with self.transaction() as db:
            source = self.forgotten.text(source)
            db.execute(
                "INSERT INTO counters VALUES (?, ?, ?)"
                " ON CONFLICT DO UPDATE SET n = n + excluded.n",
                (source, name, n),
            )

    def counts(self, source: str | None = None) -> dict[str, dict[str, int]]:
        """The counters by source and name; of one source: under the name that was asked for."""
        stored = source and self.forgotten.text(source)
        out: dict[str, dict[str, int]] = {}
        for one, name, n in self.rows(
            "SELECT source, name, n FROM counters WHERE ?1 IS NULL OR source = ?1"
            " ORDER BY source, name",
            stored,
        ):
            out.setdefault(source or one, {})[name] = n
        return out

    # dead letters

    def bury(self, letter: dead_letters.DeadLetter) -> None:
        """Keep what could not be read: see `letters.bury`."""
        with self.transaction() as db:
            dead_letters.bury(db, [dead_letters.redact(letter, self.forgotten)])

    def dead_letters(
        self, *, reason: str | None = None, source: str | None = None, limit: int = 100
    ) -> list[dead_letters.DeadLetter]:
        """The newest dead letters first."""
        return dead_letters.find(self.rows, reason, source, limit)

    def dead_letter_counts(self) -> dict[str, int]:
        """How many dead letters are kept, by reason."""
        return dict(
            self.rows("SELECT reason, count(*) FROM dead_letters GROUP BY reason ORDER BY reason")
        )
