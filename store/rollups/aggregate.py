"""What rollups are made of: messages and bytes by period and name, counted from files of events.

Comes in: data files of the events table. Goes out: an Arrow table with a row for each period and
name, sorted by them. It takes the memory of one part of a file and of the sums: an SQL engine that
counts the same has the rows of all files in memory, and its library is 30 MB of the loader.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

__all__ = ["by_topic", "by_user"]

_PART = 1 << 16  # rows of events read at once
_HELD = 1 << 18  # rows of sums that wait to be added up


def by_user(files: Sequence[str], unit: int, since: int) -> Any:
    """How often each account was named and acted, and the bytes of those messages.

    Args:
        files: of events.
        unit: length of a period, µs.
        since: events from this time on count, µs.

    Returns:
        time (µs, int64), user, named, named_bytes, acted, acted_bytes; by time and user.

    Raises:
        OSError, pa.ArrowException: a file cannot be read.
    """

    def count(rows: Any) -> Any:
        at = pc.list_parent_indices(rows["users"])
        named = _sums(
            {
                "time": pc.take(rows["time"], at),
                "user": pc.list_flatten(rows["users"]),
                "size": pc.take(rows["size"], at),
            }
        ).rename_columns(["time", "user", "named", "named_bytes"])
        acted = _sums({"time": rows["time"], "user": rows["agent"], "size": rows["size"]})
        acted = acted.filter(pc.is_valid(acted["user"]))
        acted = acted.rename_columns(["time", "user", "acted", "acted_bytes"])
        both = pa.concat_tables([named, acted], promote_options="default")
        nothing = pa.scalar(0, pa.int64())
        return pa.table(
            {
                name: pc.fill_null(both[name], nothing) if at > 1 else both[name]
                for at, name in enumerate(both.column_names)
            }
        )

    return _added_up(map(count, _rows(files, ["agent", "users"], unit, since)), 2)


def by_topic(files: Sequence[str], unit: int, since: int) -> Any:
    """How many messages each topic had, and their bytes; see `by_user`.

    Returns:
        time (µs, int64), topic, category, events, bytes; by the first three.
    """

    def count(rows: Any) -> Any:
        names = ["time", "topic", "category", "size"]
        sums = _sums({name: rows[name] for name in names})
        return sums.rename_columns(["time", "topic", "category", "events", "bytes"])

    return _added_up(map(count, _rows(files, ["topic", "category"], unit, since)), 3)


def _rows(files: Sequence[str], names: Sequence[str], unit: int, since: int) -> Iterator[Any]:
    """Parts of the files; their times are starts of periods."""
    for path in files:
        with pq.ParquetFile(path, pre_buffer=False) as file:
            for part in file.iter_batches(_PART, columns=["time", "size", *names]):
                time = part.column("time").cast(pa.int64())
                start = pc.multiply(pc.divide(time, unit), unit)
                rows = pa.table({"time": start, **{n: part.column(n) for n in ("size", *names)}})
                yield rows.filter(pc.greater_equal(time, since)) if since else rows


def _sums(columns: dict[str, Any]) -> Any:
    """The columns but `size`, then its count and its sum; a row for each combination."""
    keys = [name for name in columns if name != "size"]
    sums = pa.table(columns).group_by(keys).aggregate([("size", "count"), ("size", "sum")])
    return sums.select([*keys, "size_count", "size_sum"])


def _added_up(parts: Iterator[Any], keys: int) -> Any:
    """The rows of all parts, whose first `keys` columns are names and whose others are sums."""
    held: list[Any] = []
    for part in parts:
        held.append(part)
        if sum(one.num_rows for one in held) >= max(_HELD, 2 * held[0].num_rows):
            held = [_grouped(held, keys)]
    return _grouped(held, keys).sort_by([(name, "ascending") for name in _names(held)[:keys]])


def _grouped(held: Sequence[Any], keys: int) -> Any:
    names = _names(held)
    sums = (
        pa.concat_tables(held).group_by(names[:keys]).aggregate([(n, "sum") for n in names[keys:]])
    )
    return sums.rename_columns(names)


def _names(held: Sequence[Any]) -> list[str]:
    return list(held[0].column_names)
