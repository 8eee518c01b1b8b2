"""Finish or abandon batches that are recorded as pending: their loader died, or they did not fit.

Afterwards the positions and counters of the state agree with the tables, and no batch is pending.
"""

from __future__ import annotations

import json
from pathlib import Path

from hubbub.logger import get_logger
from hubbub.store.loader import bus_stats, unmapped
from hubbub.store.spool import folder
from hubbub.store.state import dead_letters
from hubbub.store.state.database import State
from hubbub.store.tables.bodies import Bodies
from hubbub.store.tables.events import Events
from hubbub.store.tables.samples import Samples

__all__ = ["finish", "resume"]

_log = get_logger("hubbub.store")


def finish(state: State, number: int) -> None:
    """Apply the positions and counts of a pending batch whose events, if any, are in the table."""
    with state.transaction() as db:
        text = db.execute("SELECT document FROM pending WHERE batch = ?", (number,)).fetchone()
        document = json.loads(text[0])
        bus_stats.write(state, db, document.get("hearing", {}))
        db.executemany(
            "INSERT OR REPLACE INTO segments VALUES (?, ?)", document["positions"].items()
        )
        for source, name, n in document["counts"]:
            state.count(source, name, n)
        # retried dead letters may leave a reason without a message
        db.execute("DELETE FROM counters WHERE n = 0")
        dead_letters.record_retries(db, document.get("letters", {}))
        if counts := document.get("unmapped"):
            state.set(unmapped.KEY, unmapped.add(state.get(unmapped.KEY), counts))
        db.execute("DELETE FROM pending WHERE batch = ?", (number,))


def resume(
    state: State, table: Events, bodies: Bodies, samples: Samples, spool_folder: Path
) -> None:
    """Finish or abandon what is pending; the caller holds the loader lock."""
    for (number,) in state.rows("SELECT batch FROM pending ORDER BY batch"):
        if table.batch() >= number:
            _log.warning("finishing an unfinished batch", batch=number)
            table.sync()
            finish(state, number)
        else:
            _log.warning("loading an unfinished batch again", batch=number)
            with state.transaction() as db:
                db.execute("DELETE FROM pending WHERE batch = ?", (number,))
    for companion in (bodies, samples):
        if companion.roll_back(table.batch()):
            _log.warning(f"removed {companion.name} of an unfinished batch")
    # a loader may have died after deleting a segment and before deleting its position
    existing = {segment.name for segment in folder.segments(spool_folder)}
    deleted = [(n,) for (n,) in state.rows("SELECT name FROM segments") if n not in existing]
    if deleted:
        with state.transaction() as db:
            db.executemany("DELETE FROM segments WHERE name = ?", deleted)
