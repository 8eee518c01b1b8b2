"""Tables of details: rollups that always have the rows of the stored events, no others.

Retention deletes details with their events, where sums stay. A store of an older hubbub lacks these
tables, and queries read its events instead. `build_next` builds them, as a step of maintenance: for
a large store this takes minutes.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from hubbub.store.delta.rewrite import rewrite
from hubbub.store.rollups.rebuild import rebuild_all, rebuild_one, timestamp
from hubbub.store.rollups.tables import Rollup

if TYPE_CHECKING:
    from hubbub.store.store import Store

__all__ = ["build_next", "delete_before", "kept", "missing", "recount_details"]


def missing(store: Store) -> list[Rollup]:
    """Return the rollups that a store of an older hubbub lacks; none where nothing is counted."""
    absent = [rollup for rollup in store.rollups if not rollup.outlives and not rollup.batch()]
    return absent if absent and any(rollup.batch() for rollup in store.rollups) else []


def build_next(store: Store, *, most: int | None = None) -> Rollup | None:
    """Build one of the rollups that are missing, and return it. Needs the loader's lock.

    Args:
        store: the store.
        most: events of a store for which it is done; None: of any.

    Raises:
        StoreError: no room, or damage; nothing was changed.
    """
    version = store.table.version()
    absent = missing(store) if version > 0 else []
    if not absent or (most is not None and store.rows() > most):
        return None
    rebuild_one(store, absent[0], version)
    return absent[0]


def kept(store: Store) -> list[Rollup]:
    """Return the rollups that are kept up to date: all but those that are missing."""
    absent = missing(store)
    return [rollup for rollup in store.rollups if rollup not in absent]


def delete_before(store: Store, limit: int) -> None:
    """Delete the details of events before a time (µs), which retention has just deleted.

    Call `catch_up` before the events are deleted, and keep the loader's lock in between.

    Raises:
        StoreError: no room, or damage; the next `catch_up` counts everything again.
    """
    version = store.table.version()
    for rollup in store.rollups:
        if rollup.outlives or not 0 < rollup.batch() < version:
            continue
        end = rollup.ceil(limit)
        stamp = timestamp(end)
        early = [file for file in rollup.files() if file.first < end]
        rewrite(rollup, early, partial(_rows_since, stamp))
        files = [file.uri for file in store.table.files() if file.overlaps(limit, end)]
        rows = rollup.count(files, limit)
        left = rows.filter(pc.less(rows["time"], stamp))
        rollup.append_rows(list(rollup.parts(left)), version)


def recount_details(store: Store) -> list[Rollup]:
    """Count the tables of details again, and return them: names in the events were replaced."""
    details = [rollup for rollup in store.rollups if not rollup.outlives and rollup.exists()]
    rebuild_all(store, details)
    return details


def _rows_since(stamp: Any, rows: Any) -> Any:
    return rows.filter(pc.greater_equal(rows["time"], stamp))
