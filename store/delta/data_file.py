"""Parquet data files of a Delta table: the description of a committed one, and a durable writer.

Only `time` has column statistics, in Parquet and in the log, so that they never hold a name that
must be forgotten.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deltalake.transaction import AddAction

from hubbub.lazy import lazy_module
from hubbub.store.delta.lean_imports import arrow_without_pandas
from hubbub.store.disk.files import sync_file, sync_folder
from hubbub.times import from_micros, to_micros

if TYPE_CHECKING:
    from hubbub.store.delta.table import Table

__all__ = ["ROWS", "DataFileWriter", "File"]

ROWS = 65_536  # of a row group

pa = lazy_module("pyarrow")
pq = lazy_module("pyarrow.parquet")


@dataclass(frozen=True, slots=True)
class File:
    """A data file of a snapshot, with its first and last time (both inclusive, µs)."""

    uri: str
    rows: int
    bytes: int
    first: int
    last: int

    def overlaps(self, since: int | None, until: int | None) -> bool:
        """Whether the file may hold rows of [since, until)."""
        return (since is None or self.last >= since) and (until is None or self.first < until)


class DataFileWriter:
    """Writer of a new data file, which becomes part of the table only by a commit.

    Args:
        table: the table whose folder, schema and Parquet options to use.
        month: the partition, `YYYY-MM`.
        stem: name of the file without its suffix.
    """

    def __init__(self, table: Table, month: str, stem: str) -> None:
        arrow_without_pandas()
        folder = table.folder / f"month={month}"
        if not folder.is_dir():
            folder.mkdir()
            sync_folder(table.folder)
        self.path, self.month, self.rows = folder / f"{stem}{table.mark}.parquet", month, 0
        self._first, self._last = 0, 0
        try:
            self._writer = pq.ParquetWriter(
                self.path,
                table.schema,
                write_statistics=["time"],
                store_schema=False,
                write_page_checksum=True,
                **table.options,
            )
        except OSError:
            self.path.unlink(missing_ok=True)
            raise

    def write(self, rows: Any) -> None:
        """Append `rows`, sorted by time, as row groups of about `ROWS`.

        A reader of a part of them then reads little else, and one of all needs little memory.
        """
        if not rows.num_rows:
            return
        times = rows["time"]
        first, last = to_micros(times[0].as_py()), to_micros(times[-1].as_py())
        self._first = min(first, self._first) if self.rows else first
        self._last = max(last, self._last) if self.rows else last
        self.rows += rows.num_rows
        few = rows.num_rows < 2 * ROWS
        self._writer.write_table(rows, row_group_size=rows.num_rows if few else ROWS)

    def close(self, *, data_change: bool = True) -> AddAction:
        """Finish the file, fsync it and return the action that commits it.

        Args:
            data_change: False if the table held the same rows before, as in a compaction.
        """
        self._writer.close()
        sync_file(self.path)
        sync_folder(self.path.parent)
        statistics = {
            "numRecords": self.rows,
            "minValues": {"time": _timestamp(self._first)},
            "maxValues": {"time": _timestamp(self._last)},
            "nullCount": {"time": 0},
        }
        return AddAction(
            path=f"{self.path.parent.name}/{self.path.name}",
            size=self.path.stat().st_size,
            partition_values={"month": self.month},
            modification_time=time.time_ns() // 1_000_000,
            data_change=data_change,
            stats=json.dumps(statistics),
        )

    def discard(self) -> None:
        """Abandon the file and delete it."""
        self.path.unlink(missing_ok=True)
        with suppress(OSError, pa.ArrowException):  # on a full disk the footer cannot be written
            self._writer.close()


def _timestamp(micros: int) -> str:
    """Format a time (µs) as Delta's statistics do."""
    return f"{from_micros(micros):%Y-%m-%dT%H:%M:%S.%f}Z"
