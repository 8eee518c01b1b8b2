"""A Delta table that is appended to in batches, each once, each durable before it counts.

Comes in: Arrow tables by month. Goes out: Parquet files and a Delta log that any engine reads.
delta-rs does not fsync; this module writes the data files itself and syncs file, folder and log
entry, so that a segment of the spool may be deleted after a commit has returned.

Only `time` has column statistics, in Parquet and in the log: no forgotten name stays in them.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote

import deltalake
import pyarrow as pa
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction, RemoveAction

from hubbub.errors import StoreError
from hubbub.store.delta import format_version
from hubbub.store.delta.data_file import DataFileWriter, File
from hubbub.store.delta.log import Log, marked
from hubbub.store.disk.errors import write_error
from hubbub.store.disk.files import sync_file, sync_folder
from hubbub.times import to_micros

__all__ = ["LOADER", "Table"]


#: The application whose transactions number the loader's batches in the Delta log.
LOADER = "hubbub-loader"


class Table:
    """A table in a folder. Any number of readers; one writer, which holds the loader's lock."""

    name: ClassVar[str]
    schema: ClassVar[Any]  # of the data files; the table has `month` besides
    options: ClassVar[Mapping[str, Any]]  # of the Parquet writer
    order: ClassVar[Sequence[str]] = ("time",)  # what the rows of a file are sorted by
    combines: ClassVar[bool] = False  # whether `combined` leaves fewer rows

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "_delta_log"
        self.entries = Log(self.log)

    def combined(self, rows: Any) -> Any:
        """What compaction makes of sorted rows; all rows of a time come together."""
        return rows

    def exists(self) -> bool:
        """Whether anything was ever committed."""
        return self.log.is_dir() and any(self.log.glob("*.json"))

    def table(self) -> deltalake.DeltaTable:
        """The newest snapshot.

        Raises:
            StoreError: the Delta log is damaged, or of a newer hubbub.
        """
        self.entries.check()
        try:
            return format_version.checked(deltalake.DeltaTable(str(self.folder)), self.folder)
        except (DeltaError, OSError, ValueError) as e:
            raise self._damaged(e) from e

    def version(self) -> int:
        """The newest version; -1 where nothing was committed."""
        return int(self.table().version()) if self.exists() else -1

    def batch(self) -> int:
        """The number of the loader's last committed batch; 0 before the first."""
        return int(self.table().transaction_version(LOADER) or 0) if self.exists() else 0

    def files(self) -> list[File]:
        """The files of the newest snapshot, oldest first."""
        return self.snapshot()[1]

    def snapshot(self) -> tuple[int, list[File]]:
        """The newest version (-1: nothing was committed) and its files, oldest first.

        Raises:
            StoreError: the Delta log is damaged.
        """
        if not self.exists():
            return -1, []
        table = self.table()
        try:
            adds = pa.table(table.get_add_actions(flatten=True)).to_pydict()
        except (DeltaError, OSError, ValueError) as e:
            raise self._damaged(e) from e
        found = [
            File(str(self.folder / path), rows, size, to_micros(first), to_micros(last))
            for path, rows, size, first, last in zip(
                adds["path"],
                adds["num_records"],
                adds["size_bytes"],
                adds.get("min.time", []),
                adds.get("max.time", []),
                strict=True,
            )
        ]
        return table.version(), sorted(found, key=lambda f: (f.first, f.uri))

    def append_rows(self, parts: Iterable[tuple[str, Any]], batch: int, *, mark: str = "") -> int:
        """Add rows as one commit; return the new version, durable.

        Args:
            parts: (month, rows of `schema` sorted by time, or its row groups); one data file each.
            batch: greater than `batch()`; written with the commit.
            mark: goes into the names of the files.

        Raises:
            StoreError: no room, or the log is damaged. Nothing was added then, or everything.
        """
        written: list[AddAction] = []
        try:
            table = self.ensure()
            if batch <= (table.transaction_version(LOADER) or 0):
                raise StoreError(f"batch {batch} was committed before", where=str(self.folder))
            for month, rows in parts:
                written.append(self._write(month, rows, mark))
            return self._commit(written, batch)
        except (DeltaError, OSError, pa.ArrowException) as e:
            if self.batch() < batch:
                self.drop(written)
            raise write_error(f"cannot write {self.name}", e, self.folder) from e

    def replace(
        self,
        removed: Sequence[File],
        added: Sequence[AddAction],
        batch: int | None = None,
        *,
        data_change: bool = True,
    ) -> int:
        """Take files out and others in, as one commit; return the new version, durable.

        The files that were taken out stay on the disk until `vacuum`.

        Args:
            removed: files of the newest snapshot.
            added: what `DataFile.close` gave.
            batch: the loader's number from now on; None leaves it.
            data_change: False where the added files hold the very rows of the removed ones.

        Raises:
            StoreError: nothing was changed then, and the added files are gone.
        """
        stamp = time.time_ns() // 1_000_000
        actions: list[AddAction | RemoveAction] = [
            RemoveAction(
                path=str(Path(file.uri).relative_to(self.folder)),
                data_change=data_change,
                deletion_timestamp=stamp,
                size=file.bytes,
                partition_values={"month": Path(file.uri).parent.name.removeprefix("month=")},
            )
            for file in removed
        ]
        before = self.version()
        try:
            return self._commit([*actions, *added], batch)
        except (DeltaError, OSError) as e:
            if self.version() == before:
                self.drop(added)
            raise write_error(f"cannot rewrite {self.name}", e, self.folder) from e

    def drop(self, added: Iterable[AddAction]) -> None:
        """Delete files that were not committed."""
        for add in added:
            (self.folder / add.path).unlink(missing_ok=True)

    def added(self, first: int, last: int) -> list[str]:
        """Files with the rows that versions first … last (inclusive) added, or all files."""
        paths: list[Path] = []
        for version in range(first, last + 1):
            try:
                lines = self.entries.entry(version).read_text().splitlines()
                actions = [json.loads(line) for line in lines]
            except (FileNotFoundError, ValueError):  # a checkpoint holds what it said
                return [f.uri for f in self.files()]
            adds = [one["add"] for one in actions if one.get("add")]
            paths += [self.folder / unquote(add["path"]) for add in adds if add["dataChange"]]
        if all(p.exists() for p in paths):
            return [str(p) for p in paths]
        return [f.uri for f in self.files()]

    def sync(self) -> None:
        """Make the newest commit durable: after a crash, before relying on it."""
        if self.exists():
            version, files = self.snapshot()
            for file in files:
                sync_file(Path(file.uri))
            self._sync_log(version)

    def ensure(self) -> deltalake.DeltaTable:
        """The newest snapshot; the table is made where there is none."""
        if self.exists():
            return self.table()
        self.folder.mkdir(parents=True, exist_ok=True)
        table = deltalake.DeltaTable.create(
            str(self.folder),
            self._columns,
            partition_by=["month"],
            name=self.name,
            configuration=format_version.newest(),
            raise_if_key_not_exists=False,
        )
        self._sync_log(0)
        sync_folder(self.folder)
        sync_folder(self.folder.parent)
        return table

    @property
    def _columns(self) -> Any:
        return self.schema.append(pa.field("month", pa.string(), nullable=False))

    def _write(self, month: str, rows: Any, mark: str) -> AddAction:
        """One data file, durable; not yet part of the table. `rows`: a table, or an iterator."""
        groups = rows if isinstance(rows, Iterator) else iter((rows,))
        rows = next(groups)
        first = to_micros(rows["time"][0].as_py())
        file = DataFileWriter(self, month, f"{first:020d}-{mark}{secrets.token_hex(8)}")
        try:
            while rows is not None:
                file.write(rows)
                rows = next(groups, None)
            return file.close()
        except BaseException:
            file.discard()
            raise

    def _commit(self, actions: Sequence[AddAction | RemoveAction], batch: int | None) -> int:
        numbers = [] if batch is None else [deltalake.Transaction(LOADER, batch)]
        mark = marked(len(actions) + len(numbers))
        table = self.table()
        table.create_write_transaction(
            list(actions),
            mode="append",
            schema=self._columns,
            partition_by=["month"],
            commit_properties=deltalake.CommitProperties(mark, app_transactions=numbers),
        )
        table.update_incremental()
        version = int(table.version())
        self._sync_log(version)
        return version

    def _sync_log(self, version: int) -> None:
        self.entries.sync(version)

    def _damaged(self, e: Exception) -> StoreError:
        return StoreError(
            f"the table of {self.name} is damaged: {str(e).partition(chr(10))[0]}",
            where=str(self.folder),
            hint="restore the folder _delta_log from a backup, or gather into a new store",
        )
