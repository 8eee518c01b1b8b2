"""Forgotten names out of the state file and out of what is left of the spool.

Comes in: the list, the state, the spool's folder. Goes out: the same without the names; nothing of
what SQLite or a segment once held is left in the bytes of their files.
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

#: Digests and keys, with no name in them; paths of the operator's own files.
_KEEP = {"secrets", "forgotten", "trusts"}
_PATIENCE = 30.0  # seconds to wait for readers of the state


def scrub_state(state: State) -> int:
    """Replace forgotten names in every table of the state file; how many rows. One transaction.

    Every text and JSON document of every table is looked at, whoever made it: a table that comes
    with a later version or a plugin is not forgotten here.
    """
    with state.transaction() as db:
        forgotten = state.forgotten
        n = _letters(db, forgotten)
        for (table,) in db.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        ).fetchall():
            if table not in _KEEP | {"dead_letters"}:
                n += _table(db, table, forgotten)
    return n


def _letters(db: sqlite3.Connection, forgotten: Forgotten) -> int:
    """Letters lose the body or topic that holds a name."""
    n = 0
    last = 0
    columns = "place, reason, what, source, time, topic, body, seq, missing"
    while True:  # a few at a time: together they may be 100 MB
        rows = db.execute(
            f"SELECT id, {columns} FROM dead_letters WHERE id > ? ORDER BY id LIMIT 100",  # noqa: S608 - a constant
            (last,),
        ).fetchall()
        if not rows:
            return n
        for one, *fields in rows:
            last = one
            before = DeadLetter(*fields)
            after = dead_letters.redact(before, forgotten)
            if after != before:
                n += 1
                db.execute(
                    "UPDATE dead_letters SET place = ?, what = ?, source = ?, topic = ?, body = ?,"
                    " missing = ?, size = ? WHERE id = ?",
                    (
                        *(after.place, after.what, after.source, after.topic, after.body),
                        *(after.missing, len(after.topic) + len(after.body), one),
                    ),
                )


def _table(db: sqlite3.Connection, table: str, forgotten: Forgotten) -> int:
    """Rows of any other table, column by column."""
    about = db.execute(f'PRAGMA table_info("{table}")').fetchall()
    names = [column[1] for column in about]
    keys = [column[1] for column in sorted(about, key=lambda c: c[5]) if column[5]] or ["rowid"]
    chosen = ", ".join(f'"{name}"' for name in (*keys, *names))
    n = 0
    for row in db.execute(f'SELECT {chosen} FROM "{table}"').fetchall():  # noqa: S608 - its own names
        key, values = row[: len(keys)], row[len(keys) :]
        within = ACCOUNTS if table == "documents" else frozenset()
        new = [_value(v, name, forgotten, within) for v, name in zip(values, names, strict=True)]
        changed = [name for name, a, b in zip(names, values, new, strict=True) if a != b]
        if not changed:
            continue
        n += 1
        at = " AND ".join(f'"{k}" = ?' for k in keys)
        if table == "counters":
            _count(db, forgotten, row[len(keys) :], names)
            db.execute(f'DELETE FROM "{table}" WHERE {at}', key)  # noqa: S608
            continue
        sets = ", ".join(f'"{name}" = ?' for name in changed)
        by_name = dict(zip(names, new, strict=True))
        db.execute(
            f'UPDATE OR REPLACE "{table}" SET {sets} WHERE {at}',  # noqa: S608
            (*(by_name[name] for name in changed), *key),
        )
    return n


def _count(
    db: sqlite3.Connection, forgotten: Forgotten, values: tuple[Any, ...], names: list[str]
) -> None:
    """A counter under the source's new name; added to one that is there already."""
    one = dict(zip(names, values, strict=True))
    db.execute(
        "INSERT INTO counters (source, name, n) VALUES (?, ?, ?)"
        " ON CONFLICT DO UPDATE SET n = n + excluded.n",
        (forgotten.text(one["source"]), forgotten.text(one["name"]), one["n"]),
    )


def _value(value: Any, column: str, forgotten: Forgotten, within: frozenset[str]) -> Any:
    """A cell without forgotten names: a JSON document by its texts, a blob dropped.

    `within`: keys of the document under which an account stands.
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
        new = forgotten.document(document, within)
        return value if new == document else json.dumps(new)
    return forgotten.text(value)


def purge(state: State) -> None:
    """Leave nothing of what was overwritten in the bytes of the state file and its log.

    Raises:
        StoreError: a reader does not let go of an old snapshot.
    """
    state.execute("VACUUM")
    until = time.monotonic() + _PATIENCE
    while state.execute("PRAGMA wal_checkpoint(TRUNCATE)")[0][0]:
        if time.monotonic() > until:
            raise StoreError(
                "another process still reads an older state",
                where=str(state.path),
                hint="end it, and forget again: what is left will be finished",
            )
        time.sleep(0.1)


def blank_spool(folder: Path, state: State) -> int:
    """Overwrite what is loaded already in segments that their writers have open; how many bytes.

    A loader reads on from its position and never looks at what is before it.
    """
    n = 0
    for one in spool.segments(folder):
        found = state.rows("SELECT position FROM segments WHERE name = ?", one.name)
        if not found or found[0][0] <= segment.HEAD.size:
            continue
        start, end = segment.HEAD.size, int(found[0][0])
        for suffix in (one.path.suffix, ".seg", ".dead"):  # it may be sealed just now
            try:
                descriptor = os.open(one.path.with_suffix(suffix), os.O_WRONLY)
            except FileNotFoundError:
                continue
            try:
                for at in range(start, end, 1 << 20):
                    os.pwrite(descriptor, bytes(min(1 << 20, end - at)), at)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            n += end - start
            break
    return n
