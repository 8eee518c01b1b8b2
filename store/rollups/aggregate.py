"""Count messages and bytes by period and name from data files of events.

Memory is bounded by one part of a file and the sums. DuckDB would hold the rows of all files, and
its library alone would add 30 MB to the loader.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from hubbub.lazy import lazy_module

__all__ = ["SATURATED", "add_up", "by_topic", "by_user"]

pc = lazy_module("pyarrow.compute")
pq = lazy_module("pyarrow.parquet")

#: Sums above it are stored as it: Arrow's would wrap to a negative number.
SATURATED = 2**63 - 1

_PART = 1 << 16  # rows of events read at once
_HELD = 1 << 18  # rows of partial sums after which they are added up


def by_user(files: Sequence[str], unit: int, since: int) -> Any:
    """Count for each account the messages that name it and those it caused, and their bytes.

    Args:
        files: of events.
        unit: length of a period, µs.
        since: count events from this time on, µs.

    Returns:
        time (start of the period: µs, int64), user, named, named_bytes, acted, acted_bytes; a row
        for each period and user, sorted by them.

    Raises:
        OSError, pa.ArrowException: a file cannot be read.
    """
    keys = ["time", "user"]

    def count(rows: Any) -> Any:
        parents = pc.list_parent_indices(rows["users"])
        named = _sums(
            {
                "time": pc.take(rows["time"], parents),
                "user": pc.list_flatten(rows["users"]),
                "size": pc.take(rows["size"], parents),
            }
        ).rename_columns([*keys, "named", "named_bytes"])
        acted = _sums({"time": rows["time"], "user": rows["agent"], "size": rows["size"]})
        acted = acted.filter(pc.is_valid(acted["user"]))
        acted = acted.rename_columns([*keys, "acted", "acted_bytes"])
        both = pa.concat_tables([named, acted], promote_options="default")
        zero = pa.scalar(0, pa.int64())
        return pa.table(
            {
                name: both[name] if name in keys else pc.fill_null(both[name], zero)
                for name in both.column_names
            }
        )

    return _total(map(count, _rows(files, ["agent", "users"], unit, since)), keys)


def by_topic(files: Sequence[str], unit: int, since: int) -> Any:
    """Count the messages of each topic, and their bytes; arguments and errors as in `by_user`.

    Returns:
        time (µs, int64), topic, category, events, bytes; sorted by the first three.
    """
    keys = ["time", "topic", "category"]

    def count(rows: Any) -> Any:
        sums = _sums({name: rows[name] for name in [*keys, "size"]})
        return sums.rename_columns([*keys, "events", "bytes"])

    return _total(map(count, _rows(files, ["topic", "category"], unit, since)), keys)


def _rows(files: Sequence[str], names: Sequence[str], unit: int, since: int) -> Iterator[Any]:
    """Yield the files' rows in parts; `time` is the start of the period."""
    for path in files:
        with pq.ParquetFile(path, pre_buffer=False) as file:
            for part in file.iter_batches(_PART, columns=["time", "size", *names]):
                times = part.column("time").cast(pa.int64())
                starts = pc.multiply(pc.divide(times, unit), unit)
                rows = pa.table({"time": starts, **{n: part.column(n) for n in ("size", *names)}})
                yield rows.filter(pc.greater_equal(times, since)) if since else rows


def _sums(columns: dict[str, Any]) -> Any:
    """Group by all columns but `size`; add its count and its sum."""
    keys = [name for name in columns if name != "size"]
    rows = pa.table(columns)
    ones = pa.array(np.ones(rows.num_rows, np.int64))
    return add_up(rows.append_column("count", ones), keys, ["count", "size"])


def add_up(
    rows: Any,
    keys: Sequence[str],
    names: Sequence[str],
    *,
    least: Sequence[str] = (),
    most: Sequence[str] = (),
) -> Any:
    """Group by the keys and sum the named columns (int64, not negative), at most to `SATURATED`.

    Args:
        rows: the keys and the other columns.
        keys: names of the columns to group by.
        names: columns to sum.
        least: columns of which the smallest value is kept.
        most: columns of which the greatest value is kept.

    Returns:
        The keys and the other columns, by their names.
    """
    for name in names:
        if rows.num_rows * (pc.max(rows[name]).as_py() or 0) > SATURATED:
            place = rows.column_names.index(name)
            rows = rows.set_column(place, name, pc.cast(rows[name], pa.decimal128(38, 0)))
    functions = (("sum", names), ("min", least), ("max", most))
    values = [(name, function) for function, columns in functions for name in columns]
    sums = rows.group_by(list(keys)).aggregate(values)
    sums = sums.rename_columns([*keys, *(name for name, _ in values)])
    limit = pa.scalar(SATURATED).cast(pa.decimal128(38, 0))
    for place, field in enumerate(sums.schema):
        if pa.types.is_decimal(field.type):
            bounded = pc.if_else(pc.greater(sums[field.name], limit), limit, sums[field.name])
            sums = sums.set_column(place, field.name, pc.cast(bounded, pa.int64()))
    return sums


def _total(parts: Iterator[Any], keys: Sequence[str]) -> Any:
    """Add up partial sums: one row for each combination of the keys, sorted by them."""
    held: list[Any] = []
    for part in parts:
        held.append(part)
        if sum(sums.num_rows for sums in held) >= max(_HELD, 2 * held[0].num_rows):
            held = [_add(held, keys)]
    return _add(held, keys).sort_by([(key, "ascending") for key in keys])


def _add(parts: Sequence[Any], keys: Sequence[str]) -> Any:
    """Add up the columns that are not keys."""
    names = list(parts[0].column_names)
    sums = [name for name in names if name not in keys]
    return add_up(pa.concat_tables(parts), keys, sums).select(names)
