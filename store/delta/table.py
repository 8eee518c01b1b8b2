"""A Delta table with durable, exactly-once batches.

delta-rs does not fsync. This module writes the data files itself and syncs file, folder and log
entry, so that a segment of the spool may be deleted once a commit has returned.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import deltalake
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction, RemoveAction

from hubbub.errors import StoreError
from hubbub.lazy import lazy_module
from hubbub.store.delta import format_version
from hubbub.store.delta.data_file import DataFileWriter, File
from hubbub.store.delta.log import RESTORE, Log, commit_info
from hubbub.store.delta.open_table import LOADER, OpenTable
from hubbub.store.disk.errors import write_error
from hubbub.store.disk.files import sync_file, sync_folder
from hubbub.times import to_micros

__all__ = ["LOADER", "Table", "facts_of_files", "listed_files"]

pa = lazy_module("pyarrow")


class Table:
    """A table in a folder. Any number of readers; one writer, which holds the loader's lock."""

    name: ClassVar[str]
    schema: ClassVar[Any]  # of the data files; the table also has the partition column `month`
    options: ClassVar[Mapping[str, Any]]  # of the Parquet writer
    order: ClassVar[Sequence[str]] = ("time",)  # sort columns of a data file
    mark: str = ""  # ends the names of new data files
    combines: ClassVar[bool] = False  # whether `combined` may return fewer rows

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "_delta_log"
        self.entries = Log(self.log)
        self._opened = OpenTable(self.entries, lambda: self.table())  # noqa: PLW0108 - overridden

    def combined(self, rows: Any) -> Any:
        """Return sorted rows as compaction stores them; they hold all rows of their times."""
        return rows

    def exists(self) -> bool:
        """Whether anything was ever committed."""
        return self.log.is_dir() and any(self.log.glob("*.json"))

    def table(self) -> deltalake.DeltaTable:
        """Open the newest snapshot.

        Raises:
            StoreError: the Delta log is damaged, or was written by a newer hubbub.
        """
        self.entries.check()
        try:
            table = deltalake.DeltaTable(str(self.folder))
            return format_version.check_version(table, self.folder)
        except (DeltaError, OSError, ValueError) as e:
            self.entries.check(checkpoint=True)
            raise self._unreadable(e) from e

    def version(self) -> int:
        """Return the newest version; -1 if nothing was committed."""
        facts = self._opened.facts()
        return -1 if facts is None else facts.version

    def newest(self) -> int:
        """Return the newest version without opening the table; -1 if nothing was committed.

        Raises:
            StoreError: a new entry of the Delta log is damaged.
        """
        return self.entries.newest()

    def batch(self) -> int:
        """Return the number of the loader's last committed batch; 0 before the first."""
        facts = self._opened.facts()
        return 0 if facts is None else facts.batch

    def form(self) -> int:
        """Return the format version (see `format_version`); 0 if nothing was committed."""
        facts = self._opened.facts()
        return 0 if facts is None else facts.form

    def number(self, name: str) -> int:
        """Return the number that the last commit with this name gave it; 0 without one."""
        return int(self.table().transaction_version(name) or 0) if self.exists() else 0

    def files(self) -> list[File]:
        """Return the files of the newest snapshot, oldest first."""
        return self.snapshot()[1]

    def snapshot(self) -> tuple[int, list[File]]:
        """Return the newest version (-1: nothing was committed) and its files, oldest first.

        Raises:
            StoreError: the Delta log is damaged.
        """
        facts, files = self._opened.read(self._list)
        return (-1, []) if facts is None else (facts.version, [*files])

    def _list(self, table: deltalake.DeltaTable) -> list[File]:
        """Return the files of a snapshot, oldest first."""
        try:
            return listed_files(facts_of_files(table), str(self.folder))
        except (DeltaError, OSError, ValueError) as e:
            self.entries.check(checkpoint=True)
            raise self._unreadable(e) from e

    def append_rows(self, parts: Iterable[tuple[str, Any]], batch: int, *, mark: str = "") -> int:
        """Add rows as one commit; return the new version, durable.

        Args:
            parts: (month, rows of `schema` sorted by time, or an iterator of such row groups);
                each becomes one data file.
            batch: greater than `batch()`; written with the commit.
            mark: part of the files' names.

        Raises:
            StoreError: no room, or the log is damaged. Either all rows were added or none.
        """
        written: list[AddAction] = []
        try:
            self.ensure()
            if batch <= self.batch():
                raise StoreError(f"batch {batch} is already committed", where=str(self.folder))
            for month, rows in parts:
                written.append(self._write(month, rows, mark))
            return self._commit(written, batch)
        except (DeltaError, OSError, pa.ArrowException) as e:
            if self.batch() < batch:
                self.discard(written)
            raise write_error(f"cannot write {self.name}", e, self.folder) from e

    def replace(
        self,
        removed: Sequence[File],
        added: Sequence[AddAction],
        batch: int | None = None,
        *,
        data_change: bool = True,
        numbers: Mapping[str, int] | None = None,
    ) -> int:
        """Replace files by others, as one commit; return the new version, durable.

        The removed files stay on disk until `vacuum`.

        Args:
            removed: files of the newest snapshot.
            added: results of `DataFileWriter.close`.
            batch: new number of the loader's last batch; None leaves it.
            data_change: False if the added files hold the same rows as the removed ones.
            numbers: by name, written with the commit; see `number`.

        Raises:
            StoreError: nothing was changed, and the added files are deleted.
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
            return self._commit([*actions, *added], batch, numbers)
        except (DeltaError, OSError) as e:
            if self.version() == before:
                self.discard(added)
            raise write_error(f"cannot rewrite {self.name}", e, self.folder) from e

    def localize(self, paths: Iterable[str]) -> None:
        """Make data files readable at their paths, which they are; a mirror's are fetched."""

    def release(self, paths: Iterable[str]) -> None:
        """Say that data files are not read any more; see `localize`."""

    def discard(self, added: Iterable[AddAction]) -> None:
        """Delete files that were not committed."""
        for add in added:
            (self.folder / add.path).unlink(missing_ok=True)

    def added(self, first: int, last: int) -> list[str]:
        """Return the files with rows that versions `first` to `last` (inclusive) added.

        All files of the table if the log does not tell.
        """
        commits = self.entries.commits(first, last)
        if commits is None:
            return [file.uri for file in self.files()]
        return [path for commit in commits for path in commit.added]

    def sync(self) -> None:
        """Make the newest commit durable: needed after a crash, before relying on it."""
        if self.exists():
            version, files = self.snapshot()
            for file in files:
                sync_file(Path(file.uri))
            self._sync_log(version)

    def ensure(self) -> None:
        """Create the table if there is none."""
        if self.exists():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        table = deltalake.DeltaTable.create(
            str(self.folder),
            self._columns,
            partition_by=["month"],
            name=self.name,
            configuration=format_version.latest_properties(),
            raise_if_key_not_exists=False,
        )
        self._sync_log(0)
        sync_folder(self.folder)
        sync_folder(self.folder.parent)
        self._opened.keep(table)

    @property
    def _columns(self) -> Any:
        return self.schema.append(pa.field("month", pa.string(), nullable=False))

    def _write(self, month: str, rows: Any, mark: str) -> AddAction:
        """Write a data file, durable but not yet committed; `rows`: see `append_rows`."""
        groups = rows if isinstance(rows, Iterator) else iter((rows,))
        group = next(groups)
        first = to_micros(group["time"][0].as_py())
        file = DataFileWriter(self, month, f"{first:020d}-{mark}{secrets.token_hex(8)}")
        try:
            while group is not None:
                file.write(group)
                group = next(groups, None)
            return file.close()
        except BaseException:
            file.discard()
            raise

    def _commit(
        self,
        actions: Sequence[AddAction | RemoveAction],
        batch: int | None,
        numbers: Mapping[str, int] | None = None,
    ) -> int:
        every = {**(numbers or {}), **({} if batch is None else {LOADER: batch})}
        transactions = [deltalake.Transaction(name, n) for name, n in every.items()]
        info = commit_info(len(actions) + len(transactions))
        with self._opened.changing() as table:
            table.create_write_transaction(
                list(actions),
                mode="append",
                schema=self._columns,
                partition_by=["month"],
                commit_properties=deltalake.CommitProperties(info, app_transactions=transactions),
            )
            table.update_incremental()
            version = int(table.version())
            self._sync_log(version)
        return version

    def _sync_log(self, version: int) -> None:
        self.entries.sync(version)

    def _unreadable(self, e: Exception) -> StoreError:
        """Return the error for a table that cannot be opened; damage is one reason."""
        reason = str(e).partition("\n")[0]
        if (isinstance(e, OSError) and e.errno) or "os error" in reason:
            return StoreError(
                f"the table of {self.name} cannot be read: {reason}",
                where=str(self.folder),
                hint="this says nothing about its content: try again when the cause is removed",
            )
        return StoreError(
            f"the table of {self.name} is damaged: {reason}",
            where=str(self.folder),
            hint=RESTORE,
        )


def facts_of_files(table: deltalake.DeltaTable) -> dict[str, Any]:
    """Return what the log of a snapshot says of its files, as lists by column, without Arrow."""
    found = table.get_add_actions(flatten=True)
    return {name: found[name].to_pylist() for name in found.schema.names}


def listed_files(facts: Mapping[str, Sequence[Any]], base: str) -> list[File]:
    """Return the files of a snapshot, oldest first.

    Args:
        facts: as `facts_of_files` returns them.
        base: what the files' paths are relative to.

    Raises:
        ValueError: the log lacks something of a file: every commit of hubbub has all of it.
    """
    columns = ("path", "num_records", "size_bytes", "min.time", "max.time")
    missing = (None,) * len(facts["path"])
    files = []
    for row in zip(*(facts.get(name, missing) for name in columns), strict=True):
        if None in row:
            raise ValueError(f"the log lacks the rows or the times of {row[0]}")
        path, rows, size, first, last = row
        files.append(File(f"{base}/{path}", rows, size, to_micros(first), to_micros(last)))
    return sorted(files, key=lambda file: (file.first, file.uri))
