"""Parquet data files of a Delta table: writing one durably, and describing one of the log.

Only `time` has column statistics, in Parquet and in the log, so that no forgotten name stays in
them.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake.transaction import AddAction

from hubbub.store.disk.files import sync_file, sync_folder
from hubbub.times import from_micros, to_micros

if TYPE_CHECKING:
    from hubbub.store.delta.table import Table

__all__ = ["DataFileWriter", "File"]


@dataclass(frozen=True, slots=True)
class File:
    """One data file of a snapshot, with the times it holds (both inclusive, µs)."""

    uri: str
    rows: int
    bytes: int
    first: int
    last: int

    def overlaps(self, since: int | None, until: int | None) -> bool:
        """Whether it may hold events of [since, until)."""
        return (since is None or self.last >= since) and (until is None or self.first < until)


class DataFileWriter:
    """A data file of a month that is being written; no part of the table before it is committed.

    `stem` is its name without its end.
    """

    def __init__(self, table: Table, month: str, stem: str) -> None:
        folder = table.folder / f"month={month}"
        if not folder.is_dir():
            folder.mkdir()
            sync_folder(table.folder)
        self.path, self.month, self.rows = folder / f"{stem}.parquet", month, 0
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
        """Add a row group; rows sorted by time."""
        if not rows.num_rows:
            return
        times = rows["time"]
        first, last = (to_micros(times[at].as_py()) for at in (0, rows.num_rows - 1))
        self._first = min(first, self._first) if self.rows else first
        self._last = max(last, self._last) if self.rows else last
        self.rows += rows.num_rows
        self._writer.write_table(rows, row_group_size=max(rows.num_rows, 1))

    def close(self, *, data_change: bool = True) -> AddAction:
        """Durable; what a commit needs. `data_change`: False where the rows were there before."""
        self._writer.close()
        sync_file(self.path)
        sync_folder(self.path.parent)
        statistics = {
            "numRecords": self.rows,
            "minValues": {"time": _log_time(self._first)},
            "maxValues": {"time": _log_time(self._last)},
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
        """Leave nothing."""
        self.path.unlink(missing_ok=True)
        with suppress(OSError, pa.ArrowException):  # on a full disk its end cannot be written
            self._writer.close()


def _log_time(micros: int) -> str:
    """A time as Delta's statistics spell it."""
    return f"{from_micros(micros):%Y-%m-%dT%H:%M:%S.%f}Z"
