"""The Delta table `events`. See `event_rows` for its columns.

Importing this imports no Arrow: `hubbub status` asks only which files the table has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any, ClassVar, Protocol, TypeVar

from hubbub.collector.event import Event
from hubbub.store.delta.data_file import File
from hubbub.store.delta.table import LOADER, Table
from hubbub.times import from_micros

__all__ = ["LOADER", "Events", "File", "Timed", "by_month"]

_DICTIONARY = [
    "topic",
    "category",
    "agent",
    "action",
    "source",
    "users.list.element",
    "objects.list.element",
    "extra.key_value.key",
    "extra.key_value.value",
]
_ENCODING = {
    "id": "DELTA_BYTE_ARRAY",  # measured: 19.3 bytes for a dated UUID, 20.8 plain
    "time": "DELTA_BINARY_PACKED",
    "size": "DELTA_BINARY_PACKED",
    "seq": "DELTA_BINARY_PACKED",
}


_ORDER = attrgetter("time", "seq")


class _Schema:
    """An attribute that imports the schema when it is read."""

    def __get__(self, table: Table | None, kind: type[Table]) -> Any:
        from hubbub.store.tables.event_rows import SCHEMA

        return SCHEMA


class Events(Table):
    """The table of events."""

    name: ClassVar[str] = "events"
    schema: ClassVar[Any] = _Schema()
    order: ClassVar[Sequence[str]] = ("time", "seq")
    options: ClassVar[Mapping[str, Any]] = {
        "compression": "zstd",
        "compression_level": 3,
        "use_dictionary": _DICTIONARY,
        "column_encoding": _ENCODING,
    }

    def append(self, events: Sequence[Event], batch: int) -> int:
        """Add events as one commit; return the new version, durable.

        Args:
            events: none of them is in the table.
            batch: greater than `batch()`; written with the commit.

        Raises:
            StoreError: no room, or the log is damaged. Either all events were added or none.
        """
        from hubbub.store.tables.event_rows import to_arrow

        parts = (
            (month, to_arrow(sorted(part, key=_ORDER))) for month, part in by_month(events).items()
        )
        return self.append_rows(parts, batch)


class Timed(Protocol):
    """A row that has a time."""

    @property
    def time(self) -> int:
        """µs since the epoch."""


T = TypeVar("T", bound=Timed)


def by_month(rows: Sequence[T]) -> Mapping[str, list[T]]:
    """Group rows by month (`YYYY-MM`, UTC); they keep their order."""
    months: dict[str, list[T]] = {}
    month_of_day: dict[int, str] = {}  # days are few, and formatting is slow
    for row in rows:
        day = row.time // 86_400_000_000
        if day not in month_of_day:
            month_of_day[day] = f"{from_micros(row.time):%Y-%m}"
        months.setdefault(month_of_day[day], []).append(row)
    return months
