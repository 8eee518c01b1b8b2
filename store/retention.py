"""Retention: what is older than its time goes, by whole files where it can, with an exact cut.

Comes in: a store and how long events and bodies are kept. Goes out: tables without older rows, and
a ledger that claims nothing about what is gone. What is loaded again from before the cut is stored
again, and goes with the next run.

The files of events stay on the disk for `GRACE` seconds more, for readers who have begun; those of
bodies are deleted at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from hubbub.store import rollups
from hubbub.store.rewrite import Change, keep_up, rewrite, vacuum
from hubbub.times import from_micros, to_micros

if TYPE_CHECKING:
    from hubbub.store.delta import Table
    from hubbub.store.state import State
    from hubbub.store.store import Store

__all__ = ["GRACE", "Pruned", "prune"]

GRACE = 3600.0  # seconds


@dataclass(frozen=True, slots=True)
class Pruned:
    """What went from a table."""

    table: str
    before: datetime  # rows with an earlier time went
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
    """Let go of what is older; waits for the loader's lock.

    Args:
        store: the store.
        now: the end of the periods.
        events: how long events are kept; None: for ever. No body outlives its event.
        bodies: how long bodies are kept; None: as long as their events.
        dry: only say what would go.

    Raises:
        StoreError: no room, or damage; a table was changed whole or not at all.
    """
    ends = [span for span in (events, bodies) if span is not None]
    out = []
    with store.loader_lock():
        if events is not None:
            if not dry:  # before the rows go: to claim too little is no lie
                rollups.catch_up(store)
                _trim(store.state, to_micros(now - events))
            version = store.table.version()
            out.append(_cut(store.table, now - events, dry=dry))
            if store.samples.exists():
                out.append(_cut(store.samples, now - events, dry=dry))
            # the set keeps hashes of ids that went: a hit is looked up in the table anyway
            keep_up(store.path / "ids", store.table, version)
            if not dry:
                rollups.mark(store)  # they keep the days that went
        if ends:
            out.append(_cut(store.bodies, now - min(ends), dry=dry))
        if not dry:
            vacuum(store.table, GRACE)
            vacuum(store.samples, GRACE)
            vacuum(store.bodies)
    return out


def _cut(table: Table, before: datetime, *, dry: bool) -> Pruned:
    """Take out what is before the cut, as one commit."""
    limit = to_micros(before)
    old = [file for file in table.files() if file.first < limit]
    whole = [file for file in old if file.last < limit]
    parts = [file for file in old if file.last >= limit]
    done = rewrite(table, parts, _newer(limit), out=whole, dry=dry)
    return Pruned(table.name, before, done.gone, done.bytes)


def _newer(limit: int) -> Change:
    """The rows from a time on, µs."""
    cut = pa.scalar(from_micros(limit), pa.timestamp("us", "UTC"))

    def change(rows: Any) -> Any:
        kept = rows.filter(pc.greater_equal(rows["time"], cut))
        return rows if kept.num_rows == rows.num_rows else kept

    return change


def _trim(state: State, limit: int) -> None:
    """The ledger says nothing about what is gone: it would call a range complete that is empty."""
    with state.transaction() as db:
        db.execute('DELETE FROM spans WHERE "end" <= ?', (limit,))
        db.execute("UPDATE spans SET start = ? WHERE start < ?", (limit, limit))
        end = -(-limit // rollups.DAY) * rollups.DAY
        state.set(rollups.FROZEN, max(end, int(state.get(rollups.FROZEN) or 0)))
