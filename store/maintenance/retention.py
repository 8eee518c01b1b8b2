"""Retention: delete events, bodies and samples that are past their retention period.

Whole files are dropped where possible; the file that contains the cut is rewritten. The ledger is
cut at the same time. Older events that are loaded later are stored, and deleted by the next run.
Files of events stay on the disk for `GRACE` more seconds, for queries that are running; files of
bodies are deleted at once.

Before anything is deleted the clock is checked: if it jumped years ahead, everything would look
expired.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from hubbub.store.delta.rewrite import Change, rewrite, vacuum
from hubbub.store.permanent.answers import PermanentAnswers
from hubbub.store.policy import (
    BODIES_CUT,
    EVENTS_CUT,
    LAST_RUN,
    MAX_CLOCK_JUMP,
    clock_jumped,
)
from hubbub.store.query.selection import Selection
from hubbub.store.rollups import details, refresh
from hubbub.store.stream import stream
from hubbub.store.tables.id_lookup import update_index
from hubbub.times import from_micros, iso, to_micros

if TYPE_CHECKING:
    from hubbub.store.delta.table import Table
    from hubbub.store.state.database import State
    from hubbub.store.store import Store

__all__ = ["GRACE", "Pruned", "check_clock", "cut_table", "prune"]

GRACE = 3600.0  # seconds that old files are kept for queries that are running


def check_clock(store: Store, now: datetime, started: int | None = None) -> str:
    """Sanity-check the clock before retention deletes anything.

    It is plausible if retention ran less than `MAX_CLOCK_JUMP` ago or never, or if an event is
    stored with a time that close to now. The newest event alone proves nothing: a message may be
    dated years ahead.

    Args:
        store: the store.
        now: the time by the clock.
        started: its time when this process started, µs; used if retention never ran.

    Returns:
        Why the clock is not plausible; empty if it is.
    """
    last: Any = store.state.get(LAST_RUN) or started
    if not clock_jumped(to_micros(now), last):
        return ""
    near_now = Selection(
        since=to_micros(now - MAX_CLOCK_JUMP), until=to_micros(now + MAX_CLOCK_JUMP)
    )
    if store.events(near_now).count_events():
        return ""
    bounds = store.bounds()
    newest = "no event is stored"
    if bounds is not None:
        newest = f"the newest event is of {iso(from_micros(bounds[1]))}"
    return (
        f"the clock shows {iso(now)}, it was {iso(from_micros(last))} at the last check, "
        f"and {newest}"
    )


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was deleted from a table."""

    table: str
    before: datetime  # rows with an earlier time were deleted
    rows: int
    bytes: int  # on the disk


def prune(
    store: Store,
    *,
    now: datetime,
    events: timedelta | None,
    bodies: timedelta | None,
    dry: bool = False,
) -> list[Pruned]:
    """Delete what is past its retention period; waits for the loader lock.

    Args:
        store: the store.
        now: the end of the periods.
        events: how long events are kept; None: without limit. No body outlives its event.
        bodies: how long bodies are kept; None: as long as their events.
        dry: only report what would be deleted.

    Raises:
        StoreError: no room, or damage; each table was changed completely or not at all.
    """
    periods = [period for period in (events, bodies) if period is not None]
    out = []
    with store.loader_lock():
        if events is not None:
            if not dry:  # before the rows are deleted: after a crash, coverage may only be too low
                refresh.catch_up(store)
                stream.catch_up(store.table, store.state, store.path / stream.FOLDER)
                _cut_ledger(store.state, to_micros(now - events))
            version = store.table.version()
            limit, kept = to_micros(now - events), PermanentAnswers.of(store)
            expires = not dry and any(file.first < limit for file in store.table.files())
            if expires:  # before, in case this process dies, and after, for answers made meanwhile
                kept.expire(limit)
            out.append(cut_table(store.table, now - events, dry=dry))
            if expires:
                kept.expire(limit)
            if store.samples.exists():
                out.append(cut_table(store.samples, now - events, dry=dry))
            # the index keeps hashes of deleted ids: a hit is looked up in the table anyway
            update_index(store.path / "ids", store.table, version)
            if not dry:
                details.delete_before(store, limit)
                refresh.mark_current(store)  # sums keep the deleted days
                stream.drop_before(store.path / stream.FOLDER, to_micros(now - events))
        if periods:
            if not dry:
                _note_cut(store.state, BODIES_CUT, to_micros(now - min(periods)))
            out.append(cut_table(store.bodies, now - min(periods), dry=dry))
        if not dry:
            vacuum(store.table, GRACE)
            vacuum(store.samples, GRACE)
            vacuum(store.bodies)
    return out


def cut_table(table: Table, before: datetime, *, dry: bool = False) -> Pruned:
    """Delete rows before a time, in one commit."""
    limit = to_micros(before)
    old = [file for file in table.files() if file.first < limit]
    dropped = [file for file in old if file.last < limit]
    rewritten = [file for file in old if file.last >= limit]
    done = rewrite(table, rewritten, _since(limit), drop=dropped, dry=dry)
    return Pruned(table.name, before, done.deleted, done.bytes)


def _since(limit: int) -> Change:
    """Return a change that keeps the rows from a time (µs) on."""
    cut = pa.scalar(from_micros(limit), pa.timestamp("us", "UTC"))

    def change(rows: Any) -> Any:
        kept = rows.filter(pc.greater_equal(rows["time"], cut))
        return rows if kept.num_rows == rows.num_rows else kept

    return change


def _cut_ledger(state: State, limit: int) -> None:
    """Delete spans before a time (µs): otherwise an empty range would count as complete."""
    with state.transaction() as db:
        db.execute('DELETE FROM spans WHERE "end" <= ?', (limit,))
        db.execute("UPDATE spans SET start = ? WHERE start < ?", (limit, limit))
        end = -(-limit // refresh.DAY) * refresh.DAY
        state.set(refresh.FROZEN, max(end, int(state.get(refresh.FROZEN) or 0)))
        _note_cut(state, EVENTS_CUT, limit)


def _note_cut(state: State, key: str, limit: int) -> None:
    """Note before which time (µs) rows are deleted, for mirrors; it never goes back."""
    state.set(key, max(limit, int(state.get(key) or 0)))
