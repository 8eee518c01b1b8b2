"""Count a rollup from all events again; readers see the old rows until all new ones are there."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hubbub.errors import StoreError
from hubbub.store.delta.data_file import DataFileWriter, File
from hubbub.store.delta.merge import merge_files
from hubbub.store.delta.rewrite import Change, retire, rewrite
from hubbub.store.delta.table import Table
from hubbub.store.disk.errors import write_error
from hubbub.store.rollups.actions import COLUMNS, joined_by_day
from hubbub.store.rollups.frozen import frozen
from hubbub.store.rollups.tables import Actions, Rollup, WeeklyUsers
from hubbub.times import from_micros

if TYPE_CHECKING:
    from deltalake.transaction import AddAction

    from hubbub.store.store import Store

__all__ = [
    "CHUNK",
    "Stopped",
    "by_month",
    "chunks",
    "counted",
    "days_and_weeks",
    "read",
    "rebuild_all",
    "rebuild_one",
    "source",
    "split_files",
    "timestamp",
    "write_counted",
]

CHUNK = 1_000_000  # about so many rows are counted at once
_PART = 1 << 15  # rows of events read from a file at once


class Stopped(Exception):  # noqa: N818 - no error
    """Counting was cancelled; nothing was changed."""


def source(store: Store, rollup: Rollup) -> tuple[Table, Callable[[Sequence[str]], Any], int]:
    """Return the table a rollup is counted from, how (files to rows), and since when (µs)."""
    days, weeks = days_and_weeks(store)
    if rollup.name == weeks.name:
        return days, lambda files: rollup.summed(read(days, files)), 0
    since = frozen(store) if rollup.outlives else 0
    return store.table, lambda files: rollup.count(files, since), since


def days_and_weeks(store: Store) -> tuple[Rollup, Rollup]:
    """Return the rollups of users by day and by week."""
    (weeks,) = (rollup for rollup in store.rollups if isinstance(rollup, WeeklyUsers))
    (days,) = (rollup for rollup in store.rollups if rollup.name == weeks.finer)
    return days, weeks


def read(table: Rollup, files: Sequence[str]) -> Any:
    """Read the rows of these files.

    Raises:
        StoreError: a file cannot be read.
    """
    names = table.schema.names
    table.localize(files)
    try:
        parts = [pq.read_table(path, columns=names, partitioning=None) for path in files]
    except (OSError, pa.ArrowException) as e:
        hint = "`hubbub compact --rebuild` counts it again"
        raise StoreError(
            f"{table.name} cannot be read: {e}", where=str(table.folder), hint=hint
        ) from e
    table.release(files)
    return pa.concat_tables([table.schema.empty_table(), *(p.cast(table.schema) for p in parts)])


def rebuild_all(store: Store, rollups: Iterable[Rollup]) -> None:
    """Count each of these again: see `rebuild_one`."""
    version = store.table.version()
    if version >= 0:
        for rollup in rollups:
            rebuild_one(store, rollup, version)


def rebuild_one(store: Store, rollup: Rollup, version: int) -> None:
    """Count a rollup again, from `frozen` on.

    Args:
        store: the store.
        rollup: one of its rollups.
        version: of the events that are counted.

    Raises:
        StoreError: no room, or damage; the rollup is unchanged.
    """
    origin, _, since = source(store, rollup)
    files = [file for file in origin.files() if file.last >= since]
    rollup.drop_outdated()
    rollup.ensure()
    split_files(rollup, since)
    old = [file for file in rollup.files() if file.last >= since]
    added, fits = write_counted(store, rollup, files)
    rollup.replace(old, added, version)
    if fits and not since:
        rollup.forget_saturation()
    retire(old)


def split_files(rollup: Rollup, since: int) -> None:
    """Rewrite files so that rows from before a time (µs) are in files of their own: they stay."""
    mixed = [file for file in rollup.files() if file.first < since <= file.last]
    rewrite(rollup, mixed, _rows_before(since))


def write_counted(
    store: Store, rollup: Rollup, files: Sequence[File], stop: Callable[[], bool] = lambda: False
) -> tuple[list[AddAction], bool]:
    """Count a rollup from files of its source, and write the rows; they are not committed.

    Args:
        store: the store.
        rollup: one of its rollups.
        files: of one snapshot of its source; with all files of each month.
        stop: polled regularly; True discards what was written.

    Returns:
        The new files, and whether all sums fit.

    Raises:
        Stopped: by `stop`.
        StoreError: no room, or damage; nothing was written.
    """
    added: list[AddAction] = []
    fits = True
    try:
        for month, groups in counted(store, rollup, files):
            file = DataFileWriter(rollup, month, f"{0:020d}-{secrets.token_hex(8)}")
            try:
                for rows in groups:
                    _check(stop)
                    file.write(rows)
                    fits = fits and not rollup.saturates(rows)
                if file.rows:
                    added.append(file.close())
                else:  # nobody is named
                    file.discard()
            except BaseException:
                file.discard()
                raise
    except (OSError, pa.ArrowException) as e:
        rollup.discard(added)
        raise write_error(f"cannot write {rollup.name}", e, rollup.folder) from e
    except (StoreError, Stopped):
        rollup.discard(added)
        raise
    return added, fits


def counted(
    store: Store, rollup: Rollup, files: Sequence[File]
) -> Iterator[tuple[str, Iterator[Any]]]:
    """Yield months, each with row groups in their order; a month may come several times.

    Args:
        store: the store.
        rollup: one of its rollups.
        files: of its source; with all files of each month.

    Raises:
        OSError, pa.ArrowException, StoreError: a file cannot be read.
    """
    if isinstance(rollup, Actions):
        for month, its_files in by_month(files).items():
            yield month, _actions(store.table, rollup, its_files)
        return
    _, count, _ = source(store, rollup)
    for chunk in chunks(files):
        for month, rows in rollup.parts(count([file.uri for file in chunk])):
            yield month, iter((rows,))


def _actions(events: Table, rollup: Actions, files: Sequence[File]) -> Iterator[Any]:
    """Yield the actions of a month, some days at a time."""
    parts = merge_files(events, files, rows=_PART, columns=COLUMNS)
    for days in joined_by_day(parts, rollup.unit):
        yield days.select(rollup.schema.names).cast(rollup.schema)


def by_month(files: Iterable[File]) -> dict[str, list[File]]:
    """Group files by their month (`YYYY-MM`), the oldest first."""
    months: dict[str, list[File]] = {}
    for file in files:
        months.setdefault(Path(file.uri).parent.name.removeprefix("month="), []).append(file)
    return dict(sorted(months.items()))


def _check(stop: Callable[[], bool]) -> None:
    if stop():
        raise Stopped


def _rows_before(limit: int) -> Change:
    """Return a change that keeps the rows before a time, µs."""
    return lambda rows: rows.filter(pc.less(rows["time"], timestamp(limit)))


def timestamp(micros: int) -> Any:
    """Return a time (µs) as a scalar of the column `time`."""
    return pa.scalar(from_micros(micros), pa.timestamp("us", "UTC"))


def chunks(files: Sequence[File]) -> Iterator[list[File]]:
    """Group consecutive files, so that each group has `CHUNK` rows or is the last one."""
    chunk: list[File] = []
    rows = 0
    for file in files:
        chunk.append(file)
        rows += file.rows
        if rows >= CHUNK:
            yield chunk
            chunk, rows = [], 0
    if chunk:
        yield chunk
