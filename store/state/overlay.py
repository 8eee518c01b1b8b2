"""What an event handler changes, set aside until it is committed together with the handler's place.

`Overlay` is the state as a handler sees it: that of one moment, with the handler's own changes over
it. Nothing is written, and no other process waits. `commit` then writes the changes and the new
places in one short transaction, unless another process has changed what the handler may have read:
then the handler must run again.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from hubbub.store.state.database import State
from hubbub.store.state.pseudonyms import ACCOUNTS, Forgotten

__all__ = ["Changes", "Overlay", "commit"]

_BUSY = 60.0  # seconds to wait for another process' transaction
#: The tables that a plugin may change, and their keys. Each is a view over the stored rows and the
#: changed ones, in which a value of NULL is a deletion.
_TABLES = {"documents": ("module", "collection", "key"), "checkpoints": ("key",)}
_VIEW = """
    CREATE TABLE changed_{table} ({names}, value, PRIMARY KEY ({names})) WITHOUT ROWID;
    CREATE TEMP VIEW {table} AS
        SELECT {names}, value FROM stored.{table} AS s
            WHERE NOT EXISTS (SELECT 1 FROM changed_{table} AS c WHERE {same})
        UNION ALL
        SELECT {names}, value FROM changed_{table} WHERE value IS NOT NULL;
    CREATE TEMP TRIGGER {table}_insert INSTEAD OF INSERT ON {table} BEGIN
        INSERT OR REPLACE INTO changed_{table} VALUES ({new}, NEW.value);
    END;
    CREATE TEMP TRIGGER {table}_update INSTEAD OF UPDATE ON {table} BEGIN
        INSERT OR REPLACE INTO changed_{table} VALUES ({old}, NULL);
        INSERT OR REPLACE INTO changed_{table} VALUES ({new}, NEW.value);
    END;
    CREATE TEMP TRIGGER {table}_delete INSTEAD OF DELETE ON {table} BEGIN
        INSERT OR REPLACE INTO changed_{table} VALUES ({old}, NULL);
    END;
"""


class Changes(msgspec.Struct, frozen=True):
    """What handlers changed.

    Attributes:
        documents: module, collection, key, and the new value as JSON; None: deleted.
        checkpoints: key, and the new value as JSON; None: deleted.
        revisions: how often each module had been changed when the handlers read; others: never.
        modules: those that the handlers may have read.
    """

    documents: list[tuple[str, str, str, str | None]] = []
    checkpoints: list[tuple[str, str | None]] = []
    revisions: dict[str, int] = {}
    modules: list[str] = []


class Overlay(State):
    """The state of a store with changes that are not written; for the objects `db` and `state`.

    Only within `session` it can be used; what it shows is the state of the session's first read.

    Args:
        path: the state's file, which another object has open.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.read_only = path, False
        self._lock = threading.RLock()
        self._depth = 0
        self._forgotten = None
        self._db = sqlite3.connect(
            ":memory:", uri=True, timeout=_BUSY, isolation_level=None, check_same_thread=False
        )
        try:
            with self._translated():
                self._attach()
        except BaseException:
            self._db.close()
            raise

    def _attach(self) -> None:
        self._db.execute("ATTACH ? AS stored", (f"{self.path.absolute().as_uri()}?mode=ro",))
        for table, keys in _TABLES.items():
            columns = {
                "names": ", ".join(keys),
                "old": ", ".join(f"OLD.{key}" for key in keys),
                "new": ", ".join(f"NEW.{key}" for key in keys),
                "same": " AND ".join(f"c.{key} = s.{key}" for key in keys),
            }
            self._db.executescript(_VIEW.format(table=table, **columns))

    @property
    def forgotten(self) -> Forgotten:
        """The list of forgotten names as of this session, read once."""
        if self._forgotten is None:
            return super().forgotten
        return self._forgotten[1]

    @contextmanager
    def session(self) -> Iterator[None]:
        """Read and change; at the end all changes are dropped."""
        with self._lock, self._translated():
            self._forgotten = None
            self._db.execute("BEGIN")
            try:
                yield
            finally:
                self._db.execute("ROLLBACK")

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Keep all changes within, or none of them."""
        with self._lock, self._translated():
            self._depth += 1
            name = f"part_{self._depth}"
            self._db.execute(f"SAVEPOINT {name}")
            try:
                yield self._db
            except BaseException:
                self._db.execute(f"ROLLBACK TO {name}")
                raise
            finally:
                self._db.execute(f"RELEASE {name}")
                self._depth -= 1

    def changes(self, modules: Collection[str]) -> Changes:
        """Return the changes of this session.

        Args:
            modules: those whose functions ran.
        """
        documents = self.rows(
            "SELECT module, collection, key, value FROM changed_documents"
            " ORDER BY module, collection, key"
        )
        checkpoints = self.rows("SELECT key, value FROM changed_checkpoints ORDER BY key")
        touched = {*map(self.forgotten.text, modules), *(row[0] for row in documents)}
        for key, _ in checkpoints:
            if key.startswith("plugin:"):
                touched.add(key.split(":", 2)[1])
        revisions = dict(self.rows("SELECT module, n FROM revisions"))
        return Changes(
            documents=documents,
            checkpoints=checkpoints,
            revisions={module: n for module, n in revisions.items() if module in touched},
            modules=sorted(touched),
        )


def commit(state: State, changes: Changes, also: Callable[[], None]) -> bool:
    """Write changes, and what `also` writes, in one transaction.

    Args:
        state: of the store.
        changes: of a session.
        also: writes the places of the handlers.

    Returns:
        False if nothing was written: a module was changed since the handlers read it.
    """
    with state.transaction() as db:
        known = _revisions(db)
        if any(known.get(m, 0) != changes.revisions.get(m, 0) for m in changes.modules):
            return False
        forgotten = state.forgotten
        for module, collection, key, value in changes.documents:
            names = forgotten.text(module), forgotten.text(collection), forgotten.text(key)
            if value is None:
                db.execute(
                    "DELETE FROM documents WHERE module = ? AND collection = ? AND key = ?", names
                )
                continue
            if forgotten:  # a name may have been forgotten since
                value = json.dumps(forgotten.document(json.loads(value), ACCOUNTS))  # noqa: PLW2901
            db.execute("INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?)", (*names, value))
        for key, value in changes.checkpoints:
            state.set(key, None if value is None else json.loads(value))
        also()
    return True


def _revisions(db: sqlite3.Connection) -> Mapping[str, int]:
    return dict(db.execute("SELECT module, n FROM revisions").fetchall())
