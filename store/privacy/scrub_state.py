"""Remove forgotten names from the state file and from the loaded part of the spool.

The names are removed from the bytes of the files, too: from free pages and logs of SQLite, and from
loaded records of segments.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from pathlib import Path
from typing import Any

from hubbub.errors import StoreError
from hubbub.store.spool import folder as spool
from hubbub.store.spool import segment
from hubbub.store.state import dead_letters
from hubbub.store.state.database import State
from hubbub.store.state.dead_letters import DeadLetter
from hubbub.store.state.pseudonyms import ACCOUNTS, Forgotten

__all__ = ["ACCOUNTS", "blank_spool", "purge", "scrub_state"]

#: Tables of digests, of keys, and of paths of the operator's files: they hold no account.
_KEEP = {"secrets", "forgotten", "trusts"}
_PATIENCE = 30.0  # seconds to wait for readers of the state


def scrub_state(state: State) -> int:
    """Replace forgotten names in the state file, in one transaction; return the changed rows.

    All texts and JSON documents of all tables are checked, so that tables of plugins and of later
    versions are included.
    """
    with state.transaction() as db:
        forgotten = state.forgotten
        n = _scrub_letters(db, forgotten)
        for (table,) in db.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        ).fetchall():
            if table not in _KEEP | {"dead_letters"}:
                n += _scrub_table(db, table, forgotten)
    return n


def _scrub_letters(db: sqlite3.Connection, forgotten: Forgotten) -> int:
    """Delete the bodies and topics of dead letters that contain a name; return the changed rows."""
    n = 0
    last = 0
    columns = "place, reason, what, source, time, topic, body, seq, missing"
    while True:  # in parts: together they may be 100 MB
        rows = db.execute(
            f"SELECT id, {columns} FROM dead_letters WHERE id > ? ORDER BY id LIMIT 100",  # noqa: S608 - a constant
            (last,),
        ).fetchall()
        if not rows:
            return n
        for last, *fields in rows:
            before = DeadLetter(*fields)
            after = dead_letters.redact(before, forgotten)
            if after != before:
                n += 1
                db.execute(
                    "UPDATE dead_letters SET place = ?, what = ?, source = ?, topic = ?, body = ?,"
                    " missing = ?, size = ? WHERE id = ?",
                    (
                        after.place,
                        after.what,
                        after.source,
                        after.topic,
                        after.body,
                        after.missing,
                        len(after.topic) + len(after.body),
                        last,
                    ),
                )


def _scrub_table(db: sqlite3.Connection, table: str, forgotten: Forgotten) -> int:
    """Replace forgotten names in all columns of another table; return the changed rows."""
    columns = db.execute(f'PRAGMA table_info("{table}")').fetchall()
    names = [column[1] for column in columns]
    keys = [column[1] for column in sorted(columns, key=lambda c: c[5]) if column[5]] or ["rowid"]
    selected = ", ".join(f'"{name}"' for name in (*keys, *names))
    account_keys = ACCOUNTS if table == "documents" else frozenset()
    n = 0
    for row in db.execute(f'SELECT {selected} FROM "{table}"').fetchall():  # noqa: S608 - its own names
        key, old = row[: len(keys)], dict(zip(names, row[len(keys) :], strict=True))
        new = {name: _scrubbed(v, name, forgotten, account_keys) for name, v in old.items()}
        changed = [name for name in names if new[name] != old[name]]
        if not changed:
            continue
        n += 1
        condition = " AND ".join(f'"{k}" = ?' for k in keys)
        if table == "counters":
            _add_counter(db, forgotten, old)
            db.execute(f'DELETE FROM "{table}" WHERE {condition}', key)  # noqa: S608
            continue
        assignments = ", ".join(f'"{name}" = ?' for name in changed)
        db.execute(
            f'UPDATE OR REPLACE "{table}" SET {assignments} WHERE {condition}',  # noqa: S608
            (*(new[name] for name in changed), *key),
        )
    return n


def _add_counter(db: sqlite3.Connection, forgotten: Forgotten, old: dict[str, Any]) -> None:
    """Add a counter to that of the source's new name."""
    db.execute(
        "INSERT INTO counters (source, name, n) VALUES (?, ?, ?)"
        " ON CONFLICT DO UPDATE SET n = n + excluded.n",
        (forgotten.text(old["source"]), forgotten.text(old["name"]), old["n"]),
    )


def _scrubbed(value: Any, column: str, forgotten: Forgotten, account_keys: frozenset[str]) -> Any:
    """Return a cell without forgotten names: texts of a JSON document replaced, a blob emptied.

    `account_keys`: keys of the document whose values are accounts.
    """
    if isinstance(value, bytes):
        return b"" if forgotten.holds(value) else value
    if not isinstance(value, str):
        return value
    if column in ACCOUNTS:
        return forgotten.account(value)
    if value[:1] in {"{", "[", '"'}:
        try:
            document = json.loads(value)
        except ValueError:
            return forgotten.text(value)
        new = forgotten.document(document, account_keys)
        return value if new == document else json.dumps(new)
    return forgotten.text(value)


def purge(state: State) -> None:
    """Remove overwritten values from the bytes of the state file and its log.

    Raises:
        StoreError: a reader holds an old snapshot.
    """
    state.execute("VACUUM")
    deadline = time.monotonic() + _PATIENCE
    while state.execute("PRAGMA wal_checkpoint(TRUNCATE)")[0][0]:
        if time.monotonic() > deadline:
            raise StoreError(
                "another process still reads an older state",
                where=str(state.path),
                hint="end it, and run `hubbub forget` again: it does the remaining steps",
            )
        time.sleep(0.1)


def blank_spool(folder: Path, state: State) -> int:
    """Overwrite the loaded part of segments with zeros; return the number of bytes.

    A loader never reads before its position.
    """
    n = 0
    for existing in spool.segments(folder):
        rows = state.rows("SELECT position FROM segments WHERE name = ?", existing.name)
        start, end = segment.HEAD.size, int(rows[0][0]) if rows else 0
        if end <= start:
            continue
        for suffix in (existing.path.suffix, ".seg", ".dead"):  # it may be renamed meanwhile
            try:
                descriptor = os.open(existing.path.with_suffix(suffix), os.O_WRONLY)
            except FileNotFoundError:
                continue
            try:
                for offset in range(start, end, 1 << 20):
                    os.pwrite(descriptor, bytes(min(1 << 20, end - offset)), offset)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            n += end - start
            break
    return n
