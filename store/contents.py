"""Whether the data files of a table are what its log says: there, whole, in order, of their month.

Comes in: a table. Goes out: counts, and sentences about each file that is not so. Every value of
every column is decoded, and every page's checksum looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hubbub.store.delta import File, Table
from hubbub.times import from_micros, to_micros

__all__ = ["Contents", "check_table"]

_PART = 1 << 16  # rows at once


@dataclass(slots=True)
class Contents:
    """What was read of a table."""

    files: int = 0
    rows: int = 0
    faults: list[tuple[str, str]] = field(default_factory=list)  # what, file


def check_table(table: Table, progress: Callable[[str], None] = lambda _: None) -> Contents:
    """Read every file of the newest snapshot.

    Raises:
        StoreError: the Delta log is damaged.
    """
    out = Contents()
    for file in table.files():
        progress(f"{table.name}: {Path(file.uri).name}")
        out.files += 1
        out.rows += file.rows
        out.faults += [(what, file.uri) for what in _check(table, file)]
    return out


def _check(table: Table, file: File) -> Iterator[str]:
    path = Path(file.uri)
    try:
        size = path.stat().st_size
    except OSError as e:
        yield f"a data file cannot be read: {e.strerror}"
        return
    if size != file.bytes:
        yield f"a data file of {file.bytes:,} bytes has {size:,}"
        return
    try:
        yield from _rows(table, file)
    except (OSError, pa.ArrowException, ValueError) as e:
        yield f"a data file cannot be read: {e}"


def _rows(table: Table, file: File) -> Iterator[str]:
    """Statements about what is in a file that can be read."""
    month = Path(file.uri).parent.name.removeprefix("month=")
    rows, last = 0, -1
    first: int | None = None
    with pq.ParquetFile(file.uri, page_checksum_verification=True) as one:
        for part in one.iter_batches(_PART, columns=table.schema.names):
            batch = pa.Table.from_batches([part]).cast(table.schema)
            batch.validate(full=True)
            times = batch["time"].cast(pa.int64())
            least, most = (int(getattr(pc, n)(times).as_py()) for n in ("min", "max"))
            if not _ascending(times) or least < last:
                yield "its rows are not sorted by time"
                return
            first, last, rows = least if first is None else first, most, rows + part.num_rows
        stated = _stated(one.metadata)
    if rows != file.rows:
        yield f"a data file of {file.rows:,} rows has {rows:,}"
    elif first is not None and (first < file.first or last > file.last):
        yield "it holds times that the log does not tell of"
    elif first is not None and stated not in {None, (first, last)}:
        yield "its statistics are not those of its rows"
    elif first is not None and {f"{from_micros(t):%Y-%m}" for t in (first, last)} != {month}:
        yield f"it holds times of another month than {month}"


def _stated(metadata: Any) -> tuple[int, int] | None:
    """The first and last time by the file's own statistics, µs: engines skip row groups by them."""
    out: list[int] = []
    for at in range(metadata.num_row_groups):
        group = metadata.row_group(at)
        for column in map(group.column, range(group.num_columns)):
            if column.path_in_schema == "time" and column.is_stats_set:
                out += (to_micros(column.statistics.min), to_micros(column.statistics.max))
    return (min(out), max(out)) if out else None


def _ascending(times: Any) -> bool:
    column = times.combine_chunks()
    if len(column) < 2:  # noqa: PLR2004 - a pair
        return True
    return bool(pc.all(pc.less_equal(column[:-1], column[1:])).as_py())
