"""Forgetting somebody: the name goes out of everything stored, and never comes in again.

Comes in: a store and a name. Goes out: a store in which a keyed pseudonym stands wherever the name
stood, in no older file, log entry or free page either, with the same counts. Once the first step is
durable the rest is finished, if not by this run then by the next one that opens the store.

1. the digest of the name goes on the list: from now on every loader honours it
2. what waits in the spool is loaded, by that list
3. events, then bodies, then rollups: files that hold the name are rewritten in one commit; older
   files, log entries and checkpoints are deleted
4. the set of ids is read again where an id held the name
5. the state: every table scrubbed in one transaction, then VACUUM and an empty log
6. segments that a listener has open: what is loaded of them is overwritten
7. the entry of the list is done

The steps know only the list, not the name, so that the run that finishes an interrupted one does
the same.
"""

from __future__ import annotations

import secrets
import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubbub.collector.event import Event, Frame
from hubbub.collector.names import MAX_NAME, normalise
from hubbub.errors import UsageError
from hubbub.store.delta.rewrite import Change, drop_history, rewrite, vacuum
from hubbub.store.disk import quarantine
from hubbub.store.privacy import scrub_state
from hubbub.store.privacy.scrub_tables import ScrubBodies, ScrubEvents, ScrubRollup
from hubbub.store.rollups import refresh
from hubbub.store.state.pseudonyms import PSEUDONYM, Forgotten, units
from hubbub.store.tables.id_lookup import update_index

if TYPE_CHECKING:
    from hubbub.store.delta.table import Table
    from hubbub.store.state.database import State
    from hubbub.store.store import Store

__all__ = ["Entry", "ForgetResult", "entries", "finish", "forget", "preview"]

_KEY = 32  # bytes
Understand = Callable[[Frame], Event]


@dataclass(frozen=True, slots=True)
class ForgetResult:
    """What was done."""

    pseudonyms: tuple[str, ...]
    events: int = 0  # rows that held a name
    bodies: int = 0  # dropped
    records: int = 0  # rows of the state, dead letters among them


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the journal."""

    pseudonym: str
    time: int  # µs since the epoch
    why: str
    done: bool


def forget(
    store: Store, name: str, why: str = "", understand: Understand | None = None
) -> ForgetResult:
    """Forget an account; waits for the loader's lock. Again for the same name does all again.

    Args:
        store: the store.
        name: the account, in any case.
        why: kept in the journal, without the name.
        understand: for what waits in the spool: see `Store.load`.

    Raises:
        UsageError: no name, or a pseudonym.
        StoreError: no room, or damage; what is left is finished when the store is next opened.
    """
    name = _name(name)
    with store.loader_lock():
        _list(store.state, name, why)
        return finish(store, understand)


def preview(store: Store, name: str) -> ForgetResult:
    """What forgetting an account would change in the tables; nothing is changed.

    Without a pseudonym where nobody is forgotten yet: the key that makes it is drawn then.
    """
    name = _name(name)
    known = _key(store.state)
    key = known or secrets.token_bytes(_KEY)
    alone = Forgotten(key)
    alone = Forgotten(key, {alone.digest(name): units(name)})
    events, bodies = ScrubEvents(alone), ScrubBodies(alone)
    rewrite(store.table, store.table.files(), events, dry=True)
    rewrite(store.bodies, store.bodies.files(), bodies, dry=True)
    return ForgetResult((alone.pseudonym(name),) if known else (), events.rows, bodies.rows)


def entries(state: State) -> list[Entry]:
    """The journal, oldest first."""
    rows = state.rows("SELECT pseudonym, time, why, done FROM forgotten ORDER BY time, pseudonym")
    return [Entry(pseudonym, time, why, bool(done)) for pseudonym, time, why, done in rows]


def finish(store: Store, understand: Understand | None = None) -> ForgetResult:
    """Steps 2 to 7 for whoever is on the list and not done. For the holder of the loader's lock.

    Raises:
        StoreError: no room, or damage.
    """
    state = store.state
    open_ones = state.rows("SELECT digest, pseudonym FROM forgotten WHERE done = 0 ORDER BY time")
    if not open_ones:
        return ForgetResult(())
    store.drain(understand)
    refresh.catch_up(store)
    forgotten, version = state.forgotten, store.table.version()
    events, bodies = ScrubEvents(forgotten), ScrubBodies(forgotten)
    changes: list[tuple[Table, Change]] = [(store.table, events), (store.bodies, bodies)]
    changes += [(one, ScrubRollup(forgotten, one)) for one in store.rollups]
    for table, change in changes:
        rewrite(table, table.files(), change)
        vacuum(table)
        drop_history(table)
    update_index(store.path / "ids", store.table, version, anew=events.ids)
    refresh.mark_current(store)
    records = scrub_state.scrub_state(state)
    scrub_state.purge(state)
    scrub_state.blank_spool(store.spool_folder, state)
    quarantine.clear(store.path)
    with state.transaction() as db:
        db.executemany(
            "UPDATE forgotten SET done = 1 WHERE digest = ?", [(d,) for d, _ in open_ones]
        )
    return ForgetResult(tuple(p for _, p in open_ones), events.rows, bodies.rows, records)


def _name(name: str) -> str:
    """The account as the collector would spell it.

    What is no account there (an e-mail address) may still stand in a body or an object.
    """
    cleaned = normalise(name) or unicodedata.normalize("NFC", name.strip())
    if not cleaned or len(cleaned) > MAX_NAME or not name.strip().isprintable():
        raise UsageError("this is no name of an account", hint="give it as the bus spells it")
    if PSEUDONYM.fullmatch(cleaned):
        raise UsageError("this is a pseudonym already: whoever it was is forgotten")
    if not any(map(str.isalnum, cleaned)):
        raise UsageError("a name without a letter or digit cannot be told from punctuation")
    return cleaned


def _key(state: State) -> bytes | None:
    rows = state.rows("SELECT value FROM secrets WHERE name = 'forget'")
    return rows[0][0] if rows else None


def _list(state: State, name: str, why: str) -> None:
    """Step 1, durable."""
    with state.transaction() as db:
        key = _key(state)
        if key is None:
            key = secrets.token_bytes(_KEY)
            db.execute("INSERT INTO secrets VALUES ('forget', ?)", (key,))
        bare = Forgotten(key)
        digest = bare.digest(name)
        alone = Forgotten(key, {digest: units(name)})
        db.execute(
            "INSERT INTO forgotten VALUES (?, ?, ?, ?, ?, 0) ON CONFLICT DO UPDATE SET done = 0",
            (digest, bare.pseudonym(name), units(name), time.time_ns() // 1000, alone.text(why)),
        )
    state.list_changed()
