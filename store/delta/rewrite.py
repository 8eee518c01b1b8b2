"""Rewriting a table's rows in place: for names that are forgotten, and for what is too old.

Comes in: a table and a function from rows to rows. Goes out: one commit in which every file that
changed is another; readers see all of it or nothing. For the holder of the loader's lock.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
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

__all__ = ["Rewritten", "drop_history", "retire", "rewrite", "vacuum"]


Change = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What a rewriting did."""

    files: int = 0  # that are not part of the table any more
    rows: int = 0  # that were in them
    gone: int = 0  # rows that are nowhere now
    bytes: int = 0  # of files that are not part of the table any more, less those of new ones


def rewrite(
    table: Table,
    files: Iterable[File],
    change: Change,
    *,
    out: Sequence[File] = (),
    dry: bool = False,
) -> Rewritten:
    """Pass the rows of these files through `change`, in one commit.

    Args:
        table: whose files they are.
        files: of the newest snapshot.
        change: from a row group (an Arrow table, sorted by time) to the one that takes its place:
            the very same object where nothing changes, without rows where all go.
        out: files that are taken out as they are, unread, in the same commit.
        dry: only say what would be done; files are read, nothing is written.

    Raises:
        StoreError: no room, or a file is damaged; nothing was changed then.
    """
    removed = list(out)
    added: list[AddAction] = []
    rows = gone = sum(file.rows for file in out)
    size = sum(file.bytes for file in out)
    try:
        for file in files:
            kept, add = _one(file, table, change, dry=dry)
            if kept is None:
                continue
            removed.append(file)
            rows, gone, size = rows + file.rows, gone + file.rows - kept, size + file.bytes
            if add is not None:
                added.append(add)
                size -= add.size
    except (OSError, pa.ArrowException) as e:
        table.drop(added)
        raise write_error(f"cannot rewrite {table.name}", e, table.folder) from e
    if removed and not dry:
        table.replace(removed, added)
        retire(removed)
    return Rewritten(len(removed), rows, gone, size)


def retire(files: Iterable[File]) -> None:
    """Note when these stopped being part of their table: `vacuum` counts from then."""
    for one in files:
        os.utime(one.uri)


def vacuum(table: Table, grace: float = 0.0) -> int:
    """Delete data files that are no part of the table, and sync; how many.

    Args:
        table: whose folder.
        grace: seconds that a file is left to readers who began before it was taken out.
    """
    live = {Path(file.uri) for file in table.files()}
    oldest, n = time.time() - grace, 0
    touched: set[Path] = set()
    for path in table.folder.glob("month=*/*.parquet"):
        if path not in live and (not grace or path.stat().st_mtime < oldest):
            path.unlink()
            touched.add(path.parent)
            n += 1
    for folder in touched:
        sync_folder(folder)
    return n


def drop_history(table: Table) -> None:
    """Keep of the Delta log only what says how the table is now: a checkpoint and the last entry.

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


def _one(
    file: File, table: Table, change: Change, *, dry: bool
) -> tuple[int | None, AddAction | None]:
    """How many rows are left of a file, None where nothing changes; and what takes its place."""
    path = Path(file.uri)
    new: DataFileWriter | None = None
    kept, changed = 0, False
    try:
        with pq.ParquetFile(file.uri) as one:
            for at in range(one.num_row_groups):
                before = _group(one, at, table)
                rows = change(before)
                kept += rows.num_rows
                if rows is not before and not changed:
                    changed = True
                    if not dry:
                        # the same first part and batch: they say when the rows came
                        stem = f"{path.stem.rpartition('-')[0]}-{secrets.token_hex(8)}"
                        new = DataFileWriter(table, path.parent.name.removeprefix("month="), stem)
                        for earlier in range(at):
                            new.write(_group(one, earlier, table))
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


def _group(one: pq.ParquetFile, at: int, table: Table) -> Any:
    return one.read_row_group(at, columns=table.schema.names).cast(table.schema)
