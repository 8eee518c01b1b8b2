"""Compaction: merge the many small files of a month into few large, sorted ones.

The commits change no data: readers see either the old files or the new one. Old files are kept for
`GRACE` seconds, for queries that are running. Each step needs the loader lock only briefly, so that
loaders do not wait for long.

A crash leaves a file that is not part of the table, which `clean` deletes, or an id index that
lacks commits without new rows, which the next loader completes.

Files are merged with others of similar size, so that a row is rewritten only each time its file
grows by `FACTOR`. Once a month has not changed for a day, all its small files are merged.
"""

from __future__ import annotations

import secrets
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
from deltalake.exceptions import DeltaError

from hubbub.errors import StoreError
from hubbub.store.delta.data_file import DataFileWriter, File
from hubbub.store.delta.merge import merge_files, row_groups
from hubbub.store.delta.rewrite import retire, vacuum
from hubbub.store.delta.table import Table
from hubbub.store.disk.errors import write_error
from hubbub.store.disk.files import sync_file, sync_folder
from hubbub.store.maintenance import checkpoint
from hubbub.store.maintenance.retention import GRACE
from hubbub.store.stream import stream
from hubbub.store.tables.id_lookup import update_index

if TYPE_CHECKING:
    from hubbub.store.store import Store

__all__ = ["GRACE", "TARGET", "Compacted", "clean", "compact", "fold", "plan", "step", "trim_log"]

TARGET = 128 << 20  # bytes that a step reads, about; files above half of it are not merged
SMALLEST = 256 << 10  # bytes; all smaller files count as being of similar size
FACTOR = 8  # between two tiers of size
FILES = 16  # of similar size that trigger a merge
QUIET = 86_400.0  # seconds without a change after which a month counts as complete
ENTRIES = 100  # of the Delta log, after which a checkpoint is written

Stop = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Compacted:
    """The result of a compaction."""

    files: int = 0  # that were merged
    into: int = 0  # new files
    rows: int = 0
    saved: int = 0  # bytes by which the new files are smaller than the old ones
    deleted: int = 0  # old files


def _modified(file: File) -> float:
    return Path(file.uri).stat().st_mtime


def plan(
    files: Sequence[File],
    *,
    whole: bool,
    now: float | None = None,
    modified: Callable[[File], float] = _modified,
) -> list[File]:
    """Return the files to merge next; empty if there is nothing to do.

    Args:
        files: of a snapshot.
        whole: merge all small files of a month; otherwise only enough files of similar size.
        now: seconds since the epoch.
        modified: when a file was written, seconds since the epoch.
    """
    now = time.time() if now is None else now
    months: dict[Path, list[File]] = defaultdict(list)
    for file in sorted(files, key=lambda f: (f.first, f.uri)):
        if file.bytes < TARGET // 2:
            months[Path(file.uri).parent].append(file)
    for month in sorted(months):
        small = months[month]
        if len(small) > 1 and (whole or all(modified(file) < now - QUIET for file in small)):
            return _first_of(small)
        tiers: dict[int, list[File]] = defaultdict(list)
        for file in small:
            tiers[_tier(file.bytes)].append(file)
        for _, similar in sorted(tiers.items()):
            if len(similar) >= FILES:
                return _first_of(similar)
    return []


def _tier(size: int) -> int:
    tier = 0
    while size >= SMALLEST * FACTOR**tier:
        tier += 1
    return tier


def _first_of(files: Sequence[File]) -> list[File]:
    """Return as many files as one step should read, at least two."""
    out: list[File] = []
    size = 0
    for file in files:
        if len(out) > 1 and size + file.bytes > TARGET:
            break
        out.append(file)
        size += file.bytes
    return out


def fold(table: Table, files: Sequence[File], stop: Stop = lambda: False) -> Compacted | None:
    """Merge files into one, in one commit.

    Args:
        table: the table.
        files: of its newest snapshot and of one month; not empty.
        stop: polled regularly; True cancels the merge, and nothing is changed.

    Raises:
        StoreError: no room, or a file is damaged; nothing was changed.
    """
    month = Path(files[0].uri).parent.name.removeprefix("month=")
    first = min(file.first for file in files)
    new: DataFileWriter | None = None
    try:
        new = DataFileWriter(table, month, f"{first:020d}-{secrets.token_hex(8)}")
        for rows in row_groups(table, map(table.combined, merge_files(table, files))):
            if stop():
                new.discard()
                return None
            new.write(rows)
        _check_row_count(table, files, new)
        add = new.close(data_change=False)
    except BaseException as e:
        if new is not None:
            new.discard()
        if isinstance(e, (OSError, pa.ArrowException)):
            raise write_error(f"cannot compact {table.name}", e, table.folder) from e
        raise
    table.replace(files, [add], data_change=False)
    retire(files)
    return Compacted(len(files), 1, new.rows, sum(file.bytes for file in files) - add.size)


def _check_row_count(table: Table, files: Sequence[File], new: DataFileWriter) -> None:
    """Raise StoreError if the new file lacks rows of the files that it replaces."""
    expected = sum(file.rows for file in files)
    if new.rows != expected and not table.combines:
        raise StoreError(
            f"{len(files)} files have {new.rows:,} rows, but {expected:,} by the table's log",
            where=str(table.folder),
            hint="`hubbub verify` reports which file is damaged",
        )


def step(store: Store, *, whole: bool = False, stop: Stop = lambda: False) -> Compacted | None:
    """Merge files once, in the first table that needs it; the caller holds the loader lock.

    Returns:
        None if no table needs it, or `stop` cancelled it.

    Raises:
        StoreError: no room, or damage.
    """
    stream.catch_up(store.table, store.state, store.path / stream.FOLDER)
    for companion in (store.bodies, store.samples):
        companion.roll_back(store.table.batch())  # so that only rows of committed events are merged
    for table in store.tables:
        files = plan(table.files(), whole=whole)
        if not files:
            continue
        version = store.table.version()
        done = fold(table, files, stop)
        if table is store.table and done is not None:
            update_index(store.path / "ids", store.table, version)
        return done
    return None


def clean(store: Store, grace: float = GRACE) -> int:
    """Delete old data files and log entries; return the number of data files.

    The caller holds the loader lock.

    Args:
        store: the store.
        grace: seconds to keep them for readers.
    """
    deleted = 0
    stream.catch_up(store.table, store.state, store.path / stream.FOLDER)
    for table in store.tables:
        if table.exists():
            deleted += vacuum(table, grace)
            trim_log(table, grace)
    checkpoint.delete_abandoned(store.path)
    return deleted


def compact(store: Store, stop: Stop = lambda: False) -> Compacted:
    """Merge all small files, and delete old ones; loaders can run between two steps.

    Raises:
        StoreError: no room, or damage; earlier steps stay done.
    """
    total = Compacted()
    while not stop():
        with store.loader_lock():
            done = step(store, whole=True, stop=stop)
        if done is None:
            break
        total = Compacted(
            total.files + done.files,
            total.into + done.into,
            total.rows + done.rows,
            total.saved + done.saved,
        )
        time.sleep(0.02)  # let others acquire the lock
    with store.loader_lock():
        deleted = clean(store)
    return Compacted(total.files, total.into, total.rows, total.saved, deleted)


def trim_log(table: Table, grace: float = GRACE) -> int:
    """Write a checkpoint of a long Delta log, and delete the files before an older checkpoint.

    Entries younger than `grace` seconds stay, since readers may have listed them. Return the number
    of deleted files.

    Raises:
        StoreError: the log is damaged, or there is no room for a checkpoint.
    """
    try:
        checkpoints = {
            int(path.name.partition(".")[0]) for path in table.log.glob("*.checkpoint*.parquet")
        }
        version = table.version()
        if version - max(checkpoints, default=-1) >= ENTRIES:
            table.table().create_checkpoint()
            for path in (*table.log.glob(f"{version:020d}.*"), table.log / "_last_checkpoint"):
                sync_file(path)
            sync_folder(table.log)
            checkpoints.add(version)
        oldest = time.time() - grace
        # the newest checkpoint that all current readers can start from
        start = max((c for c in checkpoints if _written(table, c) < oldest), default=0)
        old = []
        for path in table.log.iterdir():
            stem = path.name.partition(".")[0]
            if stem.isdigit() and int(stem) < start and path.stat().st_mtime < oldest:
                old.append(path)
        for path in old:
            path.unlink()
        if old:
            sync_folder(table.log)
    except (DeltaError, OSError) as e:
        raise write_error("cannot shorten the Delta log", e, table.log) from e
    return len(old)


def _written(table: Table, version: int) -> float:
    """Return the time at which a checkpoint was written."""
    return max(p.stat().st_mtime for p in table.log.glob(f"{version:020d}.checkpoint*.parquet"))
