"""Rows of many sorted files in one order, a part at a time, with little memory.

Comes in: files of a table, each sorted by time. Goes out: Arrow tables sorted by the table's order,
one after the other; all rows of one time are in the same part. A file is opened when its first row
is due, so that files which follow each other in time are never open together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import inf
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hubbub.store.delta.data_file import File
from hubbub.store.delta.table import Table

__all__ = ["row_groups", "merge_files"]

ROWS = 65_536  # of a row group
BYTES = 16 << 20  # of a row group, in memory
_PART = 4_096  # rows read of a file at once; sixteen may be open
_BUFFER = 1 << 18  # bytes of a column read at once
_LARGE = 512, 4 << 20  # rows read and bytes of a row group for a table whose rows are large


def row_groups(table: Table, parts: Iterable[Any]) -> Iterator[Any]:
    """Row groups of the parts, in order; each has about `ROWS` or `BYTES`, or is the last."""
    held: list[Any] = []
    n = held_bytes = 0
    size = _LARGE[1] if _large(table) else BYTES
    for part in parts:
        held.append(part)
        n, held_bytes = n + part.num_rows, held_bytes + part.nbytes
        if n >= ROWS or held_bytes >= size:
            yield pa.concat_tables(held)
            held, n, held_bytes = [], 0, 0
    if n:
        yield pa.concat_tables(held)


def merge_files(table: Table, files: Sequence[File], *, rows: int = 0) -> Iterator[Any]:
    """The rows of these files, sorted.

    Args:
        table: whose files they are.
        files: of one snapshot.
        rows: read of a file at once; 0: by the table.

    Raises:
        OSError, pa.ArrowException: a file cannot be read.
    """
    rows = rows or (_LARGE[0] if _large(table) else _PART)
    waiting = sorted(files, key=lambda file: file.first, reverse=True)
    inputs: list[_Input] = []
    try:
        while inputs or waiting:
            limit = min((one.bound for one in inputs), default=inf)
            while waiting and (not inputs or waiting[-1].first <= limit):
                inputs.append(_Input(waiting.pop(), table, rows))
                limit = min(limit, inputs[-1].bound)
            ready = [part for one in inputs for part in one.before(limit)]
            for one in [one for one in inputs if one.bound <= limit]:
                one.read()
            for one in [one for one in inputs if one.over]:
                one.close()
                inputs.remove(one)
            if ready:
                part = pa.concat_tables(ready)
                if len(ready) > 1:
                    part = part.sort_by([(name, "ascending") for name in table.order])
                yield part
    finally:
        for one in inputs:
            one.close()


def _large(table: Table) -> bool:
    return "body" in table.schema.names


class _Input:
    """One file, read as far as is needed.

    Attributes:
        bound: all its rows with an earlier time were read (µs); infinity where all were.
    """

    def __init__(self, file: File, table: Table, rows: int) -> None:
        # not the whole file at once: sixteen of them are open where their times overlap
        self._file = pq.ParquetFile(file.uri, pre_buffer=False, buffer_size=_BUFFER)
        self._schema = table.schema
        self._parts = self._file.iter_batches(rows, columns=table.schema.names, use_threads=False)
        self._held: Any = table.schema.empty_table()
        self._times: NDArray[np.int64] = np.empty(0, np.int64)
        self.bound: float = -inf
        self.read()

    @property
    def over(self) -> bool:
        """Whether everything was given."""
        return self.bound == inf and not self._held.num_rows

    def read(self) -> None:
        """Read the next part."""
        part = next(self._parts, None)
        if part is None:
            self.bound = inf
            return
        new = pa.Table.from_batches([part]).cast(self._schema)
        self._held = pa.concat_tables([self._held, new])
        self._times = self._held["time"].cast(pa.int64()).to_numpy()
        self.bound = int(self._times[-1])

    def before(self, limit: float) -> Iterator[Any]:
        """The rows that were read with a time before the limit, at most once."""
        n = len(self._times) if limit == inf else int(np.searchsorted(self._times, limit))
        if n:
            yield self._held.slice(0, n)
            self._held, self._times = self._held.slice(n), self._times[n:]

    def close(self) -> None:
        """Close the file."""
        self._file.close()
