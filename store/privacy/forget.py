"""Forget an account: replace its name by a keyed pseudonym in everything stored, now and later.

Afterwards the name is in no file of the store, including older data files, log entries and free
pages; all counts stay the same. Once the first step is durable the rest will be done: if this
process dies, by the next one that loads.

1. add the digest of the name to the list of forgotten names, which all loaders apply from now on
2. load the spool, with that list
3. events, then bodies, then rollups: rewrite the files that contain the name in one commit; delete
   older files, log entries and checkpoints
4. rebuild the id index if an id contained the name
5. the stream for event handlers, and the journal of posted events: replace it there
6. the state: scrub all tables in one transaction, then VACUUM and truncate the log
7. segments that are open for writing: overwrite the part that is loaded
8. the plugins' cache and files
9. mark the entry of the list as done

All steps but the first use only the list, not the name, so that another process can finish them.
"""

from __future__ import annotations

import secrets
import time
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hubbub.collector.event import Understand
from hubbub.collector.names import MAX_NAME, normalise
from hubbub.errors import UsageError
from hubbub.store.delta.rewrite import Change, drop_history, rewrite, vacuum
from hubbub.store.disk import quarantine
from hubbub.store.disk.spill import delete_abandoned
from hubbub.store.journal import journal
from hubbub.store.permanent.answers import PermanentAnswers
from hubbub.store.plugin_data import scrub as plugin_data
from hubbub.store.privacy import scrub_state
from hubbub.store.privacy.scrub_tables import ScrubBodies, ScrubEvents, ScrubRollup
from hubbub.store.rollups import refresh
from hubbub.store.rollups.details import recount_details
from hubbub.store.state.pseudonyms import ACCOUNTS, PSEUDONYM, Forgotten, units
from hubbub.store.stream import stream
from hubbub.store.tables.id_lookup import update_index

if TYPE_CHECKING:
    from hubbub.store.delta.table import Table
    from hubbub.store.state.database import State
    from hubbub.store.store import Store

__all__ = ["Entry", "ForgetResult", "entries", "finish", "forget", "preview"]

_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class ForgetResult:
    """What was changed to forget names."""

    pseudonyms: tuple[str, ...]
    events: int = 0  # changed rows
    bodies: int = 0  # deleted
    records: int = 0  # changed rows of the state, including dead letters


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the journal of forgotten accounts."""

    pseudonym: str
    time: int  # µs since the epoch
    why: str
    done: bool


def forget(
    store: Store, name: str, why: str = "", understand: Understand | None = None
) -> ForgetResult:
    """Forget an account; waits for the loader lock. Calling it again repeats all steps.

    Args:
        store: the store.
        name: the account, in upper or lower case.
        why: recorded in the journal, without the name.
        understand: decodes the messages of the spool: see `Store.load`.

    Raises:
        UsageError: not a name, or a pseudonym.
        StoreError: no room, or damage; the next load does the remaining steps.
    """
    name = _name(name)
    with store.loader_lock():
        _list(store.state, name, why)
        return finish(store, understand)


def preview(store: Store, name: str) -> ForgetResult:
    """Return what forgetting an account would change in the tables, without changing it.

    The pseudonym is missing in a store where no account is forgotten yet: its key is generated with
    the first one.
    """
    name = _name(name)
    stored_key = _key(store.state)
    forgotten = _only(name, stored_key or secrets.token_bytes(_KEY_BYTES))
    events, bodies = ScrubEvents(forgotten), ScrubBodies(forgotten)
    rewrite(store.table, store.table.files(), events, dry=True)
    rewrite(store.bodies, store.bodies.files(), bodies, dry=True)
    pseudonyms = (forgotten.pseudonym(name),) if stored_key else ()
    return ForgetResult(pseudonyms, events.rows, bodies.rows)


def entries(state: State) -> list[Entry]:
    """Return the journal, oldest first."""
    rows = state.rows("SELECT pseudonym, time, why, done FROM forgotten ORDER BY time, pseudonym")
    return [Entry(pseudonym, time, why, bool(done)) for pseudonym, time, why, done in rows]


def finish(store: Store, understand: Understand | None = None) -> ForgetResult:
    """Do steps 2 to 9 for all entries that are not done; the caller holds the loader lock.

    Raises:
        StoreError: no room, or damage.
    """
    state = store.state
    pending = state.rows("SELECT digest, pseudonym FROM forgotten WHERE done = 0 ORDER BY time")
    if not pending:
        return ForgetResult(())
    store.drain(understand)
    refresh.catch_up(store)
    stream.catch_up(store.table, store.state, store.path / stream.FOLDER)
    forgotten, version = state.forgotten, store.table.version()
    events, bodies = ScrubEvents(forgotten), ScrubBodies(forgotten)
    changes: list[tuple[Table, Change]] = [(store.table, events), (store.bodies, bodies)]
    sums = [rollup for rollup in store.rollups if rollup.outlives]
    changes += [(rollup, ScrubRollup(forgotten, rollup)) for rollup in sums]
    for table, change in changes:
        rewrite(table, table.files(), change)
        vacuum(table)
        drop_history(table)
    update_index(store.path / "ids", store.table, version, rebuild=events.ids)
    for table in recount_details(store):
        vacuum(table)
        drop_history(table)
    refresh.mark_current(store)
    stream.change_rows(store.path / stream.FOLDER, ScrubEvents(forgotten))
    _scrub_journal(store.path, forgotten)
    records = scrub_state.scrub_state(state)
    scrub_state.purge(state)
    scrub_state.blank_spool(store.spool_folder, state)
    quarantine.clear(store.path)
    delete_abandoned(store.path)
    PermanentAnswers.of(store).forget(forgotten)
    plugin_data.scrub(store.path, forgotten)
    with state.transaction() as db:
        db.executemany(
            "UPDATE forgotten SET done = 1 WHERE digest = ?", [(digest,) for digest, _ in pending]
        )
    pseudonyms = tuple(pseudonym for _, pseudonym in pending)
    return ForgetResult(pseudonyms, events.rows, bodies.rows, records)


def _scrub_journal(folder: Path, forgotten: Forgotten) -> None:
    """Replace the names in posted events that are not handed to all handlers yet."""
    if not journal.exists(folder):
        return
    with journal.Journal(folder) as posted:
        posted.rewrite(lambda events: forgotten.document(events, ACCOUNTS | {"username", "users"}))


def _name(name: str) -> str:
    """Return the account as the collector normalises it.

    Texts that are not accounts for the collector (an e-mail address) may still occur in bodies and
    objects.
    """
    cleaned = normalise(name) or unicodedata.normalize("NFC", name.strip())
    if not cleaned or len(cleaned) > MAX_NAME or not name.strip().isprintable():
        raise UsageError("this is not an account name", hint="give it as the bus spells it")
    if PSEUDONYM.fullmatch(cleaned):
        raise UsageError("this is already the pseudonym of a forgotten account")
    if not any(map(str.isalnum, cleaned)):
        raise UsageError("a name without a letter or digit cannot be forgotten")
    return cleaned


def _only(name: str, key: bytes) -> Forgotten:
    """Return a list of forgotten names with this one only."""
    return Forgotten(key, {Forgotten(key).digest(name): units(name)})


def _key(state: State) -> bytes | None:
    rows = state.rows("SELECT value FROM secrets WHERE name = 'forget'")
    return rows[0][0] if rows else None


def _list(state: State, name: str, why: str) -> None:
    """Do step 1, durably."""
    with state.transaction() as db:
        key = _key(state)
        if key is None:
            key = secrets.token_bytes(_KEY_BYTES)
            db.execute("INSERT INTO secrets VALUES ('forget', ?)", (key,))
        forgotten = _only(name, key)
        db.execute(
            "INSERT INTO forgotten VALUES (?, ?, ?, ?, ?, 0) ON CONFLICT DO UPDATE SET done = 0",
            (
                forgotten.digest(name),
                forgotten.pseudonym(name),
                units(name),
                time.time_ns() // 1000,
                forgotten.text(why),
            ),
        )
    state.reload_forgotten()
