"""Read stored events from the stream, in order and in batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from hubbub.logger import get_logger
from hubbub.store.stream.places import Position
from hubbub.store.stream.stream import Waiting, waiting
from hubbub.store.tables.event_rows import SCHEMA, to_events
from hubbub.times import from_micros, iso

__all__ = ["MOST", "Reader", "Stored", "StreamBatch", "mapping"]

MOST = 1_000  # events in a batch
_log = get_logger("hubbub.store")


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored event."""

    source: str
    seq: int
    event: dict[str, Any]  # what handlers get


@dataclass(frozen=True, slots=True)
class StreamBatch:
    """Some events, and the position after them."""

    events: list[Stored]
    after: Position


class Reader:
    """Reads the files of one folder of the stream; remembers the open file between batches.

    Args:
        folder: of the stream, or of a handler's past.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._open: _OpenFile | None = None

    def next(self, position: Position) -> StreamBatch | None:
        """Return the events from a position on, all of one file; None if there are none yet.

        A file that cannot be read is logged and passed: its events are those of the table.
        """
        for file in waiting(self.folder):
            if file.position < Position(position.version, position.file):
                continue
            left = position.left if self._is_at(file, position) else -1
            after = Position(file.position.version, file.position.file + 1)
            try:
                opened = self._opened(file, left)
                rows = opened.read(MOST)
            except (FileNotFoundError, MemoryError):
                if file.path.exists():
                    raise
                return StreamBatch([], after)  # retention has just deleted all of its rows
            except (OSError, pa.ArrowException) as error:
                _log.error(
                    "a file of the stream cannot be read: handlers miss its events",
                    where=str(file.path),
                    why=str(error),
                    hint="`hubbub verify` checks the store",
                )
                return StreamBatch([], after)
            if opened.left:
                after = Position(file.position.version, file.position.file, opened.left)
            else:
                self.close()
            events = [Stored(e.source, e.seq, mapping(e)) for e in to_events(rows)]
            return StreamBatch(events, after)
        return None

    def close(self) -> None:
        """Close the open file."""
        if self._open is not None:
            self._open.close()
            self._open = None

    @staticmethod
    def _is_at(file: Waiting, position: Position) -> bool:
        return file.position == Position(position.version, position.file)

    def _opened(self, file: Waiting, left: int) -> _OpenFile:
        opened = self._open
        if opened is None or opened.path != file.path or (left not in {-1, opened.left}):
            self.close()
            self._open = opened = _OpenFile(file.path, left)
        return opened


class _OpenFile:
    """A file that is read from its end less `left` rows on."""

    def __init__(self, path: Path, left: int) -> None:
        self.path = path
        self._file = pq.ParquetFile(path)
        total = self._file.metadata.num_rows
        self.left = total if left < 0 else min(left, total)
        skip = total - self.left
        groups: list[int] = []
        for number in range(self._file.num_row_groups):
            rows = self._file.metadata.row_group(number).num_rows
            if groups or rows > skip:
                groups.append(number)
            else:
                skip -= rows
        self._skip = skip
        self._parts: Iterator[Any] = (
            self._file.iter_batches(
                MOST, row_groups=groups, columns=SCHEMA.names, use_threads=False
            )
            if groups
            else iter(())
        )
        self._rest = SCHEMA.empty_table()

    def read(self, most: int) -> Any:
        """Return the next rows."""
        while self._rest.num_rows < most:
            part = next(self._parts, None)
            if part is None:
                break
            rows = pa.Table.from_batches([part]).cast(SCHEMA)
            if self._skip:
                dropped = min(self._skip, rows.num_rows)
                self._skip -= dropped
                rows = rows.slice(dropped)
            self._rest = pa.concat_tables([self._rest, rows])
        out = self._rest.slice(0, most)
        self._rest = self._rest.slice(out.num_rows)
        self.left -= out.num_rows
        return out

    def close(self) -> None:
        self._file.close()


def mapping(event: Any) -> dict[str, Any]:
    """Return what a handler gets of a stored event: its fields, the time as ISO 8601 in UTC."""
    return {
        "id": event.id,
        "time": iso(from_micros(event.time)),
        "topic": event.topic,
        "category": event.category,
        "agent": event.agent,
        "users": list(event.users),
        "objects": list(event.objects),
        "action": event.action,
        "size": event.size,
        "source": event.source,
        "seq": event.seq,
        **({} if event.extra is None else {"extra": event.extra}),
    }
