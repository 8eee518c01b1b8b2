"""Checks for `verify`: data files against the log, uniqueness of ids, messages per minute.

Every value of every column is decoded and every page's checksum is verified. Uniqueness is checked
with 8-byte hashes, partitioned into buckets on disk, so that memory stays bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hubbub.store.delta.data_file import File
from hubbub.store.delta.table import Table
from hubbub.store.loader.bus_stats import BUS
from hubbub.store.rollups.refresh import frozen
from hubbub.store.tables.id_index import Hashes, hashes
from hubbub.times import from_micros, to_micros

if TYPE_CHECKING:
    from hubbub.store.store import Store

__all__ = ["Comparison", "TableCheck", "check_table", "compare", "recount"]


_BATCH_ROWS = 1 << 16
_MINUTE = 60_000_000  # µs
BUCKETS = 16  # a power of two; for 100 M texts each of the 16 needs 50 MB


@dataclass(slots=True)
class TableCheck:
    """The result of reading a table."""

    files: int = 0
    rows: int = 0
    faults: list[tuple[str, str]] = field(default_factory=list)  # (description, file)


def check_table(
    table: Table, progress: Callable[[str], None] = lambda _: None, *, quick: bool = False
) -> TableCheck:
    """Read and check all files of the newest snapshot.

    Args:
        table: the table.
        progress: called with each file that is checked next.
        quick: read only how many rows each file states, and not the rows.

    Raises:
        StoreError: the Delta log is damaged.
    """
    out = TableCheck()
    for file in table.files():
        progress(f"{table.name}: {Path(file.uri).name}")
        out.files += 1
        out.rows += file.rows
        faults = _check_file(table, file, quick=quick)
        out.faults += [(fault, file.uri) for fault in faults]
    return out


def _check_file(table: Table, file: File, *, quick: bool) -> Iterator[str]:
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
        yield from _check_footer(table, file) if quick else _check_rows(table, file)
    except (OSError, pa.ArrowException, ValueError) as e:
        yield f"a data file cannot be read: {e}"


def _check_footer(table: Table, file: File) -> Iterator[str]:
    """Compare what a file says about itself with the log."""
    with pq.ParquetFile(file.uri) as parquet:
        rows, times = parquet.metadata.num_rows, _time_statistics(parquet.metadata)
        absent = set(table.schema.names) - set(parquet.schema_arrow.names)
    if rows != file.rows:
        yield f"a data file of {file.rows:,} rows has {rows:,}"
    elif absent:
        yield f"a data file lacks the column {min(absent)}"
    elif times is not None and (times[0] < file.first or times[1] > file.last):
        yield "it has times outside of the range that the log states"


def _check_rows(table: Table, file: File) -> Iterator[str]:
    """Read all rows of a file, and compare them with the log and with the file's statistics."""
    month = Path(file.uri).parent.name.removeprefix("month=")
    rows, last = 0, -1
    first: int | None = None
    with pq.ParquetFile(file.uri, page_checksum_verification=True) as parquet:
        for part in parquet.iter_batches(_BATCH_ROWS, columns=table.schema.names):
            batch = pa.Table.from_batches([part]).cast(table.schema)
            batch.validate(full=True)
            times = batch["time"].cast(pa.int64())
            earliest, latest = (int(getattr(pc, n)(times).as_py()) for n in ("min", "max"))
            if not _ascending(times) or earliest < last:
                yield "its rows are not sorted by time"
                return
            first = earliest if first is None else first
            last = latest
            rows += part.num_rows
        statistics = _time_statistics(parquet.metadata)
    if rows != file.rows:
        yield f"a data file of {file.rows:,} rows has {rows:,}"
    elif first is not None and (first < file.first or last > file.last):
        yield "it has times outside of the range that the log states"
    elif first is not None and statistics not in {None, (first, last)}:
        yield "its statistics do not match its rows"
    elif first is not None and {f"{from_micros(t):%Y-%m}" for t in (first, last)} != {month}:
        yield f"it has times of another month than {month}"


def _time_statistics(metadata: Any) -> tuple[int, int] | None:
    """Return the first and last time (µs) by the statistics that engines skip row groups by."""
    out: list[int] = []
    for i in range(metadata.num_row_groups):
        group = metadata.row_group(i)
        for column in map(group.column, range(group.num_columns)):
            if column.path_in_schema == "time" and column.is_stats_set:
                out += (to_micros(column.statistics.min), to_micros(column.statistics.max))
    return (min(out), max(out)) if out else None


def _ascending(times: Any) -> bool:
    column = times.combine_chunks()
    if len(column) < 2:  # noqa: PLR2004 - a pair
        return True
    return bool(pc.all(pc.less_equal(column[:-1], column[1:])).as_py())


@dataclass(slots=True)
class Comparison:
    """The result of comparing ids with the id index."""

    ids: int = 0
    unknown: int = 0  # ids that are not in the index
    spare: int = 0  # hashes in the index without an id: of deleted events, harmless
    doubled: list[int] = field(default_factory=list)  # hashes that occur more than once


def compare(
    texts: Iterable[Sequence[str]], folder: Path, runs: Sequence[Hashes] | None = None
) -> Comparison:
    """Look for repeated ids, and compare ids with the id index.

    Args:
        texts: the ids, in parts.
        folder: for temporary files of 8 bytes per id.
        runs: the id index; None: only look for repeats.
    """
    out = Comparison()
    shift = np.uint64(64 - (BUCKETS.bit_length() - 1))
    files = [TemporaryFile(dir=folder) for _ in range(BUCKETS)]  # noqa: SIM115 - closed below
    try:
        for part in texts:
            values = hashes(part)
            out.ids += len(values)
            bucket = values >> shift
            for number in np.unique(bucket).tolist():
                files[number].write(values[bucket == number].tobytes())
        for number, file in enumerate(files):
            file.seek(0)
            values = np.sort(np.frombuffer(file.read(), dtype="<u8"))
            unique = np.unique(values)
            if len(unique) < len(values):
                out.doubled += np.unique(values[1:][values[1:] == values[:-1]]).tolist()
            if runs is not None:
                known = _bucket(runs, number, shift)
                out.unknown += len(np.setdiff1d(unique, known, assume_unique=True))
                out.spare += len(np.setdiff1d(known, unique, assume_unique=True))
    finally:
        for file in files:
            file.close()
    return out


def _bucket(runs: Sequence[Hashes], number: int, shift: np.uint64) -> Hashes:
    """Return the distinct hashes of all runs that belong to a bucket."""
    low = np.uint64(number << int(shift))
    parts = []
    for run in runs:
        start = np.searchsorted(run, low)
        end = (
            len(run)
            if number == BUCKETS - 1
            else np.searchsorted(run, np.uint64((number + 1) << int(shift)))
        )
        parts.append(np.asarray(run[start:end]))
    return np.unique(np.concatenate(parts)) if parts else np.empty(0, dtype="<u8")


def recount(store: Store, *, repair: bool = False) -> list[int]:
    """Return the minutes since the epoch whose stored count differs from the events table.

    Minutes before the oldest event are not checked: retention may have deleted their events.

    Args:
        store: the store; the caller holds the loader lock.
        repair: store the right counts.
    """
    from ibis import _

    bounds = store.bounds()
    if bounds is None:
        return []
    # not the oldest event alone: that of a wrong clock may be from any time
    first = max(bounds[0], frozen(store)) // _MINUTE + 1
    counted = (
        store.events()
        .filter(_.source.split(":")[0].isin(sorted(BUS)))
        .group_by(minute=_.time.epoch_seconds() // 60)
        .agg(n=_.count())
        .to_pyarrow()
        .to_pydict()
    )
    right = {int(m): int(n) for m, n in zip(counted["minute"], counted["n"], strict=True)}
    right = {minute: n for minute, n in right.items() if minute >= first}
    stored = dict(store.state.rows("SELECT minute, n FROM minutes WHERE minute >= ?", first))
    wrong = sorted(m for m in right.keys() | stored.keys() if right.get(m, 0) != stored.get(m, 0))
    if repair and wrong:
        with store.state.transaction() as db:
            db.executemany(
                "INSERT OR REPLACE INTO minutes VALUES (?, ?)",
                [(m, right.get(m, 0)) for m in wrong],
            )
    return wrong
