"""Merge sorted data files into one sorted stream of rows, in bounded memory.

A file is opened when its first row is due, so that files which follow each other in time are never
open together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import inf
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hubbub.store.delta.data_file import ROWS, File
from hubbub.store.delta.table import Table

__all__ = ["merge_files", "row_groups"]

BYTES = 16 << 20  # of a row group, in memory
_PART = 4_096  # rows read from a file at once; sixteen files may be open
_BUFFER = 1 << 18  # bytes of a column read at once
# the same for tables with large rows
_LARGE_PART = 512
_LARGE_BYTES = 4 << 20


def row_groups(table: Table, parts: Iterable[Any]) -> Iterator[Any]:
    """Combine consecutive parts into row groups of about `ROWS` rows or `BYTES` bytes."""
    limit = _LARGE_BYTES if _has_large_rows(table) else BYTES
    group: list[Any] = []
    rows = size = 0
    for part in parts:
        group.append(part)
        rows += part.num_rows
        size += part.nbytes
        if rows >= ROWS or size >= limit:
            yield pa.concat_tables(group)
            group, rows, size = [], 0, 0
    if rows:
        yield pa.concat_tables(group)


def merge_files(
    table: Table, files: Sequence[File], *, rows: int = 0, columns: Sequence[str] = ()
) -> Iterator[Any]:
    """Yield the rows of these files as Arrow tables in the table's sort order.

    All rows with the same time are in the same part.

    Args:
        table: whose files they are.
        files: of one snapshot; each is sorted by time.
        rows: to read from a file at once; 0: as suits the table.
        columns: to read; none: all of them. Only the times of rows are then in order.

    Raises:
        OSError, pa.ArrowException: a file cannot be read.
    """
    rows = rows or (_LARGE_PART if _has_large_rows(table) else _PART)
    schema, order = table.schema, table.order
    if columns:
        schema, order = pa.schema([schema.field(name) for name in columns]), ("time",)
    waiting = sorted(files, key=lambda file: file.first, reverse=True)
    inputs: list[_Input] = []
    try:
        while inputs or waiting:
            limit = min((file.bound for file in inputs), default=inf)
            while waiting and (not inputs or waiting[-1].first <= limit):
                inputs.append(_Input(waiting.pop(), table, schema, rows))
                limit = min(limit, inputs[-1].bound)
            ready = [part for file in inputs for part in file.take_before(limit)]
            for file in inputs:
                if file.bound <= limit:
                    file.read()
            for file in [file for file in inputs if file.exhausted]:
                file.close()
                inputs.remove(file)
            if ready:
                part = pa.concat_tables(ready)
                if len(ready) > 1:
                    part = part.sort_by([(name, "ascending") for name in order])
                yield part
    finally:
        for file in inputs:
            file.close()


def _has_large_rows(table: Table) -> bool:
    return "body" in table.schema.names


class _Input:
    """An open file, read as far as necessary.

    Attributes:
        bound: all rows with an earlier time were read (µs); infinity at the end of the file.
    """

    def __init__(self, file: File, table: Table, schema: Any, rows: int) -> None:
        table.localize([file.uri])
        self._table, self._uri = table, file.uri
        # not the whole file at once: sixteen of them are open where their times overlap
        self._file = pq.ParquetFile(file.uri, pre_buffer=False, buffer_size=_BUFFER)
        self._schema = schema
        self._parts = self._file.iter_batches(rows, columns=schema.names, use_threads=False)
        self._rows: Any = schema.empty_table()
        self._times: NDArray[np.int64] = np.empty(0, np.int64)
        self.bound: float = -inf
        self.read()

    @property
    def exhausted(self) -> bool:
        """Whether all rows were taken."""
        return self.bound == inf and not self._rows.num_rows

    def read(self) -> None:
        """Read the next part of the file."""
        part = next(self._parts, None)
        if part is None:
            self.bound = inf
            return
        new = pa.Table.from_batches([part]).cast(self._schema)
        self._rows = pa.concat_tables([self._rows, new])
        self._times = self._rows["time"].cast(pa.int64()).to_numpy()
        self.bound = int(self._times[-1])

    def take_before(self, limit: float) -> Iterator[Any]:
        """Yield the rows read so far with a time before the limit, and drop them here."""
        n = len(self._times) if limit == inf else int(np.searchsorted(self._times, limit))
        if n:
            yield self._rows.slice(0, n)
            self._rows, self._times = self._rows.slice(n), self._times[n:]

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        self._table.release([self._uri])
