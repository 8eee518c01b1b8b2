"""The Delta table `events`: appended in batches, each once, each durable before it counts.

Comes in: events of a batch. Goes out: Parquet files and a Delta log that any engine reads. delta-rs
does not fsync; this module writes the data files itself and syncs file, folder and log entry, so
that a segment of the spool may be deleted after `append` has returned.

Names (ids, topics, people, objects) have no column statistics, neither in Parquet nor in the log:
a name that is forgotten must not stay in them.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import deltalake
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction, RemoveAction
from msgspec.structs import astuple

from hubbub.collector.event import Event
from hubbub.errors import StoreError
from hubbub.store.disk import sync_file, sync_folder
from hubbub.times import from_micros, to_micros

__all__ = ["LOADER", "SCHEMA", "Events", "File"]

#: The application whose transactions number the loader's batches in the Delta log.
LOADER = "hubbub-loader"

_TEXTS = pa.list_(pa.field("element", pa.string()))
SCHEMA = pa.schema(
    [
        pa.field("time", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("id", pa.string(), nullable=False),
        pa.field("topic", pa.string(), nullable=False),
        pa.field("category", pa.string(), nullable=False),
        pa.field("agent", pa.string()),
        pa.field("users", _TEXTS),
        pa.field("objects", _TEXTS),
        pa.field("action", pa.string()),
        pa.field("size", pa.int64(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("seq", pa.int64(), nullable=False),
        pa.field("extra", pa.map_(pa.string(), pa.string())),
    ]
)
_TABLE = SCHEMA.append(pa.field("month", pa.string(), nullable=False))
_DICTIONARY = [
    *("topic", "category", "agent", "action", "source", "users.list.element"),
    *("objects.list.element", "extra.key_value.key", "extra.key_value.value"),
]
_ENCODING = {
    "id": "DELTA_BYTE_ARRAY",  # measured: 19.3 bytes for a dated UUID, 20.8 plain
    "time": "DELTA_BINARY_PACKED",
    "size": "DELTA_BINARY_PACKED",
    "seq": "DELTA_BINARY_PACKED",
}


@dataclass(frozen=True, slots=True)
class File:
    """One data file of a snapshot, with the times it holds (both inclusive, µs)."""

    uri: str
    rows: int
    bytes: int
    first: int
    last: int

    def overlaps(self, since: int | None, until: int | None) -> bool:
        """Whether it may hold events of [since, until)."""
        return (since is None or self.last >= since) and (until is None or self.first < until)


class Events:
    """The table in a folder. Any number of readers; one writer, which holds the loader's lock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "_delta_log"

    def exists(self) -> bool:
        """Whether anything was ever committed."""
        return self.log.is_dir() and any(self.log.glob("*.json"))

    def table(self) -> deltalake.DeltaTable:
        """The newest snapshot.

        Raises:
            StoreError: the Delta log is damaged.
        """
        try:
            return deltalake.DeltaTable(str(self.folder))
        except (DeltaError, OSError, ValueError) as e:
            raise self._damaged(e) from e

    def version(self) -> int:
        """The newest version; -1 where nothing was committed."""
        return int(self.table().version()) if self.exists() else -1

    def batch(self) -> int:
        """The number of the loader's last committed batch; 0 before the first."""
        if not self.exists():
            return 0
        return int(self.table().transaction_version(LOADER) or 0)

    def files(self) -> list[File]:
        """The files of the newest snapshot, oldest first."""
        return self.snapshot()[1]

    def snapshot(self) -> tuple[int, list[File]]:
        """The newest version (-1: nothing was committed) and its files, oldest first.

        Raises:
            StoreError: the Delta log is damaged.
        """
        if not self.exists():
            return -1, []
        table = self.table()
        try:
            adds = pa.table(table.get_add_actions(flatten=True)).to_pydict()
        except (DeltaError, OSError, ValueError) as e:
            raise self._damaged(e) from e
        found = [
            File(str(self.folder / path), rows, size, to_micros(first), to_micros(last))
            for path, rows, size, first, last in zip(
                adds["path"],
                adds["num_records"],
                adds["size_bytes"],
                adds.get("min.time", []),
                adds.get("max.time", []),
                strict=True,
            )
        ]
        return table.version(), sorted(found, key=lambda f: (f.first, f.uri))

    def append(self, events: Sequence[Event], batch: int) -> int:
        """Add events as one commit; return the new version, durable.

        Args:
            events: none of them is in the table.
            batch: greater than `batch()`; written with the commit.

        Raises:
            StoreError: no room, or the log is damaged. Nothing was added then, or everything.
        """
        written: list[AddAction | RemoveAction] = []
        try:
            table = self._ensure()
            if batch <= (table.transaction_version(LOADER) or 0):
                raise StoreError(f"batch {batch} was committed before", where=str(self.folder))
            for month, part in _by_month(events).items():
                written.append(self._write(month, part))
            table.create_write_transaction(
                written,
                mode="append",
                schema=_TABLE,
                partition_by=["month"],
                commit_properties=deltalake.CommitProperties(
                    app_transactions=[deltalake.Transaction(LOADER, batch)]
                ),
            )
            table.update_incremental()
            version = int(table.version())
            self._sync_log(version)
        except (DeltaError, OSError) as e:
            if self.batch() < batch:
                for add in written:
                    (self.folder / add.path).unlink(missing_ok=True)
            raise StoreError(
                f"cannot write events: {e}",
                where=str(self.folder),
                hint="what was received stays in the spool, and is loaded when there is room",
            ) from e
        return version

    def added(self, first: int, last: int) -> list[str]:
        """Files with the rows that the versions first … last (both inclusive) added.

        All files where the log does not go back so far, or files were rewritten since.
        """
        paths: list[Path] = []
        for version in range(first, last + 1):
            entry = self.log / f"{version:020d}.json"
            if not entry.exists():
                return [f.uri for f in self.files()]
            for line in entry.read_text().splitlines():
                add = json.loads(line).get("add")
                if add and add["dataChange"]:
                    paths.append(self.folder / unquote(add["path"]))
        if all(p.exists() for p in paths):
            return [str(p) for p in paths]
        return [f.uri for f in self.files()]

    def sync(self) -> None:
        """Make the newest commit durable: after a crash, before relying on it."""
        if self.exists():
            version = self.version()
            for file in self.files():
                sync_file(Path(file.uri))
            self._sync_log(version)

    def _ensure(self) -> deltalake.DeltaTable:
        if self.exists():
            return self.table()
        self.folder.mkdir(exist_ok=True)
        table = deltalake.DeltaTable.create(
            str(self.folder),
            _TABLE,
            partition_by=["month"],
            name="events",
            configuration={"delta.dataSkippingStatsColumns": "time"},
        )
        self._sync_log(0)
        sync_folder(self.folder)
        sync_folder(self.folder.parent)
        return table

    def _write(self, month: str, events: list[Event]) -> AddAction:
        """One data file, durable; not yet part of the table."""
        events = sorted(events, key=lambda e: (e.time, e.seq))
        folder = self.folder / f"month={month}"
        if not folder.is_dir():
            folder.mkdir()
            sync_folder(self.folder)
        path = folder / f"{events[0].time:020d}-{secrets.token_hex(8)}.parquet"
        try:
            pq.write_table(
                to_arrow(events),
                path,
                compression="zstd",
                compression_level=3,
                use_dictionary=_DICTIONARY,
                column_encoding=_ENCODING,
                write_statistics=["time"],
                store_schema=False,
            )
            sync_file(path)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        sync_folder(folder)
        statistics = {
            "numRecords": len(events),
            "minValues": {"time": _log_time(events[0].time)},
            "maxValues": {"time": _log_time(events[-1].time)},
            "nullCount": {"time": 0},
        }
        return AddAction(
            path=f"month={month}/{path.name}",
            size=path.stat().st_size,
            partition_values={"month": month},
            modification_time=time.time_ns() // 1_000_000,
            data_change=True,
            stats=json.dumps(statistics),
        )

    def _sync_log(self, version: int) -> None:
        """Sync a log entry, the checkpoint that may have come with it, and the folder."""
        for path in (
            self.log / f"{version:020d}.json",
            *self.log.glob(f"{version:020d}.checkpoint*.parquet"),
            self.log / "_last_checkpoint",
        ):
            if path.exists():
                sync_file(path)
        sync_folder(self.log)

    def _damaged(self, e: Exception) -> StoreError:
        return StoreError(
            f"the events table is damaged: {e}",
            where=str(self.folder),
            hint="restore the folder _delta_log from a backup, or gather into a new store",
        )


def to_arrow(events: Sequence[Event]) -> Any:
    """The rows as an Arrow table of `SCHEMA`."""
    fields = zip(*map(astuple, events), strict=True)
    columns: dict[str, Sequence[Any]] = dict(zip(Event.__struct_fields__, fields, strict=True))
    columns["extra"] = [None if one is None else list(one.items()) for one in columns["extra"]]
    return pa.table(
        {field.name: pa.array(columns[field.name], field.type) for field in SCHEMA}, schema=SCHEMA
    )


def _by_month(events: Sequence[Event]) -> Mapping[str, list[Event]]:
    months: dict[str, list[Event]] = {}
    starts: dict[int, str] = {}
    for event in events:
        day = event.time // 86_400_000_000
        if day not in starts:
            starts[day] = f"{from_micros(event.time):%Y-%m}"
        months.setdefault(starts[day], []).append(event)
    return months


def _log_time(micros: int) -> str:
    """A time as Delta's statistics spell it."""
    return f"{from_micros(micros):%Y-%m-%dT%H:%M:%S.%f}Z"
