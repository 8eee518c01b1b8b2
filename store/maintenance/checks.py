"""Checks of `verify`: data files against the log, uniqueness of ids, messages per minute.

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
from hubbub.store.tables.id_index import Hashes, hashes
from hubbub.times import from_micros, to_micros

if TYPE_CHECKING:
    from hubbub.store.store import Store

__all__ = ["Comparison", "Contents", "check_table", "compare", "recount"]


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


BUCKETS = 16  # a power of two; 100 M texts need 50 MB for one of 16


@dataclass(slots=True)
class Comparison:
    """What a comparison found."""

    ids: int = 0
    unknown: int = 0  # that are not in the set
    spare: int = 0  # hashes of the set that belong to no text (they went, and do no harm)
    doubled: list[int] = field(default_factory=list)  # hashes


def compare(
    texts: Iterable[Sequence[str]], folder: Path, runs: Sequence[Hashes] | None = None
) -> Comparison:
    """Compare.

    Args:
        texts: in parts.
        folder: where there is room for 8 bytes a text; nothing stays there.
        runs: the set; None: only look for repeats.
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
    """The hashes of all runs that belong to a bucket, each once."""
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


_MINUTE = 60_000_000  # µs


def recount(store: Store, *, repair: bool = False) -> list[int]:
    """Minutes since the epoch whose count differs from the events table's.

    Minutes before the oldest event are not looked at: retention may have taken their events.

    Args:
        store: nobody loads meanwhile.
        repair: write down the right counts.
    """
    from ibis import _

    bounds = store.bounds()
    if bounds is None:
        return []
    first = bounds[0] // _MINUTE + 1
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
    found = dict(store.state.rows("SELECT minute, n FROM minutes WHERE minute >= ?", first))
    wrong = sorted(m for m in right.keys() | found.keys() if right.get(m, 0) != found.get(m, 0))
    if repair and wrong:
        with store.state.transaction() as db:
            db.executemany(
                "INSERT OR REPLACE INTO minutes VALUES (?, ?)",
                [(m, right.get(m, 0)) for m in wrong],
            )
    return wrong
