"""Rewrite a table's rows in place: for forgetting names, and for retention.

A rewrite is one commit that replaces every file with changed rows; readers see all of it or
nothing. All functions that change a table need the loader's lock.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction

from hubbub.store.delta.data_file import DataFileWriter, File
from hubbub.store.delta.table import Table
from hubbub.store.disk.errors import write_error
from hubbub.store.disk.files import sync_file, sync_folder

__all__ = ["Change", "Rewritten", "drop_history", "retire", "rewrite", "vacuum"]

#: From a row group (an Arrow table, sorted by time) to its replacement: the very same object if
#: nothing changes, without rows if all are deleted.
Change = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Rewritten:
    """Counts of a rewrite."""

    files: int = 0  # removed from the table
    rows: int = 0  # that were in them
    deleted: int = 0  # rows that have no replacement
    bytes: int = 0  # of the removed files, less those of the new ones


def rewrite(
    table: Table,
    files: Iterable[File],
    change: Change,
    *,
    drop: Sequence[File] = (),
    dry: bool = False,
) -> Rewritten:
    """Pass the rows of these files through `change`, in one commit.

    Args:
        table: whose files they are.
        files: of the newest snapshot.
        change: see `Change`.
        drop: files to remove unread in the same commit.
        dry: only count; files are read, nothing is written.

    Raises:
        StoreError: no room, or a file is damaged; nothing was changed.
    """
    removed = list(drop)
    added: list[AddAction] = []
    rows = deleted = sum(file.rows for file in drop)
    size = sum(file.bytes for file in drop)
    try:
        for file in files:
            table.localize([file.uri])
            kept, add = _rewrite_file(file, table, change, dry=dry)
            table.release([file.uri])
            if kept is None:
                continue
            removed.append(file)
            rows += file.rows
            deleted += file.rows - kept
            size += file.bytes
            if add is not None:
                added.append(add)
                size -= add.size
    except (OSError, pa.ArrowException) as e:
        table.discard(added)
        raise write_error(f"cannot rewrite {table.name}", e, table.folder) from e
    if removed and not dry:
        table.replace(removed, added)
        retire(removed)
    return Rewritten(len(removed), rows, deleted, size)


def retire(files: Iterable[File]) -> None:
    """Touch files that were just removed from their table, so that `vacuum` counts from now."""
    for file in files:
        with suppress(FileNotFoundError):  # of a mirror, whose log has the time
            os.utime(file.uri)


def vacuum(table: Table, grace: float = 0.0) -> int:
    """Delete data files that are not part of the table; return how many.

    Args:
        table: whose folder to clean.
        grace: seconds to keep removed files for readers that opened the table before.
    """
    live = {Path(file.uri) for file in table.files()}
    cutoff = time.time() - grace
    deleted = 0
    folders: set[Path] = set()
    for path in table.folder.glob("month=*/*.parquet"):
        if path not in live and (not grace or path.stat().st_mtime < cutoff):
            path.unlink()
            folders.add(path.parent)
            deleted += 1
    for folder in folders:
        sync_folder(folder)
    return deleted


def drop_history(table: Table) -> None:
    """Delete the history of the Delta log: keep a new checkpoint and the last entry.

    Raises:
        StoreError: the log is damaged, or there is no room for a checkpoint.
    """
    if not table.exists():
        return
    version = table.version()
    try:
        table.table().create_checkpoint()
        for path in table.log.iterdir():
            if path.name == "_last_checkpoint" or path.name.startswith(f"{version:020d}."):
                sync_file(path)
        sync_folder(table.log)
        for path in table.log.iterdir():
            stem = path.name.partition(".")[0]
            if stem.isdigit() and int(stem) < version:
                path.unlink()
        sync_folder(table.log)
    except (DeltaError, OSError) as e:
        raise write_error("cannot shorten the Delta log", e, table.log) from e


def _rewrite_file(
    file: File, table: Table, change: Change, *, dry: bool
) -> tuple[int | None, AddAction | None]:
    """Return how many rows are left (None: nothing changes), and the replacement if there is one.

    The replacement is written from the first row group that changes; until then files are only
    read.
    """
    path = Path(file.uri)
    new: DataFileWriter | None = None
    kept, changed = 0, False
    try:
        with pq.ParquetFile(file.uri) as parquet:
            for number in range(parquet.num_row_groups):
                before = _row_group(parquet, number, table)
                rows = change(before)
                kept += rows.num_rows
                if rows is not before and not changed:
                    changed = True
                    if not dry:
                        # The name's first time and batch number stay.
                        stem = f"{path.stem.rpartition('-')[0]}-{secrets.token_hex(8)}"
                        month = path.parent.name.removeprefix("month=")
                        new = DataFileWriter(table, month, stem)
                        for earlier in range(number):
                            new.write(_row_group(parquet, earlier, table))
                if new is not None:
                    new.write(rows)
        if new is None:
            return (kept if changed else None), None
        if kept:
            return kept, new.close()
    except BaseException:
        if new is not None:
            new.discard()
        raise
    new.discard()
    return 0, None


def _row_group(parquet: pq.ParquetFile, number: int, table: Table) -> Any:
    return parquet.read_row_group(number, columns=table.schema.names).cast(table.schema)
