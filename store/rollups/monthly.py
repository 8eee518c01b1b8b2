"""Who touched what in each month: rollups by month, each split into parts by name.

    monthly_touches   time, user, object, messages, alone, first, length
    monthly_users     time, user, category, messages, alone, bytes, first, length
    monthly_objects   time, object, messages, bytes, first, length

`time` is the start of the month (UTC) plus the number of the part, 0 to 255 µs. All rows of a name
are in the same part, so that a month is merged, and can be read, in parts of bounded size.
`messages` name the user and object; `alone` of them name no other user. The first is of the time
`first` (µs), the last is `length` µs later.

The number of pairs that a message names is bounded: one with too many (`is_crowded`) is not in
`monthly_touches`. A row without user and object counts such messages of a month; queries read them
from the events.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, TypeAlias, TypeVar
from zlib import crc32

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hubbub.lazy import lazy_module
from hubbub.store.rollups.sorted_sums import add_up_sorted, total_sorted
from hubbub.store.rollups.tables import Rollup, column_options, rollup_schema
from hubbub.times import from_micros, to_micros

__all__ = [
    "MONTHLY",
    "PARTS",
    "MonthlyObjects",
    "MonthlyTouches",
    "MonthlyUsers",
    "is_crowded",
]

pc = lazy_module("pyarrow.compute")
pq = lazy_module("pyarrow.parquet")

PARTS = 256  # of a month
_ALLOWED, _PER_NAME = 1_000, 8  # pairs of a message
_EVENTS = 1 << 16  # read at once
_PAIRS = 1 << 19  # made at once
_LAST = to_micros(datetime(9999, 12, 1, tzinfo=UTC))  # no month begins later

Integers = NDArray[np.int64]
Parts: TypeAlias = range  # numbers of parts
_ALL = range(PARTS)
Number = TypeVar("Number")


def is_crowded(users: Any, objects: Any, greatest: Any = np.maximum) -> Any:
    """Whether messages name too many pairs of a user and an object.

    Args:
        users: number of users of each message.
        objects: number of objects of each message.
        greatest: function of two columns.
    """
    return users * objects > greatest((users + objects) * _PER_NAME, _ALLOWED)


def _by_touch(files: Sequence[str], _unit: int, since: int, parts: Parts = _ALL) -> Any:
    """Count the messages of each user and object; see `MonthlyTouches`."""
    rows = _read(files, since, ["users", "objects"], _touches, parts)
    return _total(rows, MonthlyTouches)


def _touches(events: Any) -> Iterator[dict[str, Any]]:
    users, objects = events.column("users"), events.column("objects")
    user_counts, object_counts = _lengths(users), _lengths(objects)
    crowded = is_crowded(user_counts, object_counts)
    pairs = np.where(crowded, 0, user_counts * object_counts)
    times = _times(events)
    if crowded.any():
        chosen = times[crowded]
        nothing = pa.array([""] * len(chosen))
        yield {"user": nothing, "object": nothing, "alone": np.zeros_like(chosen), "at": chosen}
    user_starts, object_starts = np.asarray(users.offsets), np.asarray(objects.offsets)
    once = _first_of_each(objects, object_counts)
    for low, high in _slices(pairs):
        number = pairs[low:high]
        event = np.repeat(np.arange(low, high), number)
        place = np.arange(len(event)) - np.repeat(np.cumsum(number) - number, number)
        by, which = np.divmod(place, object_counts[event])
        yield {
            "user": users.values.take(pa.array(user_starts[event] + by)),
            "object": objects.values.take(pa.array(object_starts[event] + which)),
            "alone": ((user_counts[event] == 1) & once[object_starts[event] + which]).astype(
                np.int64
            ),
            "at": times[event],
        }


def _first_of_each(lists: Any, lengths: Integers) -> NDArray[np.bool_]:
    """Return for each value whether it is in its list for the first time."""
    encoded = pc.dictionary_encode(lists.values)
    event = np.repeat(np.arange(len(lengths)), lengths)
    place = np.arange(len(event)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    index = np.asarray(lists.offsets)[event] + place
    number = event * max(len(encoded.dictionary), 1) + np.asarray(encoded.indices)[index]
    found = np.zeros(len(lists.values), bool)
    found[index[np.unique(number, return_index=True)[1]]] = True
    return found


def _slices(sizes: Integers) -> Iterator[tuple[int, int]]:
    """Yield ranges of indices whose sizes add up to about `_PAIRS`."""
    ends = np.cumsum(sizes)
    low = 0
    while low < len(sizes) and ends[-1]:
        before = ends[low - 1] if low else 0
        high = max(low + 1, int(np.searchsorted(ends, before + _PAIRS, "right")))
        if ends[high - 1] > before:
            yield low, high
        low = high


def _by_user(files: Sequence[str], _unit: int, since: int, parts: Parts = _ALL) -> Any:
    """Count the messages of each user and category; see `MonthlyUsers`."""
    rows = _read(files, since, ["users", "category", "size"], _mentions, parts)
    return _total(rows, MonthlyUsers)


def _mentions(events: Any) -> Iterator[dict[str, Any]]:
    users = events.column("users")
    event = pc.list_parent_indices(users)
    alone = (_lengths(users) == 1).astype(np.int64)
    yield {
        "user": pc.list_flatten(users),
        "category": events.column("category").take(event),
        "alone": alone[np.asarray(event)],
        "bytes": events.column("size").take(event),
        "at": _times(events)[np.asarray(event)],
    }


def _by_object(files: Sequence[str], _unit: int, since: int, parts: Parts = _ALL) -> Any:
    """Count the messages of each object; see `MonthlyObjects`."""
    return _total(_read(files, since, ["objects", "size"], _named, parts), MonthlyObjects)


def _named(events: Any) -> Iterator[dict[str, Any]]:
    objects = events.column("objects")
    event = pc.list_parent_indices(objects)
    yield {
        "object": pc.list_flatten(objects),
        "bytes": events.column("size").take(event),
        "at": _times(events)[np.asarray(event)],
    }


def _read(
    files: Sequence[str], since: int, names: Sequence[str], rows_of: Any, parts: Parts
) -> Iterator[Any]:
    """Yield the rows of the events from a time (µs) on: names, `messages`, …, `first`, `last`."""
    for path in files:
        with pq.ParquetFile(path, pre_buffer=False) as file:
            for part in file.iter_batches(_EVENTS, columns=["time", *names]):
                for columns in rows_of(part):
                    at = columns.pop("at")
                    if not len(at):
                        continue
                    name = columns["user" if "user" in columns else "object"]
                    part_of = _part(name)
                    rows = pa.table(
                        {"time": _month_starts(at) + part_of, **columns,
                         "messages": np.ones_like(at), "first": at, "last": at}
                    )  # fmt: skip
                    if len(parts) < PARTS:
                        inside = (part_of >= parts.start) & (part_of < parts.stop)
                        rows = rows.filter(pa.array(inside))
                    yield rows.filter(pc.greater_equal(rows["first"], since)) if since else rows


def _times(events: Any) -> Integers:
    return np.asarray(events.column("time").cast(pa.int64()))


def _lengths(lists: Any) -> Integers:
    return np.asarray(pc.fill_null(pc.list_value_length(lists), 0)).astype(np.int64)


def _month_starts(times: Integers) -> Integers:
    months = times.astype("datetime64[us]").astype("datetime64[M]")
    starts: Integers = months.astype("datetime64[us]").astype(np.int64)
    return starts


def _part(names: Any) -> Integers:
    """Return the number of the part of each name."""
    encoded = pc.dictionary_encode(names)
    parts = [crc32(name.encode()) % PARTS for name in encoded.dictionary.to_pylist()]
    numbers: Integers = np.array(parts, np.int64)[np.asarray(encoded.indices)]
    return numbers


def _total(parts: Iterator[Any], kind: type[_Monthly]) -> Any:
    """Add rows up: one for each combination of the keys, with `length` for `last`."""
    names = [*kind.keys, *kind.sums, "first", "last"]
    empty = {name: pa.array([], pa.string() if name in kind.keys[1:] else pa.int64())
             for name in names}  # fmt: skip
    rows = (part.select(names) for part in _with_empty(parts, pa.table(empty)))
    return _with_length(total_sorted(rows, kind.keys, kind.sums))


def _with_empty(parts: Iterator[Any], empty: Any) -> Iterator[Any]:
    yield empty
    yield from parts


def _with_length(rows: Any) -> Any:
    return rows.append_column("length", pc.subtract(rows["last"], rows["first"]))


class _Monthly(Rollup):
    """A table by month and name: details of events, which retention deletes with them."""

    unit: ClassVar[int] = 0  # months differ
    outlives: ClassVar[bool] = False

    def floor(self, time: int) -> int:
        """Return the start of the month that contains a time; both µs."""
        return int(_month_starts(np.array([time], np.int64))[0])

    def ceil(self, time: int) -> int:
        """Return the first start of a month at or after a time; both µs."""
        start = self.floor(time)
        if start == time or start >= _LAST:
            return time
        day = from_micros(start)
        return to_micros(day.replace(year=day.year + day.month // 12, month=day.month % 12 + 1))

    def combined(self, rows: Any) -> Any:
        """Add rows up: one for each month and name."""
        if not rows.num_rows:
            return rows
        rows = rows.append_column("last", pc.add(rows["first"], rows["length"]))
        sums = _with_length(add_up_sorted(rows, self.keys, self.sums)).select(self.schema.names)
        self.note_saturation(sums)
        return sums.cast(self.schema)


class MonthlyTouches(_Monthly):
    """Messages by month, user and object."""

    name: ClassVar[str] = "monthly_touches"
    counted = staticmethod(_by_touch)
    keys: ClassVar[Sequence[str]] = ("time", "user", "object")
    order: ClassVar[Sequence[str]] = keys
    sums: ClassVar[Sequence[str]] = ("messages", "alone")
    schema: ClassVar[Any] = rollup_schema(keys[1:], [*sums, "first", "length"])
    options: ClassVar[Mapping[str, Any]] = column_options(keys[1:], [*sums, "first", "length"])


class MonthlyUsers(_Monthly):
    """Messages and bytes by month, user and category."""

    name: ClassVar[str] = "monthly_users"
    counted = staticmethod(_by_user)
    keys: ClassVar[Sequence[str]] = ("time", "user", "category")
    order: ClassVar[Sequence[str]] = keys
    sums: ClassVar[Sequence[str]] = ("messages", "alone", "bytes")
    schema: ClassVar[Any] = rollup_schema(keys[1:], [*sums, "first", "length"])
    options: ClassVar[Mapping[str, Any]] = column_options(keys[1:], [*sums, "first", "length"])


class MonthlyObjects(_Monthly):
    """Messages and bytes by month and object, whoever is named."""

    name: ClassVar[str] = "monthly_objects"
    counted = staticmethod(_by_object)
    keys: ClassVar[Sequence[str]] = ("time", "object")
    order: ClassVar[Sequence[str]] = keys
    sums: ClassVar[Sequence[str]] = ("messages", "bytes")
    schema: ClassVar[Any] = rollup_schema(keys[1:], [*sums, "first", "length"])
    options: ClassVar[Mapping[str, Any]] = column_options(keys[1:], [*sums, "first", "length"])


#: All tables by month.
MONTHLY = (MonthlyTouches, MonthlyUsers, MonthlyObjects)
