"""Actions: runs of messages of one user on one target without a pause of ten minutes.

The target of a message is its first object, or its category where it names no object. Runs are cut
at midnight (UTC), so that the runs of a day depend on the events of that day alone. Adding events
only extends or joins runs: the runs of two sets of events together are the joined runs of each. So
runs can be appended for new events without reading the old ones, and joined later (`join_runs`).

The first row of a user's day also sums up the actions of the day, so that most questions read a row
for each day instead of one for each action. Runs of the first ten minutes of a day are not in these
sums, since they may continue an action of the day before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hubbub.lazy import lazy_module

__all__ = ["COLUMNS", "PAUSE", "SCALE", "SUMS", "by_action", "join_runs", "joined_by_day"]

pc = lazy_module("pyarrow.compute")
pq = lazy_module("pyarrow.parquet")

#: A longer pause (µs) begins a new action.
PAUSE = timedelta(minutes=10) // timedelta(microseconds=1)

#: Of the sums of unit vectors on a clock face: integers, so that their order does not matter.
SCALE = 10_000
#: Columns of events that are read to find actions.
COLUMNS = ("time", "category", "users", "objects")
#: Columns that only the first row of a user's day has; see `join_runs`.
SUMS = ("final", "later", "hours", "x", "y")

Column: TypeAlias = NDArray[np.int64]

_PART = 1 << 16  # rows of events read at once
_HELD = 1 << 19  # runs after which they are joined
_DAY = timedelta(days=1) // timedelta(microseconds=1)
_HOUR = _DAY // 24
_RUN = ("time", "user", "target", "start", "length", "messages")


def by_action(files: Sequence[str], unit: int, since: int) -> Any:
    """Find the actions of each user whom the events of these files name.

    Args:
        files: of events.
        unit: length of a period, µs: a day.
        since: only events from this time on, µs.

    Returns:
        The columns of `join_runs`.

    Raises:
        OSError, pa.ArrowException: a file cannot be read.
    """
    held: list[Any] = []
    joined = 0  # rows of the first table, which is joined
    for path in files:
        with pq.ParquetFile(path, pre_buffer=False) as file:
            for part in file.iter_batches(_PART, columns=[*COLUMNS]):
                rows = _messages(part, unit)
                if since:
                    rows = rows.filter(pc.greater_equal(rows["start"], since))
                held.append(rows)
                if sum(rows.num_rows for rows in held) >= max(_HELD, 2 * joined):
                    held = [join_runs(pa.concat_tables(held)).select(_RUN)]
                    joined = held[0].num_rows
    return join_runs(pa.concat_tables(held))


def joined_by_day(parts: Iterable[Any], unit: int) -> Iterator[Any]:
    """Yield the actions in events, some whole days at a time; memory is bounded by these.

    Args:
        parts: tables with the `COLUMNS` of events, one after the other by time.
        unit: length of a period, µs: a day.
    """
    held: list[Any] = []
    rows, enough = 0, _HELD
    for part in parts:
        for batch in part.combine_chunks().to_batches():
            held.append(_messages(batch, unit))
            rows += held[-1].num_rows
        if rows < enough:
            continue
        runs = pa.concat_tables(held)
        last = pc.max(runs["time"])  # a day of which more may follow
        if pc.less(pc.min(runs["time"]), last).as_py():
            yield join_runs(runs.filter(pc.less(runs["time"], last)))
            runs = runs.filter(pc.equal(runs["time"], last))
        else:
            runs = join_runs(runs).select(_RUN)
        held, rows = [runs], runs.num_rows
        enough = max(_HELD, 2 * rows)
    if rows:
        yield join_runs(pa.concat_tables(held))


def _messages(events: Any, unit: int) -> Any:
    """Return a run of one message for each user of each event."""
    times = events.column("time").cast(pa.int64())
    objects = events.column("objects")
    lengths = np.asarray(pc.fill_null(pc.list_value_length(objects), 0))
    first = pa.array(np.asarray(objects.offsets)[:-1], mask=lengths == 0)
    target = pc.coalesce(objects.values.take(first), events.column("category"))
    users = events.column("users")
    parents = pc.list_parent_indices(users)
    start = times.take(parents)
    zeros = np.zeros(len(parents), np.int64)
    days = np.floor_divide(np.asarray(start), unit) * unit
    columns = (days, pc.list_flatten(users), target.take(parents), start, zeros, zeros + 1)
    return pa.table(dict(zip(_RUN, columns, strict=True)))


def join_runs(rows: Any) -> Any:
    """Join the runs of a user and target in a day that no pause separates.

    Args:
        rows: columns `time` (start of the day, µs), `user`, `target`, `start` (µs), `length` (µs,
            from the first message to the last one), `messages`; in any order.

    Returns:
        The same columns; and for the user's actions in a day, whatever the target: `gap` (µs from
        this start to the next one; null in the last row), and in the first row (else null):

        - `final` (µs): the start of the last action,
        - `later`: how many start ten minutes after midnight or later; and of these:
        - `hours`: the hours of the day in which they start, as bits, the lowest for 0 h,
        - `x`, `y`: the sum of the unit vectors of their starts on a clock face of 24 hours, each
          coordinate rounded to a `SCALE`th.

        Sorted by day, user, start and target.
    """
    if not rows.num_rows:
        rows = rows.select(_RUN)
        for name in ("gap", *SUMS):
            rows = rows.append_column(name, pa.nulls(0, pa.int64()))
        return rows
    day, start, length, messages = (
        np.asarray(rows[name].cast(pa.int64())) for name in ("time", "start", "length", "messages")
    )
    users, user = _ranks(rows["user"])
    targets, target = _ranks(rows["target"])
    order = np.lexsort((start, target, user, day))
    day, start, user, target = day[order], start[order], user[order], target[order]
    end = start + length[order]
    changes = np.zeros(len(day), bool)
    for column in (day, user, target):
        changes[1:] |= column[1:] != column[:-1]
    # One running maximum for all: each user, target and day is moved beyond the ones before it.
    moved = np.cumsum(changes) * (2 * _DAY) - day
    begins = np.ones(len(day), bool)
    begins[1:] = (start + moved)[1:] > np.maximum.accumulate(end + moved)[:-1] + PAUSE
    first = np.flatnonzero(begins)
    messages = np.add.reduceat(messages[order], first)
    length = np.maximum.reduceat(end, first) - start[first]
    day, start, user, target = day[first], start[first], user[first], target[first]
    order = np.lexsort((target, start, user, day))
    day, start, user = day[order], start[order], user[order]
    columns = {
        "time": pa.array(day).cast(rows["time"].type),
        "user": users.take(pa.array(user)),
        "target": targets.take(pa.array(target[order])),
        "start": pa.array(start),
        "length": pa.array(length[order]),
        "messages": pa.array(messages[order]),
        **_of_days(day, user, start),
    }
    return pa.table(columns)


def _of_days(day: Column, user: Column, start: Column) -> dict[str, Any]:
    """Return the columns `gap` and `SUMS` of sorted runs."""
    same = (day[1:] == day[:-1]) & (user[1:] == user[:-1])  # as the row before
    first, last = np.append(True, ~same), np.append(~same, True)
    begins = np.flatnonzero(first)
    time = start - day
    later = time >= PAUSE
    angle = time * (2 * np.pi / _DAY)
    gap = np.append(np.diff(start), 0)
    sums = {
        "final": start[last],
        "later": np.add.reduceat(later.astype(np.int64), begins),
        "hours": np.bitwise_or.reduceat(np.where(later, 1 << time // _HOUR, 0), begins),
        "x": np.add.reduceat(np.where(later, _scaled(np.cos(angle)), 0), begins),
        "y": np.add.reduceat(np.where(later, _scaled(np.sin(angle)), 0), begins),
    }
    columns: dict[str, Any] = {"gap": pa.array(gap, mask=last)}
    for name, numbers in sums.items():
        column = np.zeros_like(start)
        column[begins] = numbers
        columns[name] = pa.array(column, mask=~first)
    return columns


def _scaled(numbers: NDArray[np.float64]) -> Column:
    return np.rint(numbers * SCALE).astype(np.int64)


def _ranks(column: Any) -> tuple[Any, Column]:
    """Return the sorted distinct texts of a column, and the place of each of its values in them."""
    encoded = pc.dictionary_encode(column.combine_chunks())
    order = pc.sort_indices(encoded.dictionary)
    rank = np.empty(len(order), np.int64)
    rank[np.asarray(order)] = np.arange(len(order))
    return encoded.dictionary.take(order), rank[np.asarray(encoded.indices)]
