"""Export events as JSON lines, CSV or Parquet, ordered by time.

The file is written atomically, from one snapshot, with accounts as stored. JSON lines can be
imported again with `hubbub import --format jsonl` and give the same events. One day of events is
held in memory at a time.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import msgspec

from hubbub.errors import UsageError
from hubbub.spreadsheet import escape_formula
from hubbub.store.disk.files import new_file
from hubbub.store.query import events
from hubbub.store.tables.event_rows import SCHEMA
from hubbub.times import from_micros

if TYPE_CHECKING:
    from hubbub.store.query.selection import Selection
    from hubbub.store.store import Store

__all__ = ["FORMATS", "Escaped", "export", "rows"]

FORMATS = ("jsonl", "csv", "parquet")
DAY = 86_400_000_000  # µs
_json = msgspec.json.Encoder()


def export(
    store: Store,
    chosen: Selection,
    output: str,
    form: str,
    progress: Callable[[int], None] = lambda _: None,
) -> int:
    """Write the events that match a selection; return how many.

    Args:
        store: the store.
        chosen: the common filters; those that only remove users have no effect.
        output: a file, gzipped where its name ends in `.gz`; `-` is standard output.
        form: one of `FORMATS`.
        progress: called with the number of events written so far.

    Raises:
        UsageError: the file cannot be written, or Parquet is to go to standard output.
        StoreError: the store cannot be read.
    """
    if form == "parquet" and (output == "-" or output.endswith(".gz")):
        raise UsageError(
            "Parquet can only be written to a file, and is already compressed", where=output
        )
    write = {"jsonl": _jsonl, "csv": _csv, "parquet": _parquet}[form]
    with _opened(output) as file:
        return write(rows(store, chosen), file, progress)


def rows(store: Store, chosen: Selection) -> Iterator[Any]:
    """Yield the rows as Arrow tables of `SCHEMA`, a day each, sorted by time, seq and id.

    Raises:
        StoreError: the store cannot be read.
    """
    version, files = store.table.snapshot()
    if not files:
        return
    low, high = min(f.first for f in files), max(f.last for f in files) + 1
    since = low if chosen.since is None else max(chosen.since, low)
    until = high if chosen.until is None else min(chosen.until, high)
    persons = store.persons
    while since < until:
        end = min(since // DAY * DAY + DAY, until)
        if any(f.overlaps(since, end) for f in files):
            day = replace(chosen, since=since, until=end)
            stored = events.events(store.backend, version, files, day, persons).stored
            part = stored.select(*SCHEMA.names).order_by("time", "seq", "id").to_pyarrow()
            if part.num_rows:
                yield part.cast(SCHEMA)
        since = end


@contextmanager
def _opened(output: str) -> Iterator[BinaryIO]:
    """Open the file, or standard output."""
    if output == "-":
        sys.stdout.flush()
        buffer: Any = sys.stdout.buffer
        yield cast("BinaryIO", Escaped(buffer)) if sys.stdout.isatty() else buffer
        buffer.flush()
        return
    path = Path(output)
    try:
        with new_file(path) as raw:
            if path.suffix == ".gz":
                with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as compressed:
                    yield cast("BinaryIO", compressed)
            else:
                yield raw
    except OSError as e:
        raise UsageError(f"cannot be written: {e.strerror or e}", where=output) from e


class Escaped(io.RawIOBase):
    """Writes JSON or CSV to a terminal, with escapes for what a terminal takes as a command.

    Args:
        terminal: where to write.
    """

    def __init__(self, terminal: BinaryIO) -> None:
        self._terminal = terminal

    def writable(self) -> bool:
        """Whether it can be written: always."""
        return True

    def write(self, data: Any) -> int:
        """Write whole lines in UTF-8."""
        text = bytes(data).decode("utf-8", "replace")
        self._terminal.write(
            "".join(
                c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text
            ).encode()
        )
        return len(data)


def _jsonl(parts: Iterator[Any], file: BinaryIO, progress: Callable[[int], None]) -> int:
    """Write JSON lines: the fields that the import format `jsonl` reads, and all other columns."""
    n = 0
    for part in parts:
        for row in _records(part):
            line = {"timestamp": row.pop("time"), **row}
            file.write(_json.encode(line) + b"\n")
        n += part.num_rows
        progress(n)
    return n


def _csv(parts: Iterator[Any], file: BinaryIO, progress: Callable[[int], None]) -> int:
    """Write CSV with lists as JSON; a text that a spreadsheet would run gets an apostrophe."""
    n = 0
    text = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
    try:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(SCHEMA.names)
        for part in parts:
            for row in _records(part):
                writer.writerow([_cell(row.get(name)) for name in SCHEMA.names])
            n += part.num_rows
            progress(n)
    finally:
        text.detach()  # the caller closes the file
    return n


def _parquet(parts: Iterator[Any], file: BinaryIO, progress: Callable[[int], None]) -> int:
    import pyarrow.parquet as pq

    n = 0
    with pq.ParquetWriter(file, SCHEMA, compression="zstd") as writer:
        for part in parts:
            writer.write_table(part)
            n += part.num_rows
            progress(n)
    return n


def _records(part: Any) -> Iterator[dict[str, Any]]:
    """Yield the rows of a part as JSON values, without nulls."""
    import pyarrow as pa

    columns = {name: part[name].to_pylist() for name in SCHEMA.names if name != "time"}
    times = part["time"].cast(pa.int64()).to_pylist()
    for i, micros in enumerate(times):
        row: dict[str, Any] = {"time": f"{from_micros(micros):%Y-%m-%dT%H:%M:%S.%f}Z"}
        for name, values in columns.items():
            if values[i] is not None:
                row[name] = dict(values[i]) if name == "extra" else values[i]
        yield row


def _cell(value: Any) -> Any:
    if isinstance(value, (list, dict)):
        return _json.encode(value).decode()
    return escape_formula(value) if isinstance(value, str) else value
