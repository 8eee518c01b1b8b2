"""Retention: delete events, bodies and samples that are past their retention period.

Whole files are dropped where possible; the file that holds the cut is rewritten. The ledger is cut
at the same time. What is loaded again from before the cut is stored again, and is deleted by the
next run. Files of events stay on the disk for `GRACE` more seconds for readers that have begun;
files of bodies are deleted at once.

Before anything is deleted the clock is checked: one that jumped years ahead would make everything
look expired. It is accepted where retention ran within `LEAP` before, or where an event of about
now is stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from hubbub.store.delta.rewrite import Change, rewrite, vacuum
from hubbub.store.policy import LAST_RUN, MAX_CLOCK_JUMP, clock_jumped
from hubbub.store.query.selection import Selection
from hubbub.store.rollups import refresh
from hubbub.store.tables.id_lookup import update_index
from hubbub.times import from_micros, iso, to_micros

if TYPE_CHECKING:
    from hubbub.store.delta.table import Table
    from hubbub.store.state.database import State
    from hubbub.store.store import Store

__all__ = ["GRACE", "Pruned", "check_clock", "prune"]


def check_clock(store: Store, now: datetime, begun: int | None = None) -> str:
    """Why the clock is not believed; empty: it is.

    It is where retention ran within `LEAP` before, or never, or an event is of about now: not only
    the newest, since a message may be dated years ahead.

    Args:
        store: the store.
        now: what the clock says.
        begun: what it said when this process began, µs: it counts where retention never ran.
    """
    last: Any = store.state.get(LAST_RUN) or begun
    if not clock_jumped(to_micros(now), last):
        return ""
    about = Selection(since=to_micros(now - MAX_CLOCK_JUMP), until=to_micros(now + MAX_CLOCK_JUMP))
    if store.events(about).count_events():
        return ""
    bounds = store.bounds()
    newest = None if bounds is None else from_micros(bounds[1])
    heard = "no event is stored" if newest is None else f"the newest event is of {iso(newest)}"
    return f"the clock says {iso(now)}, it was {iso(from_micros(last))} the last time, and {heard}"


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
                refresh.catch_up(store)
                _trim(store.state, to_micros(now - events))
            version = store.table.version()
            out.append(_cut(store.table, now - events, dry=dry))
            if store.samples.exists():
                out.append(_cut(store.samples, now - events, dry=dry))
            # the set keeps hashes of ids that went: a hit is looked up in the table anyway
            update_index(store.path / "ids", store.table, version)
            if not dry:
                refresh.mark_current(store)  # they keep the days that went
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
        end = -(-limit // refresh.DAY) * refresh.DAY
        state.set(refresh.FROZEN, max(end, int(state.get(refresh.FROZEN) or 0)))
