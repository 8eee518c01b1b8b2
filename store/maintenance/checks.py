"""Checks for `verify`: data files against the log, messages per minute."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hubbub.language.plurals import plural
from hubbub.store.delta.data_file import File
from hubbub.store.delta.table import Table
from hubbub.store.loader.bus_stats import BUS
from hubbub.store.maintenance.pages import damaged_page
from hubbub.store.rollups.refresh import frozen
from hubbub.times import from_micros, to_micros

if TYPE_CHECKING:
    from hubbub.store.store import Store

__all__ = ["check_file", "recount"]

#: Takes rows of a table.
See: TypeAlias = Callable[[Any], object]

_BATCH_ROWS = 1 << 16
_MINUTE = 60_000_000  # µs
_SPAN = 100_000  # minutes that are compared at once


def check_file(table: Table, file: File, see: See, *, quick: bool = False) -> Iterator[str]:
    """Yield what is wrong with a data file.

    Every value of every column is decoded, and every page's checksum is verified.

    Args:
        table: the table.
        file: of its newest snapshot.
        see: gets all rows, in parts.
        quick: verify checksums and what the file says about itself, without decoding rows.
    """
    path = Path(file.uri)
    try:
        size = path.stat().st_size
    except OSError as e:
        yield f"a data file cannot be read: {e.strerror}"
        return
    if size != file.bytes:
        yield f"a data file of {plural(file.bytes, 'byte')} has {size:,}"
        return
    try:
        yield from _check_pages(table, file) if quick else _check_rows(table, file, see)
    except (OSError, pa.ArrowException, ValueError) as e:
        yield f"a data file cannot be read: {e}"


def _check_pages(table: Table, file: File) -> Iterator[str]:
    """Compare what a file says about itself with the log, and its pages with their checksums."""
    with pq.ParquetFile(file.uri) as parquet:
        metadata = parquet.metadata
        rows, times = metadata.num_rows, _time_statistics(metadata)
        absent = set(table.schema.names) - set(parquet.schema_arrow.names)
    if rows != file.rows:
        yield f"a data file of {plural(file.rows, 'row')} has {rows:,}"
    elif absent:
        yield f"a data file lacks the column {min(absent)}"
    elif times is not None and (times[0] < file.first or times[1] > file.last):
        yield "it has times outside of the range that the log states"
    elif damage := damaged_page(Path(file.uri), metadata):
        yield f"a data file is damaged: {damage}"


def _check_rows(table: Table, file: File, see: See) -> Iterator[str]:
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
            see(batch)
        statistics = _time_statistics(parquet.metadata)
    if rows != file.rows:
        yield f"a data file of {plural(file.rows, 'row')} has {rows:,}"
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


def recount(store: Store, since: int = 0, *, repair: bool = False) -> list[int]:
    """Return the minutes since the epoch whose stored count differs from the events table.

    Minutes before the oldest event are not checked: retention may have deleted their events.

    Args:
        store: the store; the caller holds the loader lock.
        since: only minutes that begin then or later, µs.
        repair: store the right counts.
    """
    bounds = store.bounds()
    if bounds is None:
        return []
    # not the oldest event alone: that of a wrong clock may be from any time
    first = max(bounds[0], frozen(store), since - 1) // _MINUTE + 1
    minutes, counts = _count_minutes(store, first)
    wrong: dict[int, int] = {}  # minute → right count
    last = store.state.rows("SELECT max(minute) FROM minutes")[0][0]
    end = max(int(minutes[-1]) if len(minutes) else first, first if last is None else int(last))
    for start in range(first, end + 1, _SPAN):
        low, high = np.searchsorted(minutes, [start, start + _SPAN])
        right = dict(zip(minutes[low:high].tolist(), counts[low:high].tolist(), strict=True))
        query = "SELECT minute, n FROM minutes WHERE minute >= ? AND minute < ?"
        stored = dict(store.state.rows(query, start, start + _SPAN))
        for minute in right.keys() | stored.keys():
            if right.get(minute, 0) != stored.get(minute, 0):
                wrong[minute] = right.get(minute, 0)
    if repair and wrong:
        with store.state.transaction() as db:
            db.executemany("INSERT OR REPLACE INTO minutes VALUES (?, ?)", wrong.items())
    return sorted(wrong)


def _count_minutes(store: Store, first: int) -> tuple[Any, Any]:
    """Return the minutes from this one on in which the bus was heard, in order, and how often."""
    from ibis import _

    counted = (
        store.events()
        .filter(_.source.split(":")[0].isin(sorted(BUS)))
        .group_by(minute=_.time.epoch_seconds() // 60)
        .agg(n=_.count())
        .filter(_.minute >= first)
        .to_pyarrow()
    )
    minutes, counts = (np.asarray(counted[name].cast(pa.int64())) for name in ("minute", "n"))
    order = np.argsort(minutes)
    return minutes[order], counts[order]
