"""Tables of details: rollups that always have the rows of the stored events, no others.

Retention deletes details with their events, where sums stay. A store of an older hubbub lacks these
tables, and queries read its events instead. `build_next` builds them, a month at a time, as steps
of maintenance: for a large store this takes minutes in all.

While a table is built, its batch number stays 0, so that nobody reads it. The commit of a month
also has a number: the version of the events that was counted. What happens to the events meanwhile
is in their log, so that a month that has changed is counted again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from hubbub.store.delta.data_file import File
from hubbub.store.delta.rewrite import retire, rewrite
from hubbub.store.rollups.rebuild import (
    Stopped,
    by_month,
    chunks,
    rebuild_all,
    timestamp,
    write_counted,
)
from hubbub.store.rollups.tables import Rollup

if TYPE_CHECKING:
    from hubbub.store.store import Store

__all__ = ["build_next", "delete_before", "kept", "missing", "recount_details"]

_MONTH = "hubbub-month-"  # with the month: name of a number in the log


def missing(store: Store) -> list[Rollup]:
    """Return the rollups that a store of an older hubbub lacks; none where nothing is counted."""
    absent = [rollup for rollup in store.rollups if not rollup.outlives and not rollup.batch()]
    begun = any(rollup.exists() for rollup in absent)
    return absent if begun or any(rollup.batch() for rollup in store.rollups) else []


def build_next(
    store: Store, *, most: int | None = None, stop: Callable[[], bool] = lambda: False
) -> Rollup | None:
    """Build a month of one of the tables that are missing. Needs the loader's lock.

    Args:
        store: the store.
        most: events of a store for which it is done; None: of any.
        stop: polled regularly; True cancels the month.

    Returns:
        The table; None if no table is missing, or `stop` cancelled it.

    Raises:
        StoreError: no room, or damage; the months before stay done.
    """
    version = store.table.version()
    absent = missing(store) if version > 0 else []
    if not absent or stop() or (most is not None and store.rows() > most):
        return None
    rollup = absent[0]
    rollup.drop_outdated()
    rollup.ensure()
    months = by_month(store.table.files())
    built = by_month(rollup.files())
    left = [month for month in months if _changed(store, rollup, month, version)]
    if left:
        month = left.pop(0)
        try:
            added, _ = write_counted(store, rollup, months[month], stop)
        except Stopped:
            return None
        old = built.pop(month, [])
        rollup.replace(old, added, None if left else version, numbers={_MONTH + month: version})
        retire(old)
    if not left:  # retention may have deleted whole months meanwhile
        gone = [file for month in built if month not in months for file in built[month]]
        if gone or rollup.batch() < version:
            rollup.replace(gone, [], version)
            retire(gone)
    return rollup


def _changed(store: Store, rollup: Rollup, month: str, version: int) -> bool:
    """Whether the events of a month have changed since it was built, if it was built."""
    built = rollup.number(_MONTH + month)
    commits = store.table.entries.commits(built + 1, version) if built else None
    if commits is None or any(commit.removed for commit in commits):
        return True
    return any(Path(path).parent.name == f"month={month}" for c in commits for path in c.added)


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
        files = [file for file in store.table.files() if file.overlaps(limit, end)]
        rollup.append_rows(_counted(rollup, files, limit, stamp), version)


def recount_details(store: Store) -> list[Rollup]:
    """Count the tables of details again, and return them: names in the events were replaced."""
    details = [rollup for rollup in store.rollups if not rollup.outlives]
    existing = [rollup for rollup in details if rollup.exists()]
    for rollup in details:
        rollup.drop_outdated()
    rebuild_all(store, existing)
    return existing


def _counted(
    rollup: Rollup, files: Sequence[File], limit: int, stamp: Any
) -> Iterator[tuple[str, Any]]:
    """Yield the rows of events from a time (µs) on, in periods before another, by month."""
    for chunk in chunks(files):
        rows = rollup.count([file.uri for file in chunk], limit)
        yield from rollup.parts(rows.filter(pc.less(rows["time"], stamp)))


def _rows_since(stamp: Any, rows: Any) -> Any:
    return rows.filter(pc.greater_equal(rows["time"], stamp))
