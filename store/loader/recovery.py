"""Batches that a loader had begun: what they say holds once the events table has them.

Comes in: the state, where a batch is noted before its events are written, and the tables. Goes out:
positions and counters that are those of the tables; nothing is noted any more.
"""

from __future__ import annotations

import json
from pathlib import Path

import structlog

from hubbub.store.loader import bus_stats, unmapped
from hubbub.store.spool import folder
from hubbub.store.state import dead_letters
from hubbub.store.state.database import State
from hubbub.store.tables.bodies import Bodies
from hubbub.store.tables.events import Events
from hubbub.store.tables.samples import Samples

__all__ = ["finish", "resume"]

_log = structlog.get_logger("hubbub.store")


def finish(state: State, number: int) -> None:
    """What this batch says holds from now on: its events are in the table, or it has none."""
    with state.transaction() as db:
        text = db.execute("SELECT document FROM pending WHERE batch = ?", (number,)).fetchone()
        document = json.loads(text[0])
        bus_stats.write(state, db, document.get("hearing", {}))
        db.executemany(
            "INSERT OR REPLACE INTO segments VALUES (?, ?)", document["positions"].items()
        )
        for source, name, n in document["counts"]:
            state.count(source, name, n)
        db.execute("DELETE FROM counters WHERE n = 0")  # the last of a reason was read after all
        dead_letters.record_retries(db, document.get("letters", {}))
        if more := document.get("unmapped"):
            state.set(unmapped.KEY, unmapped.add(state.get(unmapped.KEY), more))
        db.execute("DELETE FROM pending WHERE batch = ?", (number,))


def resume(
    state: State, table: Events, bodies: Bodies, samples: Samples, spool_folder: Path
) -> None:
    """Finish or forget what a loader that died was doing. For the holder of the loader's lock."""
    for number, _ in state.rows("SELECT batch, document FROM pending ORDER BY batch"):
        if table.batch() >= number:
            _log.warning("finishing a batch of a loader that died", batch=number)
            table.sync()
            finish(state, number)
        else:
            _log.warning("reading a batch of a loader that died again", batch=number)
            with state.transaction() as db:
                db.execute("DELETE FROM pending WHERE batch = ?", (number,))
    for beside in (bodies, samples):
        if beside.settle(table.batch()):
            _log.warning(f"taking out {beside.name} of a loader that died before their events")
    # a loader died between the end of a segment and that of its position
    there = {one.name for one in folder.segments(spool_folder)}
    gone = [(n,) for (n,) in state.rows("SELECT name FROM segments") if n not in there]
    if gone:
        with state.transaction() as db:
            db.executemany("DELETE FROM segments WHERE name = ?", gone)
