"""The rollup tables: their columns, their periods, and how their rows are counted.

    hourly_users, daily_users   time, user, named, named_bytes, acted, acted_bytes
    weekly_users                the same; a period ends with its week (Sunday, UTC) or its month
    daily_topics                time, topic, category, events, bytes
    actions                     time (start of the day), user, target, start, length, messages, gap,
                                final, later, hours, x, y: see `actions`
    monthly_…                   see `monthly`

A week that two months share is two periods, so that weeks, months, quarters and years each consist
of whole periods. `refresh` decides when and from which files rows are counted.
"""

from __future__ import annotations

import shutil
from calendar import monthrange
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa

from hubbub.errors import StoreError
from hubbub.lazy import lazy_module
from hubbub.store.delta.data_file import File
from hubbub.store.delta.lean_imports import arrow_without_pandas
from hubbub.store.delta.table import Table
from hubbub.store.disk.files import make_folder, sync_folder
from hubbub.store.rollups.actions import SUMS, by_action, join_runs
from hubbub.store.rollups.aggregate import SATURATED, add_up, by_topic, by_user
from hubbub.times import from_micros

__all__ = [
    "DAY",
    "HOUR",
    "Actions",
    "DailyTopics",
    "DailyUsers",
    "HourlyUsers",
    "Rollup",
    "WeeklyUsers",
    "column_options",
    "rollup_schema",
]

pc = lazy_module("pyarrow.compute")

HOUR, DAY = 3_600_000_000, 86_400_000_000  # µs
_TIME = pa.field("time", pa.timestamp("us", "UTC"), nullable=False)
_TEXT = {
    name: pa.field(name, pa.string(), nullable=False)
    for name in ("user", "topic", "category", "target", "object")
}
#: A file in the folder of a rollup.
_SATURATED = "saturated"
_USERS = ("named", "named_bytes", "acted", "acted_bytes")


class Rollup(Table):
    """A table of sums per period and name."""

    unit: ClassVar[int]  # µs: length of the periods that are counted from events
    counted: Callable[..., Any]  # of files, `unit` and `since`: see `aggregate`
    keys: ClassVar[Sequence[str]]
    sums: ClassVar[Sequence[str]]
    finer: ClassVar[str] = ""  # name of the rollup whose rows this one sums up, if there is one
    combines: ClassVar[bool] = True
    #: Whether its rows stay when retention deletes their events; else they are deleted, too.
    outlives: ClassVar[bool] = True
    #: The table of events, where its files have to be fetched before they are counted.
    origin: Table | None = None

    def __init__(self, folder: Path) -> None:
        arrow_without_pandas()
        super().__init__(folder)
        self._current = False  # known to have the columns of `schema`

    def batch(self) -> int:
        """Return the version of events that is completely counted; 0 before the first.

        0 also where an older hubbub wrote other columns: the table is built again.
        """
        return 0 if self.outdated() else super().batch()

    def outdated(self) -> bool:
        """Whether an older hubbub wrote the table, with other columns."""
        if not self._current and self.exists():
            names = [field.name for field in self.table().schema().fields]
            self._current = names == self._columns.names
            return not self._current
        return False

    def drop_outdated(self) -> None:
        """Delete what an older hubbub wrote; needs the loader's lock."""
        old = self.folder.with_name(f"{self.folder.name}.old")  # a killed process may leave it
        if self.outdated():
            if old.exists():
                shutil.rmtree(old)
            self.folder.rename(old)
            sync_folder(self.folder.parent)
            self.entries.reset()
        if old.exists():
            shutil.rmtree(old)

    def floor(self, time: int) -> int:
        """Return the start of the period that contains a time; both µs."""
        return time // self.unit * self.unit

    def ceil(self, time: int) -> int:
        """Return the first start of a period at or after a time; both µs."""
        return -(-time // self.unit) * self.unit

    def combined(self, rows: Any) -> Any:
        """Add rows up: one for each period and name."""
        if not rows.num_rows:
            return rows
        sums = add_up(rows, self.keys, self.sums).select(self.schema.names)
        self.note_saturation(sums)
        return sums.cast(self.schema).sort_by([(name, "ascending") for name in self.keys])

    def has_note(self, name: str) -> bool:
        """Whether a note was left in the table's folder."""
        return (self.folder / name).exists()

    def leave_note(self, name: str) -> None:
        """Leave a note in the table's folder, durably."""
        make_folder(self.folder)
        (self.folder / name).touch()
        sync_folder(self.folder)

    def remove_note(self, name: str) -> None:
        """Remove a note."""
        (self.folder / name).unlink(missing_ok=True)

    @property
    def saturated(self) -> bool:
        """Whether a sum did not fit: `SATURATED` then stands for a larger number."""
        return self.has_note(_SATURATED)

    def forget_saturation(self) -> None:
        """Note that no sum is saturated: all were counted again, and fit."""
        self.remove_note(_SATURATED)

    def saturates(self, rows: Any) -> bool:
        """Whether a sum of these rows is `SATURATED`."""
        return any((pc.max(rows[name]).as_py() or 0) >= SATURATED for name in self.sums)

    def note_saturation(self, rows: Any) -> None:
        """Leave a durable note, before these rows are committed, if a sum of theirs did not fit."""
        if self.saturated or not self.saturates(rows):
            return
        self.leave_note(_SATURATED)

    def summed(self, rows: Any) -> Any:
        """Sum rows of the finer rollup up to rows of this one."""
        starts = _map_times(rows["time"], self.floor)
        return self.combined(rows.set_column(0, _TIME, pc.cast(starts, _TIME.type)))

    def batch_and_files(self) -> tuple[int, list[File]]:
        """Return the version of events that is completely counted (0: none), and the files."""
        while True:  # until both are of the same snapshot
            before = self.version()
            batch = self.batch()
            version, files = self.snapshot()
            if version == before:
                return batch, files

    def count(self, files: Sequence[str], since: int, **chosen: Any) -> Any:
        """Count the events of these files from a time (µs) on.

        Args:
            files: of events.
            since: the time.
            chosen: further arguments of `counted`.

        Raises:
            StoreError: a file cannot be read.
        """
        if not files:
            return self.schema.empty_table()
        try:
            if self.origin is not None:
                self.origin.localize(files)
            rows = self.counted(files, self.unit, since, **chosen)
            if self.origin is not None:
                self.origin.release(files)
        except (OSError, pa.ArrowException) as e:
            raise StoreError(
                f"events cannot be counted for {self.name}: {e}", where=str(self.folder)
            ) from e
        rows = rows.select(self.schema.names).cast(self.schema)
        self.note_saturation(rows)
        return rows

    def parts(self, rows: Any) -> Iterator[tuple[str, Any]]:
        """Split sorted rows by month (`YYYY-MM`)."""
        months = _map_times(rows["time"], lambda time: f"{from_micros(time):%Y-%m}")
        for month in pc.unique(months).to_pylist():
            yield month, rows.filter(pc.equal(months, month))


def _map_times(times: Any, function: Callable[[int], Any]) -> Any:
    """Apply a function to each time (µs); called once for each distinct one, for they are few."""
    micros = pc.cast(times, pa.int64())
    distinct = pc.unique(micros)
    results = pa.array([function(time) for time in distinct.to_pylist()])
    return results.take(pc.index_in(micros, distinct))


def rollup_schema(names: Sequence[str], sums: Sequence[str]) -> Any:
    """Return the schema of a rollup with these names of users and so on, and sums."""
    numbers = [pa.field(name, pa.int64(), nullable=False) for name in sums]
    return pa.schema([_TIME, *(_TEXT[name] for name in names), *numbers])


def column_options(names: Sequence[str], sums: Sequence[str]) -> Mapping[str, Any]:
    """Return the Parquet options of such a schema."""
    return {
        "compression": "zstd",
        "compression_level": 3,
        "use_dictionary": list(names),
        "column_encoding": dict.fromkeys(["time", *sums], "DELTA_BINARY_PACKED"),
    }


class HourlyUsers(Rollup):
    """Sums by hour and user."""

    name: ClassVar[str] = "hourly_users"
    unit: ClassVar[int] = HOUR
    counted = staticmethod(by_user)
    keys: ClassVar[Sequence[str]] = ("time", "user")
    order: ClassVar[Sequence[str]] = keys
    sums: ClassVar[Sequence[str]] = _USERS
    schema: ClassVar[Any] = rollup_schema(["user"], _USERS)
    options: ClassVar[Mapping[str, Any]] = column_options(["user"], _USERS)


class DailyUsers(HourlyUsers):
    """Sums by day and user."""

    name: ClassVar[str] = "daily_users"
    unit: ClassVar[int] = DAY
    finer: ClassVar[str] = "hourly_users"


class WeeklyUsers(DailyUsers):
    """Sums by week and user; weeks are cut at the end of a month."""

    name: ClassVar[str] = "weekly_users"
    finer: ClassVar[str] = "daily_users"

    def floor(self, time: int) -> int:
        """Return the start of the period that contains a time; both µs."""
        day = from_micros(time).date()
        return time // DAY * DAY - min(day.weekday(), day.day - 1) * DAY

    def ceil(self, time: int) -> int:
        """Return the first start of a period at or after a time; both µs."""
        start = self.floor(time)
        if start == time:
            return time
        day = from_micros(start).date()
        days_left = monthrange(day.year, day.month)[1] - day.day + 1
        return start + min(7 - day.weekday(), days_left) * DAY

    def count(self, files: Sequence[str], since: int, **chosen: Any) -> Any:
        """Count the events of these files from a day's start (µs) on.

        Raises:
            StoreError: a file cannot be read.
        """
        return self.summed(super().count(files, since, **chosen))


class DailyTopics(Rollup):
    """Sums by day and topic, with the topic's category."""

    name: ClassVar[str] = "daily_topics"
    unit: ClassVar[int] = DAY
    counted = staticmethod(by_topic)
    keys: ClassVar[Sequence[str]] = ("time", "topic", "category")
    order: ClassVar[Sequence[str]] = keys
    sums: ClassVar[Sequence[str]] = ("events", "bytes")
    schema: ClassVar[Any] = rollup_schema(["topic", "category"], ["events", "bytes"])
    options: ClassVar[Mapping[str, Any]] = column_options(
        ["topic", "category"], ["events", "bytes"]
    )


class Actions(Rollup):
    """Actions by day, user and start: details of events, which retention deletes with them."""

    name: ClassVar[str] = "actions"
    unit: ClassVar[int] = DAY
    counted = staticmethod(by_action)
    keys: ClassVar[Sequence[str]] = ("time", "user", "start", "target")
    order: ClassVar[Sequence[str]] = keys
    sums: ClassVar[Sequence[str]] = ("messages",)
    schema: ClassVar[Any] = pa.schema(
        [
            *rollup_schema(["user", "target"], ["start", "length", "messages"]),
            *(pa.field(name, pa.int64()) for name in ("gap", *SUMS)),
        ]
    )
    options: ClassVar[Mapping[str, Any]] = column_options(
        ["user", "target"], ["start", "length", "messages", "gap", *SUMS]
    )
    outlives: ClassVar[bool] = False

    def combined(self, rows: Any) -> Any:
        """Join the runs that no pause separates."""
        return join_runs(rows).select(self.schema.names).cast(self.schema)
