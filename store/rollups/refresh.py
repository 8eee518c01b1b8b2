"""Keep the rollups up to date with the events table.

A rollup is complete up to one version of the events table, which its last commit carries as its
batch number. Rows and number are one commit, so that each commit of events is counted exactly once,
whatever is killed. See `tables` for the columns.

A period may have several rows, one for each time it was added to: readers sum them, compaction
merges them. Readers count later events from the events' own files (`query.from_rollups`). If rows
of events were deleted or changed and `mark_current` was not called, everything is counted again.

Rollups outlive events: times before `frozen` (retention's cut, rounded up to the end of the day)
are never counted again. The cut may lie within a week, so that weeks are always sums of days.
"""

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
from hubbub.store.delta.rewrite import Change, retire, rewrite
from hubbub.store.delta.table import Table
from hubbub.store.disk.errors import write_error
from hubbub.store.rollups.tables import (
    DAY,
    HOUR,
    DailyTopics,
    DailyUsers,
    HourlyUsers,
    Rollup,
    WeeklyUsers,
)
from hubbub.times import from_micros

if TYPE_CHECKING:
    from deltalake.transaction import AddAction

    from hubbub.store.store import Store

__all__ = [
    "DAY",
    "FROZEN",
    "HOUR",
    "LAG",
    "Rollup",
    "catch_up",
    "differences",
    "frozen",
    "keep_up",
    "mark_current",
    "open_rollups",
    "rebuild",
    "source",
]

LAG = 12  # commits of events that readers count themselves
CHUNK = 1_000_000  # about so many rows are counted at once
FROZEN = "rollups:frozen"  # key in the state: µs


def open_rollups(folder: Path) -> tuple[Rollup, ...]:
    """Return the rollups of a store, each after the one it is counted from; they need not exist."""
    kinds = (HourlyUsers, DailyUsers, WeeklyUsers, DailyTopics)
    return tuple(kind(folder / kind.name) for kind in kinds)


def frozen(store: Store) -> int:
    """Return the time (µs) before which rollups are never counted again."""
    return int(store.state.get(FROZEN) or 0)


def keep_up(store: Store) -> None:
    """Call `catch_up` if the rollups are `LAG` commits behind. Needs the loader's lock."""
    if store.table.version() - min(rollup.batch() for rollup in store.rollups) >= LAG:
        catch_up(store)


def catch_up(store: Store) -> None:
    """Count the events that the rollups lack. Needs the loader's lock.

    Raises:
        StoreError: no room, or damage; what was counted until then stays.
    """
    version = store.table.version()
    if version <= 0:
        return
    while True:
        batches = sorted({rollup.batch() for rollup in store.rollups})
        if batches == [version]:
            return
        if batches[-1] > version:  # the events were restored from a backup
            rebuild(store)
            return
        days, weeks = _days_and_weeks(store)
        if weeks.batch() != days.batch():  # a run died between the two, or an older hubbub wrote
            _rebuild(store, weeks, days.batch())
            continue
        # A run that died may have left some rollups behind the others: first count up to those.
        behind = [rollup for rollup in store.rollups if rollup.batch() == batches[0]]
        target = min([*batches[1:], version])
        commits = store.table.entries.commits(batches[0] + 1, target)
        if commits is None or any(commit.removed for commit in commits):
            rebuild(store)
            return
        since = frozen(store)
        files: list[str] = []
        rows = 0
        for commit in commits:
            files += commit.added
            rows += commit.rows
            if rows >= CHUNK or commit.version == target:
                for rollup, sums in _count(behind, files, since):
                    rollup.append_rows(list(rollup.parts(sums)), commit.version)
                files, rows = [], 0


def _count(
    rollups: Iterable[Rollup], files: Sequence[str], since: int
) -> Iterator[tuple[Rollup, Any]]:
    """Yield each rollup with its rows for these files; coarser ones are summed from finer ones."""
    counted: dict[str, Any] = {}
    for rollup in rollups:
        finer = counted.get(rollup.finer)
        sums = rollup.count(files, since) if finer is None else rollup.summed(finer)
        counted[rollup.name] = sums
        yield rollup, sums


def _days_and_weeks(store: Store) -> tuple[Rollup, Rollup]:
    (weeks,) = (rollup for rollup in store.rollups if isinstance(rollup, WeeklyUsers))
    (days,) = (rollup for rollup in store.rollups if rollup.name == weeks.finer)
    return days, weeks


def source(store: Store, rollup: Rollup) -> tuple[Table, Callable[[Sequence[str]], Any], int]:
    """Return the table a rollup is counted from, how (files to rows), and since when (µs)."""
    days, weeks = _days_and_weeks(store)
    if rollup.name == weeks.name:
        return days, lambda files: rollup.summed(_read(days, files)), 0
    since = frozen(store)
    return store.table, lambda files: rollup.count(files, since), since


def _read(table: Rollup, files: Sequence[str]) -> Any:
    """Read the rows of these files.

    Raises:
        StoreError: a file cannot be read.
    """
    names = table.schema.names
    try:
        parts = [pq.read_table(path, columns=names, partitioning=None) for path in files]
    except (OSError, pa.ArrowException) as e:
        hint = "`hubbub compact --rebuild` counts it again"
        raise StoreError(
            f"{table.name} cannot be read: {e}", where=str(table.folder), hint=hint
        ) from e
    return pa.concat_tables([table.schema.empty_table(), *(p.cast(table.schema) for p in parts)])


def rebuild(store: Store) -> None:
    """Count everything again, from `frozen` on. Needs the loader's lock.

    Readers see the old rows of a rollup until all its new ones are committed.

    Raises:
        StoreError: no room, or damage; the rollup that failed is unchanged.
    """
    version = store.table.version()
    if version >= 0:
        for rollup in store.rollups:
            _rebuild(store, rollup, version)


def _rebuild(store: Store, rollup: Rollup, version: int) -> None:
    origin, count, since = source(store, rollup)
    files = [file for file in origin.files() if file.last >= since]
    rollup.ensure()
    fits = not since
    if since:  # rows from before the cut stay, in files of their own
        mixed = [file for file in rollup.files() if file.first < since <= file.last]
        rewrite(rollup, mixed, _rows_before(since))
    old = [file for file in rollup.files() if file.last >= since]
    added: list[AddAction] = []
    try:
        for chunk in _chunks(files):
            for month, rows in rollup.parts(count([file.uri for file in chunk])):
                added.append(_write(rollup, month, rows))
                fits = fits and not rollup.saturates(rows)
    except (OSError, pa.ArrowException) as e:
        rollup.discard(added)
        raise write_error(f"cannot write {rollup.name}", e, rollup.folder) from e
    except StoreError:
        rollup.discard(added)
        raise
    rollup.replace(old, added, version)
    if fits:
        rollup.forget_saturation()
    retire(old)


def _rows_before(limit: int) -> Change:
    """Return a change that keeps the rows before a time, µs."""
    return lambda rows: rows.filter(pc.less(rows["time"], _timestamp(limit)))


def _timestamp(micros: int) -> Any:
    return pa.scalar(from_micros(micros), pa.timestamp("us", "UTC"))


def _write(rollup: Rollup, month: str, rows: Any) -> AddAction:
    file = DataFileWriter(rollup, month, f"{0:020d}-{secrets.token_hex(8)}")
    try:
        file.write(rows)
        return file.close()
    except BaseException:
        file.discard()
        raise


def _chunks(files: Sequence[File]) -> Iterator[list[File]]:
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


def differences(store: Store, rollup: Rollup) -> list[str]:
    """Return the months, from `frozen` on, in which a rollup differs from its source.

    Needs the loader's lock; call `catch_up` before.

    Raises:
        StoreError: a file cannot be read.
    """
    origin, count, since = source(store, rollup)
    months: dict[str, tuple[list[str], list[str]]] = {}
    for place, files in enumerate((origin.files(), rollup.files())):
        for file in files:
            if file.last >= since:
                months.setdefault(Path(file.uri).parent.name, ([], []))[place].append(file.uri)
    differing = []
    for month, (source_files, rollup_files) in sorted(months.items()):
        rows = _read(rollup, rollup_files)
        rows = rollup.combined(rows.filter(pc.greater_equal(rows["time"], _timestamp(since))))
        if not rows.equals(rollup.combined(count(source_files))):
            differing.append(month.removeprefix("month="))
    return differing


def mark_current(store: Store) -> None:
    """Record that the rollups match the newest version of events, without counting again.

    For retention and forgetting, which delete or change rows of events and have treated the rollups
    accordingly. Call `catch_up` before the change, and keep the loader's lock in between.
    """
    version = store.table.version()
    for rollup in store.rollups:
        if rollup.exists() and rollup.batch() < version:
            rollup.replace([], [], version)
